package backend_test

import (
	"context"
	"net/netip"
	"testing"

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
