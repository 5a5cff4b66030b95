package udpmux

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
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

// Conn is the game's view of a shared connection: a net.PacketConn that delivers what no protocol took, with the further
// methods of *net.UDPConn that games use. It is safe for concurrent use.
//
// Where the connection is a *net.UDPConn, a game that waits in a read reads the connection itself, and serves the protocols
// beside it on its goroutine.
type Conn struct {
	mux     *Mux
	mayLead bool // the game may read the connection itself: its deadlines and its Close are known to interrupt a read

	mu       sync.Mutex
	wake     *sync.Cond // for readers that wait, and for the goroutine of the Mux when it ends
	lead     lead
	turns    uint64        // how often the game has taken the lead
	waiting  int           // readers that wait
	parked   bool          // the goroutine of the Mux waits for unpark
	unpark   chan struct{} // the game has got something
	rawLimit time.Time     // the read deadline of the connection, as far as we know; unknown if it may be another
	ring     []datagram    // of queueLength; nil until something comes, for many views are never read
	head     int           // next to read
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

func newConn(m *Mux) *Conn {
	c := &Conn{mux: m, unpark: make(chan struct{}, 1)}
	_, c.mayLead = m.raw.(*net.UDPConn)
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
	defer c.passOnLocked()
	for {
		switch {
		case c.closed:
			return 0, netip.AddrPort{}, c.opError("read", net.ErrClosed)
		case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
			return 0, netip.AddrPort{}, c.opError("read", os.ErrDeadlineExceeded)
		case c.count > 0:
			n, from := c.popLocked(b)
			return n, from, nil
		case c.err != nil:
			return 0, netip.AddrPort{}, c.opError("read", c.err)
		case c.lead == leadNobody && c.mayLead && c.mux.detaching.Load():
			c.mu.Unlock()
			c.mux.readerEnds(net.ErrClosed, false)
			c.mu.Lock()
		case c.lead == leadNobody && c.mayLead:
			if n, from := c.leadLocked(b); n >= 0 {
				return n, from, nil
			}
		default:
			c.waiting++
			c.wake.Wait()
			c.waiting--
		}
	}
}

// leadLocked reads the connection once, without the lock. n is -1 if there was nothing for the game.
func (c *Conn) leadLocked(b []byte) (n int, from netip.AddrPort) {
	c.lead = leadGame
	c.turns++
	c.limitLocked(c.deadline)
	c.mu.Unlock()
	defer func() { // if a protocol panics, too: the game may recover from it
		c.mu.Lock()
		c.lead = leadNobody
		if c.parked {
			c.parked = false
			c.unpark <- struct{}{}
		}
	}()
	n, from, err := c.mux.readBatch(b, true)
	c.mux.afterRead(err, true)
	return n, from
}

// passOnLocked wakes the next reader when one leaves: there may be something for it, or it must take the lead.
func (c *Conn) passOnLocked() {
	switch {
	case c.err != nil:
		c.wake.Broadcast()
	case c.waiting > 0 && (c.lead == leadNobody || c.count > 0):
		c.wake.Signal()
	}
}

// popLocked takes the first of the queue.
func (c *Conn) popLocked(b []byte) (int, netip.AddrPort) {
	d := &c.ring[c.head]
	c.head = (c.head + 1) % queueLength
	c.count--
	c.size -= len(d.b)
	n := copy(b, d.b)
	if cap(d.b) > keepBuffer {
		d.b = nil
	}
	return n, d.from
}

// ReadBatch waits for a datagram and reads as many as there are then, one into the space of each packet.
func (c *Conn) ReadBatch(packets []Packet) (n int, err error) {
	for i := range packets {
		p := &packets[i]
		p.Data = p.Data[:cap(p.Data)]
		var size int
		if i == 0 {
			if size, p.Addr, err = c.ReadFromUDPAddrPort(p.Data); err != nil {
				return 0, err
			}
		} else {
			c.mu.Lock()
			if c.count == 0 {
				c.mu.Unlock()
				return i, nil
			}
			size, p.Addr = c.popLocked(p.Data)
			c.mu.Unlock()
		}
		p.Data = p.Data[:size]
	}
	return len(packets), nil
}

// WriteBatch sends packets, several in one system call where there is one. It tries all of them and sets their Err; n is how
// many were sent, and err why the first of the others was not.
func (c *Conn) WriteBatch(packets []Packet) (n int, err error) {
	n = len(packets) - c.mux.WriteBatch(packets)
	if n < len(packets) {
		failed := slices.IndexFunc(packets, func(p Packet) bool { return p.Err != nil })
		err = packets[failed].Err
	}
	return n, err
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
	m.mu.Unlock()
	if detached {
		// The connection is its owner's again.
		return nil
	}
	var err error
	if first {
		err = m.raw.Close()
		m.readerEnds(net.ErrClosed, false) // nobody may be reading who would notice
	}
	<-m.done
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
	if c.lead == leadGame && !c.mux.detaching.Load() {
		c.limitLocked(t)
	}
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

// unknown stands for a deadline of the connection that may have been moved.
var unknown = time.Unix(1, 0)

// limitLocked sets the read deadline of the connection for who reads it.
func (c *Conn) limitLocked(t time.Time) {
	if c.mayLead && !c.rawLimit.Equal(t) {
		_ = c.mux.raw.SetReadDeadline(t)
		c.rawLimit = t
	}
}

// deadlineMoved says that a read of the connection ended by a deadline that may not be ours.
func (c *Conn) deadlineMoved() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lead == leadOwn {
		_ = c.mux.raw.SetReadDeadline(time.Time{})
		c.rawLimit = time.Time{}
		return
	}
	c.rawLimit = unknown
}

// interrupt ends the reader, or wakes it so that it ends. It reports false if the connection refuses.
func (c *Conn) interrupt() bool {
	c.mu.Lock()
	if c.lead != leadNobody {
		err := c.mux.raw.SetReadDeadline(unknown)
		c.rawLimit = unknown
		c.mu.Unlock()
		return err == nil || errors.Is(err, net.ErrClosed)
	}
	c.mu.Unlock()
	c.mux.readerEnds(net.ErrClosed, false)
	return true
}

// SetWriteDeadline implements net.PacketConn. Writes go to the shared connection, so the protocols' writes obey it, too.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.mux.raw.SetWriteDeadline(t) }

func (c *Conn) stopTimerLocked() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// push queues and counts a copy of a datagram, and reports whether there was room.
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
	c.mux.stats.passed.Add(1) // before the game can have it
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

// keepLead says whether the goroutine of the Mux reads on: not if it is over, or if the game waits.
func (c *Conn) keepLead(over bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !over && (c.waiting == 0 || !c.mayLead) {
		return true
	}
	c.lead = leadNobody
	c.passOnLocked()
	return false
}

// awaitLead waits until the game has been away for a while, and takes the lead for the goroutine of the Mux. It reports false
// if the reader has ended.
func (c *Conn) awaitLead() bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		turns := c.turns
		c.mu.Unlock()
		select {
		case <-timer.C:
		case <-c.mux.ended:
		}
		c.mu.Lock()
		switch {
		case c.err != nil:
			return false
		case c.lead == leadNobody && c.mux.detaching.Load():
			// The release may have looked already, and found nobody to interrupt.
			c.mu.Unlock()
			c.mux.readerEnds(net.ErrClosed, false)
			c.mu.Lock()
			return false
		case c.turns != turns:
		case c.lead == leadNobody && c.waiting > 0:
			c.wake.Signal()
		case c.lead == leadNobody:
			c.lead = leadOwn
			c.limitLocked(time.Time{})
			return true
		default:
			// The game waits: there is nothing to look after until it has got something.
			c.parked = true
			c.mu.Unlock()
			select {
			case <-c.unpark:
			case <-c.mux.ended:
			}
			c.mu.Lock()
		}
		timer.Reset(patience)
	}
}

// awaitGame waits, at the end, until the game has let go of the connection.
func (c *Conn) awaitGame() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lead == leadGame {
		c.wake.Wait()
	}
}

func (c *Conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.mux.raw.LocalAddr(), Err: err}
}
