package gp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/gscrypt"
)

var ann = gp.UniqueNick{Nick: "ann", Password: "apple"}

func accounts() []gptest.Account {
	return []gptest.Account{
		{ProfileID: 1, UniqueNick: "ann", Email: "ann@example.test", Nick: "annie", Password: "apple", AuthToken: "NDSann", PartnerChallenge: "partner", Buddies: []gptest.ProfileID{2}},
		{ProfileID: 2, UniqueNick: "bob", Email: "bob@example.test", Nick: "bobby", Password: "birch", AuthToken: "NDSbob", PartnerChallenge: "partner", Buddies: []gptest.ProfileID{1}},
		{ProfileID: 3, UniqueNick: "cid", Email: "cid@example.test", Nick: "ciddy", Password: "cedar", AuthToken: "NDScid", PartnerChallenge: "partner"},
	}
}

// inMemory is a client of the server without a network.
func inMemory(server *gptest.Server) gp.Config {
	return gp.Config{Game: "gmtest", Host: "192.0.2.1", DialContext: server.Dial}
}

// A server that closes, stalls or sends garbage at any byte of a login gives a typed error in time, and leaves nothing.
func TestLoginFaultsAtEveryByte(t *testing.T) {
	challenge := func() string { return "ABCDEFGHIJ" }
	login := len(`\lc\1\challenge\ABCDEFGHIJ\id\1\final\`) + 150 // the reply is longer, whatever its numbers are
	garbage := []string{"\x00\xff\xfe", strings.Repeat("x", 3000), `\final\\final\`, `\lc\2\final\`, `\lc\2\sesskey\\profileid\x\final\`, `\error\\err\x\final\`}
	for at := 1; at <= login; at++ {
		for _, test := range []struct {
			name   string
			faults gptest.Faults
			check  func(error) bool
		}{
			{"close", gptest.Faults{CloseAt: at}, func(err error) bool { return errors.Is(err, gp.ErrServerClosed) }},
			{"stall", gptest.Faults{StallAt: at}, isTimeout},
			{"garbage", gptest.Faults{GarbageAt: at, Garbage: []byte(garbage[at%len(garbage)])}, func(err error) bool {
				return isTimeout(err) || errors.Is(err, gp.ErrProtocol) || errors.Is(err, gp.ErrProofMismatch) ||
					errors.Is(err, gp.ErrServerClosed) // the garbage ended a challenge, and the server refuses what follows
			}},
		} {
			server := gptest.New(gptest.Config{Accounts: accounts(), Faults: test.faults, Challenge: challenge})
			config := inMemory(server)
			config.LoginTimeout = 5 * time.Second
			if test.name != "close" { // the server says nothing more, or nothing of use
				config.LoginTimeout = 5 * time.Millisecond
			}
			session, err := gp.Login(t.Context(), config, ann)
			if err == nil && test.name == "garbage" { // it happened to end a reply that has all that it needs
				require.NoError(t, session.Close())
				server.Close()
				continue
			}
			require.Error(t, err, "%s at byte %d", test.name, at)
			failure, ok := errors.AsType[*gp.Error](err)
			require.True(t, ok, "%s at byte %d: %v", test.name, at, err)
			require.Equal(t, "login", failure.Op)
			require.True(t, test.check(err), "%s at byte %d: %v", test.name, at, err)
			server.Close()
		}
	}
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout() && errors.Is(err, context.DeadlineExceeded)
}

func TestLoginFaults(t *testing.T) {
	reply := func(pairs string) string {
		proof := gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA")
		return `\lc\2\proof\` + proof + pairs + `\id\1\final\`
	}
	greeting := `\lc\1\challenge\AAAAAAAAAA\id\1\final\`
	for _, test := range []struct {
		name, first, second string
		want                error
	}{
		{"wrong proof", greeting, strings.Replace(reply(`\sesskey\1\profileid\1`), `\proof\`, `\proof\0`, 1), gp.ErrProofMismatch},
		{"no proof", greeting, `\lc\2\sesskey\1\profileid\1\id\1\final\`, gp.ErrProofMismatch},
		{"no session key", greeting, reply(`\profileid\1`), gp.ErrProtocol},
		{"no profile", greeting, reply(`\sesskey\1`), gp.ErrProtocol},
		{"profile is text", greeting, reply(`\sesskey\1\profileid\one`), gp.ErrProtocol},
		{"profile is too big", greeting, reply(`\sesskey\1\profileid\99999999999999999999`), gp.ErrProtocol},
		{"greeting without a challenge", `\lc\1\id\1\final\`, "", gp.ErrProtocol},
		{"endless greeting", `\lc\1\challenge\` + strings.Repeat("A", 400_000), "", gp.ErrProtocol},
		{"error at once", `\error\\err\6\fatal\\errmsg\go away\final\`, "", gp.ErrLoggedInElsewhere},
		{"error that is not fatal", greeting, `\error\\err\260\errmsg\no\final\`, gp.ErrBadPassword},
		{"error with id 0", greeting, `\error\\err\265\errmsg\no\id\0\final\`, gp.ErrBadNick},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }, LoginTimeout: 5 * time.Second}
			config.DialContext = scripted(t, func(p *peer) {
				p.send(test.first)
				if test.second != "" {
					p.receive()
					p.send(test.second)
				}
				_, _ = io.Copy(io.Discard, p.conn)
			})
			session, err := gp.Login(t.Context(), config, ann)
			require.ErrorIs(t, err, test.want)
			require.Nil(t, session)
			assert.NotContains(t, err.Error(), "apple")
		})
	}
}

// What a server sends after the login can be anything: the session goes on, counts it, and stays within its bounds.
func TestHostileMessages(t *testing.T) {
	for _, test := range []struct {
		name, text string
		check      func(*testing.T, gp.State)
	}{
		{"unknown command", `\xyzzy\1\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Unknown) }},
		{"no command", `\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Unknown) }},
		{"binary", "\x00\x01\\\xff\\\xfe" + `\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Unknown) }},
		{"message from nobody", `\bm\1\msg\hi\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"type that is no number", `\bm\x\f\1\msg\hi\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"request without a signature", `\bm\2\f\1\msg\hi\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"request with a short signature", `\bm\2\f\1\msg\hi|signed|abc\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"status without a status", `\bm\100\f\1\msg\|ss|x\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"list that is too short", `\bdy\5\list\1,2\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"list with a negative count", `\bdy\-1\list\1,2\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"too many pairs", `\bm\1` + strings.Repeat(`\a\b`, 1000) + `\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Malformed) }},
		{"answer to nothing", `\pi\\profileid\1\sig\x\id\77\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Unmatched) }},
		{"a second login reply", `\lc\2\sesskey\9\profileid\9\proof\x\final\`, func(t *testing.T, s gp.State) {
			assert.EqualValues(t, 1, s.Counters.Unmatched)
			assert.EqualValues(t, 6001, s.ProfileID)
		}},
		{"unknown kind of message", `\bm\999\f\1\msg\hi\final\`, func(t *testing.T, s gp.State) { assert.EqualValues(t, 1, s.Counters.Unknown) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			session := logIn(t, gp.Config{}, "1", func(p *peer) {
				p.send(test.text + `\bm\5\f\9\msg\end\final\`)
				p.receive()
			})
			next[*gp.GameMessage](t, session)
			test.check(t, session.State())
			require.NoError(t, session.Close())
		})
	}
}

// A flood costs bounded memory: events are dropped, oldest first, and told; the end is not lost.
func TestFlood(t *testing.T) {
	const flood = 5000
	session := logIn(t, gp.Config{EventQueue: 10}, "1", func(p *peer) {
		for i := range flood {
			if i%2 == 0 {
				p.send(`\bm\102\f\1\msg\\final\`) // pings that nobody reads the answers of
			} else {
				p.send(`\bm\1\f\1\msg\hello\final\`)
			}
		}
		p.send(`\error\\err\6\fatal\\errmsg\bye\final\`)
	})
	<-session.Done()
	var lost uint64
	var last gp.Event
	for event := range session.Events(t.Context()) {
		if e, ok := event.(*gp.EventsLost); ok {
			lost += e.Count
		}
		last = event
	}
	assert.Greater(t, lost, uint64(flood/2-20))
	require.IsType(t, &gp.Closed{}, last)
	assert.ErrorIs(t, last.(*gp.Closed).Err, gp.ErrLoggedInElsewhere)
	counters := session.State().Counters
	assert.EqualValues(t, flood/2, counters.PingsAnswered+counters.Dropped)
	assert.Equal(t, lost, counters.EventsLost)
}

// Text that would turn into keys is refused before anything is sent, everywhere.
func TestInjection(t *testing.T) {
	session := logIn(t, gp.Config{}, "1", func(p *peer) { p.receive() })
	const evil = `x\final\\delprofile\\sesskey\1`
	sent := session.State().Counters.MessagesSent
	for name, err := range map[string]error{
		"message":   session.SendMessage(t.Context(), 1, evil),
		"utm":       session.SendGameMessage(t.Context(), 1, "a\x00b"),
		"invite":    session.Invite(t.Context(), 1, 1, evil),
		"signature": session.AuthorizeWith(t.Context(), 1, evil),
		"nick":      session.RegisterUniqueNick(t.Context(), `a\b`, ""),
		"profile":   session.UpdateProfile(t.Context(), gp.ProfileUpdate{FirstName: new(`a\b`)}),
		"email":     session.ChangeAccount(t.Context(), `a\b`, ""),
		"too long":  session.SendMessage(t.Context(), 1, strings.Repeat("x", 3501)),
		"long nick": session.RegisterUniqueNick(t.Context(), strings.Repeat("x", 21), ""),
		"password":  session.ChangeAccount(t.Context(), "", strings.Repeat("x", 31)),
	} {
		assert.ErrorIs(t, err, gp.ErrInvalidText, name)
	}
	assert.Equal(t, sent, session.State().Counters.MessagesSent)
	_, err := gp.Login(t.Context(), gp.Config{Host: "192.0.2.1", DialContext: scripted(t, func(p *peer) {
		p.send(`\lc\1\challenge\A\id\1\final\`)
		p.receive()
	})}, gp.UniqueNick{Nick: `a\b`, Password: "x"})
	assert.ErrorIs(t, err, gp.ErrInvalidText)
}

// Faults in the middle of a search.
func TestSearchFaults(t *testing.T) {
	reply := `\bsr\7\nick\N7\uniquenick\U7\bsrdone\\more\0\final\`
	for at := range len(reply) {
		for _, stall := range []bool{false, true} {
			dial := scripted(t, func(p *peer) {
				p.receive()
				p.send(reply[:at])
				if stall {
					_, _ = io.Copy(io.Discard, p.conn)
				}
			})
			searcher := gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: dial, SearchTimeout: 5 * time.Millisecond})
			for match, err := range searcher.Profiles(t.Context(), gp.ProfileQuery{Nick: "N"}) {
				if err == nil { // the list is whole, only what follows is missing
					require.GreaterOrEqual(t, at, strings.Index(reply, "bsrdone"))
					require.EqualValues(t, 7, match.ProfileID)
					continue
				}
				_, typed := errors.AsType[*gp.Error](err)
				require.True(t, typed, "at %d: %v", at, err)
				require.True(t, isTimeout(err) || errors.Is(err, gp.ErrServerClosed) || errors.Is(err, gp.ErrProtocol), "at %d: %v", at, err)
			}
		}
	}
	for _, test := range []struct {
		name, reply string
		want        error
	}{
		{"endless", strings.Repeat(`\bsr\7\nick\x`, 100_000), gp.ErrProtocol},
		{"too many", strings.Repeat(`\bsr\7\nick\x`, 12_000) + `\bsrdone\\final\`, gp.ErrTooManyResults},
		{"another reply", `\vr\1\final\`, gp.ErrProtocol},
		{"garbage", "\x00\x01\x02" + `\final\`, gp.ErrProtocol},
		{"nothing", "", gp.ErrServerClosed},
		{"error", `\error\\err\3328\errmsg\no\final\`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			dial := scripted(t, func(p *peer) {
				p.receive()
				p.send(test.reply)
			})
			searcher := gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: dial, SearchTimeout: 5 * time.Second})
			_, err := all(searcher.UniqueNick(t.Context(), "x"))
			failure, ok := errors.AsType[*gp.Error](err)
			require.True(t, ok, "%v", err)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			} else {
				require.True(t, failure.Refused)
			}
		})
	}
}
