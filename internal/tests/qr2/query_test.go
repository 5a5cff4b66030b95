package qr2_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

var testKey = qr2wire.Key{9, 8, 7, 6}

// ask sends a query and gives the body of the answer.
func ask(t *testing.T, client, host net.PacketConn, packet []byte) []byte {
	t.Helper()
	_, err := client.WriteTo(packet, host.LocalAddr())
	require.NoError(t, err)
	reply, _ := receive(t, client)
	_, key, body, err := qr2wire.ParseFromServer(reply)
	require.NoError(t, err)
	require.Equal(t, testKey, key)
	return body
}

func packetOf(t *testing.T, q qr2wire.Query) []byte {
	t.Helper()
	b, err := q.Append(nil)
	require.NoError(t, err)
	return b
}

func TestQueryKinds(t *testing.T) {
	conn, client := listen(t), listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, Keys: map[qr2.KeyID]string{50: "weather", 51: "kills_"}})
	s := snapshot(2)
	s.Server = append(s.Server, qr2.Field{Key: "weather", Value: "rain"})
	for i := range s.Players {
		s.Players[i] = append(s.Players[i], qr2.Field{Key: "kills_", Value: fmt.Sprint(i + 7)})
	}
	require.NoError(t, host.Update(s))

	// Chosen keys, with one of the game's own and one that nobody knows.
	q := qr2wire.BasicQuery(testKey, 1, 50, 99, 5)
	q.Players.IDs, q.Teams.IDs = []byte{21, 51}, []byte{29}
	require.Equal(t, "Friday night\x00rain\x00\x00dm_bay\x00"+
		"\x00\x02player number 0 of this long test\x007\x00player number 1 of this long test\x008\x00"+
		"\x00\x023\x005\x00", string(ask(t, client, conn, packetOf(t, q))))

	// Everything in a single reply, with and without a number that was not asked for.
	full := qr2wire.FullQuery(testKey)
	full.Split = false
	for _, full.Challenged = range []bool{false, true} {
		d, err := qr2wire.ParseReply(full, ask(t, client, conn, packetOf(t, full)), nil)
		require.NoError(t, err)
		require.Equal(t, "rain", d.Value("weather"))
		require.Equal(t, "8", d.Players.Value(1, "kills_"))
	}

	// Too much for one datagram: whole players are left out, the counts are right, and it is counted.
	require.NoError(t, host.Update(snapshot(60)))
	full.Challenged = false
	body := ask(t, client, conn, packetOf(t, full))
	require.LessOrEqual(t, len(body), 1395)
	d, err := qr2wire.ParseReply(full, body, nil)
	require.NoError(t, err)
	require.Less(t, len(d.Players.Rows), 60)
	require.Greater(t, len(d.Players.Rows), 20)
	require.Len(t, d.Teams.Rows, 2)
	require.Equal(t, "60", d.Value("numplayers"))
	require.Equal(t, 1, host.State().Counters.Shortened)

	// Echo and pre-query.
	require.Equal(t, "hello", string(ask(t, client, conn, qr2wire.AppendEcho(nil, testKey, []byte("hello")))))
	require.Equal(t, "0\x00", string(ask(t, client, conn, qr2wire.AppendPrequery(nil, testKey))))
	counters := host.State().Counters
	require.Equal(t, 4, counters.Queries)
	require.Equal(t, 1, counters.Echoes)
	require.Equal(t, 1, counters.Prequeries)
}

func TestQueriesWithoutTheNumberAreDropped(t *testing.T) {
	conn, client, other := listen(t), listen(t), listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, RequireChallenge: true})
	q := qr2wire.BasicQuery(testKey, 1)
	number, err := qr2wire.ParsePrequeryReply(ask(t, client, conn, qr2wire.AppendPrequery(nil, testKey)))
	require.NoError(t, err)
	require.NotZero(t, number)
	with := q
	with.Challenged, with.Number = true, number
	wrong := with
	wrong.Number++
	for _, packet := range [][]byte{packetOf(t, q), packetOf(t, wrong)} {
		_, err := client.WriteTo(packet, conn.LocalAddr())
		require.NoError(t, err)
	}
	_, err = other.WriteTo(packetOf(t, with), conn.LocalAddr())
	require.NoError(t, err)
	require.Equal(t, "Friday night\x00", string(ask(t, client, conn, packetOf(t, with))))
	require.Eventually(t, func() bool {
		c := host.State().Counters
		return c.WrongNumber+c.Malformed == 3 && c.Queries == 1
	}, 5*time.Second, time.Millisecond)
	// Whoever asks often gets an answer each time: nothing is kept of it.
	for range 20 {
		again, err := qr2wire.ParsePrequeryReply(ask(t, other, conn, qr2wire.AppendPrequery(nil, testKey)))
		require.NoError(t, err)
		require.NotZero(t, again)
	}
}

func TestBeforeTheFirstSnapshot(t *testing.T) {
	conn, client := listen(t), listen(t)
	host, err := qr2.NewHost(conn, qr2.Config{Game: game, NotPublic: true})
	require.NoError(t, err)
	defer host.Close()
	_, err = client.WriteTo(packetOf(t, qr2wire.FullQuery(testKey)), conn.LocalAddr())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return host.State().Counters.NoSnapshot == 1 }, 5*time.Second, time.Millisecond)
}

// A socket that takes IPv4 and IPv6, as most games open it.
func TestDualStackSocket(t *testing.T) {
	master := startMaster(t, qr2test.Config{})
	conn, err := net.ListenPacket("udp", ":0")
	require.NoError(t, err)
	defer conn.Close()
	host := newHost(t, conn, qr2.Config{Addr: master.Addr()})
	stop := run(t, host)
	defer stop()
	untilStep(t, host, qr2.StepListed)
	_, err = qr2test.Query(t.Context(), nil, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), addrOf(t, conn).Port()))
	require.NoError(t, err)
}

func TestSeveralMasters(t *testing.T) {
	good, bad := startMaster(t, qr2test.Config{}), startMaster(t, qr2test.Config{RefuseText: "Go away"})
	host := newHost(t, listen(t), qr2.Config{Addr: bad.Addr(), Masters: []string{good.Addr()}})
	stop := run(t, host)
	require.Eventually(t, func() bool {
		masters := host.State().Masters
		return masters[0].Step == qr2.StepRefused && masters[1].Step == qr2.StepListed
	}, 5*time.Second, time.Millisecond)
	stop()
	require.Eventually(t, func() bool { return bad.Stats().Shutdowns > 0 && good.Stats().Shutdowns > 0 }, 5*time.Second, time.Millisecond)
}

// WFC reads 1024 bytes of a heartbeat.
func TestHeartbeatSize(t *testing.T) {
	master := startMaster(t, qr2test.Config{Family: qr2test.WFC})
	host := newHost(t, listen(t), qr2.Config{Addr: master.Addr(), HeartbeatSize: 1024})
	s := snapshot(60)
	for i := range 30 {
		s.Server = append(s.Server, qr2.Field{Key: fmt.Sprintf("rule%d", i), Value: strings.Repeat("x", 30)})
	}
	require.NoError(t, host.Update(s))
	stop := run(t, host)
	defer stop()
	untilStep(t, host, qr2.StepListed)
	require.Eventually(t, func() bool { return len(master.Registry().List(game)) == 1 }, 5*time.Second, time.Millisecond)
	server := master.Registry().List(game)[0]
	require.Equal(t, strings.Repeat("x", 30), server.Value("rule9"))
	require.Empty(t, server.Value("rule29"))
	require.Positive(t, host.State().Counters.HeartbeatsShortened)
}

// Cut at every byte, or wrong in other ways: the host says what it knows, ends at once when asked to, and leaves nothing.
func TestTruncatedMaster(t *testing.T) {
	for n := range 30 {
		synctest.Test(t, func(t *testing.T) {
			s, stop := newStage(t, simnet.Options{Delay: time.Millisecond}, qr2test.Config{Faults: qr2test.Faults{Truncate: n + 1}}, qr2.Config{})
			defer stop()
			time.Sleep(40 * time.Second)
			state := s.host.State().Masters[0]
			require.Contains(t, []qr2.Step{qr2.StepNoAnswer, qr2.StepHeartbeat, qr2.StepListed, qr2.StepRefused}, state.Step, "cut at %d", n+1)
			if n+1 >= 28 {
				require.Equal(t, qr2.StepListed, state.Step)
			}
			start := time.Now()
			s.cancel()
			synctest.Wait()
			require.Equal(t, qr2.StepStopped, s.host.State().Masters[0].Step)
			require.Zero(t, time.Since(start))
		})
	}
}

// Run ends at once whatever it is doing: a look-up that never answers, for one.
type stuckResolver struct{}

func (stuckResolver) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCancelWhileResolving(t *testing.T) {
	host := newHost(t, listen(t), qr2.Config{Domain: "example.net", Resolver: stuckResolver{}})
	stop := run(t, host)
	untilStep(t, host, qr2.StepResolving)
	stop()
	done := make(chan error, 1)
	go func() { done <- host.Run(context.Background()) }()
	untilStep(t, host, qr2.StepResolving)
	require.ErrorIs(t, host.Run(context.Background()), qr2.ErrRunning)
	require.NoError(t, host.Close())
	require.ErrorIs(t, <-done, net.ErrClosed)
}
