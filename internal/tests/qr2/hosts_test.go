package qr2_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// countingConn counts what is written.
type countingConn struct {
	*memConn
	writes atomic.Int64
}

func (c *countingConn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.writes.Add(1)
	return c.memConn.WriteTo(b, to)
}

func (c *countingConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.writes.Add(1)
	return c.memConn.WriteToUDPAddrPort(b, to)
}

// Not public: not one packet in a day, not one look-up, whatever else is configured; and answers to whoever asks.
func TestNotPublicWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newMemnet()
		conn := &countingConn{memConn: network.listen(t, hostIP)}
		client := network.listen(t, "198.51.100.9:5000")
		resolver := new(names)
		host, err := qr2.NewHost(conn, qr2.Config{Game: game, Secret: secret, NotPublic: true, Domain: "example.net", Addr: "203.0.113.1",
			AvailableAddr: "203.0.113.1", Masters: []string{"203.0.113.2", "master.example.org"}, Resolver: resolver})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- host.Run(ctx) }()
		for hour := range 24 {
			require.NoError(t, host.Update(snapshot(hour)))
			host.Announce()
			time.Sleep(time.Hour)
		}
		require.Zero(t, conn.writes.Load())
		require.Zero(t, resolver.lookups())
		_, err = qr2test.Query(t.Context(), client, netip.MustParseAddrPort(hostIP))
		require.NoError(t, err)
		answered := conn.writes.Load()
		require.Positive(t, answered)
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, host.Close())
		require.Equal(t, answered, conn.writes.Load(), "no goodbye either")
		require.NoError(t, conn.Close())
		require.NoError(t, client.Close())
	})
}

// What a container or a port forward makes of the ports and the address is told in place of what the socket has.
func TestAdvertisedAddresses(t *testing.T) {
	master, conn := listen(t), listen(t)
	host := newHost(t, conn, qr2.Config{Addr: master.LocalAddr().String(), SkipAvailability: true, LocalPort: 17777, HostPort: 27777,
		LocalIPs: []netip.Addr{netip.MustParseAddr("172.17.0.2")}, PublicAddr: netip.MustParseAddrPort("198.51.100.7:37777")})
	stop := run(t, host)
	defer stop()
	packet, _ := receive(t, master)
	_, key, body, err := qr2wire.ParseFromServer(packet)
	require.NoError(t, err)
	h, err := qr2wire.ParseHeartbeat(key, body)
	require.NoError(t, err)
	require.Equal(t, uint16(17777), h.LocalPort)
	require.Equal(t, "198.51.100.7:37777", h.Public.String())
	require.Equal(t, "172.17.0.2", h.LocalIPs[0].String())
	require.Equal(t, "27777", h.Data.Value("hostport"))
	answer, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
	require.NoError(t, err)
	require.Equal(t, "27777", answer.Value("hostport"))
	require.Equal(t, "Friday night", answer.Value("hostname"))

	// Also where the snapshot has no such key; the caller's slice is left alone.
	s := qr2.Snapshot{Server: fields("hostname", "x")}
	require.NoError(t, host.Update(s))
	answer, err = qr2test.Query(t.Context(), nil, addrOf(t, conn))
	require.NoError(t, err)
	require.Equal(t, "27777", answer.Value("hostport"))
	require.Len(t, s.Server, 1)
}

// Many hosts in one process, of several games, with keys of their own by the same number, at two masters each: nothing of one gets
// into another.
func TestManyHosts(t *testing.T) {
	games := make(map[string]string)
	for i := range 20 {
		games[fmt.Sprintf("game%d", i%5)] = fmt.Sprintf("secret%d", i%5)
	}
	first, second := startMaster(t, qr2test.Config{Games: games}), startMaster(t, qr2test.Config{Games: games, Family: qr2test.OpenSpy})
	for i := range 20 {
		conn := listen(t)
		name := fmt.Sprintf("game%d", i%5)
		host := newHost(t, conn, qr2.Config{Game: name, Secret: games[name], Addr: first.Addr(), Masters: []string{second.Addr()},
			Keys: map[qr2.KeyID]string{50: fmt.Sprint("own", i)}})
		s := snapshot(1)
		s.Server[0].Value = fmt.Sprint("server ", i)
		s.Server = append(s.Server, qr2.Field{Key: fmt.Sprint("own", i), Value: fmt.Sprint("value ", i)})
		require.NoError(t, host.Update(s))
		defer run(t, host)()
		require.Eventually(t, func() bool {
			masters := host.State().Masters
			return masters[0].Step == qr2.StepListed && masters[1].Step == qr2.StepListed
		}, 10*time.Second, time.Millisecond)
		require.Equal(t, fmt.Sprint("value ", i)+"\x00", string(ask(t, listen(t), conn, packetOf(t, qr2wire.BasicQuery(testKey, 50)))))
	}
	for _, master := range []*qr2test.Master{first, second} {
		for i := range 5 {
			list := master.Registry().List(fmt.Sprintf("game%d", i))
			require.Len(t, list, 4)
			for _, server := range list {
				var n int
				_, err := fmt.Sscanf(server.Value("hostname"), "server %d", &n)
				require.NoError(t, err)
				require.Equal(t, i, n%5)
			}
		}
	}
}

// Queries over IPv6 are answered, on a socket of that family and on one of both.
func TestIPv6(t *testing.T) {
	for _, network := range []string{"udp6", "udp"} {
		conn, err := net.ListenPacket(network, "[::]:0")
		if err != nil {
			t.Skip("this machine has no IPv6: ", err)
		}
		defer conn.Close()
		host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, RequireChallenge: network == "udp"})
		client, err := net.ListenPacket("udp6", "[::1]:0")
		if err != nil {
			t.Skip("this machine has no IPv6: ", err)
		}
		defer client.Close()
		answer, err := qr2test.Query(t.Context(), client, netip.AddrPortFrom(netip.IPv6Loopback(), addrOf(t, conn).Port()))
		require.NoError(t, err)
		require.Equal(t, "Friday night", answer.Value("hostname"))
		require.Positive(t, host.State().Counters.Queries)
	}
}

// A master over IPv6, which can say nothing of our address: the protocol has IPv4 ones only.
func TestMasterOverIPv6(t *testing.T) {
	probe, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6: ", err)
	}
	require.NoError(t, probe.Close())
	for _, family := range []qr2test.Family{qr2test.Original, qr2test.KR4uzi} {
		listedOverIPv6(t, family)
	}
}

func listedOverIPv6(t *testing.T, family qr2test.Family) {
	master := startMaster(t, qr2test.Config{Family: family, ListenPacket: func(ctx context.Context, _, _ string) (net.PacketConn, error) {
		return new(net.ListenConfig).ListenPacket(ctx, "udp6", "[::1]:0")
	}})
	conn, err := net.ListenPacket("udp", ":0")
	require.NoError(t, err)
	defer conn.Close()
	host := newHost(t, conn, qr2.Config{Addr: master.Addr()})
	stop := run(t, host)
	untilStep(t, host, qr2.StepListed)
	require.Eventually(t, func() bool { return len(master.Registry().List(game)) == 1 }, 5*time.Second, time.Millisecond)
	require.False(t, host.State().Public.IsValid())
	stop()
	require.Eventually(t, func() bool { return master.Stats().Shutdowns > 0 }, 5*time.Second, time.Millisecond)
}

// The way to a master is missing: the state says so.
func TestUnsentHeartbeats(t *testing.T) {
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6: ", err)
	}
	defer conn.Close()
	host := newHost(t, conn, qr2.Config{Addr: "127.0.0.1:1", SkipAvailability: true})
	defer run(t, host)()
	require.Eventually(t, func() bool {
		state := host.State()
		return state.Masters[0].SendErr != nil && state.Counters.Unsent > 0
	}, 5*time.Second, time.Millisecond)
	var failure *qr2.Error
	require.ErrorAs(t, host.State().Masters[0].SendErr, &failure)
	require.Equal(t, "send", failure.Op)
}

// One socket under two games' names, at two masters that want other secrets: each host gets what its master sends, the first
// answers who asks, and when it has gone, the second does.
func TestTwoHostsOnOneSocket(t *testing.T) {
	first := startMaster(t, qr2test.Config{Games: map[string]string{"one": "secret1"}, Family: qr2test.OpenSpy})
	second := startMaster(t, qr2test.Config{Games: map[string]string{"two": "secret2"}, Family: qr2test.WFC})
	conn := listen(t)
	one := newHost(t, conn, qr2.Config{Game: "one", Secret: "secret1", Addr: first.Addr()})
	two := newHost(t, one.GameConn(), qr2.Config{Game: "two", Secret: "secret2", Addr: second.Addr()})
	other := snapshot(0)
	other.Server[0].Value = "the other"
	require.NoError(t, two.Update(other))
	stopOne := run(t, one)
	defer run(t, two)()
	untilStep(t, one, qr2.StepListed)
	untilStep(t, two, qr2.StepListed)
	require.Len(t, first.Registry().List("one"), 1)
	require.Len(t, second.Registry().List("two"), 1)
	require.Equal(t, qr2.AvailabilityYes, two.State().Masters[0].Availability)
	require.NoError(t, second.Relay(t.Context(), addrOf(t, conn), []byte("hello")))
	require.Equal(t, "hello", string(until(t, two, func(*qr2.ClientMessage) bool { return true }).Data))
	require.Zero(t, one.State().Counters.WrongKey)

	answer, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
	require.NoError(t, err)
	require.Equal(t, "Friday night", answer.Value("hostname"))
	player := listen(t)
	_, err = player.WriteTo([]byte("hello game"), conn.LocalAddr())
	require.NoError(t, err)
	got, _ := receive(t, two.GameConn())
	require.Equal(t, "hello game", string(got))

	stopOne()
	require.NoError(t, one.Close())
	answer, err = qr2test.Query(t.Context(), nil, addrOf(t, conn))
	require.NoError(t, err)
	require.Equal(t, "the other", answer.Value("hostname"))
	require.NoError(t, second.Relay(t.Context(), addrOf(t, conn), []byte("still there")))
}
