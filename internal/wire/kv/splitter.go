package kv

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// Terminator ends a message on a stream.
const Terminator = `\final\`

// DefaultLimit is the longest message that a [Splitter] takes if it is told no other limit. No legal message is longer
// than a buddy list (spec gp.md §1).
const DefaultLimit = 256 << 10

// TooLongError says that a stream went on without a \final\ beyond the limit.
type TooLongError struct {
	Limit int // bytes
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf(`kv: message is longer than %d bytes without \final\`, e.Limit)
}

// Splitter cuts a stream into messages, at any segmentation. It looks at every byte once and holds at most the limit and
// one segment. The zero value is ready to use.
type Splitter struct {
	// Limit is the longest message in bytes, without \final\; zero means [DefaultLimit].
	Limit int
	// Extent says how long a message, of which everything in front of a \final\ is given, is by its own account. Where that
	// is more, and a \final\ stands there, too, the first one belongs to the message. Nil: the first one ends it.
	Extent func(message []byte) int

	buffer  []byte
	start   int // of the message that is being read
	scanned int // no terminator starts before this
	extent  int // what Extent said of the message that is being read; zero: it was not asked yet
}

// Append takes the next bytes of the stream. They are copied. Messages that [Splitter.Next] returned before become
// invalid.
func (s *Splitter) Append(segment []byte) {
	s.compact()
	s.buffer = append(s.buffer, segment...)
}

// Fill reads once from a stream, at most size bytes, without a copy. Messages that [Splitter.Next] returned before become
// invalid.
func (s *Splitter) Fill(stream io.Reader, size int) (n int, err error) {
	s.compact()
	used := len(s.buffer)
	s.buffer = slices.Grow(s.buffer, size)
	n, err = stream.Read(s.buffer[used : used+size])
	s.buffer = s.buffer[:used+n]
	return n, err
}

// Release gives the memory back that a burst has needed, unless a message is under way.
func (s *Splitter) Release() {
	if s.start == len(s.buffer) {
		s.buffer, s.start, s.scanned = nil, 0, 0
	}
}

// Cap is how much memory is held, in bytes.
func (s *Splitter) Cap() int { return cap(s.buffer) }

// compact moves what is not used yet to the front.
func (s *Splitter) compact() {
	if s.start > 0 {
		n := copy(s.buffer, s.buffer[s.start:])
		s.buffer = s.buffer[:n]
		s.scanned -= s.start
		s.start = 0
	}
}

// Next returns the next whole message without its \final\, or false if more of the stream is needed. The message is
// valid until the next call of Append. A message that is too long is an error, and stays one.
func (s *Splitter) Next() (message []byte, ok bool, err error) {
	limit := s.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	at := bytes.Index(s.buffer[s.scanned:], []byte(Terminator))
	if at < 0 {
		s.scanned = max(s.start, len(s.buffer)-len(Terminator)+1)
		if s.scanned-s.start > limit {
			return nil, false, &TooLongError{Limit: limit}
		}
		return nil, false, nil
	}
	end := s.scanned + at
	if end-s.start > limit {
		return nil, false, &TooLongError{Limit: limit}
	}
	if s.Extent != nil {
		if s.extent == 0 {
			s.extent = s.Extent(s.buffer[s.start:end:end])
		}
		if s.extent > end-s.start && s.extent <= limit {
			whole, wait := s.ends(s.start + s.extent)
			if wait {
				s.scanned = end
				return nil, false, nil
			}
			if whole {
				end = s.start + s.extent
			}
		}
		s.extent = 0
	}
	message = s.buffer[s.start:end:end]
	s.start = end + len(Terminator)
	s.scanned = s.start
	return message, true, nil
}

// ends reports whether a terminator stands at a place, or whether more of the stream is needed to say.
func (s *Splitter) ends(at int) (whole, wait bool) {
	rest := s.buffer[min(at, len(s.buffer)):]
	if len(rest) < len(Terminator) {
		return false, bytes.HasPrefix([]byte(Terminator), rest)
	}
	return bytes.HasPrefix(rest, []byte(Terminator)), false
}

// Pending returns what has been read of a message that is not whole yet: what is left when a stream ends. It is valid
// until the next call of Append.
func (s *Splitter) Pending() []byte { return s.buffer[s.start:] }
