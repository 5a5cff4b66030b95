package natneg_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/udpmux"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

func listen(t testing.TB) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	return conn
}

// Real sockets, every family that connects.
func TestOnLoopback(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.WFC, quirks.DWC} {
		for _, game := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q/%v", family, game), func(t *testing.T) {
				t.Parallel()
				server, err := natnegtest.New(natnegtest.Config{Family: family})
				require.NoError(t, err)
				defer server.Close()
				config := natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: loopback}
				var guest, host net.PacketConn
				if game {
					guest, host = listen(t), listen(t)
				}
				outcomes := both(t.Context(), guest, host, config, config)
				talk(t, outcomes)
			})
		}
	}
}

func loopback(ctx context.Context, network, _ string) (net.PacketConn, error) {
	return new(net.ListenConfig).ListenPacket(ctx, network, "127.0.0.1:0")
}

// A host that a hundred players join at once, on one socket.
func TestManyOnOneSocket(t *testing.T) {
	server, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer server.Close()
	// So many on one socket lose some of what they are sent, more than once on a busy machine.
	config := natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: loopback, InitTimeout: time.Minute, ConnectTimeout: time.Minute, PingTimeout: time.Minute}
	raw := listen(t)
	mux, release := udpmux.Attach(raw)
	game := mux.Conn()
	defer release()
	defer game.Close()

	const players = 100
	var wait sync.WaitGroup
	var mu sync.Mutex
	remotes := make(map[netip.AddrPort]bool)
	heard := make(chan struct{})
	stop := sync.OnceFunc(func() { close(heard) })
	defer wait.Wait()
	defer stop()
	for i := range players {
		cookie := natneg.CookieFromUint32(uint32(i))
		wait.Go(func() {
			result, err := natneg.Negotiate(t.Context(), game, config, cookie, natneg.Host)
			if !assertNoError(t, err) {
				return
			}
			defer result.Close()
			mu.Lock()
			remotes[result.Remote] = true
			mu.Unlock()
			if result.Conn != net.PacketConn(game) {
				t.Error("a shared socket got another view")
			}
			<-heard // until then, the guest's late pings want answers
		})
		wait.Go(func() {
			result, err := natneg.Negotiate(t.Context(), nil, config, cookie, natneg.Guest)
			if !assertNoError(t, err) {
				return
			}
			defer result.Close()
			defer result.Conn.Close()
			// The kernel loses datagrams when a hundred come at once.
			for tick := time.Tick(20 * time.Millisecond); ; {
				_, err = result.Conn.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(result.Remote))
				assertNoError(t, err)
				select {
				case <-heard:
					return
				case <-tick:
				}
			}
		})
	}
	buf := make([]byte, 100)
	require.NoError(t, game.SetReadDeadline(time.Now().Add(time.Minute)))
	senders := make(map[netip.AddrPort]bool)
	for len(senders) < players {
		n, from, err := game.ReadFrom(buf)
		require.NoError(t, err, "%d have said hello; %+v", len(senders), mux.Stats())
		if string(buf[:n]) == "hello" { // late pings of negotiations that were closed early come here, too
			senders[from.(*net.UDPAddr).AddrPort()] = true
		}
	}
	stop()
	wait.Wait()
	require.True(t, maps.Equal(remotes, senders))
}

func assertNoError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// One socket is used again and again, bare and as a view; nothing is left in between.
func TestAgainOnTheSameSocket(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer server.Close()
	config := natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: loopback}
	conn := listen(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for range 3 {
		_, err = natneg.Negotiate(ctx, conn, config, cookie, natneg.Guest)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	for i := range 3 {
		cookie := natneg.CookieFromUint32(uint32(i))
		host := natneg.Start(t.Context(), nil, config, cookie, natneg.Host)
		result, err := natneg.Negotiate(t.Context(), conn, config, cookie, natneg.Guest)
		require.NoError(t, err)
		conn = result.Conn
		other, err := host.Wait()
		require.NoError(t, err)
		require.NoError(t, result.Close())
		require.NoError(t, other.Close())
		require.NoError(t, other.Conn.Close())
	}
	require.NoError(t, conn.Close())
}

func BenchmarkNegotiate(b *testing.B) {
	server, err := natnegtest.New(natnegtest.Config{})
	require.NoError(b, err)
	defer server.Close()
	config := natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: loopback}
	n := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		cookie := natneg.CookieFromUint32(n)
		host := natneg.Start(b.Context(), nil, config, cookie, natneg.Host)
		guest, err := natneg.Negotiate(b.Context(), nil, config, cookie, natneg.Guest)
		if err != nil {
			b.Fatal(err)
		}
		other, err := host.Wait()
		if err != nil {
			b.Fatal(err)
		}
		for _, result := range []*natneg.Result{guest, other} {
			_ = result.Close()
			_ = result.Conn.Close()
		}
	}
}
