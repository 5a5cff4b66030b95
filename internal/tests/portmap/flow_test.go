package portmap_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
)

// Each protocol alone opens the port, and Close deletes it.
func TestEachProtocol(t *testing.T) {
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		for _, network := range []portmap.Network{portmap.UDP, portmap.TCP} {
			t.Run(protocol.String()+" "+network.String(), func(t *testing.T) {
				router, config := routerOf(t, portmaptest.Options{})
				config.Protocols, config.Network, config.Lease = []portmap.Protocol{protocol}, network, 10*time.Minute
				mapping := open(t, 6500, config)
				require.Equal(t, netip.MustParseAddrPort("20.20.20.11:6500"), mapping.External())
				state := mapping.State()
				require.Equal(t, portmap.StepOpen, state.Step)
				require.Equal(t, protocol, state.Protocol)
				require.Equal(t, router.Addr(), state.Router)
				require.Equal(t, netip.MustParseAddrPort("127.0.0.1:6500"), state.Internal)
				require.Equal(t, 10*time.Minute, state.Lease)
				open := router.Mappings()
				require.Len(t, open, 1)
				require.Equal(t, netip.MustParseAddrPort("127.0.0.1:6500"), open[0].Internal)
				require.Equal(t, protocol.String(), open[0].Protocol)
				require.NoError(t, mapping.Close())
				require.NoError(t, mapping.Close())
				require.Empty(t, router.Mappings())
				require.Equal(t, portmap.StepClosed, mapping.State().Step)
			})
		}
	}
}

// The preferred protocol is used where several are spoken, and the next one where it is not.
func TestPreference(t *testing.T) {
	for _, test := range []struct {
		options portmaptest.Options
		want    portmap.Protocol
	}{
		{portmaptest.Options{}, portmap.PCP},
		{portmaptest.Options{NoPCP: true}, portmap.NATPMP},
		{portmaptest.Options{NoPCP: true, NoNATPMP: true}, portmap.UPnP},
		{portmaptest.Options{NoPCP: true, NoNATPMP: true, IGD: 1}, portmap.UPnP},
	} {
		_, config := routerOf(t, test.options)
		require.Equal(t, test.want, open(t, 6500, config).State().Protocol)
	}
}

// The end of the context deletes, too.
func TestContextEnds(t *testing.T) {
	router, config := routerOf(t, portmaptest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	mapping, err := portmap.Open(ctx, 6500, config)
	require.NoError(t, err)
	cancel()
	<-mapping.Done()
	require.Empty(t, router.Mappings())
	require.NoError(t, mapping.Close())
}

// What the router gives is used, also when it is another port.
func TestAnotherPort(t *testing.T) {
	stranger := portmaptest.Mapping{Transport: "UDP", External: 6500, Internal: netip.MustParseAddrPort("127.9.9.9:6500"), Description: "somebody else"}
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		for _, igd := range []int{1, 2} {
			router, config := routerOf(t, portmaptest.Options{IGD: igd})
			router.Add(stranger)
			config.Protocols = []portmap.Protocol{protocol}
			mapping := open(t, 6500, config)
			require.NotEqual(t, uint16(6500), mapping.External().Port(), protocol)
			require.NoError(t, mapping.Close())
			require.Equal(t, []portmaptest.Mapping{stranger}, router.Mappings(), "%v: only our own is deleted", protocol)

			config.Exact = true
			_, err := portmap.Open(t.Context(), 6500, config)
			require.ErrorIs(t, err, portmap.ErrConflict, protocol)
			require.Equal(t, []portmaptest.Mapping{stranger}, router.Mappings(), protocol)
		}
	}
}

// A router that knows no leases gets a permanent mapping, which Close deletes.
func TestPermanent(t *testing.T) {
	router, config := routerOf(t, portmaptest.Options{NoPCP: true, NoNATPMP: true, Permanent: true})
	mapping := open(t, 6500, config)
	require.Zero(t, mapping.State().Lease)
	require.Len(t, router.Mappings(), 1)
	require.Zero(t, router.Mappings()[0].Expires)
	require.NoError(t, mapping.Close())
	require.Empty(t, router.Mappings())
}

// What a crashed run left open is deleted by the next one: ours, of this machine, with nobody at the port any more.
func TestSweepUPnP(t *testing.T) {
	router, config := routerOf(t, portmaptest.Options{NoPCP: true, NoNATPMP: true})
	here := netip.MustParseAddr("127.0.0.1")
	alive := bind(t)
	// Browsers look for servers at 6500 and those that follow: other tests have some there at the same time.
	add := func(port uint16, internal netip.Addr, description string) {
		router.Add(portmaptest.Mapping{Transport: "UDP", External: port, Internal: netip.AddrPortFrom(internal, port), Description: description})
	}
	add(4701, here, "testgame udp 4701")                             // ours, dead
	add(4702, here, "othergame udp 4702")                            // another program's
	add(4703, netip.MustParseAddr("127.9.9.9"), "testgame udp 4703") // another machine's
	add(alive, here, "testgame udp "+itoa(alive))                    // ours, another instance
	mapping := open(t, 6500, config)
	require.Eventually(t, func() bool { return mapping.State().Counters.Swept == 1 }, 10*time.Second, 5*time.Millisecond)
	var left []uint16
	for _, m := range router.Mappings() {
		left = append(left, m.External)
	}
	require.ElementsMatch(t, []uint16{6500, 4702, 4703, alive}, left)
}

// A port that was opened for this machine by hand is used as it is, and stays open in the end; a leftover of our own is not.
func TestOpenedByHand(t *testing.T) {
	for description, left := range map[string]int{"my server": 1, "": 1, "testgame udp 6500": 0} {
		router, config := routerOf(t, portmaptest.Options{NoPCP: true, NoNATPMP: true})
		config.CheckInterval = 10 * time.Millisecond
		router.Add(portmaptest.Mapping{Transport: "UDP", External: 6500, Internal: netip.MustParseAddrPort("127.0.0.1:6500"), Description: description})
		before := router.Mappings()
		mapping := open(t, 6500, config)
		require.Equal(t, uint16(6500), mapping.External().Port())
		require.Eventually(t, func() bool { return mapping.State().Counters.Checks > 1 }, 10*time.Second, time.Millisecond)
		require.Equal(t, left == 1, before[0] == router.Mappings()[0], "%q", description)
		require.NoError(t, mapping.Close())
		require.Len(t, router.Mappings(), left, "%q", description)
	}
}

// With a state file the next run has the nonce with which PCP lets it touch the old mapping.
func TestSweepPCP(t *testing.T) {
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		router, config := routerOf(t, portmaptest.Options{})
		config.StateFile, config.Protocols = filepath.Join(t.TempDir(), "portmap.json"), []portmap.Protocol{protocol}
		_ = open(t, 6500, config) // crashes, as it were
		if protocol == portmap.PCP {
			// Without the nonce it is somebody else's.
			without := config
			without.StateFile = ""
			_, err := portmap.Open(t.Context(), 6500, without)
			require.ErrorIs(t, err, portmap.ErrDisabled)
		}

		again := open(t, 6500, config) // the same port: made anew
		require.Len(t, router.Mappings(), 1)
		require.NoError(t, again.Close())
		require.Empty(t, router.Mappings())
		require.NoFileExists(t, config.StateFile)

		_ = open(t, 6500, config)      // crashes
		other := open(t, 6600, config) // another port: the old one is deleted
		require.Len(t, router.Mappings(), 1)
		require.Equal(t, uint16(6600), router.Mappings()[0].External)
		require.Equal(t, uint64(1), other.State().Counters.Swept)
		require.NoError(t, other.Close())
	}
}

// A broken state file is no reason not to open the port.
func TestBrokenStateFile(t *testing.T) {
	_, config := routerOf(t, portmaptest.Options{})
	config.StateFile = filepath.Join(t.TempDir(), "portmap.json")
	require.NoError(t, os.WriteFile(config.StateFile, []byte(`{"protocol":1,"nonce":"zz"`), 0o600))
	require.NoError(t, open(t, 6500, config).Close())
}

// The lease is renewed at half time, and a router that has restarted is asked again.
func TestRenewal(t *testing.T) {
	t.Parallel()
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		t.Run(protocol.String(), func(t *testing.T) {
			t.Parallel()
			router, config := routerOf(t, portmaptest.Options{})
			config.Protocols, config.Lease = []portmap.Protocol{protocol}, time.Second
			config.CheckInterval = 100 * time.Millisecond
			mapping := open(t, 6500, config)
			// On a busy machine one may be late, and the next one opens the port anew.
			require.Eventually(t, func() bool { return mapping.State().Counters.Renewals >= 1 && len(router.Mappings()) == 1 }, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// A router that has restarted may give another port; in the end all that it ever gave is deleted.
func TestRestartOnAnotherPort(t *testing.T) {
	t.Parallel()
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		router, config := routerOf(t, portmaptest.Options{Uptime: time.Hour})
		config.Protocols, config.CheckInterval = []portmap.Protocol{protocol}, 5*time.Millisecond
		mapping := open(t, 6500, config)
		router.SetFaults(portmaptest.Faults{OtherPort: true})
		router.Restart()
		require.Eventually(t, func() bool { return mapping.External().Port() == 6501 }, 10*time.Second, time.Millisecond, protocol)
		require.NoError(t, mapping.Close())
		require.Empty(t, router.Mappings())
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		t.Run(protocol.String(), func(t *testing.T) {
			t.Parallel()
			router, config := routerOf(t, portmaptest.Options{Uptime: time.Hour})
			config.Protocols, config.CheckInterval = []portmap.Protocol{protocol}, 20*time.Millisecond
			mapping := open(t, 6500, config)
			require.Eventually(t, func() bool { return mapping.State().Counters.Checks >= 2 }, 10*time.Second, 5*time.Millisecond)
			require.Zero(t, mapping.State().Counters.Recoveries)
			router.Restart()
			require.Eventually(t, func() bool { return len(router.Mappings()) == 1 && mapping.State().Counters.Recoveries == 1 }, 10*time.Second, 5*time.Millisecond)

			// The provider gives another address: the program hears of it.
			if protocol != portmap.PCP { // whose server restarts then, RFC 6887 §14.1
				router.SetExternal(netip.MustParseAddr("20.20.20.77"))
				require.Eventually(t, func() bool { return mapping.External() == netip.MustParseAddrPort("20.20.20.77:6500") }, 10*time.Second, 5*time.Millisecond)
			}
			require.NoError(t, mapping.Close())
			require.Empty(t, router.Mappings())
		})
	}
}
