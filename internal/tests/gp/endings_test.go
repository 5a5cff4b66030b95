package gp_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/gscrypt"
)

// Close takes a second at most, even with messages waiting for a server that reads a little of each now and then.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := logIn(t, gp.Config{}, "1", func(p *peer) {
			segment := make([]byte, 200) // about one message
			for {
				time.Sleep(900 * time.Millisecond)
				if _, err := p.conn.Read(segment); err != nil {
					return
				}
			}
		})
		failed := make(chan error, 20)
		for range 20 {
			go func() { failed <- session.SendMessage(t.Context(), 7, strings.Repeat("x", 100)) }()
		}
		synctest.Wait()
		start := time.Now()
		require.NoError(t, session.Close())
		require.LessOrEqual(t, time.Since(start), time.Second)
		for range 20 {
			<-failed
		}
	})
}

// A session that the server has closed before cannot delete a profile, and does not say that it did.
func TestDeleteProfileOfADeadSession(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(*peer) {})
	<-session.Done()
	require.ErrorIs(t, session.DeleteProfile(t.Context()), errClosed)
}

// A server that closes in place of an answer has deleted the profile; the session does not end in an error (spec gp.md §1.3).
func TestDeleteProfileAnsweredByClosing(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(p *peer) { p.receive() })
	require.NoError(t, session.DeleteProfile(t.Context()))
	require.NoError(t, session.Err())
}

// A presence goes out whole or not at all, and a backslash in its texts is no reason to refuse it.
func TestPresenceInBothForms(t *testing.T) {
	var got []string
	done := make(chan struct{})
	session := logIn(t, gp.Config{Revision: gp.RevisionStatusInfo}, "1", func(p *peer) {
		defer close(done)
		for {
			text := p.receive()
			if text == "" || strings.HasPrefix(text, `\logout\`) {
				return
			}
			got = append(got, text)
		}
	})
	require.ErrorIs(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Playing, Game: gp.GameInfo{Map: `a\b`}}), gp.ErrInvalidText)
	require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Playing, Text: `a\b`}))
	require.NoError(t, session.Close())
	<-done
	require.Len(t, got, 2)
	assert.Contains(t, got[0], `\statstring\a/b\`)
	assert.Contains(t, got[1], `\richStatus\a/b\`)
}

// A ping that comes before the login is over is not answered: there is no key to answer with.
func TestPingDuringLogin(t *testing.T) {
	var after []string
	config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }}
	done := make(chan struct{})
	config.DialContext = scripted(t, func(p *peer) {
		defer close(done)
		p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
		p.receive()
		proof := gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA")
		p.send(`\bm\102\f\7\msg\\final\\lt\early\final\\lc\2\sesskey\1\proof\` + proof + `\profileid\1\id\1\final\`)
		for {
			text := p.receive()
			if text == "" {
				return
			}
			after = append(after, text)
		}
	})
	session, err := gp.Login(t.Context(), config, ann)
	require.NoError(t, err)
	assert.Equal(t, "early", session.Ticket(), "a reply without a ticket takes none away")
	assert.EqualValues(t, 1, session.State().Counters.Dropped)
	require.NoError(t, session.Close())
	<-done
	assert.Equal(t, []string{`\logout\\sesskey\1\final\`}, after)
}

// A session key that could not be sent back is refused at once, not in every request.
func TestUnusableSessionKey(t *testing.T) {
	for _, key := range []string{"", "1\x00", strings.Repeat("7", 300)} {
		config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }}
		config.DialContext = scripted(t, func(p *peer) {
			p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
			p.receive()
			p.send(`\lc\2\sesskey\` + key + `\proof\` + gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA") + `\profileid\1\id\1\final\`)
			_, _ = io.Copy(io.Discard, p.conn)
		})
		_, err := gp.Login(t.Context(), config, ann)
		require.ErrorIs(t, err, gp.ErrProtocol)
		require.ErrorContains(t, err, "sesskey")
	}
}

// An impossible date is not sent: it would be read as "unknown" and take the date away that is there.
func TestImpossibleBirthday(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(p *peer) { p.receive() })
	err := session.UpdateProfile(t.Context(), gp.ProfileUpdate{Birthday: &gp.Birthday{Day: 31, Month: 2, Year: 1980}})
	require.ErrorIs(t, err, gp.ErrInvalidText)
}

// A refusal of a search names who refused, in whatever form it came.
func TestSearchErrorsNameThePeer(t *testing.T) {
	for reply, search := range map[string]func(*gp.Searcher) error{
		`\cur\3587\final\`: func(s *gp.Searcher) error { _, err := s.Check(t.Context(), "a", "b@c", "d"); return err },
		`\nr\260\ndone\\final\`: func(s *gp.Searcher) error {
			_, err := all(s.Nicks(t.Context(), "a@b", "c"))
			return err
		},
		`\profilelist\\hidden\1\pldone\\final\`:       func(s *gp.Searcher) error { _, err := all(s.BuddiesOf(t.Context(), 1, 10)); return err },
		`\error\\err\3328\errmsg\no\final\`:           func(s *gp.Searcher) error { _, err := s.ValidEmail(t.Context(), "a@b"); return err },
		`\` + strings.Repeat("y", 5000) + `\1\final\`: func(s *gp.Searcher) error { _, err := all(s.Suggest(t.Context(), "a")); return err },
	} {
		dial := scripted(t, func(p *peer) {
			p.receive()
			p.send(reply)
		})
		err := search(gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: dial}))
		require.ErrorContains(t, err, "192.0.2.1:29901", reply)
		require.Less(t, len(err.Error()), 500)
	}
}

// A server that always has more cannot keep a search going beyond its limit of time.
func TestSearchTimeCoversAllPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		var servers sync.WaitGroup
		defer servers.Wait()
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			pages++
			client, server := net.Pipe()
			servers.Go(func() {
				defer server.Close()
				p := &peer{t: t, conn: server}
				p.receive()
				time.Sleep(4 * time.Second)
				p.send(fmt.Sprintf(`\bsr\%d\nick\x\bsrdone\\more\1\final\`, pages))
			})
			return client, nil
		}
		start := time.Now()
		var last error
		for _, last = range gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: dial}).Profiles(t.Context(), gp.ProfileQuery{Nick: "x"}) {
		}
		require.True(t, isTimeout(last), "%v", last)
		require.Equal(t, 30*time.Second, time.Since(start))
		require.Equal(t, 8, pages)
	})
}

// What a status says beside the status itself is not to be relied on, and no reason to lose it.
func TestStatusWithOddNumbers(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(p *peer) {
		p.send(`\bm\100\f\7\msg\|s|2|ss|here|ls||ip|192.0.2.1|p|-1|qm|4294967295\final\`)
		p.receive()
	})
	status := next[*gp.BuddyStatus](t, session)
	assert.Equal(t, &gp.BuddyStatus{ProfileID: 7, Status: gp.Playing, Text: "here", QuietFlags: gp.QuietAll}, status)
}

// Who waits for a login can be told where it stands, to the end of one that fails.
func TestProgress(t *testing.T) {
	for _, test := range []struct {
		password string
		last     gp.Step
		want     error
	}{{"apple", gp.StepConnected, nil}, {"walnut", gp.StepClosed, gp.ErrBadPassword}} {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		config := inMemory(server)
		var states []gp.State
		config.Progress = func(state gp.State) { states = append(states, state) }
		session, err := gp.Login(t.Context(), config, gp.UniqueNick{Nick: "ann", Password: test.password})
		var steps []gp.Step
		for _, state := range states {
			steps = append(steps, state.Step)
		}
		require.Equal(t, []gp.Step{gp.StepResolving, gp.StepConnecting, gp.StepGreeting, gp.StepLoggingIn, test.last}, steps)
		last := states[len(states)-1]
		require.Equal(t, "192.0.2.1:29900", last.Peer)
		require.ErrorIs(t, err, test.want)
		if test.want != nil {
			require.ErrorIs(t, last.Err, test.want)
			require.Contains(t, last.Reason, "wrong password")
		} else {
			require.NoError(t, session.Close())
		}
		require.Len(t, states, len(steps), "the session tells what follows")
		server.Close()
	}
}
