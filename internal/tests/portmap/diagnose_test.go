package portmap_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
)

func TestDiagnose(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options portmaptest.Options
		faults  portmaptest.Faults
		want    error
		says    string
	}{
		{"good", portmaptest.Options{}, portmaptest.Faults{}, nil, " leads to 127.0.0.1:"},
		{"UPnP alone", portmaptest.Options{NoPCP: true, NoNATPMP: true}, portmaptest.Faults{}, nil, "skipped ask by NAT-PMP: not spoken here"},
		{"PCP alone", portmaptest.Options{NoNATPMP: true, NoUPnP: true}, portmaptest.Faults{}, nil, "skipped ask by UPnP: not spoken here"},
		{"two protocols, hostile", portmaptest.Options{}, portmaptest.Faults{Redirect: "/elsewhere"}, nil, "warning ask by UPnP"},
		{"switched off", portmaptest.Options{}, portmaptest.Faults{Unauthorized: true}, portmap.ErrDisabled, "Selbstständige Portfreigaben"},
		{"double NAT", portmaptest.Options{External: netip.MustParseAddr("100.64.0.9")}, portmaptest.Faults{}, portmap.ErrDoubleNAT, "100.64.0.9"},
		{"silent", portmaptest.Options{}, portmaptest.Faults{Silent: true}, portmap.ErrNoGateway, "switch on UPnP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			router, config := routerOf(t, test.options)
			router.SetFaults(test.faults)
			if test.options.NoUPnP || test.faults.Silent || test.faults.Redirect != "" {
				config.SearchTimeout = 1500 * time.Millisecond // there might be another router, and all of it is waited for
			}
			report, err := portmap.Diagnose(t.Context(), config)
			require.NoError(t, err)
			require.Len(t, report.Steps, 6)
			require.Contains(t, report.String(), test.says)
			if test.want == nil {
				require.NoError(t, report.Err(), report)
				require.Equal(t, test.faults != portmaptest.Faults{}, strings.Contains(report.String(), "warning"), report)
			} else {
				require.ErrorIs(t, report.Err(), test.want)
			}
			require.Empty(t, router.Mappings())
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, config := routerOf(t, portmaptest.Options{})
	_, err := portmap.Diagnose(ctx, config)
	require.ErrorIs(t, err, context.Canceled)
	_, err = portmap.Diagnose(t.Context(), portmap.Config{Lease: 1})
	require.Error(t, err)
}

// NAT-PMP asks again where nothing is answered.
func TestNATPMPAsksAgain(t *testing.T) {
	t.Parallel()
	router, config := routerOf(t, portmaptest.Options{NoPCP: true, NoUPnP: true})
	router.SetFaults(portmaptest.Faults{Silent: true})
	var asking sync.WaitGroup
	asking.Go(func() {
		for router.Requests("NAT-PMP 0") == 0 {
			<-time.After(time.Millisecond)
		}
		router.SetFaults(portmaptest.Faults{})
	})
	mapping := open(t, 6500, config)
	asking.Wait()
	require.Equal(t, portmap.NATPMP, mapping.State().Protocol)
	require.GreaterOrEqual(t, router.Requests("NAT-PMP 0"), 2)
}
