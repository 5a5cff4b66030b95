package natneg

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// How long to ping.
const (
	defaultPingTimeout = 6300 * time.Millisecond // 9 transmissions of the original, 700 ms apart
	// If our own NAT gives every destination another random port, the partner is reached with the first pings or not at all;
	// what this allows for is that it hears from the servers later than we do.
	randomPingTimeout = 4 * time.Second
)

// doubtAfter is how long a step takes before the program is told that something is wrong.
const doubtAfter = 2 * time.Second

// pingLimit is how long the partner is pinged.
func (m *machine) pingLimit() time.Duration {
	switch {
	case m.pingLimited:
		return m.pingTimeout
	case m.wanted:
		return birthdayTimeout
	case m.randomPorts() && len(m.mapped) == 0 && !m.gameNames():
		return randomPingTimeout
	}
	return defaultPingTimeout
}

// gameNames reports whether the game has named an address of the partner that the servers have not: theory knows nothing of it.
func (m *machine) gameNames() bool {
	return slices.ContainsFunc(m.candidates, func(c *candidate) bool { return c.kind == PathCandidate })
}

// hopeless reports whether theory excludes that the partner is reached at that address.
func (m *machine) hopeless(partner netip.AddrPort) bool {
	if m.pingLimited || m.gotRemote || len(m.mapped) > 0 || m.gameNames() || partner.Addr().IsPrivate() || partner.Addr() == m.publicIP() {
		return false
	}
	switch m.nat.Outlook(m.peerNAT) {
	case OutlookImpossible:
		return true
	case OutlookBirthday:
		return !m.wanted
	}
	return false
}

func (m *machine) hopelessError() *Error {
	return &Error{Step: StepPing, Peer: m.guess, Err: ErrIncompatible, Reason: m.natWords()}
}

// natWords says what is known of the two NATs.
func (m *machine) natWords() string {
	var words []string
	if m.nat != nil && m.nat.Mapping != DependencyUnknown {
		words = append(words, "here is "+m.nat.short())
	}
	if m.peerNAT != nil && m.peerNAT.Mapping != DependencyUnknown {
		words = append(words, "there is "+m.peerNAT.short())
	}
	return strings.Join(words, ", ")
}

// short is a NAT in a few words. The mapping comes first: a Report that a game puts together of what its partner told it may
// have no NAT, and the zero value is NATNone.
func (r *Report) short() string {
	switch {
	case r.Mapping > EndpointIndependent && r.Step != 0:
		return fmt.Sprintf("a symmetric NAT that counts its ports by %+d", r.Step)
	case r.Mapping > EndpointIndependent:
		return "a symmetric NAT with random ports"
	case r.NAT == NATUnknown, r.NAT == NATNone && r.Filtering > EndpointIndependent:
		return "a NAT with one port for all destinations"
	case r.NAT == NATNone, r.NAT == NATFirewallOnly:
		return r.NAT.String()
	}
	return "a " + r.NAT.String() + " NAT"
}

func (m *machine) initError() *Error {
	return &Error{Step: StepInit, Err: ErrNoServers, timeout: true,
		Reason: fmt.Sprintf("%s within %v", answeredWords(m.servers.state), m.initTimeout) + m.writeWords()}
}

func (m *machine) waitError() *Error {
	e := &Error{Step: StepWait, Err: ErrPeerAbsent, timeout: true,
		Reason: fmt.Sprintf("no CONNECT within %v; %s", m.connectTimeout, answeredWords(m.servers.state))}
	if !m.allAcked() {
		e.Err = ErrInitTimeout
	}
	if m.counters.BadAddress > 0 {
		e.Reason = fmt.Sprintf("the server named an address where no partner can be, and no ping came from the partner within %v", m.connectTimeout)
	}
	if m.counters.Unlisted > 0 {
		e.Reason += fmt.Sprintf("; %d CONNECT from other addresses ignored (see Config.AnySource)", m.counters.Unlisted)
	}
	return e
}

func (m *machine) pingError() *Error {
	limit := m.pingEnd.Sub(m.connectAt)
	reason := fmt.Sprintf("nothing came from there within %v", limit)
	if m.gotRemote {
		reason = fmt.Sprintf("its pings reach us, ours did not reach it within %v", limit)
	}
	if words := m.natWords(); words != "" {
		reason += "; " + words
	}
	if m.counters.Echoes > 0 {
		reason += fmt.Sprintf("; %d of our own pings came back", m.counters.Echoes)
	}
	peer := m.remote
	if !peer.IsValid() && len(m.candidates) > 0 {
		peer = m.candidates[0].addr
	}
	return &Error{Step: StepPing, Peer: peer, Err: ErrPingTimeout, Reason: reason, timeout: true}
}

// beginDoubt says what is likely to be wrong, long before the time limit; with Config.FailFast, that is the end.
func (m *machine) beginDoubt(now time.Time) {
	m.doubtAt = time.Time{}
	var e *Error
	switch m.step {
	case StepInit:
		if m.answered() {
			return
		}
		e = m.initError()
		e.Reason = answeredWords(m.servers.state) + " yet" + m.writeWords()
	case StepWait:
		e = m.waitError()
		e.Reason = "the servers have not named the partner's address yet; " + answeredWords(m.servers.state)
	case StepPing:
		e = m.pingError()
	}
	if !m.failFast {
		e.Servers = slices.Clone(m.servers.state) // the game reads it while we go on
		e.NAT, e.PeerNAT = m.nat, m.peerNAT
		m.doubt = e
		return
	}
	if m.step == StepPing {
		m.sendReport(0)
	}
	m.fail(now, e)
}

func (m *machine) writeWords() string {
	if m.counters.WriteErrors == 0 {
		return ""
	}
	return fmt.Sprintf("; %d datagrams could not be sent", m.counters.WriteErrors)
}
