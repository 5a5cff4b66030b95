package sb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// What programs branch on, through errors.Is.
var (
	// ErrSilence: the master took the request and says nothing, or stopped in the middle.
	ErrSilence = errors.New("silence")
	// ErrRefused: the master said no, in words or by closing without a byte.
	ErrRefused = errors.New("refused by the master")
	// ErrIncomplete: the master closed the connection in the middle of a list.
	ErrIncomplete = errors.New("list is incomplete")
	// ErrMalformed: the master sent what is not a list, or more than the limits of the Config.
	ErrMalformed = errors.New("malformed list")
	// ErrNoData: the master answered, but knows nothing of the server that was asked for.
	ErrNoData = errors.New("master has no data on the server")
	// ErrNoAnswer: a game server did not answer any of the datagrams.
	ErrNoAnswer = errors.New("server does not answer")
	// ErrHidden: the master gives a number in place of the server's address; Connect gets there through NAT negotiation.
	ErrHidden = errors.New("the master hides the server's address")
	// ErrUnreachable: there is no way to the game server; the report of Connect says what was tried.
	ErrUnreachable = errors.New("no way to the server")
	// ErrNotConfigured: the Config lacks what the operation needs.
	ErrNotConfigured = errors.New("not configured")
)

// Error is the error of every operation.
type Error struct {
	Op     string // "list", "subscribe", "server info", "send message", "query", "LAN search", "connect", ...
	Step   Step   // how far the connection to the master had come; StepIdle if none was involved
	Peer   string // address of the master or of the game server, if known
	Reason string // in words
	Err    error
}

// Error implements error.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "sb: %s", e.Op)
	if e.Step != StepIdle {
		fmt.Fprintf(&text, ": %s", e.Step)
	}
	if e.Peer != "" {
		fmt.Fprintf(&text, ": %s", e.Peer)
	}
	if e.Reason != "" {
		fmt.Fprintf(&text, ": %s", e.Reason)
	}
	if e.Err != nil {
		fmt.Fprintf(&text, ": %v", e.Err)
	}
	return text.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether time ran out; with Temporary it makes *Error a net.Error.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, ErrSilence) || errors.Is(e.Err, ErrNoAnswer) || errors.Is(e.Err, os.ErrDeadlineExceeded) ||
		errors.Is(e.Err, context.DeadlineExceeded) {
		return true
	}
	var network net.Error
	return errors.As(e.Err, &network) && network.Timeout()
}

// Temporary reports whether trying again may help.
func (e *Error) Temporary() bool { return e.Timeout() }

var _ net.Error = (*Error)(nil)

// silenceHint is what silence after a list request usually means (spec servers.md §4.1).
const silenceHint = "the master says nothing: usually the game is unknown to it or it refuses the filter, the empty filter included, and some masters answer nothing then"

// errMute is ErrSilence of a master that has not sent a single byte.
var errMute = fmt.Errorf("%w", ErrSilence)

// joined is errors.Join on one line.
func joined(errs ...error) error {
	var list joinedErrors
	for _, err := range errs {
		if err != nil {
			list = append(list, err)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

type joinedErrors []error

func (e joinedErrors) Unwrap() []error { return e }

func (e joinedErrors) Error() string {
	var text strings.Builder
	for i, err := range e {
		if i > 0 {
			text.WriteString(": ")
		}
		text.WriteString(err.Error())
	}
	return text.String()
}
