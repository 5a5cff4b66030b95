package cdkey

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/relight-sdk/relight/internal/backend"
)

// What people branch on. They are found with errors.Is in the *[Error] that is returned.
var (
	// ErrNotConfigured: neither Domain, Host nor Addr was given.
	ErrNotConfigured = backend.ErrNotConfigured

	// ErrRefused: the validation server does not accept the key; Error.Reason has its words.
	ErrRefused = errors.New("the validation server refuses the CD key")

	// ErrNoAnswer: the validation server did not answer, and Config.OnTimeout is [RejectOnTimeout].
	ErrNoAnswer = errors.New("the validation server does not answer")

	// ErrBadResponse: what the player sent is no response. The original's words are "Bad CD Key".
	ErrBadResponse = errors.New("bad CD key response")

	// ErrKeyInUse: a player with this key is on this server. The original's words are "CD Key in use".
	ErrKeyInUse = errors.New("the CD key is in use on this server")

	// ErrOtherKey: a proof is about another key than the player's.
	ErrOtherKey = errors.New("the proof is about another CD key")

	// ErrExpired: a proof came too late, or twice, or its player has left.
	ErrExpired = errors.New("nobody waits for the proof any more")

	// ErrTooLong: a key or a challenge does not fit into the protocol.
	ErrTooLong = errors.New("CD key or challenge too long")

	// ErrTooManyPlayers: Config.MaxPlayers are there.
	ErrTooManyPlayers = errors.New("too many players")

	// ErrInUse: CD keys are checked on this socket already. One [Checker] serves several products.
	ErrInUse = errors.New("CD keys are checked on this socket already")

	// ErrInvalid: the configuration or a request has something in it that the protocol cannot carry.
	ErrInvalid = errors.New("not possible")
)

// Error says which operation failed, with whom, and why. It is a net.Error.
type Error struct {
	Op     string // "start", "authenticate", "respond" or "prove"
	Peer   string // the validation server; "" if it had no part in it
	Reason string // in words; those of the validation server are quoted
	Err    error  // a sentinel of this package, or the cause; nil never
}

var _ net.Error = (*Error)(nil)

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("cdkey: ")
	b.WriteString(e.Op)
	if e.Peer != "" {
		b.WriteString(" (" + e.Peer + ")")
	}
	b.WriteString(": " + e.Err.Error())
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	return b.String()
}

// Unwrap gives the sentinel or the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a time limit ended it.
func (e *Error) Timeout() bool {
	return errors.Is(e.Err, ErrNoAnswer) || errors.Is(e.Err, context.DeadlineExceeded)
}

// Temporary reports whether trying again may help; it is there for net.Error.
func (e *Error) Temporary() bool { return e.Timeout() }
