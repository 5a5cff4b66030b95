package natneg_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

func TestDetectWithoutNAT(t *testing.T) {
	for _, loss := range []float64{0, 0.1} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{Delay: 20 * time.Millisecond, Loss: loss, Seed: 3, Duplicate: loss}, natnegtest.Config{})
			defer stop()
			report, err := natneg.Detect(t.Context(), l.config(l.guest))
			require.NoError(t, err)
			require.Equal(t, natneg.NATNone, report.NAT)
			require.Equal(t, natneg.MappingPrivateAsPublic, report.Scheme)
			require.True(t, report.QR2Compatible)
			require.Equal(t, report.Private, report.Public)
			require.Contains(t, report.String(), "no NAT")
			if loss == 0 {
				require.Less(t, report.Duration, 100*time.Millisecond)
			}
		})
	}
}

func TestDetectAgainstFamilies(t *testing.T) {
	for _, test := range []struct {
		family quirks.Family
		nat    natneg.NATType
		err    error
	}{
		{family: quirks.OpenSpy, nat: natneg.NATNone},
		{family: quirks.UniSpy, nat: natneg.NATNone},
		{family: quirks.DWC, nat: natneg.NATFirewallOnly}, // its probes prove nothing, which the report says
		{family: quirks.WFC, err: natneg.ErrNoServers},    // does not detect at all
	} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Family: test.family})
			defer stop()
			start := time.Now()
			report, err := natneg.Detect(t.Context(), l.config(l.guest))
			if test.err != nil {
				e := asError(t, err)
				require.ErrorIs(t, e, test.err)
				require.Equal(t, natneg.StepDetect, e.Step)
				require.Equal(t, 10*time.Second, time.Since(start))
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.nat, report.NAT, "%s", test.family)
			require.Equal(t, test.family == quirks.DWC, report.NoProbes)
		})
	}
}

func TestDetectEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Faults: natnegtest.Faults{Silent: true}})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := natneg.Detect(ctx, l.config(l.guest))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, asError(t, err).Timeout())
		require.Equal(t, 300*time.Millisecond, time.Since(start))
	})
	_, err := natneg.Detect(t.Context(), natneg.Config{Game: "gmtest"})
	require.ErrorIs(t, err, natneg.ErrNotConfigured)
}

// Real sockets: loopback has no NAT.
func TestDetectOnLoopback(t *testing.T) {
	server, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer server.Close()
	config := natneg.Config{Game: "gmtest", Servers: server.Addrs()}
	report, err := natneg.Detect(t.Context(), config)
	require.NoError(t, err)
	require.Equal(t, natneg.NATNone, report.NAT)
	require.True(t, report.SameAddress)
}
