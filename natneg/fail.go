package natneg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
)

// resolveError tells a negotiation that was cancelled from servers that do not exist.
func resolveError(ctx context.Context, found servers, err error) *Error {
	if ctx.Err() != nil {
		return &Error{Step: StepResolve, Servers: found.state, Err: ctx.Err()}
	}
	e := &Error{Step: StepResolve, Reason: err.Error(), Servers: found.state, Err: ErrNoServers}
	if !slices.ContainsFunc(found.state, func(s ServerState) bool { return !errors.Is(s.Err, ErrNotConfigured) }) {
		e.Err, e.Reason = ErrNotConfigured, "set Domain, Host or Servers"
	}
	var timeout net.Error
	e.timeout = errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	return e
}

// setupError is the error of sockets that are not to be had.
func setupError(found servers, err error) *Error {
	e := &Error{Step: StepSetup, Servers: found.state, Err: err}
	if !errors.Is(err, ErrCookieInUse) {
		e.Reason = "no socket"
	}
	return e
}

// interrupted is the error of a negotiation whose context ended or that was closed.
func (n *Negotiation) interrupted(ctx context.Context) *Error {
	e := n.here()
	e.Err = ctx.Err()
	if n.isClosing() {
		e.Err, e.Reason = net.ErrClosed, "the negotiation was closed"
	}
	return e
}

// isClosing reports whether Close was called.
func (n *Negotiation) isClosing() bool {
	select {
	case <-n.closing:
		return true
	default:
		return false
	}
}

// broken is the error of a negotiation whose socket ended.
func (n *Negotiation) broken(paths *paths) *Error {
	e := n.here()
	e.Err = net.ErrClosed
	e.Reason = "the game's socket has ended"
	if paths.game == nil {
		e.Reason = "the socket has ended"
	}
	// A reader that gave up on a broken socket, and connections that are not the standard library's, do not say
	// net.ErrClosed, which is what it means to the caller.
	if err := paths.err(); errors.Is(err, net.ErrClosed) {
		e.Err = err
	} else if err != nil {
		e.Err = fmt.Errorf("%w: %w", net.ErrClosed, err)
	}
	return e
}

// here is an error at the step where the negotiation is.
func (n *Negotiation) here() *Error {
	state := n.State()
	e := &Error{Step: state.Step, Servers: state.Servers}
	if state.Step == StepPing {
		e.Peer = state.Remote
	}
	return e
}
