package cdkeywire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Limits of the original.
const (
	MaxDatagram = 1023 // its receive buffer
	MaxRequest  = 511  // its buffer for an auth
	maxCommand  = 31
	maxValue    = 200 // what is longer is cut there
)

// FirstByte is how every datagram starts: the backslash, XOR-ed with the first letter of the word. It is what tells CD key
// traffic from the rest of a shared socket.
const FirstByte = '\\' ^ 'g'

const word = "gamespy"

// What is wrong with a datagram.
var (
	ErrMalformed = errors.New("cdkeywire: malformed message")
	ErrUnknown   = errors.New("cdkeywire: unknown command")
	ErrTooLong   = errors.New("cdkeywire: message too long")
)

// Is reports whether a datagram may be CD key traffic.
func Is(b []byte) bool { return len(b) > 0 && b[0] == FirstByte }

// XOR turns text into a datagram and back, in place.
func XOR(b []byte) {
	for i := range b {
		b[i] ^= word[i%len(word)]
	}
}

// Parse reads a datagram. It does not change b, nor keep it.
func Parse(b []byte) (Message, error) {
	if len(b) > MaxDatagram {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are possible", ErrTooLong, len(b), MaxDatagram)
	}
	var space [MaxDatagram]byte
	text := space[:copy(space[:], b)]
	XOR(text)
	return ParseText(text)
}

// ParseText reads the text of a datagram.
func ParseText(text []byte) (Message, error) {
	// The original looks for the two backslashes of the command itself: "ucount\" and "\ucount" are none.
	if len(text) == 0 || text[0] != '\\' {
		return nil, fmt.Errorf("%w: no backslash in front", ErrMalformed)
	}
	end := bytes.IndexByte(text[1:], '\\')
	if end < 1 || end > maxCommand {
		return nil, fmt.Errorf("%w: no command", ErrMalformed)
	}
	if at := bytes.IndexByte(text, 0); at >= 0 {
		text = text[:at] // where the original's text ends
	}
	if len(text) < end+2 {
		return nil, fmt.Errorf("%w: no command", ErrMalformed)
	}
	var err error
	f := fields{text: text, err: &err}
	message := f.message(text[1 : end+1])
	if err != nil {
		return nil, err
	}
	return message, nil
}

// Append makes a datagram of a message behind b.
func Append(b []byte, m Message) ([]byte, error) {
	start := len(b)
	builder := kv.Build(b)
	m.build(&builder)
	out, err := builder.Bytes()
	if err != nil {
		return b, err
	}
	limit := MaxDatagram
	if _, ok := m.(Auth); ok {
		out = append(out, '\\') // the original's format ends so
		limit = MaxRequest
	}
	if n := len(out) - start; n > limit {
		return b, fmt.Errorf("%w: %d bytes, at most %d are possible", ErrTooLong, n, limit)
	}
	XOR(out[start:])
	return out, nil
}
