package simnet

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDatagramsTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := New(t, Options{Delay: 40 * time.Millisecond})
		a, b := network.Host("10.0.0.1").Listen(1000), network.Host("10.0.0.2").Listen(2000)
		defer network.Start()()
		defer a.Close()
		defer b.Close()
		start := time.Now()
		_, err := a.WriteTo([]byte("hello"), b.LocalAddr())
		require.NoError(t, err)
		buf := make([]byte, 10)
		n, from, err := b.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		require.Equal(t, a.LocalAddr().String(), from.String())
		require.InDelta(t, 40, time.Since(start).Milliseconds(), 2)
	})
}

func TestLossAndDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := New(t, Options{Loss: 0.5, Duplicate: 0.5, Seed: 7})
		a, b := network.Host("10.0.0.1").Listen(1000), network.Host("10.0.0.2").Listen(2000)
		defer network.Start()()
		defer a.Close()
		defer b.Close()
		for range 400 {
			_, err := a.WriteTo([]byte("x"), b.LocalAddr())
			require.NoError(t, err)
		}
		require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Second)))
		count := 0
		for {
			if _, _, err := b.ReadFrom(make([]byte, 10)); err != nil {
				require.ErrorAs(t, err, new(net.Error))
				break
			}
			count++
		}
		require.InDelta(t, 250, count, 40, "200 come through, 100 of these are doubled, 50 of the copies come through")
	})
}

func TestJitterReorders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := New(t, Options{Jitter: 100 * time.Millisecond, Seed: 1})
		a, b := network.Host("10.0.0.1").Listen(1000), network.Host("10.0.0.2").Listen(2000)
		defer network.Start()()
		defer a.Close()
		defer b.Close()
		for i := range 20 {
			_, err := a.WriteTo([]byte{byte(i)}, b.LocalAddr())
			require.NoError(t, err)
		}
		inOrder := true
		var sum int
		for i := range 20 {
			buf := make([]byte, 10)
			_, _, err := b.ReadFrom(buf)
			require.NoError(t, err)
			sum += int(buf[0])
			inOrder = inOrder && int(buf[0]) == i
		}
		require.Equal(t, 190, sum, "each arrives once")
		require.False(t, inOrder)
	})
}

// A closed socket says so in the words of package net, as a real one does.
func TestClosedSockets(t *testing.T) {
	for _, options := range []Options{{}, {Jitter: time.Millisecond}} {
		network := New(t, options)
		conn := network.Host("10.0.0.1").Listen(1000)
		stop := network.Start()
		read := make(chan error, 1)
		go func() {
			_, _, err := conn.ReadFrom(make([]byte, 10))
			read <- err
		}()
		require.NoError(t, conn.Close())
		require.ErrorIs(t, <-read, net.ErrClosed)
		_, _, err := conn.ReadFrom(make([]byte, 10))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = conn.WriteTo([]byte("x"), conn.LocalAddr())
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, conn.Close(), net.ErrClosed)
		stop()
	}
}
