package gstatswire

import (
	"errors"
	"fmt"
)

// What can be wrong with a field.
var (
	ErrMissing   = errors.New("is missing")
	ErrNotNumber = errors.New("is not a number in range")
	ErrLength    = errors.New("is more than there is")
)

// FieldError says which field of which message could not be read, and why.
type FieldError struct {
	Message string // the command
	Field   string // the key
	Err     error
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("gstats message %q: field %q: %v", e.Message, e.Field, e.Err)
}

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// UnknownError says that a message is not one of the protocol.
type UnknownError struct {
	Command string
}

func (e *UnknownError) Error() string { return fmt.Sprintf("gstats message %q is unknown", e.Command) }
