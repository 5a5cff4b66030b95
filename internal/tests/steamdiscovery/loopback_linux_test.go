package steamdiscovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// 127.255.255.255, the broadcast of this machine alone, is a speciality of Linux.
func TestLoopbackBroadcast(t *testing.T) {
	testLoopback(t, steamdiscovery.AnnounceConfig{Addr: "0.0.0.0:0", Targets: []string{"127.255.255.255"}}, "127.255.255.255")
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
