package qr2_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// Eleven bytes fetch up to eight datagrams, but not without end: the address in a query may be anybody's.
func TestAmplificationIsBounded(t *testing.T) {
	for _, question := range []string{"split", "whole", "QR1"} {
		t.Run(question, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newMemnet()
				conn, victim := network.listen(t, hostIP), network.listen(t, "198.51.100.9:5000")
				host, err := qr2.NewHost(conn, qr2.Config{Game: game, NotPublic: true})
				require.NoError(t, err)
				require.NoError(t, host.Update(snapshot(100)))
				q := qr2wire.FullQuery(testKey)
				q.Split = question == "split"
				packet := packetOf(t, q)
				if question == "QR1" {
					packet = []byte(`\status\`)
				}
				var bytes atomic.Int64
				done := make(chan struct{})
				go func() {
					defer close(done)
					b := make([]byte, 2000)
					for {
						n, _, err := victim.ReadFrom(b)
						if err != nil {
							return
						}
						bytes.Add(int64(n))
					}
				}()
				const seconds, rate = 60, 16384
				for range seconds * 100 {
					_, err := victim.WriteTo(packet, conn.LocalAddr())
					require.NoError(t, err)
					time.Sleep(10 * time.Millisecond)
				}
				require.NoError(t, host.Close())
				require.NoError(t, conn.Close())
				require.NoError(t, victim.Close())
				<-done
				require.LessOrEqual(t, bytes.Load(), int64((seconds+4)*rate))
				require.Greater(t, bytes.Load(), int64(seconds*rate)/2)
				require.Positive(t, host.State().Counters.RateLimited)
			})
		})
	}
}

// flood sends everything that comes to mind, from many addresses, as fast as this machine can, until stop is closed.
func flood(t *testing.T, to net.Addr, workers int, stop <-chan struct{}, done *sync.WaitGroup) *atomic.Int64 {
	t.Helper()
	single := qr2wire.FullQuery(testKey)
	single.Split = false
	packets := [][]byte{
		packetOf(t, qr2wire.FullQuery(testKey)), packetOf(t, single), packetOf(t, qr2wire.BasicQuery(testKey, 1, 2, 3)),
		qr2wire.AppendPrequery(nil, testKey), qr2wire.AppendEcho(nil, testKey, make([]byte, 32)), []byte(`\status\`), []byte(`\info\`),
		qr2wire.Challenge{Key: testKey, Text: "abcdef00C00002011964"}.Append(nil),
		qr2wire.ClientMessage{Key: testKey, Data: make([]byte, 100)}.Append(nil),
		qr2wire.AddError{Key: testKey, Code: 1, Text: "no"}.Append(nil),
		qr2wire.AppendToServer(nil, qr2wire.TypeKeepAlive, qr2wire.Key{}), {0xFE, 0xFD, 9, 0, 0, 0, 1}, {}, make([]byte, 1400),
	}
	sent := new(atomic.Int64)
	for worker := range workers {
		done.Go(func() {
			var conns []net.PacketConn
			for i := range 32 {
				// Where 127.0.0.0/8 is not all of this machine, the flood comes from one address.
				conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.%d.%d.1:0", 10+worker, i))
				if err != nil {
					conn, err = net.ListenPacket("udp4", "127.0.0.1:0")
				}
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				conns = append(conns, conn)
			}
			random, dice := make([]byte, 64), mathrand.New(mathrand.NewPCG(uint64(worker), 1))
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				packet := packets[dice.IntN(len(packets))]
				if n%11 == 0 {
					_, _ = rand.Read(random)
					copy(random, "\xfe\xfd")
					random[2] %= 11
					packet = random[:1+n%len(random)]
				}
				if _, err := conns[n%len(conns)].WriteTo(packet, to); err == nil {
					sent.Add(1)
				}
			}
		})
	}
	return sent
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// Strangers send as fast as they can: memory stays, the listing stays, the game goes on. RELIGHT_FLOOD=10m makes it last.
func TestFlood(t *testing.T) {
	duration := time.Second
	if text := os.Getenv("RELIGHT_FLOOD"); text != "" {
		var err error
		duration, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	// wfc-server's time to forget is the shortest, and its keep-alive answers the plainest.
	master := startMaster(t, qr2test.Config{Family: qr2test.WFC})
	conn := listen(t)
	// The default rate takes a slow machine many seconds to use up.
	host := newHost(t, conn, qr2.Config{Addr: master.Addr(), AnswerRate: 2048})
	gameConn := host.GameConn()
	go func() { // a game that reads and throws away
		b := make([]byte, 2000)
		for {
			if _, _, err := gameConn.ReadFrom(b); err != nil {
				return
			}
		}
	}()
	stopHost := run(t, host)
	untilStep(t, host, qr2.StepListed)

	stop := make(chan struct{})
	var workers sync.WaitGroup
	sent := flood(t, conn.LocalAddr(), 2, stop, &workers)
	require.Eventually(t, func() bool { // everything is in use
		counters := host.State().Counters
		return counters.Queries > 1000 && counters.RateLimited > 0
	}, 30*time.Second, time.Millisecond)
	before, goroutines := heap(), runtime.NumGoroutine()
	most := before
	look := time.NewTicker(min(duration/10, 5*time.Second))
	defer look.Stop()
	for end := time.Now().Add(duration); time.Now().Before(end); <-look.C {
		require.Len(t, master.Registry().List(game), 1)
		most = max(most, heap())
	}
	close(stop)
	workers.Wait()
	after := heap()
	state := host.State()
	t.Logf("%d datagrams in %v; heap %d kB at first, %d kB at most, %d kB at the end; %+v", sent.Load(), duration, before>>10, most>>10, after>>10, state.Counters)
	require.Less(t, most, before+8<<20)
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	require.Positive(t, state.Counters.RateLimited)
	require.Zero(t, state.Masters[0].Messages)
	require.Len(t, master.Registry().List(game), 1)

	// And everything works on.
	answer, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
	require.NoError(t, err)
	require.Equal(t, "Friday night", answer.Value("hostname"))
	stopHost()
	require.Eventually(t, func() bool { return len(master.Registry().List(game)) == 0 }, 5*time.Second, time.Millisecond)
	require.NoError(t, gameConn.Close())
}
