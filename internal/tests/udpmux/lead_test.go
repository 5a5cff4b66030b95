package udpmux_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// The protocols are served whether the game waits in a read, which then reads the socket itself, or is away; and the game
// gets everything of its own, in order.
func TestServedWhereverTheGameIs(t *testing.T) {
	raw, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(raw)
	defer release()
	taken := make(chan string, 1)
	mux.Handle(takes('q', taken))
	game := mux.Conn()
	defer game.Close()
	for i := range 50 {
		got := make(chan string)
		go func() { got <- read(t, game) }()
		send(t, peer, raw.LocalAddr(), "q while it waits")
		require.Equal(t, "q while it waits", <-taken)
		send(t, peer, raw.LocalAddr(), fmt.Sprint("game ", i))
		require.Equal(t, fmt.Sprint("game ", i), <-got)
		if i%10 == 0 {
			send(t, peer, raw.LocalAddr(), "q while it is away")
			require.Equal(t, "q while it is away", <-taken)
		}
	}
}

func TestBurstsStayInOrder(t *testing.T) {
	raw, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(raw)
	defer release()
	var taken atomic.Int32
	var flushed atomic.Int32
	mux.HandleBatches(func(b []byte, _ netip.AddrPort) bool {
		if b[0] != 0xFF {
			return false
		}
		taken.Add(1)
		return true
	}, func() { flushed.Add(1) })
	game := mux.Conn()
	defer game.Close()
	next := uint32(0)
	for range 20 {
		for i := range uint32(40) {
			_, err := peer.WriteTo(binary.BigEndian.AppendUint32(nil, next+i), raw.LocalAddr())
			require.NoError(t, err)
			send(t, peer, raw.LocalAddr(), "\xff")
		}
		for range 40 {
			require.Equal(t, next, binary.BigEndian.Uint32([]byte(read(t, game))))
			next++
		}
	}
	require.Eventually(t, func() bool { return taken.Load() == 800 }, 5*time.Second, time.Millisecond)
	require.Positive(t, flushed.Load())
	require.LessOrEqual(t, flushed.Load(), taken.Load())
}

// Several goroutines read: each datagram comes to one of them, and all of them end.
func TestManyReaders(t *testing.T) {
	raw, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(raw)
	defer release()
	game := mux.Conn()
	var readers sync.WaitGroup
	got := make(chan string, 1000)
	for range 4 {
		readers.Go(func() {
			buf := make([]byte, 100)
			for {
				n, _, err := game.ReadFromUDPAddrPort(buf)
				if errors.Is(err, net.ErrClosed) {
					return
				}
				got <- string(buf[:n])
			}
		})
	}
	seen := make(map[string]bool)
	for i := range 300 {
		send(t, peer, raw.LocalAddr(), fmt.Sprint(i))
		if i%7 == 0 {
			for len(seen) <= i {
				select {
				case message := <-got:
					require.False(t, seen[message], message)
					seen[message] = true
				case <-time.After(5 * time.Second):
					t.Fatalf("%d of %d", len(seen), i+1)
				}
			}
		}
	}
	require.NoError(t, game.Close())
	readers.Wait()
}

// A deadline ends a read of a game that reads the socket itself, also if it is set or moved meanwhile; nothing is lost, and
// any number of them does no harm.
func TestDeadlinesOfARealSocket(t *testing.T) {
	raw, peer := listen(t), listen(t)
	mux, release := udpmux.Attach(raw)
	defer release()
	game := mux.Conn()
	defer game.Close()
	buf := make([]byte, 100)
	for i := range 200 {
		require.NoError(t, game.SetReadDeadline(time.Now().Add(100*time.Microsecond)))
		_, _, err := game.ReadFrom(buf)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		if i%20 == 0 {
			send(t, peer, raw.LocalAddr(), "here")
			require.Equal(t, "here", read(t, game))
		}
	}
	require.NoError(t, mux.Err())
	for range 20 {
		require.NoError(t, game.SetReadDeadline(time.Time{}))
		failed := make(chan error)
		go func() {
			_, _, err := game.ReadFrom(buf)
			failed <- err
		}()
		require.NoError(t, game.SetReadDeadline(time.Unix(2, 0)))
		require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)
	}
	// Somebody moves the deadline of the socket underneath.
	require.NoError(t, game.SetReadDeadline(time.Time{}))
	got := make(chan string)
	go func() { got <- read(t, game) }()
	for range 10 {
		require.NoError(t, raw.SetReadDeadline(time.Unix(1, 0)))
	}
	send(t, peer, raw.LocalAddr(), "still")
	require.Equal(t, "still", <-got)
}

// Released and closed while the game reads the socket itself.
func TestEndingWhileTheGameReads(t *testing.T) {
	for range 50 {
		raw, peer := listen(t), listen(t)
		mux, release := udpmux.Attach(raw)
		game := mux.Conn()
		failed := make(chan error)
		go func() {
			for {
				if _, _, err := game.ReadFrom(make([]byte, 10)); err != nil {
					failed <- err
					return
				}
			}
		}()
		send(t, peer, raw.LocalAddr(), "x")
		mux.Withdraw()
		release()
		require.ErrorIs(t, <-failed, net.ErrClosed)
		send(t, peer, raw.LocalAddr(), "mine")
		for got := ""; got != "mine"; {
			got = read(t, raw)
		}
	}
}

func TestBatches(t *testing.T) {
	for _, network := range []string{"udp4", "udp", "udp6"} {
		t.Run(network, func(t *testing.T) {
			conn, err := net.ListenPacket(network, ":0")
			if err != nil {
				t.Skip(err)
			}
			port := conn.LocalAddr().(*net.UDPAddr).Port
			mux, release := udpmux.Attach(conn)
			defer release()
			game := mux.Conn()
			defer game.Close()
			require.NoError(t, game.SetDeadline(time.Now().Add(10*time.Second)))
			require.NoError(t, game.SetReadBuffer(1<<20))
			require.NoError(t, game.SetWriteBuffer(1<<20))
			raw, err := game.SyscallConn()
			require.NoError(t, err)
			require.NoError(t, raw.Control(func(uintptr) {}))

			var peers []*net.UDPConn
			for _, address := range []string{"127.0.0.1", "::1"} {
				if address == "::1" && network == "udp4" || address != "::1" && network == "udp6" {
					continue
				}
				peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)})
				if err != nil {
					continue
				}
				defer peer.Close()
				peers = append(peers, peer)
			}
			if len(peers) == 0 {
				t.Skip("no address of this kind")
			}
			// From the game, more at once than a system call takes, with one that cannot be sent and an empty one.
			var packets []udpmux.Packet
			for i := range 80 {
				peer := peers[i%len(peers)].LocalAddr().(*net.UDPAddr).AddrPort()
				packets = append(packets, udpmux.Packet{Data: fmt.Append(nil, i), Addr: peer})
			}
			packets[7].Data = nil
			packets[41].Addr = netip.AddrPort{}
			n, err := game.WriteBatch(packets)
			require.Error(t, err)
			require.Equal(t, 79, n)
			for i, packet := range packets {
				if i != 41 {
					require.Equal(t, string(packet.Data), read(t, peers[i%len(peers)]), "packet %d", i)
				}
			}
			// And back.
			for i := range 60 {
				peer := peers[i%len(peers)]
				ip := peer.LocalAddr().(*net.UDPAddr).IP
				_, err := peer.WriteTo(fmt.Append(nil, i), &net.UDPAddr{IP: ip, Port: port})
				require.NoError(t, err)
			}
			space := make([]udpmux.Packet, 25)
			for i := range space {
				space[i].Data = make([]byte, 0, 10)
			}
			seen := 0
			for seen < 60 {
				n, err := game.ReadBatch(space)
				require.NoError(t, err)
				require.Positive(t, n)
				for _, packet := range space[:n] {
					peer := peers[seen%len(peers)].LocalAddr().(*net.UDPAddr).AddrPort()
					require.Equal(t, fmt.Sprint(seen), string(packet.Data))
					require.Equal(t, netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()), packet.Addr)
					seen++
				}
			}
			n, err = game.ReadBatch(nil)
			require.NoError(t, err)
			require.Zero(t, n)
		})
	}
}

func TestFedMux(t *testing.T) {
	type sent struct {
		text string
		to   netip.AddrPort
	}
	out := make(chan sent, 10)
	local, other := netip.MustParseAddrPort("192.0.2.1:7777"), netip.MustParseAddrPort("192.0.2.9:1")
	mux, release := udpmux.NewFed(local, func(b []byte, to netip.AddrPort) error {
		out <- sent{string(b), to}
		return nil
	})
	taken := make(chan string, 1)
	remove := mux.Handle(takes('a', taken))
	require.True(t, mux.Feed([]byte("a"), other))
	require.Equal(t, "a", <-taken)
	require.False(t, mux.Feed([]byte("game"), other))
	require.NoError(t, mux.WriteTo([]byte("one"), other))
	require.Equal(t, sent{"one", other}, <-out)

	// A protocol that joins through the view, as through that of a socket.
	view := mux.Conn()
	require.Equal(t, local.String(), view.LocalAddr().String())
	same, releaseSame := udpmux.Attach(view)
	require.Same(t, mux, same)
	_, err := view.WriteTo([]byte("two"), net.UDPAddrFromAddrPort(other))
	require.NoError(t, err)
	require.Equal(t, sent{"two", other}, <-out)
	n, err := view.WriteBatch([]udpmux.Packet{{Data: []byte("three"), Addr: other}, {Data: []byte("four"), Addr: other}})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, sent{"three", other}, <-out)
	require.Equal(t, sent{"four", other}, <-out)
	require.Error(t, view.SetReadBuffer(1))
	_, err = view.SyscallConn()
	require.Error(t, err)

	remove()
	require.False(t, mux.Feed([]byte("a"), other))
	release()
	select {
	case <-mux.Done():
		t.Fatal("somebody still uses it")
	default:
	}
	releaseSame()
	<-mux.Done()
	_, _, err = view.ReadFrom(nil)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, view.Close())
}
