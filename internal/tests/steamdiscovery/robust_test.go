package steamdiscovery_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// A program that asks to search again all the time floods nobody, and still notices that a host has gone.
func TestSearchAgainAndAgain(t *testing.T) {
	for name, pause := range map[string]time.Duration{"once a frame": 16 * time.Millisecond, "twice a second": 500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lan := steamdiscoverytest.NewLAN()
				peer := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{Hostname: "one"})
				discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{})
				defer stop()
				synctest.Wait()
				require.Len(t, discoverer.Hosts(), 1)
				require.NoError(t, peer.Close())
				polls := discoverer.State().Counters.Polls
				for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(pause) {
					discoverer.Search()
				}
				require.Empty(t, discoverer.Hosts(), "the host fell silent a minute ago")
				require.LessOrEqual(t, discoverer.State().Counters.Polls-polls, uint64(601), "ten questions a second at most")
			})
		})
	}
}

// failingConn can be told to fail.
type failingConn struct {
	net.PacketConn
	fail chan struct{}
}

func (c failingConn) ReadFrom(b []byte) (int, net.Addr, error) {
	type result struct {
		n    int
		from net.Addr
		err  error
	}
	select {
	case <-c.fail:
		return 0, nil, errBroken
	default:
	}
	read := make(chan result, 1)
	go func() {
		n, from, err := c.PacketConn.ReadFrom(b)
		read <- result{n, from, err}
	}()
	select {
	case r := <-read:
		return r.n, r.from, r.err
	case <-c.fail:
		return 0, nil, errBroken
	}
}

// The socket that listens to broadcasts is opened anew when it fails, as those that ask are.
func TestPassiveSocketIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		fail := make(chan struct{})
		var passives atomic.Int32
		config := steamdiscovery.DiscoverConfig{Passive: true, Targets: []string{"192.0.2.200"}}
		config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
			conn, err := lan.Host("192.0.2.2").ListenPacket(ctx, network, address)
			if strings.HasSuffix(address, ":27036") && passives.Add(1) == 1 {
				return failingConn{conn, fail}, err
			}
			return conn, err
		}
		discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), config)
		require.NoError(t, err)
		stop := start(t, discoverer)
		defer stop()
		time.Sleep(3 * time.Second)
		close(fail)
		synctest.Wait()
		require.ErrorIs(t, discoverer.State().LastError, errBroken)
		require.False(t, discoverer.State().Passive.IsValid(), "it does not listen now")

		time.Sleep(10 * time.Second) // the next question
		require.Equal(t, int32(2), passives.Load())
		require.True(t, discoverer.State().Passive.IsValid())
		lan.Send(statusOf(t, 5, 6, "one"), netip.MustParseAddrPort("192.0.2.1:27036"), everybody)
		synctest.Wait()
		require.Len(t, discoverer.Hosts(), 1)
	})
}

// Closing does not wait for a socket that takes its time to open.
func TestCloseWhileASocketOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		var opened atomic.Int32
		config := steamdiscovery.DiscoverConfig{Targets: []string{"255.255.255.255"}, OpenTimeout: time.Hour}
		config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
			if opened.Add(1) > 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			conn, err := lan.Host("192.0.2.2").ListenPacket(ctx, network, address)
			return brokenConn{conn}, err
		}
		discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), config)
		require.NoError(t, err)
		stop := start(t, discoverer)
		time.Sleep(time.Second)
		require.Equal(t, int32(2), opened.Load(), "the broken socket is being replaced")
		begin := time.Now()
		stop()
		require.Zero(t, time.Since(begin))
	})
}

// stuckConn cannot send, as when the queue of a network card does not drain, unless its deadline ends that.
type stuckConn struct {
	net.PacketConn
	deadline chan struct{}
	once     *sync.Once
}

func (c stuckConn) WriteTo([]byte, net.Addr) (int, error) {
	<-c.deadline
	return 0, context.DeadlineExceeded
}

func (c stuckConn) Close() error {
	c.once.Do(func() { close(c.deadline) })
	return c.PacketConn.Close()
}

func (c stuckConn) SetWriteDeadline(at time.Time) error {
	time.AfterFunc(time.Until(at), func() { c.once.Do(func() { close(c.deadline) }) })
	return nil
}

// A network that takes no packets does not keep an announcer or a discoverer from ending.
func TestEndWithAStuckNetwork(t *testing.T) {
	stuck := func(lan *steamdiscoverytest.LAN) steamdiscovery.ListenPacket {
		return func(ctx context.Context, network, address string) (net.PacketConn, error) {
			conn, err := lan.Host("192.0.2.1").ListenPacket(ctx, network, address)
			return stuckConn{conn, make(chan struct{}), new(sync.Once)}, err
		}
	}
	t.Run("announcer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.NoError(t, steamdiscovery.Announce(ctx, steamdiscovery.AnnounceConfig{
				Targets: []string{"255.255.255.255"}, ListenPacket: stuck(steamdiscoverytest.NewLAN()),
			}))
		})
	})
	t.Run("discoverer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), steamdiscovery.DiscoverConfig{
				Targets: []string{"255.255.255.255"}, ListenPacket: stuck(steamdiscoverytest.NewLAN()),
			})
			require.NoError(t, err)
			stop := start(t, discoverer)
			time.Sleep(time.Second)
			begin := time.Now()
			stop()
			require.LessOrEqual(t, time.Since(begin), time.Second)
		})
	})
}

// Whoever forges our client id, or restarts for ever, does not fill the disk with warnings.
func TestConflictsDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		var text bytes.Buffer
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{
			ClientID: 5, InstanceID: 6, Logger: slog.New(slog.NewTextHandler(&text, nil)),
		})
		for n := range 500 {
			lan.Send(statusOf(t, 5, uint64(100+n), "double"), asker, everybody)
			synctest.Wait()
		}
		stop()
		require.Equal(t, uint64(500), announcer.State().Counters.Conflicts)
		require.Equal(t, 1, strings.Count(text.String(), "level=WARN"), text.String())
	})
}

// A host that comes and goes all the time is told of now and then, and floods neither the events nor the log.
func TestComingAndGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		var text bytes.Buffer
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{Logger: slog.New(slog.NewTextHandler(&text, nil))})
		synctest.Wait()
		offline := encode(t, steamdiscoverywire.New(5, 6, offlineType, nil))
		for range 1000 {
			for _, packet := range [][]byte{statusOf(t, 5, 6, "one"), offline} {
				lan.Send(packet, asker, discoverer.State().Sockets[0])
				synctest.Wait()
			}
		}
		require.Empty(t, discoverer.Hosts())
		require.Equal(t, uint64(1000-128), discoverer.State().Counters.Ignored.RateLimited)
		time.Sleep(time.Second)
		lan.Send(statusOf(t, 5, 6, "one"), asker, discoverer.State().Sockets[0])
		synctest.Wait()
		require.Len(t, discoverer.Hosts(), 1)
		stop()
		require.Equal(t, 129, strings.Count(text.String(), "host appeared"))
	})
}

// However many addresses a host, or somebody in its name, speaks from: eight are kept, and its own is among them.
func TestManyAddressesOfOneHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		peer := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{ClientID: 5, InstanceID: 6, Hostname: "one"})
		defer peer.Close()
		var text bytes.Buffer
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{
			Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		synctest.Wait()
		for n := range 100 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}), 27036)
			lan.Send(statusOf(t, 5, 6, "one"), from, discoverer.State().Sockets[0])
			synctest.Wait()
		}
		host := discoverer.Hosts()[0]
		require.Equal(t, peer.Addr(), host.Addr)
		require.Len(t, host.Addrs, 8)
		require.Contains(t, host.Addrs, peer.Addr())

		time.Sleep(time.Minute)
		require.Equal(t, []netip.AddrPort{peer.Addr()}, discoverer.Hosts()[0].Addrs, "the others were not heard again")
		lan.Send([]byte("hello"), asker, discoverer.State().Sockets[0])
		synctest.Wait()
		stop()
		for _, line := range []string{"msg=asked", "msg=received", "msg=ignored", `msg="host appeared"`} {
			require.Contains(t, text.String(), line)
		}
	})
}

// A context that ends for a reason of the caller's gives that reason, and still counts as what it is.
func TestDiscoverTellsWhyItEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errImpatient := errors.New("the player has left the menu")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errImpatient)
		defer cancel()
		var last error
		for _, err := range steamdiscovery.Discover(ctx, steamdiscovery.DiscoverConfig{
			Targets: []string{"255.255.255.255"}, ListenPacket: steamdiscoverytest.NewLAN().Host("192.0.2.1").ListenPacket,
		}) {
			last = err
		}
		require.ErrorIs(t, last, errImpatient)
		require.ErrorIs(t, last, context.DeadlineExceeded)
		timeout, ok := errors.AsType[net.Error](last)
		require.True(t, ok)
		require.True(t, timeout.Timeout())
	})
}

// However many answer at once, and however long the caller takes over the first: Discover gives all of them, once.
func TestDiscoverGivesEveryHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		host := lan.Host("192.0.2.2")
		var asking net.PacketConn
		config := steamdiscovery.DiscoverConfig{Targets: []string{"255.255.255.255"}}
		config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
			conn, err := host.ListenPacket(ctx, network, address)
			asking = conn
			return conn, err
		}
		time.AfterFunc(time.Second, func() {
			to := netip.MustParseAddrPort(asking.LocalAddr().String())
			for n := range 600 {
				lan.Send(statusOf(t, uint64(1+n), 6, "one"), netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(n / 250), byte(1 + n%250)}), 27036), to)
			}
		})
		found := make(map[steamdiscovery.ClientID]int)
		for host, err := range steamdiscovery.Discover(t.Context(), config) {
			require.NoError(t, err)
			if len(found) == 0 {
				time.Sleep(time.Second)
			}
			found[host.ClientID]++
		}
		require.Len(t, found, 600)
		for client, times := range found {
			require.Equal(t, 1, times, client)
		}
	})
}
