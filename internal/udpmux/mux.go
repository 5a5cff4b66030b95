// Package udpmux lets several protocols share one UDP socket with the game that owns it: one reader, each protocol takes
// what is its own, and the game gets everything else, unchanged, through a net.PacketConn of its own.
package udpmux

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxDatagram is the largest payload that UDP over IPv4 carries.
const maxDatagram = 65507

// maxReadErrors is how many read errors end the reader if they follow each other closely. A single one is harmless: some
// connections report an ICMP "port unreachable" for an earlier datagram that way.
const maxReadErrors = 64

// errorsApart is how far apart two read errors have nothing to do with each other.
const errorsApart = time.Second

// detachTimeout is how long a release waits for the reader. One that obeys deadlines needs no time at all.
const detachTimeout = time.Second

// Handler looks at a datagram and reports whether it took it. It runs on the goroutine that reads, which may be the game's,
// one at a time; with [Mux.Feed] on those that feed. It must not block, and b is only valid until it returns.
type Handler func(b []byte, from netip.AddrPort) (taken bool)

// addrPortConn is what *net.UDPConn offers, and any other connection may: calls that do not allocate for the address.
type addrPortConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// Mux shares one connection. It is safe for concurrent use.
type Mux struct {
	raw  net.PacketConn
	fast addrPortConn // raw, if it is one
	conn *Conn
	size int  // of the largest datagram that is read whole
	fed  bool // it does not read: its owner feeds it

	// Who holds the lead uses these.
	source source
	fails  failures // of the source
	ours   []*entry // those that took something of the datagrams that came together
	sink   sink     // anybody may use it

	handlers atomic.Pointer[[]*entry]
	exposed  atomic.Bool // the game has asked for its view and not closed it; changed with mu held
	stats    counters

	detaching atomic.Bool // the reader was asked to let go of the connection; changed with mu held

	mu      sync.Mutex
	shared  map[any]any   // see Shared
	refs    int           // users that have not called their release function
	closing bool          // the game is closing the connection
	running bool          // the goroutine was started
	err     error         // why the reader ended
	ended   chan struct{} // closed when err is set
	done    chan struct{} // closed when nobody reads any more
}

// Stats counts datagrams since the Mux was made.
type Stats struct {
	Taken   uint64 // taken by a protocol
	Passed  uint64 // handed to the game
	Dropped uint64 // lost because the game did not read fast enough
	Ignored uint64 // nobody's: no protocol took them and the game has not asked for its view
}

type counters struct{ taken, passed, dropped, ignored atomic.Uint64 }

// Attach returns the Mux of a connection: the existing one if conn is the game's view of a Mux, else a new one that
// reads from conn; nobody else may read from it then. release gives it back; when the last user has done so and the game
// does not hold a view, the reader lets go of conn and conn can be read directly again. Where SetReadDeadline does not
// interrupt a read, the reader keeps waiting for one more datagram, which is lost.
func Attach(conn net.PacketConn) (m *Mux, release func()) { return attach(conn, maxDatagram) }

// AttachSmall is Attach for a connection on which only small datagrams are of interest: it needs less memory. What is
// longer than size bytes is cut, or lost where the system calls that an error.
func AttachSmall(conn net.PacketConn, size int) (m *Mux, release func()) { return attach(conn, size) }

func attach(conn net.PacketConn, size int) (m *Mux, release func()) {
	if view, ok := conn.(*Conn); ok {
		m = view.mux
	} else {
		m = newMux(conn, size)
		if udp, ok := conn.(*net.UDPConn); ok && size == maxDatagram {
			if source, sink := openBatch(udp, size); source != nil {
				m.source, m.sink = source, sink
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refs++
	m.startLocked()
	return m, sync.OnceFunc(m.release)
}

func newMux(conn net.PacketConn, size int) *Mux {
	m := &Mux{raw: conn, size: size, ended: make(chan struct{}), done: make(chan struct{})}
	m.fast, _ = conn.(addrPortConn)
	m.conn = newConn(m)
	m.handlers.Store(new([]*entry))
	plain := &oneByOne{mux: m}
	m.source, m.sink = plain, plain
	return m
}

// entry is a protocol on the connection.
type entry struct {
	key    any // nil: others do not mind it
	handle Handler
	flush  func() // nil for none
	took   bool   // something since the latest flush; who holds the lead knows
}

// Handle adds a protocol behind those that are there. remove takes it out; a datagram that is being handled meanwhile
// may still reach it.
func (m *Mux) Handle(h Handler) (remove func()) {
	remove, _ = m.HandleOnly(nil, h)
	return remove
}

// HandleOnly is Handle for protocols that would take each other's datagrams: there is one for each key at a time, and ok
// is false for a second one. A nil key is nobody's.
func (m *Mux) HandleOnly(key any, h Handler) (remove func(), ok bool) {
	return m.add(&entry{key: key, handle: h})
}

// HandleBatches is Handle for a protocol that answers several datagrams together: flush is called behind those that came
// together, on the same goroutine, if h took any.
func (m *Mux) HandleBatches(h Handler, flush func()) (remove func()) {
	remove, _ = m.add(&entry{handle: h, flush: flush})
	return remove
}

func (m *Mux) add(added *entry) (remove func(), ok bool) {
	key := added.key
	m.mu.Lock()
	defer m.mu.Unlock()
	list := *m.handlers.Load()
	if key != nil && slices.ContainsFunc(list, func(e *entry) bool { return e.key == key }) {
		return nil, false
	}
	m.storeLocked(append(slices.Clone(list), added))
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.storeLocked(slices.DeleteFunc(slices.Clone(*m.handlers.Load()), func(e *entry) bool { return e == added }))
	}), true
}

// storeLocked puts in a new list: the reader uses the old one without a lock.
func (m *Mux) storeLocked(list []*entry) { m.handlers.Store(&list) }

// Conn is the game's view: what no protocol takes. There is one for each Mux, and it closes the connection when it is
// closed, unless the reader has let go of the connection before.
func (m *Mux) Conn() *Conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.conn.isClosed() {
		m.exposed.Store(true)
	}
	return m.conn
}

// Withdraw takes the game's view back, so that the last release lets go of the connection. It is for the user who made
// the Mux of a bare connection and did not hand the view out in the end; what waits in the view is lost.
func (m *Mux) Withdraw() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.exposed.Store(false)
}

// LocalAddr is the address of the shared connection.
func (m *Mux) LocalAddr() net.Addr { return m.raw.LocalAddr() }

// WriteTo sends a datagram on the shared connection.
func (m *Mux) WriteTo(b []byte, to netip.AddrPort) error {
	if m.fast != nil {
		_, err := m.fast.WriteToUDPAddrPort(b, to)
		return err
	}
	_, err := m.raw.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

// WriteBatch sends datagrams on the shared connection, several in one system call where there is one. It tries all of them,
// sets their Err, and says how many failed.
func (m *Mux) WriteBatch(packets []Packet) (failed int) { return m.sink.write(packets) }

// Done is closed when the reader has ended because the connection was closed or broke.
func (m *Mux) Done() <-chan struct{} { return m.done }

// Err says why the reader ended; nil while it has not.
func (m *Mux) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Stats returns the counts.
func (m *Mux) Stats() Stats {
	return Stats{
		Taken:   m.stats.taken.Load(),
		Passed:  m.stats.passed.Load(),
		Dropped: m.stats.dropped.Load(),
		Ignored: m.stats.ignored.Load(),
	}
}

func (m *Mux) release() {
	m.mu.Lock()
	m.refs--
	if m.refs > 0 || m.exposed.Load() && !m.fed || m.closing || m.err != nil {
		m.mu.Unlock()
		return
	}
	m.detaching.Store(true)
	m.mu.Unlock()
	// Who reads sits in the connection's read: a deadline in the past wakes it without closing what is not ours.
	if !m.conn.interrupt() {
		return // a connection without deadlines; there is no waiting for its reader
	}
	timer := time.NewTimer(detachTimeout)
	defer timer.Stop()
	select {
	case <-m.done:
	case <-timer.C: // it does not do what it says, or somebody else moved the deadline
	}
	_ = m.raw.SetReadDeadline(time.Time{})
}

// take offers a datagram to the protocols.
func (m *Mux) take(b []byte, from netip.AddrPort) bool {
	for _, e := range *m.handlers.Load() {
		if e.handle(b, from) {
			if e.flush != nil && !e.took {
				e.took = true
				m.ours = append(m.ours, e)
			}
			m.stats.taken.Add(1)
			return true
		}
	}
	return false
}

// flush ends what came together.
func (m *Mux) flush() {
	for i, e := range m.ours {
		e.took = false
		m.ours[i] = nil
		e.flush()
	}
	m.ours = m.ours[:0]
}

func (m *Mux) readOnce(buf []byte) (int, netip.AddrPort, error) {
	if m.fast != nil {
		n, from, err := m.fast.ReadFromUDPAddrPort(buf)
		return n, unmap(from), err
	}
	n, addr, err := m.raw.ReadFrom(buf)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	return n, addrPort(addr), nil
}

// addrPort converts what a net.PacketConn reports as a source.
func addrPort(addr net.Addr) netip.AddrPort {
	switch a := addr.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case nil:
		return netip.AddrPort{}
	}
	parsed, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return unmap(parsed)
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
