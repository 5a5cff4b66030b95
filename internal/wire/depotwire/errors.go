package depotwire

import (
	"errors"
	"fmt"
	"strings"
)

// What [Error] unwraps to.
var (
	ErrTruncated = errors.New("depotwire: truncated")
	ErrCorrupt   = errors.New("depotwire: malformed")
	ErrChecksum  = errors.New("depotwire: checksum mismatch")
	ErrLimit     = errors.New("depotwire: limit exceeded")
	ErrWrongKey  = errors.New("depotwire: wrong key or corrupt")
	ErrContainer = errors.New("depotwire: unknown container")
	ErrEncrypted = errors.New("depotwire: names are encrypted")
)

// Error says what is wrong with a manifest, chunk, patch or package.
type Error struct {
	Message string // "manifest", "chunk", "patch", "client manifest", ...
	Field   string // which part of it
	File    string // name of the file concerned, if known
	Reason  string
	Err     error // one of this package's errors
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("depotwire: ")
	b.WriteString(e.Message)
	if e.Field != "" {
		b.WriteByte(' ')
		b.WriteString(e.Field)
	}
	if e.File != "" {
		fmt.Fprintf(&b, " of %.256q", e.File)
	}
	b.WriteString(": ")
	b.WriteString(e.Reason)
	return b.String()
}

// Unwrap gives the class of the error.
func (e *Error) Unwrap() error { return e.Err }

func manifestError(err error, field, format string, arguments ...any) error {
	return &Error{Message: "manifest", Field: field, Reason: fmt.Sprintf(format, arguments...), Err: err}
}

func chunkError(err error, field, format string, arguments ...any) error {
	return &Error{Message: "chunk", Field: field, Reason: fmt.Sprintf(format, arguments...), Err: err}
}

func patchError(err error, field, format string, arguments ...any) error {
	return &Error{Message: "patch", Field: field, Reason: fmt.Sprintf(format, arguments...), Err: err}
}
