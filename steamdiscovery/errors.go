package steamdiscovery

import (
	"context"
	"errors"
	"fmt"
	"net"
)

var (
	// ErrNoInterface says that there is no network to ask on: no IPv4 interface that is up and can broadcast, and no
	// explicit target. A target on another network, or 127.0.0.1 for this machine alone, would still work.
	ErrNoInterface = errors.New("no usable IPv4 interface and no explicit target")
	// ErrInvalidStatus says that a Status cannot be announced.
	ErrInvalidStatus = errors.New("invalid status")
	// ErrNobody says, in a [Diagnosis], that nobody answered.
	ErrNobody = errors.New("nobody answered")
	// ErrRunning says that Run was called a second time.
	ErrRunning = errors.New("already running")
)

// Error is the error of this package: what was being done, where, and why it failed.
type Error struct {
	Op   string // "listen", "resolve", "interfaces", "send", "read", "status", "run", "search", "diagnose"
	Addr string // whom or what it was about; may be empty
	Err  error
}

// Error implements error.
func (e *Error) Error() string {
	text := "steamdiscovery: " + e.Op
	if e.Addr != "" {
		text += " " + e.Addr
	}
	return text + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout implements net.Error.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, context.DeadlineExceeded) {
		return true
	}
	cause, ok := errors.AsType[net.Error](e.Err)
	return ok && cause.Timeout()
}

// Temporary implements net.Error. It is deprecated there and always false here.
func (e *Error) Temporary() bool { return false }

// ended is the error of an operation whose context ended; nil if it did not. It gives the caller's reason, too.
func ended(ctx context.Context, op string) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return &Error{Op: op, Err: err}
}
