package kv

import (
	"bytes"
	"iter"
)

// Pair is one key with its value. Both share the memory of the message that was scanned.
type Pair struct {
	Key, Value []byte
}

// Scanner walks the pairs of one message in order. It allocates nothing; what it yields shares the message's memory.
//
// It reads what living servers send, not only what is correct (servers.md §5.1.4): text before the first backslash is
// skipped, an empty key is skipped (kr4uzi sends \proof\X\\id\1), and a last key without a value has the empty value.
type Scanner struct {
	rest []byte
	more bool // rest starts with a token, which may be empty
}

// Scan starts at the beginning of a message, which must not include its \final\.
func Scan(message []byte) Scanner {
	_, after, ok := bytes.Cut(message, []byte{'\\'})
	if !ok {
		return Scanner{}
	}
	return Scanner{rest: after, more: true}
}

// Token returns the next single token, a key or a value depending on where the scanner stands. Messages with a pair that
// is cut in half need it.
func (s *Scanner) Token() (token []byte, ok bool) {
	if !s.more {
		return nil, false
	}
	end := bytes.IndexByte(s.rest, '\\')
	if end < 0 {
		token, s.rest, s.more = s.rest, nil, false
		return token, true
	}
	token, s.rest = s.rest[:end], s.rest[end+1:]
	return token, true
}

// Next returns the next pair, or false at the end.
func (s *Scanner) Next() (pair Pair, ok bool) {
	for {
		key, ok := s.Token()
		if !ok {
			return Pair{}, false
		}
		if len(key) == 0 {
			continue
		}
		value, _ := s.Token()
		return Pair{Key: key, Value: value}, true
	}
}

// All iterates over the pairs of a message, keys and values.
func All(message []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		scanner := Scan(message)
		for {
			pair, ok := scanner.Next()
			if !ok || !yield(pair.Key, pair.Value) {
				return
			}
		}
	}
}

// Get returns the value of the first pair with this key. The first one wins, as in the original SDK.
func Get(message []byte, key string) (value []byte, ok bool) {
	scanner := Scan(message)
	for {
		pair, ok := scanner.Next()
		if !ok {
			return nil, false
		}
		if string(pair.Key) == key {
			return pair.Value, true
		}
	}
}

// Command returns the first key of a message and its value: what the message is.
func Command(message []byte) Pair {
	scanner := Scan(message)
	pair, _ := scanner.Next()
	return pair
}
