package natneg

import (
	"net"
	"net/netip"
	"time"
)

// Result is an open path to the partner.
//
// Behind it, the partner's late pings are answered for five seconds, because it may not know yet that the path is open,
// and the outcome is reported to the servers. That work ends by itself after the five seconds (with Config.KeepAlive, it does
// not), and earlier when Conn is closed or Close is called; the context of the negotiation has nothing to do with it.
type Result struct {
	Conn      net.PacketConn // what the game uses from now on, for the partner and everybody else; the game closes it
	Remote    netip.AddrPort // the partner's address: send there
	Guess     netip.AddrPort // what the servers thought that it was; invalid if they did not say in time
	Corrected bool           // Remote was learned from the partner's own pings; the servers' guess was wrong
	Path      PathKind       // how Remote was found
	RoundTrip time.Duration  // to the partner, roughly: from our last ping to the first that shows it was reached
	Timing    Timing
	Servers   []ServerState // the matchup servers, and how they see us if they say so

	negotiation *Negotiation
}

// Timing says how long the steps took.
type Timing struct {
	Resolve time.Duration // finding the servers' addresses
	Connect time.Duration // from the first INIT to the partner's address: mostly waiting for the partner
	Ping    time.Duration // from there until the path was open
	Total   time.Duration
}

// Peer is the partner's address now: Remote, unless Config.KeepAlive has found that the partner's NAT has changed it.
func (r *Result) Peer() netip.AddrPort { return r.negotiation.State().Remote }

// Close ends the work behind the result and waits for it. It does not close Conn. Closing early costs a partner that has
// lost our last ping its success. Close may be called more than once.
func (r *Result) Close() error { return r.negotiation.Close() }

// State is the state of the negotiation, with its counters.
func (r *Result) State() State { return r.negotiation.State() }
