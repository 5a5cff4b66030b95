package gstats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// What people branch on; an [*Error] matches these through errors.Is.
var (
	ErrRefused      = errors.New("gstats: refused by the server")
	ErrServerClosed = errors.New("gstats: server closed the connection")
	ErrProtocol     = errors.New("gstats: server does not keep to the protocol") // what it sent cannot be read, or belongs to nothing
	ErrNotConnected = errors.New("gstats: not connected")                        // the session is reconnecting; nothing was sent
	ErrInterrupted  = errors.New("gstats: connection lost on the way")           // see Error.Uncertain

	ErrNoSecret    = errors.New("gstats: Config.Game or Config.Secret is empty")
	ErrInvalidText = errors.New("gstats: cannot be sent")                                // a backslash or NUL, empty, or too long; nothing was sent
	ErrReadOnly    = errors.New("gstats: data of this type cannot be written by a game") // nothing was sent
	ErrTooMany     = errors.New("gstats: too many requests wait for an answer")          // Config.MaxPending; nothing was sent

	ErrNoData    = errors.New("gstats: nothing is stored")                        // or, at some servers, nothing that this player may read
	ErrUnchanged = errors.New("gstats: data has not changed")                     // since the time given to GetSince
	ErrStale     = errors.New("gstats: response was made for another connection") // of a player who was authenticated before a reconnect
	ErrGameOver  = errors.New("gstats: game is over")                             // its last snapshot was sent before

	// Of a spool.
	ErrSpoolFull   = errors.New("gstats: spool is full") // see SpoolConfig; the snapshot is not kept
	ErrSpoolInUse  = errors.New("gstats: another program uses the spool")
	ErrSpoolClosed = errors.New("gstats: spool is closed")

	// Of results, see Results.Err.
	ErrBucketType   = errors.New("gstats: result was set as another type before")
	ErrDivideByZero = errors.New("gstats: result was divided by zero")
	ErrTooManyNames = errors.New("gstats: more results than a snapshot holds")
)

// Error says what failed, where, and why. Nothing in it is secret.
type Error struct {
	Op   string // "connect", "get data", ...
	Step Step   // where the session stood
	Peer string // the server's address; empty before there is one

	Refused bool   // the server said no
	Code    int32  // of an error that the server sent as such, in the numbers of presence; zero if it sent none, too
	Text    string // the server's own words

	// Uncertain says that something that changes what is stored was on its way when the connection, or the wait for the
	// answer, ended: the server may have carried it out. Without it, the server did not.
	Uncertain bool

	Err error // what lies below: a sentinel, an error of the network, or the context's error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("gstats: " + e.Op)
	if e.Peer != "" {
		b.WriteString(" at " + e.Peer)
	}
	if e.Step != StepNone && e.Step != StepConnected {
		b.WriteString(" while " + e.Step.String())
	}
	if e.Err != nil {
		b.WriteString(": " + strings.TrimPrefix(e.Err.Error(), "gstats: "))
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, " with code %d", e.Code)
	}
	if e.Text != "" {
		fmt.Fprintf(&b, " (the server says %q)", e.Text)
	}
	return strings.ReplaceAll(b.String(), "\n", "; ") // errors.Join puts a line for each address
}

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a limit of time was what ended it, so that *Error is a net.Error.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, os.ErrDeadlineExceeded) {
		return true
	}
	netErr, ok := errors.AsType[net.Error](e.Err)
	return ok && netErr.Timeout()
}

// Temporary reports whether trying again could help; net.Error asks for it.
func (e *Error) Temporary() bool { return e.Timeout() }

// maxText is how much of what a server says is kept.
const maxText = 256

// cut keeps what a server says to a length, without holding on to the rest.
func cut(text string) string { return strings.Clone(text[:min(len(text), maxText)]) }

// protocolError marks what could not be read.
func protocolError(err error) error { return fmt.Errorf("%w: %w", ErrProtocol, err) }

// serverClosed marks the errors that mean that the other side is gone.
func serverClosed(err error) error {
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() || errors.Is(err, net.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrServerClosed, err)
}
