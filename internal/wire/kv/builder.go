package kv

import (
	"fmt"
	"strconv"
	"strings"
)

// Builder appends the pairs of one message. The first mistake sticks: what follows is ignored and [Builder.Final] or
// [Builder.Bytes] return the error. The zero value is ready to use.
type Builder struct {
	b     []byte
	start int
	err   error
}

// ForbiddenError says that text cannot be sent because it holds a byte that the format has no escape for.
type ForbiddenError struct {
	Key  string // the key, or the key whose value it is
	Byte byte   // the backslash or NUL
	At   int    // where it is in the text; -1 for an empty key
}

func (e *ForbiddenError) Error() string {
	if e.At < 0 {
		return "kv: a key is empty"
	}
	return fmt.Sprintf("kv: value of %q holds the byte %q at position %d, which cannot be sent", e.Key, e.Byte, e.At)
}

// Build starts a message behind b, which may be nil.
func Build(b []byte) Builder { return Builder{b: b, start: len(b)} }

// Pair appends a pair. Neither key nor value can hold a backslash or a NUL, and the key cannot be empty.
func (m *Builder) Pair(key, value string) {
	if m.err != nil {
		return
	}
	if m.err = check(key, key); m.err != nil {
		return
	}
	if key == "" {
		m.err = &ForbiddenError{At: -1}
		return
	}
	if m.err = check(key, value); m.err != nil {
		return
	}
	m.b = append(m.b, '\\')
	m.b = append(m.b, key...)
	m.b = append(m.b, '\\')
	m.b = append(m.b, value...)
}

// Int appends a pair with a decimal number.
func (m *Builder) Int(key string, value int64) {
	m.Pair(key, "")
	if m.err == nil {
		m.b = strconv.AppendInt(m.b, value, 10)
	}
}

// Err returns the first mistake.
func (m *Builder) Err() error { return m.err }

// Bytes returns what was given to [Build] with the message behind it, without \final\.
func (m *Builder) Bytes() ([]byte, error) {
	if m.err != nil {
		return m.b[:m.start], m.err
	}
	return m.b, nil
}

// Final ends the message with \final\ and returns what was given to [Build] with the message behind it.
func (m *Builder) Final() ([]byte, error) {
	if m.err != nil {
		return m.b[:m.start], m.err
	}
	m.b = append(m.b, Terminator...)
	return m.b, nil
}

// Valid reports whether text can be a value.
func Valid(text string) bool {
	return strings.IndexByte(text, '\\') < 0 && strings.IndexByte(text, 0) < 0
}

// Sanitize makes text fit to be a value the way the original SDK does for some fields: a backslash becomes a slash. A NUL,
// which would end the text in the SDK, becomes a blank.
func Sanitize(text string) string {
	if Valid(text) {
		return text
	}
	return strings.NewReplacer(`\`, "/", "\x00", " ").Replace(text)
}

// check looks for bytes that cannot be sent.
func check(key, text string) error {
	for i := range len(text) {
		if text[i] == '\\' || text[i] == 0 {
			return &ForbiddenError{Key: key, Byte: text[i], At: i}
		}
	}
	return nil
}
