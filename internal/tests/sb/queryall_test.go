package sb_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/sb"
)

// TestQueryAllGivesEveryServerBack is about servers that are listed twice, whose addresses cannot be asked, and that are
// reached over IPv6: each comes back, with what was found out or why not.
func TestQueryAllGivesEveryServerBack(t *testing.T) {
	addr := loopbackServer(t, &gameServer{name: "Four", challenge: 5})
	mute := loopbackServer(t, &gameServer{mute: true})
	var work sync.WaitGroup
	defer work.Wait()
	six, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	defer six.Close()
	work.Go(func() { (&gameServer{name: "Six", challenge: 6}).serve(six) })

	list := []sb.Server{{Addr: addr}, {Addr: addr}, {Addr: netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())},
		{Addr: mute}, {Addr: mute}, {Addr: six.LocalAddr().(*net.UDPAddr).AddrPort()},
		{}, {Addr: netip.MustParseAddrPort("192.0.2.1:0")}, {Addr: netip.MustParseAddrPort("0.0.0.9:1")}}
	// One server at a time, too: twins do not keep each other waiting.
	for _, concurrency := range []int{0, 1} {
		browser := newBrowser(t, sb.Config{QueryTimeout: 400 * time.Millisecond, QueryAttempts: 3, QueryConcurrency: concurrency})
		var names []string
		failures := map[error]int{}
		for server, err := range browser.QueryAll(t.Context(), slices.Values(list), sb.DirectQuery{}) {
			require.NoError(t, err)
			if server.QueryErr == nil {
				names = append(names, server.Name())
				require.Positive(t, server.Ping)
				require.Len(t, server.Players, 2)
				continue
			}
			_, typed := errors.AsType[*sb.Error](server.QueryErr)
			require.True(t, typed)
			for _, sentinel := range []error{sb.ErrNoAnswer, sb.ErrUnreachable, sb.ErrHidden} {
				if errors.Is(server.QueryErr, sentinel) {
					failures[sentinel]++
				}
			}
		}
		slices.Sort(names)
		require.Equal(t, []string{"Four", "Four", "Four", "Six"}, names)
		require.Equal(t, map[error]int{sb.ErrNoAnswer: 2, sb.ErrUnreachable: 2, sb.ErrHidden: 1}, failures)
	}
}

// A machine without IPv6 still asks the others.
func TestQueryAllWithoutIPv6(t *testing.T) {
	addr := loopbackServer(t, &gameServer{name: "Four"})
	browser := newBrowser(t, sb.Config{ListenPacket: func(ctx context.Context, network, address string) (net.PacketConn, error) {
		if network == "udp6" {
			return nil, errors.New("address family not supported")
		}
		return new(net.ListenConfig).ListenPacket(ctx, network, address)
	}})
	answers := map[bool]int{}
	for server, err := range browser.QueryAll(t.Context(), slices.Values([]sb.Server{{Addr: netip.MustParseAddrPort("[::1]:9")}, {Addr: addr}}), sb.DirectQuery{}) {
		require.NoError(t, err)
		answers[server.QueryErr == nil]++
		if server.QueryErr != nil {
			require.ErrorIs(t, server.QueryErr, sb.ErrUnreachable)
			require.ErrorContains(t, server.QueryErr, "not supported")
		}
	}
	require.Equal(t, map[bool]int{true: 1, false: 1}, answers)
}
