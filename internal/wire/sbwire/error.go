package sbwire

import (
	"errors"
	"fmt"
)

// Classes of errors, for errors.Is.
var (
	ErrTruncated = errors.New("ends too early")
	ErrLimit     = errors.New("over the limit")
	ErrInvalid   = errors.New("invalid")
)

// The limits of a [Decoder], each an ErrLimit, for errors.Is.
var (
	ErrElement = fmt.Errorf("%w of one element", ErrLimit)
	ErrPopular = fmt.Errorf("%w of all popular values", ErrLimit)
	ErrServers = fmt.Errorf("%w of servers", ErrLimit)
)

// Error says which field of which message could not be read or written.
type Error struct {
	Message string // such as "server entry"
	Field   string // such as "public port"
	Detail  string // what is wrong, "" if Err says it all
	Err     error  // ErrTruncated, ErrInvalid, ErrLimit or one that is an ErrLimit
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("sb: %s: %s: %v", e.Message, e.Field, e.Err)
	}
	return fmt.Sprintf("sb: %s: %s: %v: %s", e.Message, e.Field, e.Err, e.Detail)
}

// Unwrap gives the class.
func (e *Error) Unwrap() error { return e.Err }

func truncated(message, field string) error {
	return &Error{Message: message, Field: field, Err: ErrTruncated}
}

func invalid(message, field, format string, args ...any) error {
	return &Error{Message: message, Field: field, Detail: fmt.Sprintf(format, args...), Err: ErrInvalid}
}

func overLimit(message, field, format string, args ...any) error {
	return &Error{Message: message, Field: field, Detail: fmt.Sprintf(format, args...), Err: ErrLimit}
}
