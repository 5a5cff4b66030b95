package steamdiscovery_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// crowd starts announcers on addresses of their own, 127.1.x.y, and gives the addresses. Only on Linux is all of 127.0.0.0/8
// this machine.
func crowd(t testing.TB, n int) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	var targets []string
	for i := range n {
		ip := netip.AddrFrom4([4]byte{127, 1, byte(i / 250), byte(1 + i%250)})
		announcer, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{
			Addr: ip.String() + ":0", Silent: true, Status: steamdiscovery.Status{Hostname: fmt.Sprintf("host-%d", i)},
		})
		require.NoError(t, err)
		targets = append(targets, announcer.Addr().String())
		running.Go(func() {
			if err := announcer.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	return targets
}

// findAll asks everyone until all are found, and tells how long that took.
func findAll(t testing.TB, targets []string) time.Duration {
	t.Helper()
	discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), steamdiscovery.DiscoverConfig{Targets: targets, Interval: time.Second})
	require.NoError(t, err)
	begin := time.Now()
	stop := start(t, discoverer)
	defer stop()
	for range discoverer.Events(t.Context()) {
		// Counted, not listed: a thousand copies of the list for a thousand events would be what is measured.
		if state := discoverer.State(); state.Hosts == len(targets) {
			break
		}
	}
	return time.Since(begin)
}

// A thousand machines on the loopback interface, each with a socket of its own: all are found.
func TestCrowd(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	targets := crowd(t, n)
	t.Logf("all %d found after %v", n, findAll(t, targets))
}

// BenchmarkCrowd is the same, with what it costs: processor time of both sides, and memory of the announcers.
func BenchmarkCrowd(b *testing.B) {
	const n = 1000
	before := heap()
	targets := crowd(b, n)
	memory := float64(heap()-before) / n
	begin, rounds := processorTime(b), 0
	b.ReportAllocs()
	for b.Loop() {
		findAll(b, targets)
		rounds++
	}
	b.ReportMetric((processorTime(b)-begin).Seconds()*1000/float64(rounds), "cpu-ms/op")
	b.ReportMetric(memory, "heap-bytes/announcer")
}

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Several announcers on one machine share the port: a broadcast reaches all of them, and each leaves by itself.
func TestSeveralAnnouncersOnOneHost(t *testing.T) {
	first, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{Addr: "0.0.0.0:0", Silent: true, Status: steamdiscovery.Status{Hostname: "one"}})
	require.NoError(t, err)
	stopFirst := start(t, first)
	defer stopFirst()
	shared := fmt.Sprintf("0.0.0.0:%d", first.Addr().Port())
	second, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{Addr: shared, Silent: true, Status: steamdiscovery.Status{Hostname: "two"}})
	require.NoError(t, err)
	stopSecond := start(t, second)
	defer stopSecond()

	discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), steamdiscovery.DiscoverConfig{
		Targets: []string{"127.255.255.255"}, Port: first.Addr().Port(),
	})
	require.NoError(t, err)
	stop := start(t, discoverer)
	defer stop()
	next, done := events(t, discoverer)
	defer done()
	require.ElementsMatch(t, []string{"one", "two"}, []string{next().Host.Name(), next().Host.Name()})
	stopSecond()
	event := next()
	require.Equal(t, steamdiscovery.SaidOffline, event.Reason)
	require.Equal(t, "two", event.Host.Name())

	// Whoever does not share the port keeps others out, and they say so.
	lone, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer lone.Close()
	_, err = steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{Addr: lone.LocalAddr().String()})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	report, err := steamdiscovery.Diagnose(t.Context(), steamdiscovery.DiscoverConfig{
		Targets: []string{"127.255.255.255"}, Port: uint16(lone.LocalAddr().(*net.UDPAddr).Port), SearchTime: 100 * time.Millisecond,
	})
	require.NoError(t, err)
	require.Contains(t, report.String(), "another program has the port for itself")
}
