package qr2wire

import "errors"

// ErrTruncated says that a reply ends early. What came before is returned with it: real servers cut their replies at
// 1400 bytes (spec qr2.md §6.3).
var ErrTruncated = errors.New("ends early")

// Error says which message, and which field of it, cannot be read or written.
type Error struct {
	Message string // as "challenge"
	Field   string // as "text"
	Problem string // what is wrong with it
	Err     error  // ErrTruncated, or nil
}

// Error implements error.
func (e *Error) Error() string {
	text := "qr2: " + e.Message + ": " + e.Field
	if e.Problem != "" {
		text += ": " + e.Problem
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the sentinel.
func (e *Error) Unwrap() error { return e.Err }

func malformed(message, field, problem string) error {
	return &Error{Message: message, Field: field, Problem: problem}
}

func truncated(message, field string) error {
	return &Error{Message: message, Field: field, Err: ErrTruncated}
}
