// Package faulty writes to a connection what a broken server or network would: cut, in pieces, slowly, with garbage in it.
package faulty

import (
	"io"
	"time"
)

// Faults are what goes wrong on one connection. The zero value is nothing.
type Faults struct {
	Segment int           // bytes per write; zero: as it comes
	Pause   time.Duration // before each segment but the first of a message

	// After this many bytes, plus one, something happens: 1 means before the first byte, so that the zero value is
	// nothing.
	CloseAt   int // nothing can be written any more
	StallAt   int // everything is swallowed
	GarbageAt int // Garbage is written, and then everything is swallowed
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

// Writer writes messages as the faults have it.
type Writer struct {
	stream  io.Writer
	faults  Faults
	gone    <-chan struct{}
	sent    int
	stalled bool
}

// NewWriter makes a writer; a pause ends when gone is closed.
func NewWriter(stream io.Writer, faults Faults, gone <-chan struct{}) *Writer {
	return &Writer{stream: stream, faults: faults, gone: gone}
}

// Write writes a message. It returns false when the stream is of no use any more.
func (w *Writer) Write(b []byte) bool {
	if w.stalled {
		return true
	}
	kind, at := w.faults.next()
	cut := kind != faultNone && w.sent+len(b) > at
	if cut {
		b = b[:max(at-w.sent, 0)]
	}
	if !w.segments(b) {
		return false
	}
	if !cut {
		return true
	}
	switch kind {
	case faultClose:
		return false
	case faultGarbage:
		if _, err := w.stream.Write(w.faults.Garbage); err != nil {
			return false
		}
	case faultNone, faultStall:
	}
	w.stalled = true
	return true
}

func (w *Writer) segments(b []byte) bool {
	size := w.faults.Segment
	if size <= 0 {
		size = len(b)
	}
	for first := true; len(b) > 0; first = false {
		if !first && !Wait(w.faults.Pause, w.gone) {
			return false
		}
		n := min(size, len(b))
		if _, err := w.stream.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
		w.sent += n
	}
	return true
}

// Wait waits, and returns false if gone is closed before.
func Wait(pause time.Duration, gone <-chan struct{}) bool {
	if pause <= 0 {
		return true
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-gone:
		return false
	}
}
