package registry_test

import (
	"context"
	"net/netip"
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
