package steamdiscovery_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// Real sockets on the loopback interface, by what works on every system.
func TestLoopback(t *testing.T) {
	for name, c := range map[string]struct{ listen, ask string }{
		"unicast":               {"127.0.0.1:0", "127.0.0.1"},
		"unicast to any":        {"0.0.0.0:0", "127.0.0.1"},
		"by the name localhost": {"127.0.0.1:0", "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			testLoopback(t, steamdiscovery.AnnounceConfig{Addr: c.listen, Silent: true}, c.ask)
		})
	}
}

// testLoopback lets a discoverer ask an announcer, and hear it leave.
func testLoopback(t *testing.T, config steamdiscovery.AnnounceConfig, ask string) {
	t.Helper()
	config.Status.Hostname = "one"
	announcer, err := steamdiscovery.NewAnnouncer(t.Context(), config)
	require.NoError(t, err)
	stop := start(t, announcer)
	defer stop()
	discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), steamdiscovery.DiscoverConfig{
		Targets: []string{ask}, Port: announcer.Addr().Port(),
	})
	require.NoError(t, err)
	stopDiscoverer := start(t, discoverer)
	defer stopDiscoverer()
	next, done := events(t, discoverer)
	defer done()
	event := next()
	require.Equal(t, "one", event.Host.Name())
	require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), announcer.Addr().Port()), event.Host.Addr)
	require.Equal(t, event.Host.Addr, event.Host.ConnectAddr())
	require.NoError(t, announcer.Close()) // and says so
	event = next()
	require.Equal(t, steamdiscovery.SaidOffline, event.Reason)
}

func TestPeerOnLoopback(t *testing.T) {
	peer, err := steamdiscoverytest.NewPeer(steamdiscoverytest.Config{Hostname: "one"})
	require.NoError(t, err)
	defer peer.Close()
	for host, err := range steamdiscovery.Discover(t.Context(), steamdiscovery.DiscoverConfig{Targets: []string{peer.Addr().String()}}) {
		require.NoError(t, err)
		require.Equal(t, "one", host.Name())
		break
	}
	require.NotEmpty(t, peer.Questions())
}
