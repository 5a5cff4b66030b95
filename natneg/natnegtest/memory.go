package natnegtest

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// memoryQueue is how many datagrams wait for a reader; more are lost, as in a kernel.
const memoryQueue = 512

// memoryConn is a UDP socket of a [Host].
type memoryConn struct {
	host   *Host
	local  netip.AddrPort
	random *rand.Rand // guarded by network.mu

	mu       sync.Mutex
	wake     *sync.Cond
	queue    []received
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

type received struct {
	from netip.AddrPort
	b    []byte
}

var _ net.PacketConn = (*memoryConn)(nil)

func newMemoryConn(h *Host, local netip.AddrPort, random *rand.Rand) *memoryConn {
	c := &memoryConn{host: h, local: local, random: random}
	c.wake = sync.NewCond(&c.mu)
	return c
}

func (c *memoryConn) push(from netip.AddrPort, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.queue) >= memoryQueue {
		return
	}
	c.queue = append(c.queue, received{from, slices.Clone(b)})
	c.wake.Signal()
}

// ReadFrom implements net.PacketConn.
func (c *memoryConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromUDPAddrPort is what *net.UDPConn has.
func (c *memoryConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, netip.AddrPort{}, c.opError("read", net.ErrClosed)
		case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
			return 0, netip.AddrPort{}, c.opError("read", os.ErrDeadlineExceeded)
		case len(c.queue) > 0:
			r := c.queue[0]
			c.queue = c.queue[1:]
			return copy(b, r.b), r.from, nil
		}
		c.wake.Wait()
	}
}

// WriteTo implements net.PacketConn.
func (c *memoryConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.WriteToUDPAddrPort(b, addrPort(to))
}

// WriteToUDPAddrPort is what *net.UDPConn has.
func (c *memoryConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return 0, c.opError("write", net.ErrClosed)
	}
	c.host.network.send(c, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), b)
	return len(b), nil
}

// Close implements net.PacketConn.
func (c *memoryConn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.wake.Broadcast()
	c.mu.Unlock()
	if !first {
		return c.opError("close", net.ErrClosed)
	}
	n := c.host.network
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(c.host.conns, c.local.Port())
	return nil
}

// LocalAddr implements net.PacketConn.
func (c *memoryConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetDeadline implements net.PacketConn. Writes never wait.
func (c *memoryConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline implements net.PacketConn. Writes never wait.
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	c.deadline = t
	switch {
	case t.IsZero():
		if c.timer != nil {
			c.timer.Stop()
		}
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(t), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.wake.Broadcast()
		})
	default:
		c.timer.Reset(time.Until(t))
	}
	c.wake.Broadcast()
	return nil
}

func (c *memoryConn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Err: err}
}
