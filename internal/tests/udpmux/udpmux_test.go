package udpmux_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/udpmux"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func read(t *testing.T, conn net.PacketConn) string {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	b := make([]byte, 100)
	n, _, err := conn.ReadFrom(b)
	require.NoError(t, err)
	return string(b[:n])
}

// takes takes datagrams that begin with a byte.
func takes(first byte, into chan<- string) udpmux.Handler {
	return func(b []byte, _ netip.AddrPort) bool {
		if len(b) == 0 || b[0] != first {
			return false
		}
		into <- string(b)
		return true
	}
}

func TestProtocolsAndGameShareASocket(t *testing.T) {
	raw, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(raw)
	defer release()
	a, b := make(chan string, 1), make(chan string, 1)
	mux.Handle(takes('a', a))
	remove := mux.Handle(takes('b', b))
	game := mux.Conn()
	defer game.Close()

	for _, message := range []string{"a1", "b1", "", "game"} {
		_, err := peer.WriteTo([]byte(message), raw.LocalAddr())
		require.NoError(t, err)
	}
	require.Equal(t, "a1", <-a)
	require.Equal(t, "b1", <-b)
	require.Equal(t, "", read(t, game), "an empty datagram is the game's")
	require.Equal(t, "game", read(t, game))
	require.Equal(t, udpmux.Stats{Taken: 2, Passed: 2}, mux.Stats())

	remove()
	remove()
	_, err := peer.WriteTo([]byte("b2"), raw.LocalAddr())
	require.NoError(t, err)
	require.Equal(t, "b2", read(t, game), "after remove it is the game's")

	_, err = game.WriteTo([]byte("answer"), peer.LocalAddr())
	require.NoError(t, err)
	require.NoError(t, mux.WriteTo([]byte("heartbeat"), peer.LocalAddr().(*net.UDPAddr).AddrPort()))
	require.Equal(t, "answer", read(t, peer))
	require.Equal(t, "heartbeat", read(t, peer))
	require.Equal(t, raw.LocalAddr(), game.LocalAddr())
}

func TestASecondProtocolJoinsThroughTheView(t *testing.T) {
	raw, peer := listen(t), listen(t)
	first, releaseFirst := udpmux.Attach(raw)
	game := first.Conn()
	defer game.Close()
	second, releaseSecond := udpmux.Attach(game)
	require.Same(t, first, second)
	releaseFirst()
	releaseSecond()
	releaseSecond()
	_, err := peer.WriteTo([]byte("still"), raw.LocalAddr())
	require.NoError(t, err)
	require.Equal(t, "still", read(t, game), "the view outlives the protocols")
}

func TestABareSocketIsGivenBack(t *testing.T) {
	raw, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(raw)
	_ = mux.Conn()
	mux.Withdraw()
	release()
	require.ErrorIs(t, mux.Err(), net.ErrClosed)
	_, err := peer.WriteTo([]byte("mine again"), raw.LocalAddr())
	require.NoError(t, err)
	require.Equal(t, "mine again", read(t, raw))
}

func TestCloseFromEitherSide(t *testing.T) {
	t.Run("the game closes its view", func(t *testing.T) {
		raw := listen(t)
		mux, release := udpmux.Attach(raw)
		defer release()
		game := mux.Conn()
		failed := make(chan error, 1)
		go func() {
			_, _, err := game.ReadFrom(make([]byte, 10))
			failed <- err
		}()
		require.NoError(t, game.Close())
		require.NoError(t, game.Close())
		require.ErrorIs(t, <-failed, net.ErrClosed)
		<-mux.Done()
		_, err := raw.WriteTo([]byte("x"), raw.LocalAddr())
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, game.SetDeadline(time.Time{}), net.ErrClosed)
	})
	t.Run("somebody closes the socket", func(t *testing.T) {
		raw := listen(t)
		mux, release := udpmux.Attach(raw)
		defer release()
		game := mux.Conn()
		require.NoError(t, raw.Close())
		<-mux.Done()
		_, _, err := game.ReadFrom(make([]byte, 10))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, mux.Err(), net.ErrClosed)
		require.Error(t, game.Close(), "closed twice underneath")
	})
}

// Closing twice at once: both wait until the reader has ended.
func TestCloseWaits(t *testing.T) {
	for range 100 {
		raw := listen(t)
		mux, release := udpmux.Attach(raw)
		game := mux.Conn()
		var closers sync.WaitGroup
		for range 2 {
			closers.Go(func() {
				if err := game.Close(); err != nil {
					t.Error(err)
				}
				select {
				case <-mux.Done():
				default:
					t.Error("the reader still runs")
				}
			})
		}
		closers.Wait()
		release()
	}
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(t, simnet.Options{})
		host, other := network.Host("10.0.0.1"), network.Host("10.0.0.2")
		defer network.Start()()
		raw, peer := host.Listen(1), other.Listen(2)
		defer peer.Close()
		mux, release := udpmux.Attach(raw)
		defer release()
		game := mux.Conn()
		defer game.Close()

		start := time.Now()
		require.NoError(t, game.SetReadDeadline(start.Add(3*time.Second)))
		_, _, err := game.ReadFrom(make([]byte, 10))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.True(t, errors.As(err, &timeout) && timeout.Timeout())
		require.Equal(t, 3*time.Second, time.Since(start))

		// A deadline that is moved while a read waits, as net.Conn promises.
		require.NoError(t, game.SetReadDeadline(time.Time{}))
		failed := make(chan error, 1)
		go func() {
			_, _, err := game.ReadFrom(make([]byte, 10))
			failed <- err
		}()
		synctest.Wait()
		require.NoError(t, game.SetReadDeadline(time.Unix(1, 0)))
		require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)

		require.NoError(t, game.SetReadDeadline(time.Time{}))
		_, err = peer.WriteTo([]byte("hello"), raw.LocalAddr())
		require.NoError(t, err)
		b := make([]byte, 10)
		n, from, err := game.ReadFrom(b)
		require.NoError(t, err)
		require.Equal(t, "hello", string(b[:n]))
		require.Equal(t, peer.LocalAddr().String(), from.String())
	})
}

func TestASlowGameLosesItsOwnOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(t, simnet.Options{})
		host, other := network.Host("10.0.0.1"), network.Host("10.0.0.2")
		defer network.Start()()
		raw, peer := host.Listen(1), other.Listen(2)
		defer peer.Close()
		mux, release := udpmux.Attach(raw)
		defer release()
		taken := make(chan string, 1)
		mux.Handle(takes('q', taken))
		game := mux.Conn()
		defer game.Close()
		for i := range 2000 {
			_, err := peer.WriteTo([]byte("game"), raw.LocalAddr())
			require.NoError(t, err)
			if i%500 == 0 {
				synctest.Wait() // so that the simulated socket's own queue does not overflow
			}
		}
		synctest.Wait()
		_, err := peer.WriteTo([]byte("query"), raw.LocalAddr())
		require.NoError(t, err)
		require.Equal(t, "query", <-taken)
		synctest.Wait()
		stats := mux.Stats()
		require.EqualValues(t, 2000, stats.Passed+stats.Dropped)
		require.EqualValues(t, 512, stats.Passed)
	})
}

func TestNobodysDatagramsAreCounted(t *testing.T) {
	raw, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(raw)
	defer release()
	_, err := peer.WriteTo([]byte("x"), raw.LocalAddr())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return mux.Stats().Ignored == 1 }, 5*time.Second, time.Millisecond)
}
