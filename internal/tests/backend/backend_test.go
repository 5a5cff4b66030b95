package backend_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/backend"
)

type lookup map[string][]netip.Addr

func (l lookup) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	return l[host], nil
}

func TestHostPort(t *testing.T) {
	domain := backend.Locator{Domain: "example.net"}
	host := backend.Locator{Domain: "example.net", Host: "192.0.2.1"}
	tests := []struct {
		name    string
		locator backend.Locator
		service backend.Service
		addr    string
		want    string
	}{
		{"presence", domain, backend.GPCM, "", "gpcm.example.net:29900"},
		{"search", domain, backend.GPSP, "", "gpsp.example.net:29901"},
		{"master", domain, backend.Master, "", "gmtest.master.example.net:27900"},
		{"availability", domain, backend.Available, "", "gmtest.available.example.net:27900"},
		{"list", domain, backend.List, "", "gmtest.ms8.example.net:28910"},
		{"matchup", domain, backend.NatNeg3, "", "gmtest.natneg3.example.net:27901"},
		{"statistics", domain, backend.GameStats, "", "gmtest.gamestats.example.net:29920"},
		{"CD key", domain, backend.CDKey, "", "key.example.net:29910"},
		{"list of older games", domain, backend.OldList, "", "master.example.net:28900"},
		{"one host for all", host, backend.List, "", "192.0.2.1:28910"},
		{"override with port", host, backend.List, "list.test:7", "list.test:7"},
		{"override without port", host, backend.GPCM, "gp.test", "gp.test:29900"},
		{"override with IPv6", host, backend.GPCM, "2001:db8::1", "[2001:db8::1]:29900"},
		{"trailing dot", backend.Locator{Domain: "example.net."}, backend.GPCM, "", "gpcm.example.net:29900"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.locator.HostPort(test.service, "gmtest", test.addr)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	_, err := backend.Locator{}.HostPort(backend.GPCM, "gmtest", "")
	require.ErrorIs(t, err, backend.ErrNotConfigured)
	require.ErrorContains(t, err, "GPCM")
}

func TestResolve(t *testing.T) {
	locator := backend.Locator{Domain: "example.net", Resolver: lookup{
		"gpcm.example.net": {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.7")},
	}}
	found, err := locator.Resolve(t.Context(), backend.GPCM, "gmtest", "")
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.7:29900"), netip.MustParseAddrPort("[2001:db8::1]:29900"),
	}, found, "IPv4 first, unmapped")

	_, err = locator.Resolve(t.Context(), backend.GPSP, "gmtest", "")
	require.ErrorContains(t, err, "gpsp.example.net: no addresses")
	_, err = locator.Resolve(t.Context(), backend.GPSP, "gmtest", "gpsp.example.net:99999")
	require.ErrorContains(t, err, "port")
}

func TestDial(t *testing.T) {
	first, second := netip.MustParseAddrPort("192.0.2.1:29900"), netip.MustParseAddrPort("192.0.2.2:29900")
	refused := errors.New("connection refused")
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			require.Equal(t, "tcp", network)
			switch address {
			case first.String():
				<-ctx.Done()
				return nil, ctx.Err()
			case second.String():
				return client, nil
			}
			return nil, refused
		}
		start := time.Now()
		conn, addr, err := backend.Dial(t.Context(), dial, 3*time.Second, []netip.AddrPort{first, second})
		require.NoError(t, err)
		require.Equal(t, client, conn)
		require.Equal(t, second, addr)
		require.Equal(t, 3*time.Second, time.Since(start))

		_, _, err = backend.Dial(t.Context(), dial, 3*time.Second, []netip.AddrPort{first, netip.MustParseAddrPort("192.0.2.3:1")})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, refused)
		require.ErrorContains(t, err, "192.0.2.1:29900")
		require.ErrorContains(t, err, "no connection within 3s")

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		_, _, err = backend.Dial(ctx, dial, time.Second, []netip.AddrPort{second})
		require.ErrorIs(t, err, context.Canceled)
	})
}
