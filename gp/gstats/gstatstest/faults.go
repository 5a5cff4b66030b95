package gstatstest

import (
	"time"

	"github.com/relight-sdk/relight/internal/faulty"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Faults are what a server does wrong. Bytes are counted per connection, over everything that the server sends.
type Faults struct {
	NoGreeting bool // the server does not send its challenge
	// Mute are commands that are not answered, such as "auth", "authp", "getpid", "getpd", "setpd" and "ka".
	Mute []string
	// CloseOn are commands at which the server closes the connection, without an answer.
	CloseOn []string

	LocalID   int32 // is added to the local id of each reply
	ProfileID int32 // is added to the profile of each reply to a read or a write: it is for another player
	Length    int   // is added to what replies say that the length of their data is
	Twice     bool  // each reply comes twice
	Swap      bool  // replies come in pairs, the later one first; an odd one never comes

	Delay   time.Duration // before each message
	Segment int           // bytes per write; zero: one write per message
	Pause   time.Duration // between these writes

	// After this many bytes, plus one, something happens: 1 means before the first byte, so that the zero value is
	// nothing.
	CloseAt   int // the server closes the connection
	StallAt   int // the server sends nothing more, and keeps the connection
	GarbageAt int // the server sends Garbage instead of what it should, and then stalls
	Garbage   []byte
}

// stream are the faults of the stream of bytes.
func (f Faults) stream() faulty.Faults {
	return faulty.Faults{
		Segment: f.Segment, Pause: f.Pause, CloseAt: f.CloseAt, StallAt: f.StallAt, GarbageAt: f.GarbageAt, Garbage: f.Garbage,
	}
}

// keyLength is how long the key is that hides messages.
const keyLength = 9

// FinalInside returns data that reads \final\ when it is hidden, wherever in a message it begins: a client that looks for
// the end of a message without knowing how long it is takes the rest for another one.
func FinalInside() []byte {
	const block = 2 * keyLength
	data := make([]byte, 0, keyLength*block)
	for phase := range keyLength {
		hidden := make([]byte, phase+block) // hiding it uncovers what must be hidden
		copy(hidden[phase:], kv.Terminator)
		gscrypt.GStatsXOR(hidden)
		data = append(data, hidden[phase:phase+len(kv.Terminator)]...)
		for range block - len(kv.Terminator) {
			data = append(data, '.')
		}
	}
	return data
}
