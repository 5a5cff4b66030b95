package registry_test

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/registry"
)

func TestRegistry(t *testing.T) {
	var r registry.Registry
	var changes []registry.Change
	stop := r.Watch(func(c registry.Change) { changes = append(changes, c) })

	a := registry.Server{Game: "gmtest", Addr: netip.MustParseAddrPort("192.0.2.2:7777"), Fields: []registry.Field{{Key: "hostname", Value: "A"}}}
	b := registry.Server{Game: "gmtest", Addr: netip.MustParseAddrPort("192.0.2.1:7777")}
	r.Put(a)
	r.Put(b)
	r.Put(registry.Server{Game: "other", Addr: netip.MustParseAddrPort("192.0.2.3:1")})
	require.Equal(t, []registry.Server{b, a}, r.List("gmtest"))
	require.Equal(t, "A", r.List("gmtest")[1].Value("hostname"))
	require.Empty(t, a.Value("mapname"))

	require.ErrorIs(t, r.Relay(t.Context(), a.Addr, nil), registry.ErrUnknownServer)
	var relayed []byte
	r.SetRelay(func(_ context.Context, server registry.Server, message []byte) error {
		require.Equal(t, a, server)
		relayed = message
		return nil
	})
	require.NoError(t, r.Relay(t.Context(), a.Addr, []byte("hello")))
	require.Equal(t, "hello", string(relayed))

	require.True(t, r.Remove("gmtest", a.Addr))
	require.False(t, r.Remove("gmtest", a.Addr))
	stop()
	r.Put(a)
	require.Len(t, changes, 4)
	require.True(t, changes[3].Removed)
}

// What a program does with its slices after Put does not change what is listed, nor does it race with who reads it.
func TestPutCopies(t *testing.T) {
	var r registry.Registry
	server := registry.Server{Game: "gmtest", Addr: netip.MustParseAddrPort("192.0.2.1:7777"),
		Fields:  []registry.Field{{Key: "hostname", Value: "A"}},
		Players: [][]registry.Field{{{Key: "player_", Value: "ann"}}},
		Teams:   [][]registry.Field{{{Key: "team_t", Value: "Red"}}}}
	r.Put(server)
	server.Fields[0].Value, server.Players[0][0].Value, server.Teams[0][0].Value = "B", "bob", "Blue"
	listed := r.List("gmtest")[0]
	require.Equal(t, "A", listed.Value("hostname"))
	require.Equal(t, "ann", listed.Players[0][0].Value)
	require.Equal(t, "Red", listed.Teams[0][0].Value)
}

// Watchers hear of the changes in the order in which they happened, whoever makes them: the last word is what is listed.
func TestWatchersHearInOrder(t *testing.T) {
	addr := netip.MustParseAddrPort("192.0.2.1:7777")
	for range 200 {
		var r registry.Registry
		var mu sync.Mutex
		var last string
		r.Watch(func(c registry.Change) {
			runtime.Gosched()
			mu.Lock()
			last = c.Server.Value("hostname")
			mu.Unlock()
		})
		var work sync.WaitGroup
		for i := range 8 {
			work.Go(func() {
				r.Put(registry.Server{Game: "gmtest", Addr: addr, Fields: []registry.Field{{Key: "hostname", Value: string(rune('A' + i))}}})
			})
		}
		work.Wait()
		require.Equal(t, r.List("gmtest")[0].Value("hostname"), last)
	}
}
