package rfc5780

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/relight-sdk/relight/natneg"
)

// What people branch on. They are found with errors.Is in the *[Error] that is returned.
var (
	// ErrNotConfigured: no server was named.
	ErrNotConfigured = natneg.ErrNotConfigured

	// ErrNoServers: no server was found, or none answered. UDP may be blocked here.
	ErrNoServers = errors.New("no STUN server answers")

	// ErrRefused: a server answered with an error.
	ErrRefused = errors.New("the STUN server refuses")
)

// Error says why nothing could be found out. It is a net.Error.
type Error struct {
	Server  netip.AddrPort // whom it was about; the zero value if all or none are meant
	Reason  string         // in words, for a person
	Err     error          // a sentinel of this package, a context's error or that of the network; nil only for a wrong Config
	timeout bool
}

var _ net.Error = (*Error)(nil)

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("rfc5780")
	if e.Server.IsValid() {
		fmt.Fprintf(&b, " (%s)", e.Server)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, ": %s", e.Reason)
	}
	return b.String()
}

// Unwrap gives the sentinel or the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a time limit ended it: one of the Config or the context's deadline.
func (e *Error) Timeout() bool { return e.timeout || errors.Is(e.Err, context.DeadlineExceeded) }

// Temporary reports whether trying again may help; it is there for net.Error.
func (e *Error) Temporary() bool { return e.Timeout() }
