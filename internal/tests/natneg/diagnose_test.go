package natneg_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// What a player behind each NAT reads.
func TestDiagnose(t *testing.T) {
	for _, test := range []struct {
		kind   string
		config natnegtest.Config
		ok     bool
		says   []string
	}{
		{kind: "open", ok: true, says: []string{"it sees this machine as 203.0.113.1:", "no NAT: everybody", "works with no NAT, full cone, restricted cone, port restricted cone, symmetric with counted ports, symmetric with random ports"}},
		{kind: "port-restricted", ok: true, says: []string{"port restricted cone", "not with symmetric with random ports (but for Config.Birthday)", "a port mapping on either side", "no hairpin"}},
		{kind: "sequential", ok: true, says: []string{"+1 each time", "symmetric with counted ports (by port prediction)", "map a port"}},
		{kind: "random", ok: true, says: []string{"chosen at random", "not with port restricted cone (but for Config.Birthday), symmetric with counted ports, symmetric with random ports"}},
		{kind: "blocked", says: []string{"no answer", "allow UDP to port 27901", "UDP is blocked here"}},
		{kind: "port-restricted", config: natnegtest.Config{Faults: natnegtest.Faults{Dead: []int{natnegtest.Server2}}}, says: []string{"ask matchup server 2 (198.51.100.2:27901): no answer", "the second matchup server did not answer"}},
		{kind: "port-restricted", config: natnegtest.Config{Family: natnegtest.WFC}, says: []string{"some services do no detection"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			for _, kind := range natKinds() {
				if kind.name != test.kind {
					continue
				}
				l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond}, test.config, kind, kind)
				defer l.server.Close()
				d, err := natneg.Diagnose(t.Context(), l.config(0))
				require.NoError(t, err)
				require.Equal(t, test.ok, d.OK(), "%s", d)
				for _, words := range test.says {
					require.Contains(t, d.String(), words)
				}
			}
		})
	}
}

func TestDiagnoseNames(t *testing.T) {
	config := natneg.Config{Game: "gmtest", Domain: "example.net", Resolver: resolver{"gmtest.natneg1.example.net": netip.MustParseAddr("2001:db8::1")}}
	d, err := natneg.Diagnose(t.Context(), config)
	require.NoError(t, err)
	require.False(t, d.OK())
	require.Contains(t, d.String(), "no such host")
	require.Contains(t, d.String(), "no IPv4 address")
	require.Equal(t, diagnosis.Skipped, d.Steps[len(d.Steps)-1].Outcome)

	_, err = natneg.Diagnose(t.Context(), natneg.Config{Version: 9})
	require.Equal(t, natneg.StepSetup, asError(t, err).Step)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = natneg.Diagnose(ctx, config)
	require.ErrorIs(t, err, context.Canceled)
}
