package gstats_test

import (
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

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// A server that goes away again and again while many things are under way: no answer is another's, what is kept is sent in the
// end, and nothing hangs.
func TestSoak(t *testing.T) {
	for _, family := range families {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { soak(t, family) })
		})
	}
}

func soak(t *testing.T, family gstatstest.Family) {
	server, config := serve(t, gstatstest.Config{Family: family, Faults: gstatstest.Faults{Delay: 3 * time.Millisecond}})
	config.Reconnect = &gstats.Reconnect{First: 50 * time.Millisecond, Max: 50 * time.Millisecond, Jitter: -1}
	config.Spool = openSpool(t, t.TempDir(), gstats.SpoolConfig{})
	session := open(t, config)
	id, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
	require.NoError(t, err)
	const slots, rounds = 8, 60
	for i := range slots {
		server.Put(gstatstest.Slot{Profile: gstatstest.ProfileID(id), Type: gstatstest.Public, Index: int32(i)}, fmt.Appendf(nil, `\n\%d`, i), time.Time{})
	}
	var all sync.WaitGroup
	worked := make([]int, slots)
	for i := range slots {
		all.Go(func() {
			for range rounds {
				data, err := session.Get(t.Context(), gstats.Slot{Profile: id, Type: gstats.Public, Index: int32(i)}, "n")
				if err == nil {
					assert.Equal(t, fmt.Sprint(i), data.Values()["n"])
					worked[i]++
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	for range 3 {
		all.Go(func() {
			for range 5 {
				game, err := session.NewGame(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				for range 4 {
					game.Int("score").Add(1)
					assert.NoError(t, game.Snapshot(t.Context()))
					time.Sleep(11 * time.Millisecond)
				}
				assert.NoError(t, game.Finish(t.Context()))
			}
		})
	}
	all.Go(func() {
		for range 6 {
			time.Sleep(97 * time.Millisecond)
			server.Drop()
		}
	})
	all.Wait()
	time.Sleep(5 * time.Second)
	require.Equal(t, gstats.StepConnected, session.State().Step)
	require.Zero(t, config.Spool.Len())
	require.Zero(t, session.State().Pending)
	require.GreaterOrEqual(t, session.State().Counters.Reconnects, uint64(5))
	for i, count := range worked {
		require.Positive(t, count, "slot %d", i)
	}
	finished := map[string]bool{}
	for _, message := range server.Received() {
		if strings.HasPrefix(message, `\updgame\`) && strings.Contains(message, `\done\1\`) {
			key, _ := kv.Get([]byte(message), "sesskey")
			finished[string(key)] = true
		}
	}
	require.GreaterOrEqual(t, len(finished), 15-6, "what was on its way when the server went is lost without an answer")
}

// The last snapshot arrives although the session is closed behind it, and although the server still talks.
func TestCloseBehindASnapshot(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	received := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		p := &peer{conn: conn, splitter: gstatswire.Splitter(1 << 20)}
		p.greet()
		var talking sync.WaitGroup
		talking.Go(func() {
			for range 200 {
				p.say(`\ka\`)
			}
		})
		talking.Wait() // before it reads
		rest, _ := io.ReadAll(conn)
		p.splitter.Append(rest)
		var last string
		for {
			body, ok, _ := p.splitter.Next()
			if !ok {
				break
			}
			last = string(gstatswire.Uncover(body))
		}
		received <- last
	}()
	session, err := gstats.Connect(t.Context(), gstats.Config{Game: "gmtest", Secret: secretKey, Addr: listener.Addr().String()})
	require.NoError(t, err)
	game, err := session.NewGame(t.Context())
	require.NoError(t, err)
	data := strings.Repeat("x", 100_000)
	game.Text("data").Set(data)
	require.NoError(t, game.Finish(t.Context()))
	require.NoError(t, session.Close())
	require.True(t, strings.HasSuffix(<-received, "\\gamedata\\\x01data\x01"+data))
}
