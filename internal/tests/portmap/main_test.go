package portmap_test

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// routerOf starts a router and gives the Config that finds it.
func routerOf(t *testing.T, options portmaptest.Options) (*portmaptest.Router, portmap.Config) {
	t.Helper()
	router, err := portmaptest.Start(options)
	require.NoError(t, err)
	t.Cleanup(router.Close)
	// A busy machine may be slow: only what waits to the end sets a shorter time.
	return router, portmap.Config{Name: "testgame", Gateway: router.Addr(), Search: []netip.AddrPort{router.SearchAddr()}, SearchTimeout: 20 * time.Second}
}

func open(t *testing.T, port uint16, config portmap.Config) *portmap.Mapping {
	t.Helper()
	mapping, err := portmap.Open(t.Context(), port, config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = mapping.Close() })
	return mapping
}
