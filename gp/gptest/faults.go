package gptest

import (
	"time"

	"github.com/relight-sdk/relight/internal/faulty"
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

// stream are the faults of the stream of bytes.
func (f Faults) stream() faulty.Faults {
	return faulty.Faults{Segment: f.Segment, CloseAt: f.CloseAt, StallAt: f.StallAt, GarbageAt: f.GarbageAt, Garbage: f.Garbage}
}
