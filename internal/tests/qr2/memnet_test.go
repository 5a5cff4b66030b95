package qr2_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memnet is a perfect network that costs a microsecond a datagram: months of fake time go by in seconds, which simnet's
// stack is too slow for.
type memnet struct {
	mu    sync.Mutex
	conns map[netip.AddrPort]*memConn
	sent  map[netip.AddrPort]int // datagrams by destination
}

func newMemnet() *memnet {
	return &memnet{conns: make(map[netip.AddrPort]*memConn), sent: make(map[netip.AddrPort]int)}
}

func (n *memnet) listen(t *testing.T, addr string) *memConn {
	t.Helper()
	c, err := n.open(netip.MustParseAddrPort(addr))
	require.NoError(t, err)
	return c
}

func (n *memnet) open(addr netip.AddrPort) (*memConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Err: os.ErrExist}
	}
	c := &memConn{net: n, local: addr, addr: addr, queue: make(chan memPacket, 256), closed: make(chan struct{}), moved: make(chan struct{})}
	n.conns[addr] = c
	return c, nil
}

// listenPacket is for Config.ListenPacket.
func (n *memnet) listenPacket(_ context.Context, _, address string) (net.PacketConn, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return n.open(addr)
}

// sentTo counts the datagrams that were sent to an address.
func (n *memnet) sentTo(addr string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[netip.MustParseAddrPort(addr)]
}

// rename gives a socket another address on the network, as a NAT does that was started anew.
func (n *memnet) rename(c *memConn, addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c.addr)
	c.addr = netip.MustParseAddrPort(addr)
	n.conns[c.addr] = c
}

type memPacket struct {
	b    []byte
	from netip.AddrPort
}

// memConn is a socket.
type memConn struct {
	net   *memnet
	local netip.AddrPort
	addr  netip.AddrPort // on the network; guarded by net.mu
	queue chan memPacket

	once   sync.Once
	closed chan struct{}

	mu       sync.Mutex
	deadline time.Time
	moved    chan struct{} // closed when the deadline changes
}

func (c *memConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.net.sent[to]++
	if peer := c.net.conns[to]; peer != nil {
		select {
		case peer.queue <- memPacket{bytes.Clone(b), c.addr}:
		default:
		}
	}
	return len(b), nil
}

func (c *memConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.WriteToUDPAddrPort(b, to.(*net.UDPAddr).AddrPort())
}

func (c *memConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		c.mu.Lock()
		deadline, moved := c.deadline, c.moved
		c.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			late = time.After(time.Until(deadline))
		}
		select {
		case <-c.closed:
			return 0, netip.AddrPort{}, &net.OpError{Op: "read", Net: "udp", Err: net.ErrClosed}
		case <-late:
			return 0, netip.AddrPort{}, &net.OpError{Op: "read", Net: "udp", Err: os.ErrDeadlineExceeded}
		case p := <-c.queue:
			return copy(b, p.b), p.from, nil
		case <-moved:
		}
	}
}

func (c *memConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func (c *memConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.net.mu.Lock()
		defer c.net.mu.Unlock()
		delete(c.net.conns, c.addr)
	})
	return nil
}

func (c *memConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

func (c *memConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	close(c.moved)
	c.moved = make(chan struct{})
	return nil
}

func (c *memConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }
