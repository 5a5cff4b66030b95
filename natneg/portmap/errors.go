package portmap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// What people branch on. They are found with errors.Is in the *[Error] that is returned.
var (
	// ErrNoGateway: no router answers, in any of the protocols. There is none, or port mapping is switched off and it
	// keeps silent about it.
	ErrNoGateway = errors.New("no router that opens ports answers")

	// ErrDisabled: the router could open ports but may not: somebody must allow it in the router's settings, often for
	// each device.
	ErrDisabled = errors.New("the router is not allowed to open ports for this device")

	// ErrRefused: the router refuses this mapping, for its policy or because it has no room.
	ErrRefused = errors.New("the router refuses the mapping")

	// ErrConflict: another device has the port outside.
	ErrConflict = errors.New("the port is taken by somebody else")

	// ErrDoubleNAT: the router's own outside address is not public. There is another NAT behind it, of the provider or a
	// second router, and what is opened here is not open on the internet.
	ErrDoubleNAT = errors.New("the router is itself behind a NAT")

	// ErrNotConnected: the router has no outside address: its line is down, or (miniupnpd) the address is not public, or
	// the line has no IPv4 of its own (DS-Lite).
	ErrNotConnected = errors.New("the router has no public address")

	// ErrHostile: an answer that no honest router sends, such as an address elsewhere or a description without end.
	ErrHostile = errors.New("the answer is not one of a router on this network")
)

// Error says at which step opening, keeping or closing a port failed, and why. It is a net.Error.
type Error struct {
	Step     Step
	Protocol Protocol   // the zero value if all or none are meant
	Router   netip.Addr // invalid if unknown
	Code     int        // the protocol's own error code; 0 if there is none
	Reason   string     // in words, for a person
	Err      error      // a sentinel of this package, a context's error, that of the network, or several of these joined; nil only for a wrong Config
	timeout  bool
}

var _ net.Error = (*Error)(nil)

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("portmap: ")
	b.WriteString(e.Step.String())
	if e.Protocol != 0 {
		fmt.Fprintf(&b, " by %s", e.Protocol)
	}
	if e.Router.IsValid() {
		fmt.Fprintf(&b, " (%s)", e.Router)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, ": %s", e.Reason)
	}
	if e.Code != 0 {
		fmt.Fprintf(&b, " (code %d)", e.Code)
	}
	return b.String()
}

// Unwrap gives the sentinel or the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a time limit ended it: one of the Config or the context's deadline.
func (e *Error) Timeout() bool { return e.timeout || errors.Is(e.Err, context.DeadlineExceeded) }

// Temporary reports whether trying again may help without anybody changing a setting; it is there for net.Error.
func (e *Error) Temporary() bool {
	return e.Timeout() || errors.Is(e.Err, ErrNotConnected) || errors.Is(e.Err, ErrConflict)
}

// advice is what a person can do about a sentinel.
func advice(err error) string {
	switch {
	case errors.Is(err, ErrDisabled):
		return "allow this device to open ports in the router's settings (FRITZ!Box: Internet, Freigaben, the device, \"Selbstständige Portfreigaben für dieses Gerät erlauben\"; elsewhere: switch on UPnP, NAT-PMP or PCP)"
	case errors.Is(err, ErrDoubleNAT):
		return "ask the provider for a public IPv4 address, or forward the port on the other router as well; players can still be joined by NatNeg"
	case errors.Is(err, ErrNotConnected):
		return "see whether the router is online and has a public IPv4 address: behind a second router, behind the provider's NAT or on a DS-Lite line it has none"
	case errors.Is(err, ErrConflict):
		return "choose another port outside"
	case errors.Is(err, ErrRefused):
		return "see the list of open ports in the router's settings"
	case errors.Is(err, ErrHostile):
		return "see which device has the address: it is not the router, or the router is broken"
	case errors.Is(err, ErrNoGateway):
		return "switch on UPnP in the router's settings, or forward the port by hand"
	}
	return ""
}

// network wraps an error of the network or of a context.
func networkError(ctx context.Context, step Step, protocol Protocol, router netip.Addr, err error) *Error {
	e := &Error{Step: step, Protocol: protocol, Router: router, Err: err}
	if cause := context.Cause(ctx); cause != nil {
		e.Err = cause
	}
	if timeout, ok := errors.AsType[net.Error](err); ok {
		e.timeout = timeout.Timeout()
	}
	return e
}
