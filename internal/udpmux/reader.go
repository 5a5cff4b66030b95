package udpmux

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// Who reads. Whoever holds the lead reads the connection: the game, while it waits in one of the view's reads, or else a
// goroutine of the Mux. So a game's datagrams go straight from the system to the game that waits for them, and nobody
// needs to be woken in between; and the protocols are served while the game is busy elsewhere.
//
// The goroutine does not take the lead as soon as the game turns its back: it would sit in the read when the game comes
// back. It looks every now and then whether the game has been back meanwhile.

// lead is who reads the connection.
type lead uint8

const (
	leadNobody lead = iota
	leadGame
	leadOwn // the goroutine of the Mux
)

// patience is how long the game may be away, at least, before the goroutine reads: protocols may wait that long, and up to
// twice that.
const patience = time.Millisecond

func (m *Mux) startLocked() {
	if m.fed || m.running || m.err != nil {
		return
	}
	m.running = true
	m.conn.lead = leadOwn // nobody can have it yet
	go m.run()
}

// run is the goroutine of the Mux.
func (m *Mux) run() {
	for {
		_, _, err := m.readBatch(nil, false)
		over := m.afterRead(err, false)
		if m.conn.keepLead(over) {
			continue
		}
		if over || !m.conn.awaitLead() {
			break
		}
	}
	m.conn.awaitGame()
	close(m.done)
}

// readBatch reads what there is and hands it out. The first datagram of the game's goes into its buffer, if it wants one, and
// the others into its queue; n is -1 if there was none. Only who holds the lead calls it.
func (m *Mux) readBatch(into []byte, want bool) (n int, from netip.AddrPort, err error) {
	n = -1
	count, err := m.source.read()
	if err != nil {
		return n, from, err
	}
	for i := range count {
		b, sender := m.source.datagram(i)
		switch {
		case m.take(b, sender):
		case !m.exposed.Load():
			m.stats.ignored.Add(1)
		case want && n < 0:
			n, from = copy(into, b), sender
			m.stats.passed.Add(1)
		case !m.conn.push(b, sender):
			m.stats.dropped.Add(1)
		}
	}
	m.flush()
	return n, from, nil
}

// afterRead decides whether a read was the last one, and ends the reader if it was. Only who holds the lead calls it.
func (m *Mux) afterRead(err error, game bool) (over bool) {
	if err != nil {
		// A game may well set a short deadline before each of its reads.
		tooMany := !(game && isTimeout(err)) && m.fails.tooMany()
		return m.readerEnds(err, tooMany)
	}
	m.fails.count = 0
	return m.detaching.Load() && m.readerEnds(net.ErrClosed, false)
}

// failures counts read errors that follow each other closely.
type failures struct {
	count int
	last  time.Time
}

func (f *failures) tooMany() bool {
	now := time.Now()
	if now.Sub(f.last) > errorsApart {
		f.count = 0
	}
	f.last = now
	f.count++
	return f.count >= maxReadErrors
}

// readerEnds decides whether a read error is the last one, and ends the reader if it is.
func (m *Mux) readerEnds(err error, tooMany bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.err != nil:
		return true
	case m.detaching.Load():
		err = net.ErrClosed
	case tooMany || errors.Is(err, net.ErrClosed):
	case isTimeout(err):
		// The game's own deadline, or somebody's who set it on the connection that they gave away.
		m.conn.deadlineMoved()
		return false
	default:
		return false
	}
	m.endLocked(err)
	return true
}

// endLocked ends the reader; who holds the lead notices.
func (m *Mux) endLocked(err error) {
	if m.err != nil {
		return
	}
	m.err = err
	m.conn.fail(err)
	close(m.ended)
	if !m.running {
		close(m.done)
	}
}

// isTimeout also knows the connections whose time-out is not the one of package os.
func isTimeout(err error) bool {
	var netErr net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}
