package gptest

import (
	"net"
	"time"
)

// Faults are what a server does wrong. Bytes are counted per connection, over everything that the server sends.
type Faults struct {
	WrongProof bool          // the proof in the login's reply is wrong
	NoGreeting bool          // the server is silent from the start
	Delay      time.Duration // before each message
	Segment    int           // bytes per write; zero: one write per message

	// After this many bytes, plus one, something happens: 1 means before the first byte, so that the zero value is
	// nothing.
	CloseAt   int // the server closes the connection
	StallAt   int // the server sends nothing more, and keeps the connection
	GarbageAt int // the server sends Garbage instead of what it should, and then stalls
	Garbage   []byte
}

// fault is what happens at a place in the stream.
type fault int

const (
	faultNone fault = iota
	faultClose
	faultStall
	faultGarbage
)

// next finds the first fault and where it is.
func (f Faults) next() (kind fault, at int) {
	for _, candidate := range []struct {
		kind fault
		at   int
	}{{faultClose, f.CloseAt}, {faultStall, f.StallAt}, {faultGarbage, f.GarbageAt}} {
		if candidate.at > 0 && (kind == faultNone || candidate.at-1 < at) {
			kind, at = candidate.kind, candidate.at-1
		}
	}
	return kind, at
}

// faultyWriter writes messages as the faults have it. It returns false when the connection is of no use any more.
type faultyWriter struct {
	conn    net.Conn
	faults  Faults
	sent    int
	stalled bool
}

func (w *faultyWriter) write(b []byte) bool {
	if w.stalled {
		return true
	}
	kind, at := w.faults.next()
	cut := kind != faultNone && w.sent+len(b) > at
	if cut {
		b = b[:max(at-w.sent, 0)]
	}
	size := w.faults.Segment
	if size <= 0 {
		size = len(b)
	}
	for len(b) > 0 {
		n := min(size, len(b))
		if _, err := w.conn.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
		w.sent += n
	}
	if !cut {
		return true
	}
	switch kind {
	case faultClose:
		return false
	case faultGarbage:
		if _, err := w.conn.Write(w.faults.Garbage); err != nil {
			return false
		}
	case faultNone, faultStall:
	}
	w.stalled = true
	return true
}
