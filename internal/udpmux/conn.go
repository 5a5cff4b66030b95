package udpmux

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// queueLength is how many datagrams wait for a game that is not reading, and queueBytes how much they are together, for a
// flood of large ones. A slow game loses its own packets only; the protocols beside it are not held up.
const (
	queueLength = 512
	queueBytes  = 1 << 20
)

// keepBuffer is the largest buffer that a place in the queue keeps for the next datagram: a flood of large ones must not
// hold memory for ever.
const keepBuffer = 4096

// Conn is the game's view of a shared connection: a net.PacketConn that delivers what no protocol took.
type Conn struct {
	mux *Mux

	mu       sync.Mutex
	wake     *sync.Cond
	ring     []datagram // of queueLength; nil until something comes, for many views are never read
	head     int        // next to read
	count    int
	size     int   // of what waits, in bytes
	err      error // why nothing more comes
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

type datagram struct {
	b    []byte // kept between uses, so that a steady flow does not allocate
	from netip.AddrPort
}

var _ net.PacketConn = (*Conn)(nil)

func newConn(m *Mux) *Conn {
	c := &Conn{mux: m}
	c.wake = sync.NewCond(&c.mu)
	return c
}

// ReadFrom implements net.PacketConn. The address is a *net.UDPAddr.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromUDPAddrPort is ReadFrom without the allocation for the address. IPv4 addresses are never IPv4-mapped.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, netip.AddrPort{}, c.opError("read", net.ErrClosed)
		case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
			return 0, netip.AddrPort{}, c.opError("read", os.ErrDeadlineExceeded)
		case c.count > 0:
			d := &c.ring[c.head]
			c.head = (c.head + 1) % queueLength
			c.count--
			c.size -= len(d.b)
			n := copy(b, d.b)
			if cap(d.b) > keepBuffer {
				d.b = nil
			}
			return n, d.from, nil
		case c.err != nil:
			return 0, netip.AddrPort{}, c.opError("read", c.err)
		}
		c.wake.Wait()
	}
}

// WriteTo implements net.PacketConn: it writes to the shared connection directly.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) { return c.mux.raw.WriteTo(b, to) }

// WriteToUDPAddrPort is WriteTo without the allocation for the address.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if err := c.mux.WriteTo(b, to); err != nil {
		return 0, err
	}
	return len(b), nil
}

// LocalAddr implements net.PacketConn.
func (c *Conn) LocalAddr() net.Addr { return c.mux.raw.LocalAddr() }

// Close closes the shared connection: it is the game's own. The protocols on it end, too. It waits for the reader; a
// [Handler] must not call it. It may be called more than once.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.stopTimerLocked()
	c.wake.Broadcast()
	c.mu.Unlock()

	m := c.mux
	m.mu.Lock()
	detached := m.detaching.Load()
	if first && !detached {
		m.exposed.Store(false)
		m.closing = true // no release may give the connection back any more
	}
	running := m.running
	m.mu.Unlock()
	if detached {
		// The connection is its owner's again.
		return nil
	}
	var err error
	if first {
		err = m.raw.Close()
	}
	if running {
		<-m.done
	}
	return err
}

// SetDeadline implements net.PacketConn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.PacketConn. It concerns the game's reads only.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	c.deadline = t
	switch {
	case t.IsZero():
		c.stopTimerLocked()
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(t), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.wake.Broadcast()
		})
	default:
		// Games set a deadline before each read: that is not to allocate. The function may still run for the old one; it
		// only makes readers look again.
		c.timer.Reset(time.Until(t))
	}
	c.wake.Broadcast()
	return nil
}

// SetWriteDeadline implements net.PacketConn. Writes go to the shared connection, so the protocols' writes obey it, too.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.mux.raw.SetWriteDeadline(t) }

func (c *Conn) stopTimerLocked() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// push queues a copy of a datagram and reports whether there was room.
func (c *Conn) push(b []byte, from netip.AddrPort) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.count == queueLength || c.size+len(b) > queueBytes {
		return false
	}
	if c.ring == nil {
		c.ring = make([]datagram, queueLength)
	}
	d := &c.ring[(c.head+c.count)%queueLength]
	d.b = append(d.b[:0], b...)
	d.from = from
	c.count++
	c.size += len(b)
	c.wake.Signal()
	return true
}

// fail tells the game that the shared connection has ended.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	c.wake.Broadcast()
}

func (c *Conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.mux.raw.LocalAddr(), Err: err}
}
