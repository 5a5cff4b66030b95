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

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/gscrypt"
)

// inOrder gives a dial function whose connections have one script each, and a configuration that reconnects over them. The end
// of the test waits for the scripts.
func inOrder(t *testing.T, scripts ...func(*peer)) gp.Config {
	var done sync.WaitGroup
	t.Cleanup(done.Wait)
	return gp.Config{
		Host: "192.0.2.1", Challenge: func() string { return challenge }, Reconnect: &gp.Reconnect{Random: func() float64 { return 0 }},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if len(scripts) == 0 {
				return nil, errRefused
			}
			client, server := net.Pipe()
			script := scripts[0]
			scripts = scripts[1:]
			done.Go(func() {
				defer server.Close()
				script(&peer{t: t, conn: server})
			})
			return client, nil
		},
	}
}

// logIn is the server's half of a login of Ann. before is what happens between her login and its answer.
func (p *peer) logIn(before func()) {
	p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
	p.receive()
	before()
	p.send(`\lc\2\sesskey\1\proof\` + gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA") + `\userid\1\profileid\1\id\1\final\`)
}

func nothing() {}

// What is set while a new login is under way, too late for the login to say it, is said after it.
func TestSettingsDuringLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := make(chan *gp.Session, 1)
		said := make(chan []string, 1)
		config := inOrder(t, func(p *peer) { p.logIn(nothing) }, func(p *peer) {
			p.logIn(func() {
				session := <-logged
				require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Away}))
				require.NoError(t, session.SetQuiet(t.Context(), gp.QuietUTMs))
				require.NoError(t, session.AcceptInvites(t.Context(), 5))
			})
			said <- []string{p.receive(), p.receive(), p.receive()}
		})
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		defer session.Close()
		logged <- session
		require.Equal(t, []string{
			`\status\5\sesskey\1\statstring\\locstring\\final\`, `\quiet\2\sesskey\1\final\`, `\inviteto\\sesskey\1\products\5\final\`,
		}, <-said)
	})
}

// A searcher that was made before a reconnect asks with the key of the new login.
func TestSearcherAfterReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again := make(chan struct{})
		config := inOrder(t, func(p *peer) { p.logIn(nothing) }, func(p *peer) {
			p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
			p.receive()
			p.send(`\lc\2\sesskey\222\proof\` + gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA") + `\userid\1\profileid\1\id\1\final\`)
			<-again
		}, func(p *peer) {
			require.Contains(t, p.receive(), `\sesskey\222\`)
			p.send(`\others\\odone\\final\`)
		})
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		searcher := session.Searcher()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		_, err = all(searcher.Others(t.Context()))
		require.NoError(t, err)
		require.NoError(t, session.Close())
		close(again)
	})
}

// Whoever sets a presence when others do, what the session takes for published is what the server was told last.
func TestPresencesAtOnce(t *testing.T) {
	for round := range 300 {
		last := ""
		config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }, SendRate: -1}
		done := make(chan struct{})
		config.DialContext = scripted(t, func(p *peer) {
			defer close(done)
			p.logIn(nothing)
			for message := p.receive(); message != ""; message = p.receive() {
				if strings.HasPrefix(message, `\status\`) {
					last = message
				}
			}
		})
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() { _ = session.SetPresence(t.Context(), gp.Presence{Text: fmt.Sprint(i)}) })
		}
		all.Wait()
		again := gp.Presence{Text: fmt.Sprint(round % 4)} // which may or may not be what holds
		require.NoError(t, session.SetPresence(t.Context(), again))
		require.NoError(t, session.Close())
		<-done
		require.Contains(t, last, `\statstring\`+again.Text+`\`)
	}
}

// A server that takes its time with a long list, in parts, loses nobody: the roster is compared when it is silent.
func TestReconnectWithALongList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lists = `\bdy\2\list\2,3\final\`
		config := inOrder(t, func(p *peer) {
			p.logIn(nothing)
			p.send(lists + `\bdy\2\list\4,5\final\\bm\100\f\2\msg\|s|1|ss|here\final\\bm\100\f\4\msg\|s|1|ss|there\final\`)
		}, func(p *peer) {
			p.logIn(nothing)
			time.Sleep(4 * time.Second)
			p.send(lists)
			time.Sleep(1500 * time.Millisecond)
			p.send(`\bdy\1\list\4\final\`)
			time.Sleep(1500 * time.Millisecond)
			p.send(`\bm\100\f\4\msg\|s|1|ss|there\final\`)
			for range 100 { // of whom it has told already: that is no list any more
				time.Sleep(time.Second)
				p.send(`\bm\100\f\4\msg\|s|1|ss|there\final\`)
			}
		})
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		time.Sleep(time.Second) // the wait
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		changes(session)
		time.Sleep(8 * time.Second)
		synctest.Wait()
		require.True(t, session.Roster().Stale)
		require.Empty(t, changes(session))
		time.Sleep(time.Second)
		synctest.Wait()
		require.False(t, session.Roster().Stale)
		require.Equal(t, []string{"buddy removed 5", "status 2", "fresh 0"}, changes(session))
		require.NoError(t, session.Close())
	})
}

// A server that tells of ever new buddies does not keep the roster stale.
func TestReconnectWithAnEndlessList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := inOrder(t, func(p *peer) { p.logIn(nothing) }, func(p *peer) {
			p.logIn(nothing)
			for i := range 60 {
				time.Sleep(time.Second)
				p.send(fmt.Sprintf(`\bdy\1\list\%d\final\`, 2+i))
			}
		})
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		time.Sleep(time.Second + 29999*time.Millisecond)
		require.True(t, session.Roster().Stale)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.False(t, session.Roster().Stale)
		require.NoError(t, session.Close())
	})
}

// However many buddies there are and however short the queue is, each is asked, and what the program sends meanwhile gets
// through.
func TestReconnectAsksManyBuddies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, other := 0, 0
		config := inOrder(t, func(p *peer) {
			p.logIn(nothing)
			var ids []string
			for i := range 300 {
				ids = append(ids, fmt.Sprint(2+i))
			}
			p.send(`\bdy\300\list\` + strings.Join(ids, ",") + `\final\`)
		}, func(p *peer) {
			p.logIn(nothing)
			for message := p.receive(); message != ""; message = p.receive() {
				if strings.HasPrefix(message, `\addbuddy\`) {
					asked++
				} else if strings.HasPrefix(message, `\bm\`) {
					other++
				}
			}
		})
		config.SendQueue, config.Reconnect.AskBuddies = 4, true
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		time.Sleep(7 * time.Second)
		require.NoError(t, session.SendMessage(t.Context(), 2, "hello"))
		time.Sleep(8 * time.Second)
		require.NoError(t, session.Close())
		synctest.Wait()
		require.Equal(t, 300, asked)
		require.Equal(t, 1, other)
		require.Zero(t, session.State().Counters.Dropped)
	})
}

// A server that closes right behind its answer to the deletion of a profile has not been lost.
func TestDeleteProfileAnsweredAndClosed(t *testing.T) {
	for range 200 {
		config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }, Reconnect: &gp.Reconnect{}}
		config.DialContext = scripted(t, func(p *peer) {
			p.logIn(nothing)
			p.receive()
			p.send(`\dpr\\id\2\final\`)
		})
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		require.NoError(t, session.DeleteProfile(t.Context()))
		require.NoError(t, session.Err())
		require.NotContains(t, steps(session), "reconnecting")
	}
}

// A fatal error with an id is the answer of that request as well as the end of the session.
func TestFatalAnswer(t *testing.T) {
	config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }}
	config.DialContext = scripted(t, func(p *peer) {
		p.logIn(nothing)
		p.receive()
		p.send(`\error\\err\2561\fatal\\errmsg\gone\id\2\final\`)
	})
	session, err := gp.Login(t.Context(), config, ann)
	require.NoError(t, err)
	_, err = session.FetchProfile(t.Context(), 7)
	require.ErrorIs(t, err, gp.ErrNoSuchProfile)
	require.NotErrorIs(t, err, net.ErrClosed)
	<-session.Done()
	require.ErrorIs(t, session.Err(), gp.ErrNoSuchProfile)
	require.NoError(t, session.Close())
}

// A rate below one message in two seconds holds too, and does not keep the keep-alives back.
func TestSlowRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var got []string
		config := inOrder(t, func(p *peer) {
			p.logIn(nothing)
			segment := make([]byte, 4096)
			for {
				if _, err := p.conn.Read(segment); err != nil {
					return
				}
				got = append(got, fmt.Sprintf("%v %s", time.Since(start), segment[1:3]))
			}
		})
		config.SendRate, config.KeepAlive = 0.02, 20*time.Second
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, session.SendMessage(t.Context(), 2, "x"))
		}
		require.NoError(t, session.Close())
		synctest.Wait()
		require.Equal(t, []string{"0s bm", "20s ka", "40s ka", "50s bm", "1m10s ka", "1m30s ka", "1m40s bm", "1m40s lo"}, got)
	})
}

// A request that could not be sent does not take back one that was.
func TestRequestBuddyAgain(t *testing.T) {
	config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }}
	config.DialContext = scripted(t, func(p *peer) {
		p.logIn(nothing)
		_, _ = io.Copy(io.Discard, p.conn)
	})
	session, err := gp.Login(t.Context(), config, ann)
	require.NoError(t, err)
	defer session.Close()
	require.NoError(t, session.RequestBuddy(t.Context(), 7, "first"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, session.RequestBuddy(ctx, 7, "second"), context.Canceled)
	outgoing := session.Roster().Outgoing
	require.Len(t, outgoing, 1)
	require.Equal(t, "first", outgoing[0].Reason)
	require.Error(t, session.RequestBuddy(ctx, 8, "third"))
	require.Len(t, session.Roster().Outgoing, 1)
}

// A profile that was to be fetched when the queue was full is fetched later.
func TestFetchProfilesWithAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		defer server.Close()
		config := inMemory(server)
		config.FetchProfiles, config.SendQueue, config.SendRate = true, 1, 1
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		defer session.Close()
		time.Sleep(time.Minute)
		var sending sync.WaitGroup
		for range 2 { // at once
			require.NoError(t, session.Ping(t.Context(), 2))
		}
		sending.Go(func() { _ = session.Ping(t.Context(), 2) }) // fills the queue
		synctest.Wait()
		require.ErrorIs(t, session.Ping(t.Context(), 2), gp.ErrQueueFull)
		server.Send(1, `\bm\100\f\3\msg\|s|1|ss|new\final\`)
		sending.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		buddy, ok := session.Roster().Buddy(3)
		require.True(t, ok)
		require.NotNil(t, buddy.Profile)
	})
}
