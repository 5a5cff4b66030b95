package natneg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/relight-sdk/relight/internal/backend"
)

// What people branch on. They are found with errors.Is in the *[Error] that is returned.
var (
	// ErrNotConfigured: neither Domain, Host nor Servers was given.
	ErrNotConfigured = backend.ErrNotConfigured

	// ErrCookieInUse: another negotiation with this cookie is under way on this socket, or has opened its path less than
	// five seconds ago. The two would take each other's packets.
	ErrCookieInUse = errors.New("the cookie is in use on this socket")

	// ErrNoServers: no matchup server was found, or none answered. NatNeg is down there, or UDP is blocked here.
	ErrNoServers = errors.New("no matchup server answers")

	// ErrInitTimeout: some matchup servers answered and others did not, and the partner's address never came.
	ErrInitTimeout = errors.New("not all matchup servers answer")

	// ErrPeerAbsent: the servers know us, and the other side did not come. A time-out if the servers kept silent about it.
	ErrPeerAbsent = errors.New("the partner did not come")

	// ErrPeerInit: the servers gave up, because not all packets of the two sides reached them.
	ErrPeerInit = errors.New("the matchup server misses packets of one side")

	// ErrRefused: the servers ended the negotiation for a reason that this package does not know.
	ErrRefused = errors.New("the matchup server refuses")

	// ErrIncompatible: the two NATs are known (Config.NAT, Config.PeerNAT, or what the servers saw), and theory says that
	// nothing gets through. Nothing was tried; a PingTimeout of one's own has it tried nevertheless.
	ErrIncompatible = errors.New("the two NATs do not go together")

	// ErrPingTimeout: the partner's address is known, but nothing gets through. The two NATs do not go together.
	ErrPingTimeout = errors.New("the partner does not answer")
)

// Error says in which step a negotiation or a detection failed, and why. It is a net.Error.
type Error struct {
	Step    Step
	Peer    netip.AddrPort // whom the step was about; the zero value if nobody in particular
	Reason  string         // in words, for a person
	NAT     *Report        // our own NAT, from Config.NAT or as far as the servers' answers tell; nil if not known
	PeerNAT *Report        // Config.PeerNAT
	Servers []ServerState  // the matchup servers, and which of them answered; empty before they were found
	Err     error          // a sentinel of this package, a context's error or that of the network; nil only for a wrong Config
	timeout bool
}

var _ net.Error = (*Error)(nil)

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "natneg: %s", e.Step)
	if e.Peer.IsValid() {
		fmt.Fprintf(&b, " (%s)", e.Peer)
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
func (e *Error) Temporary() bool { return e.Timeout() || errors.Is(e.Err, ErrPeerAbsent) }

// answeredWords says which servers answered.
func answeredWords(servers []ServerState) string {
	var yes, no []string
	for i, server := range servers {
		name := fmt.Sprintf("server %d (%s)", i+1, server.Addr)
		switch {
		case !server.Addr.IsValid():
			no = append(no, fmt.Sprintf("server %d (unknown address)", i+1))
		case server.Answered:
			yes = append(yes, name)
		default:
			no = append(no, name)
		}
	}
	switch {
	case len(yes) == 0:
		return "no answer from " + strings.Join(no, ", ")
	case len(no) == 0:
		return "all servers answered"
	}
	return strings.Join(yes, ", ") + " answered, " + strings.Join(no, ", ") + " did not"
}
