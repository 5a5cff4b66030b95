package udpmux_test

import (
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/udpmux"
)

// noDeadline is a connection whose reads can not be interrupted: it says so, or only seems to comply.
type noDeadline struct {
	net.PacketConn
	err error
}

func (c noDeadline) SetReadDeadline(time.Time) error { return c.err }

// What can not be interrupted is given back in the end all the same: release returns, the reader takes at most the one
// datagram that it was waiting for, and is gone.
func TestReleaseWithoutDeadlines(t *testing.T) {
	for name, refusal := range map[string]error{"refused": errors.New("no deadlines here"), "ignored": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.New(t, simnet.Options{})
				host, other := network.Host("10.0.0.1"), network.Host("10.0.0.2")
				defer network.Start()()
				raw, peer := host.Listen(1), other.Listen(2)
				defer raw.Close()
				defer peer.Close()
				mux, release := udpmux.Attach(noDeadline{raw, refusal})
				_ = mux.Conn()
				mux.Withdraw()
				released := make(chan struct{})
				go func() {
					release()
					close(released)
				}()
				select {
				case <-released:
				case <-time.After(time.Minute):
					t.Error("release does not return")
				}
				send(t, peer, raw.LocalAddr(), "one")
				select {
				case <-mux.Done():
				case <-time.After(time.Minute):
					t.Error("the reader goes on")
				}
				require.ErrorIs(t, mux.Err(), net.ErrClosed)
				for _, message := range []string{"two", "three"} {
					send(t, peer, raw.LocalAddr(), message)
					require.Equal(t, message, read(t, raw))
				}
			})
		})
	}
}

// An error now and then says nothing about the connection, however many there are in its life.
func TestRareErrorsAreHarmless(t *testing.T) {
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
		for range 200 {
			require.NoError(t, raw.SetReadDeadline(time.Unix(1, 0)))
			<-time.After(time.Minute)
		}
		require.NoError(t, mux.Err())
		send(t, peer, raw.LocalAddr(), "hello")
		require.Equal(t, "hello", read(t, game))
	})
}

// failing fails every read at once.
type failing struct {
	net.PacketConn
	reads atomic.Int32
}

func (c *failing) ReadFrom([]byte) (int, net.Addr, error) {
	c.reads.Add(1)
	return 0, nil, errors.New("broken")
}

func TestBrokenConnectionEnds(t *testing.T) {
	conn := &failing{PacketConn: listen(t)}
	mux, release := udpmux.Attach(conn)
	defer release()
	game := mux.Conn()
	<-mux.Done()
	require.ErrorContains(t, mux.Err(), "broken")
	_, _, err := game.ReadFrom(make([]byte, 10))
	require.ErrorContains(t, err, "broken")
	require.Less(t, conn.reads.Load(), int32(1000))
	require.NoError(t, game.Close())
}
