package pairing

import (
	"context"
	"errors"
	"net"
	"strconv"
)

var (
	// ErrNoAnswer says that the host did not answer, or stopped doing so. The [Error] with it is a time-out.
	ErrNoAnswer = errors.New("the host does not answer")
	// ErrBadConfig says that something cannot be asked.
	ErrBadConfig = errors.New("bad configuration")
	// ErrWrongPIN says that the PIN is not the one that the device shows.
	ErrWrongPIN = errors.New("wrong PIN")
	// ErrForeignTicket says that a host cannot open the ticket of a device: it is sealed under another key, as those for
	// Steam hosts are under Valve's.
	ErrForeignTicket = errors.New("the ticket is sealed under another key")
	// ErrNotPending says that no device waits at that address.
	ErrNotPending = errors.New("no device waits there")
	// ErrBadKey says that a host sent a session key that the key of the device does not open: it does not know the device,
	// or is not the host that it was paired with.
	ErrBadKey = errors.New("the session key was not sealed for this device")
)

// AuthorizationResult is a host's answer to [Pair]. Every one but AuthorizationSuccess and AuthorizationInProgress is an
// error that errors.Is finds. Numbers without a name are kept.
type AuthorizationResult int32

// Answers to a request to be paired (spec steamdiscovery.md §3.3).
const (
	AuthorizationSuccess AuthorizationResult = iota
	AuthorizationDenied
	AuthorizationNotLoggedIn
	AuthorizationOffline
	AuthorizationBusy
	AuthorizationInProgress // the user has not typed the PIN yet
	AuthorizationTimedOut
	AuthorizationFailed
	AuthorizationCanceled
)

// String is the result in words.
func (r AuthorizationResult) String() string {
	return nameOf(int(r), "authorization result", "success", "denied", "the host is not logged in to Steam", "the host is offline", "busy",
		"in progress", "timed out", "failed", "canceled")
}

// Error implements error.
func (r AuthorizationResult) Error() string { return r.String() }

// StreamingResult is a host's answer to [RequestStream]. Every one but StreamingSuccess and StreamingInProgress is an error
// that errors.Is finds. Numbers without a name are kept.
type StreamingResult int32

// Answers to a request to stream (spec steamdiscovery.md §3.3).
const (
	StreamingSuccess StreamingResult = iota
	StreamingUnauthorized
	StreamingScreenLocked
	StreamingFailed
	StreamingBusy
	StreamingInProgress
	StreamingCanceled
	StreamingDriversNotInstalled
	StreamingDisabled
	StreamingBroadcastingActive
	StreamingVRActive
	StreamingPINRequired // ask again with StreamRequest.PIN
	StreamingTransportUnavailable
	StreamingInvisible
	StreamingGameLaunchFailed
	StreamingSteamVRNotInstalled
)

// String is the result in words.
func (r StreamingResult) String() string {
	return nameOf(int(r), "streaming result", "success", "unauthorized", "the screen is locked", "failed", "busy", "in progress", "canceled",
		"drivers are not installed", "streaming is disabled", "broadcasting is active", "VR is active", "a PIN is required",
		"no common transport", "invisible", "the game did not start", "SteamVR is not installed")
}

// Error implements error.
func (r StreamingResult) Error() string { return r.String() }

func nameOf(n int, what string, names ...string) string {
	if n >= 0 && n < len(names) {
		return names[n]
	}
	return what + " " + strconv.Itoa(n)
}

// Error is the error of this package: what was being done, with whom, and why it failed.
type Error struct {
	Op   string // "pair", "stream", "authorize"
	Addr string // the host or the device; may be empty
	Err  error
}

// Error implements error.
func (e *Error) Error() string {
	text := "pairing: " + e.Op
	if e.Addr != "" {
		text += " " + e.Addr
	}
	return text + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout implements net.Error.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, ErrNoAnswer) || errors.Is(e.Err, context.DeadlineExceeded) {
		return true
	}
	cause, ok := errors.AsType[net.Error](e.Err)
	return ok && cause.Timeout()
}

// Temporary implements net.Error. It is deprecated there and always false here.
func (e *Error) Temporary() bool { return false }
