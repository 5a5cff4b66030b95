package udpmux_test

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/udpmux"
)

func send(t *testing.T, from net.PacketConn, to net.Addr, payload string) {
	t.Helper()
	_, err := from.WriteTo([]byte(payload), to)
	require.NoError(t, err)
}

// Somebody sets a deadline on the connection that was given away: the reader goes on.
func TestForeignDeadline(t *testing.T) {
	conn, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(conn)
	defer release()
	game := mux.Conn()
	defer game.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(-time.Second)))
	send(t, peer, conn.LocalAddr(), "b")
	require.Equal(t, "b", read(t, game))
}

func TestBareSocketComesBackEveryTime(t *testing.T) {
	conn, peer := listen(t), listen(t)
	for range 5 {
		mux, release := udpmux.Attach(conn)
		taken := make(chan string, 1)
		remove := mux.Handle(takes('a', taken))
		send(t, peer, conn.LocalAddr(), "a")
		require.Equal(t, "a", <-taken)
		remove()
		release()
		release()
		send(t, peer, conn.LocalAddr(), "mine")
		require.Equal(t, "mine", read(t, conn))
	}
}

func TestWithdrawnViewIsDead(t *testing.T) {
	conn, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(conn)
	view := mux.Conn()
	mux.Withdraw()
	release()
	_, _, err := view.ReadFrom(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	// Closing it does not close what is its owner's again.
	require.NoError(t, view.Close())
	send(t, peer, conn.LocalAddr(), "mine")
	require.Equal(t, "mine", read(t, conn))
}

func TestLargeDatagrams(t *testing.T) {
	conn, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(conn)
	defer release()
	game := mux.Conn()
	defer game.Close()
	large := string(bytes.Repeat([]byte("x"), 60000))
	send(t, peer, conn.LocalAddr(), large)
	big := make([]byte, 65536)
	n, _, err := game.ReadFrom(big)
	require.NoError(t, err)
	require.Equal(t, large, string(big[:n]))
	// A short buffer cuts, as on any socket.
	send(t, peer, conn.LocalAddr(), "12345")
	buf := make([]byte, 3)
	n, _, err = game.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "123", string(buf[:n]))
}

// A connection without fast calls and with a time-out of its own.

type odd struct{ *net.UDPConn }

type oddTimeout struct{}

func (oddTimeout) Error() string { return "odd time-out" }

func (oddTimeout) Timeout() bool { return true }

func (oddTimeout) Temporary() bool { return true }

func (c odd) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(b)
	if err != nil && !isClosed(err) {
		err = oddTimeout{}
	}
	return n, from, err
}

func isClosed(err error) bool {
	opErr, ok := err.(*net.OpError)
	return ok && opErr.Err == net.ErrClosed
}

func TestOddConnection(t *testing.T) {
	conn, peer := listen(t), listen(t)
	bare := struct{ net.PacketConn }{odd{conn}}
	mux, release := udpmux.Attach(bare)
	taken := make(chan string, 1)
	remove := mux.Handle(takes('a', taken))
	send(t, peer, conn.LocalAddr(), "a")
	require.Equal(t, "a", <-taken)
	require.NoError(t, mux.WriteTo([]byte("back"), netip.MustParseAddrPort(peer.LocalAddr().String())))
	require.Equal(t, "back", read(t, peer))
	remove()
	release()
	send(t, peer, conn.LocalAddr(), "mine")
	require.Equal(t, "mine", read(t, bare))
}

func TestConcurrentUse(t *testing.T) {
	conn, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(conn)
	game := mux.Conn()
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 50 {
				remove := mux.Handle(func([]byte, netip.AddrPort) bool { return false })
				_, releaseAgain := udpmux.Attach(game)
				send(t, peer, conn.LocalAddr(), "x")
				_ = game.SetReadDeadline(time.Now().Add(time.Millisecond))
				_, _, _ = game.ReadFrom(make([]byte, 10))
				remove()
				releaseAgain()
			}
		})
	}
	work.Wait()
	release()
	require.NoError(t, game.Close())
}

func TestOneHandlerForEachKey(t *testing.T) {
	conn, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(conn)
	defer release()
	first, other := make(chan string, 1), make(chan string, 1)
	remove, ok := mux.HandleOnly("key", takes('a', first))
	require.True(t, ok)
	_, ok = mux.HandleOnly("key", takes('a', other))
	require.False(t, ok, "a second one for the key")
	_, ok = mux.HandleOnly("other key", takes('b', other))
	require.True(t, ok)
	mux.Handle(takes('c', other))
	mux.Handle(takes('c', other))
	send(t, peer, conn.LocalAddr(), "a1")
	require.Equal(t, "a1", <-first)
	remove()
	remove()
	_, ok = mux.HandleOnly("key", takes('a', other))
	require.True(t, ok, "the key is free again")
	send(t, peer, conn.LocalAddr(), "a2")
	require.Equal(t, "a2", <-other)
}

func TestSmallBuffer(t *testing.T) {
	conn, peer := listen(t), listen(t)
	mux, release := udpmux.AttachSmall(conn, 10)
	defer release()
	taken := make(chan string, 3)
	mux.Handle(takes('a', taken))
	for _, message := range []string{"a345678901234567890", "a3", "a345678901"} {
		send(t, peer, conn.LocalAddr(), message)
	}
	first := <-taken
	if first != "a3" { // Windows calls the long one an error
		require.Equal(t, "a345678901", first)
		require.Equal(t, "a3", <-taken)
	}
	require.Equal(t, "a345678901", <-taken)
}
