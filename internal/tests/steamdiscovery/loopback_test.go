package steamdiscovery_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// Real sockets on the loopback interface: unicast, and the broadcast of this machine alone.
func TestLoopback(t *testing.T) {
	for name, c := range map[string]struct{ listen, ask string }{
		"unicast":               {"127.0.0.1:0", "127.0.0.1"},
		"unicast to any":        {"0.0.0.0:0", "127.0.0.1"},
		"broadcast":             {"0.0.0.0:0", "127.255.255.255"},
		"by the name localhost": {"127.0.0.1:0", "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			announcer, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{
				Addr: c.listen, Targets: []string{"127.255.255.255"}, Status: steamdiscovery.Status{Hostname: "one"},
			})
			require.NoError(t, err)
			stop := start(t, announcer)
			defer stop()
			discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), steamdiscovery.DiscoverConfig{
				Targets: []string{c.ask}, Port: announcer.Addr().Port(),
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
		})
	}
}

// A passive listener shares its port with an announcer, and hears what is broadcast at the start and the end.
func TestLoopbackPassive(t *testing.T) {
	first, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{Addr: "0.0.0.0:0", Silent: true})
	require.NoError(t, err)
	defer first.Close()
	port := first.Addr().Port()
	discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), steamdiscovery.DiscoverConfig{
		Targets: []string{"127.0.0.1:9"}, Port: port, Passive: true,
	})
	require.NoError(t, err)
	stopDiscoverer := start(t, discoverer)
	defer stopDiscoverer()
	next, done := events(t, discoverer)
	defer done()

	announcer, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{
		Addr: "127.0.0.1:0", Port: port, Status: steamdiscovery.Status{Hostname: "two"},
	})
	require.NoError(t, err)
	stop := start(t, announcer)
	require.Equal(t, "two", next().Host.Name())
	stop()
	require.Equal(t, steamdiscovery.SaidOffline, next().Reason)
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
