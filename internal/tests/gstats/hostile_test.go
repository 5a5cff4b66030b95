package gstats_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

var public = gstats.Slot{Profile: 20001, Type: gstats.Public}

// authenticated is a session with ann authenticated.
func authenticated(t *testing.T, config gstats.Config) *gstats.Session {
	t.Helper()
	session := open(t, config)
	_, err := session.Authenticate(t.Context(), ann)
	require.NoError(t, err)
	return session
}

// An answer is only taken for the request that it answers.
func TestRepliesForOthers(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults gstatstest.Faults
	}{
		{"another player's", gstatstest.Faults{ProfileID: 1}},
		{"another request's", gstatstest.Faults{LocalID: 1000}},
		{"a request's that was not made", gstatstest.Faults{LocalID: -100}},
		{"both", gstatstest.Faults{ProfileID: 1, LocalID: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, config := serve(t, gstatstest.Config{})
				server.Put(gstatstest.Slot{Profile: 20001, Type: gstatstest.Public}, []byte("secret"), time.Time{})
				session := authenticated(t, config)
				server.SetFaults(test.faults)
				_, err := session.Get(t.Context(), public)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				failed := err.(*gstats.Error)
				require.True(t, failed.Timeout())
				require.False(t, failed.Uncertain, "a read changes nothing")
				_, err = session.Set(t.Context(), public, []byte("x"))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.True(t, err.(*gstats.Error).Uncertain)
				require.EqualValues(t, 2, session.State().Counters.Unmatched)
			})
		})
	}
}

// A player is who was asked for, or nobody; a refusal that says 0, or less, is one.
func TestPlayersWhoAreOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		profile := "20002"
		_, config := serve(t, gstatstest.Config{Answer: func(message string) ([]string, bool) {
			value, _ := kv.Get([]byte(message), "lid")
			return []string{`\pauthr\` + profile + `\lid\` + string(value)}, strings.HasPrefix(message, `\authp\`)
		}})
		session := open(t, config)
		_, err := session.Authenticate(t.Context(), ann)
		require.ErrorIs(t, err, gstats.ErrProtocol)
		require.Zero(t, session.State().Players)
		id, err := session.Authenticate(t.Context(), gstats.CDKey{Nick: "ann", Key: "k"})
		require.NoError(t, err)
		require.EqualValues(t, 20002, id)
		for _, profile = range []string{"0", "-1", "-3", "4294967295"} {
			_, err = session.Authenticate(t.Context(), ann)
			require.ErrorIs(t, err, gstats.ErrRefused, profile)
		}
	})
}

// A server that is known to return local ids cannot answer with the id of the player's authentication, and nobody can with the
// answer to a question of another kind, or about another player.
func TestTheFallbackIsNarrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers func(lid string) []string
		_, config := serve(t, gstatstest.Config{Answer: func(message string) ([]string, bool) {
			value, _ := kv.Get([]byte(message), "lid")
			if !strings.HasPrefix(message, `\getpd\`) || answers == nil {
				return nil, false
			}
			return answers(string(value)), true
		}})
		session := authenticated(t, config) // with local id 1
		for _, test := range []struct {
			reply string
			taken bool
		}{
			{`\getpdr\1\lid\1\pid\20002\mod\1\length\1\data\x`, false},    // another player
			{`\setpdr\1\lid\1\pid\20001\mod\1`, false},                    // another kind
			{`\getpdr\1\lid\7777\pid\20001\mod\1\length\1\data\x`, false}, // neither the request's nor the player's
			{`\getpdr\1\lid\1\pid\20001\mod\1\length\1\data\x`, true},     // as wfc
			{`\getpdr\1\lid\0\pid\20001\mod\1\length\1\data\x`, true},     // as dwc, of a player who is not authenticated
		} {
			answers = func(string) []string { return []string{test.reply} }
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			data, err := session.Get(ctx, gstats.Slot{Profile: 20001, Type: gstats.Public})
			if test.taken {
				require.NoError(t, err, test.reply)
				require.Equal(t, "x", string(data.Bytes))
			} else {
				require.ErrorIs(t, err, context.DeadlineExceeded, test.reply)
				// what the server left out is what a server that answers in order would answer next
				answers = func(lid string) []string {
					return []string{`\getpdr\1\lid\` + lid + `\pid\20001\mod\1\length\1\data\y`}
				}
				_ = session.Close()
				session = authenticated(t, config)
			}
			cancel()
		}
		answers = func(lid string) []string {
			return []string{`\getpdr\1\lid\` + lid + `\pid\20001\mod\1\length\1\data\y`}
		}
		data, err := session.Get(t.Context(), public)
		require.NoError(t, err)
		require.Equal(t, "y", string(data.Bytes))
		answers = func(string) []string { return []string{`\getpdr\1\lid\1\pid\20001\mod\1\length\1\data\z`} }
		_, err = session.Get(t.Context(), public)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the server has shown that it returns local ids")
	})
}

// A server that does not say what it answers, and leaves answers out, is left: the next answer could be anybody's.
func TestAnswersThatCannotBeToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{Family: gstatstest.WFC})
		session := open(t, config)
		id, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
		require.NoError(t, err)
		server.Put(gstatstest.Slot{Profile: gstatstest.ProfileID(id), Type: gstatstest.Public, Index: 2}, []byte(`\n\2`), time.Time{})
		server.SetFaults(gstatstest.Faults{Mute: []string{"getpd"}})
		_, err = session.Get(t.Context(), gstats.Slot{Profile: id, Type: gstats.Public, Index: 1})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		server.SetFaults(gstatstest.Faults{})
		_, err = session.Get(t.Context(), gstats.Slot{Profile: id, Type: gstats.Public, Index: 2})
		require.ErrorIs(t, err, context.DeadlineExceeded, "its answer is taken for that of the first")
		<-session.Done()
		require.ErrorIs(t, session.Err(), gstats.ErrProtocol)
	})
}

// Lengths that lie fail the read that they answer, and nothing else.
func TestLengthsThatLie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		server.Put(gstatstest.Slot{Profile: 20001, Type: gstatstest.Public}, []byte("0123456789"), time.Time{})
		session := authenticated(t, config)
		_, err := session.Get(t.Context(), public) // the server shows that it returns local ids, and is not left for a missing answer
		require.NoError(t, err)
		for lie, want := range map[int]error{
			1: gstats.ErrProtocol, 5: gstats.ErrProtocol, -11: gstats.ErrProtocol, -1 << 31: gstats.ErrProtocol, 1 << 20: gstats.ErrProtocol,
			// As if \final\ were data, and the rest still to come: what comes next shows that it is not.
			6: context.DeadlineExceeded, 7: context.DeadlineExceeded, 100: context.DeadlineExceeded,
		} {
			server.SetFaults(gstatstest.Faults{Length: lie})
			_, err := session.Get(t.Context(), public)
			require.ErrorIs(t, err, want, "%d", lie)
			server.SetFaults(gstatstest.Faults{})
			data, err := session.Get(t.Context(), public)
			for range lie / 60 { // an honest answer has about as many bytes
				if err != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					data, err = session.Get(t.Context(), public)
				}
			}
			require.NoError(t, err, "%d", lie)
			require.Equal(t, "0123456789", string(data.Bytes))
		}
		server.SetFaults(gstatstest.Faults{Length: -5})
		data, err := session.Get(t.Context(), public)
		require.NoError(t, err)
		require.Equal(t, "01234", string(data.Bytes))
	})
}

// Data that reads \final\ on the wire comes whole, however the stream is cut; it cannot be written, and says so.
func TestFinalInsideData(t *testing.T) {
	for _, segment := range []int{0, 1, 7, 50} {
		synctest.Test(t, func(t *testing.T) {
			server, config := serve(t, gstatstest.Config{Faults: gstatstest.Faults{Segment: segment}})
			server.Put(gstatstest.Slot{Profile: 20001, Type: gstatstest.Public}, gstatstest.FinalInside(), time.Time{})
			session := authenticated(t, config)
			for range 3 {
				data, err := session.Get(t.Context(), public)
				require.NoError(t, err)
				require.True(t, bytes.Equal(gstatstest.FinalInside(), data.Bytes))
			}
			_, err := session.Set(t.Context(), public, gstatstest.FinalInside())
			require.ErrorIs(t, err, gstats.ErrInvalidText)
			require.False(t, err.(*gstats.Error).Uncertain)
			_, err = session.Set(t.Context(), public, []byte("fine"))
			require.NoError(t, err)
		})
	}
}

// Cut after any byte, a stream ends the session with an error, and what waits for an answer with it.
func TestTruncation(t *testing.T) {
	whole := func(t *testing.T, faults gstatstest.Faults) (int, error) {
		server, config := serve(t, gstatstest.Config{Faults: faults, Challenge: func() string { return "ABCDEFGHIJ" }})
		server.Put(gstatstest.Slot{Profile: 20001, Type: gstatstest.Public}, []byte("0123456789"), time.Time{})
		session, err := gstats.Connect(t.Context(), config)
		if err != nil {
			return 0, err
		}
		defer session.Close()
		if _, err := session.Authenticate(t.Context(), ann); err != nil {
			return 0, err
		}
		data, err := session.Get(t.Context(), public)
		if err == nil {
			assert.Len(t, data.Bytes, 10) // of which garbage may be a part
		}
		return int(session.State().Counters.BytesReceived), err
	}
	var total int
	synctest.Test(t, func(t *testing.T) {
		var err error
		total, err = whole(t, gstatstest.Faults{})
		require.NoError(t, err)
	})
	for at := range total - 7 {
		synctest.Test(t, func(t *testing.T) {
			for _, faults := range []gstatstest.Faults{
				{CloseAt: at + 1}, {StallAt: at + 1}, {GarbageAt: at + 1, Garbage: []byte(`\final\\final\`)}, {GarbageAt: at + 1, Garbage: []byte("\x00\xff\\\\")},
			} {
				_, err := whole(t, faults)
				if err == nil && faults.Garbage != nil {
					continue
				}
				require.Error(t, err, "byte %d of %d: %+v", at, total, faults)
				_, typed := err.(*gstats.Error)
				require.True(t, typed, "%v", err)
			}
		})
	}
}

// scripted is a configuration whose server runs the script.
func scripted(t *testing.T, script func(p *peer)) gstats.Config {
	var done sync.WaitGroup
	t.Cleanup(done.Wait)
	return gstats.Config{Game: "gmtest", Secret: secretKey, Addr: "192.0.2.1", DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		done.Go(func() {
			defer server.Close()
			script(&peer{conn: server, splitter: gstatswire.Splitter(0)})
		})
		return client, nil
	}}
}

// peer is the server's end of a connection that a test scripts.
type peer struct {
	conn     net.Conn
	splitter *kv.Splitter
}

// say sends a message, and reports whether it could.
func (p *peer) say(body string) bool {
	b := []byte(body)
	gscrypt.GStatsXOR(b)
	_, err := p.conn.Write(append(b, kv.Terminator...))
	return err == nil
}

// hear reads a message; it is empty when the client is gone.
func (p *peer) hear() string {
	for {
		body, ok, err := p.splitter.Next()
		if err != nil {
			return ""
		}
		if ok {
			return string(gstatswire.Uncover(body))
		}
		if n, err := p.splitter.Fill(p.conn, 1024); err != nil && n == 0 {
			return ""
		}
	}
}

// greet lets a game in.
func (p *peer) greet() bool {
	return p.say(`\lc\1\challenge\ABCDEFGHIJ\id\1`) && p.hear() != "" && p.say(`\lc\2\sesskey\77\proof\0\id\1`)
}

// A server that sends as fast as it can costs bounded memory, and the session still closes.
func TestFloods(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for _, test := range []struct {
		name    string
		message func(i int) string
		count   int
	}{
		{"answers", func(i int) string { return fmt.Sprintf(`\getpdr\1\lid\%d\pid\7\mod\1\length\200000\data\%s`, i, long) }, 200},
		{"keep-alives", func(int) string { return `\ka\` }, 5000},
		{"errors", func(int) string { return `\error\\err\7\errmsg\` + long }, 200},
		{"nonsense", func(i int) string { return fmt.Sprintf(`\nonsense%d\%s`, i, long) }, 200},
		{"broken answers", func(i int) string { return fmt.Sprintf(`\getpdr\x\lid\%d`, i) }, 5000},
		{"greetings", func(int) string { return `\lc\1\challenge\ABCDEFGHIJ\id\1` }, 5000},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := scripted(t, func(p *peer) {
				if !p.greet() {
					return
				}
				for i := range test.count {
					if !p.say(test.message(i)) {
						return
					}
				}
			})
			before := heap()
			session := open(t, config)
			<-session.Done()
			grown := heap() - before
			require.Less(t, grown, int64(4<<20))
			require.GreaterOrEqual(t, session.State().Counters.MessagesReceived, uint64(test.count))
			runtime.KeepAlive(session)
		})
	}
	t.Run("no end", func(t *testing.T) {
		config := scripted(t, func(p *peer) {
			if p.greet() {
				for {
					if _, err := p.conn.Write([]byte(long)); err != nil {
						return
					}
				}
			}
		})
		session := open(t, config)
		<-session.Done()
		require.ErrorIs(t, session.Err(), gstats.ErrProtocol)
	})
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// Errors that the server sends belong to the only request that waits, or to nobody; a fatal one ends the session with its words.
func TestErrorsOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reply, silent := "", 0
		_, config := serve(t, gstatstest.Config{Answer: func(message string) ([]string, bool) {
			if !strings.HasPrefix(message, `\getpd\`) || reply == "" {
				return nil, false
			}
			if silent--; silent >= 0 {
				return nil, true
			}
			return []string{reply}, true
		}})
		session := authenticated(t, config)
		_, err := session.Get(t.Context(), public)
		require.ErrorIs(t, err, gstats.ErrNoData) // from now on, two requests may wait at the same time
		reply = `\error\\err\2\errmsg\no`
		_, err = session.Get(t.Context(), public)
		require.ErrorIs(t, err, gstats.ErrRefused)
		failed := err.(*gstats.Error)
		require.Equal(t, []any{true, int32(2), "no", false}, []any{failed.Refused, failed.Code, failed.Text, failed.Uncertain})

		var all sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		silent = 1
		for i := range 2 {
			all.Go(func() {
				_, err := session.Get(ctx, gstats.Slot{Profile: gstats.ProfileID(20001 + i), Type: gstats.Public})
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		for event := range session.Events(t.Context()) {
			if refused, ok := event.(*gstats.ServerError); ok {
				require.Equal(t, "no", refused.Err.Text)
				break
			}
		}
		cancel()
		all.Wait()
		reply = `\error\\err\1\fatal\\errmsg\out`
		_, err = session.Get(t.Context(), gstats.Slot{Profile: 5, Type: gstats.Public})
		require.ErrorIs(t, err, gstats.ErrRefused)
		require.ErrorIs(t, err, net.ErrClosed)
		<-session.Done()
		require.ErrorIs(t, session.Err(), gstats.ErrRefused)
		require.ErrorContains(t, session.Err(), "out")
		_, err = session.Get(t.Context(), public)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}
