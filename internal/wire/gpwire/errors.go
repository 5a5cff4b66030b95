package gpwire

import (
	"errors"
	"fmt"
)

// What can be wrong with a field.
var (
	ErrMissing   = errors.New("is missing")
	ErrNotNumber = errors.New("is not a number in range")
	ErrMalformed = errors.New("is malformed")
)

// FieldError says which field of which message could not be read or written, and why.
type FieldError struct {
	Message string // the command
	Field   string // the key
	Err     error
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("gp message %q: field %q: %v", e.Message, e.Field[:min(len(e.Field), 64)], e.Err)
}

func (e *FieldError) Unwrap() error { return e.Err }

// LimitError says that a text is longer than the original takes.
type LimitError struct {
	Length, Limit int // bytes
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("has %d bytes, the limit is %d", e.Length, e.Limit)
}

// UnknownError says that a message is not one of the protocol, or that it has no command at all.
type UnknownError struct {
	Command string
}

func (e *UnknownError) Error() string {
	if e.Command == "" {
		return "gp message without a command"
	}
	return fmt.Sprintf("gp message %q is unknown", e.Command)
}
