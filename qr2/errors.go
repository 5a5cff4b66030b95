package qr2

import (
	"context"
	"errors"
	"net"

	"github.com/relight-sdk/relight/internal/backend"
)

// What people branch on. They are found with errors.Is in [MasterState.Err] and in what the functions return.
var (
	// ErrNotConfigured: neither Domain, Host nor Addr was given, and NotPublic is not set.
	ErrNotConfigured = backend.ErrNotConfigured

	// ErrNoAnswer: the master's address is known, and three heartbeats got no answer. It is down, or UDP is blocked.
	ErrNoAnswer = errors.New("the master does not answer")

	// ErrRefused: the master sent an error; Error.Reason has its words.
	ErrRefused = errors.New("the master refuses to list this server")

	// ErrNotConfirmed: the master has challenged three times, or we have answered for 40 s, and it does not list us. Most often
	// Config.Secret is wrong.
	ErrNotConfirmed = errors.New("the master does not accept the answer to its challenge")

	// ErrUnavailable: the availability check says that the back end does not serve the game any more.
	ErrUnavailable = errors.New("the back end says that the game is unavailable")

	// ErrTemporarilyUnavailable: the same, for now. It is asked again every minute.
	ErrTemporarilyUnavailable = errors.New("the back end says that the game is temporarily unavailable")

	// ErrTooBig: the snapshot does not fit into the eight packets of a split reply, or a value not into one of them.
	ErrTooBig = errors.New("the snapshot is too big")

	// ErrSameMaster: two of the configured masters have the same address; it is reported to once. Error.Reason names the other.
	ErrSameMaster = errors.New("it is the same as another master")

	// ErrInvalid: the configuration or a snapshot has something in it that the protocol cannot carry.
	ErrInvalid = errors.New("not possible")

	// ErrTooManyJoins: 32 negotiations with players are under way, and another cookie came.
	ErrTooManyJoins = errors.New("too many negotiations are under way")

	// ErrSource: Config.Source returned an error or panicked. What it returned is found with errors.Is, too.
	ErrSource = errors.New("the source gave no snapshot")

	// ErrRunning: Run was called while it was running.
	ErrRunning = errors.New("it is running already")
)

// Error says which operation failed, with whom, and why. It is a net.Error.
type Error struct {
	Op     string // as "resolve", "heartbeat", "update"
	Peer   string // name or address of the other side; "" if there is none
	Reason string // in words, for a person; what a master said is quoted
	Err    error  // a sentinel of this package, or the cause; nil never
}

var _ net.Error = (*Error)(nil)

// Error implements error.
func (e *Error) Error() string {
	text := "qr2: " + e.Op
	if e.Peer != "" {
		text += " (" + e.Peer + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Unwrap gives the sentinel or the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether nothing was heard in time.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, ErrNoAnswer) || errors.Is(e.Err, context.DeadlineExceeded) {
		return true
	}
	var netErr net.Error
	return errors.As(e.Err, &netErr) && netErr.Timeout()
}

// Temporary reports whether trying again may help; it is there for net.Error.
func (e *Error) Temporary() bool { return e.Timeout() || errors.Is(e.Err, ErrTemporarilyUnavailable) }
