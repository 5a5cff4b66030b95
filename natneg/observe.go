package natneg

import (
	"net/netip"
	"slices"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// How often the servers are asked how they see us, beside INIT. It is good to know, not more; but a single view that is missing
// hides how a NAT counts, so that servers that do answer are asked again.
const (
	checkTimes    = 2
	checkAnswered = 6
)

// sendChecks asks the servers how they see the sockets of this negotiation: what they saw of others in an earlier detection
// need not hold. It opens no path that INIT does not open. Our cookie stands in for those that detection uses.
func (m *machine) sendChecks() {
	times := checkTimes
	if m.publicIP().IsValid() {
		times = checkAnswered
	}
	if m.checksSent >= times || sameServer(m.servers) {
		return // one server has nothing to compare
	}
	m.checksSent++
	for i := range m.ports {
		p := &m.ports[i]
		if p.seen.IsValid() {
			continue
		}
		packet := natnegwire.Exchange{Header: m.header(natnegwire.TypeAddressCheck)}
		packet.Port, packet.ClientIndex = p.kind, uint8(m.role)
		m.enqueue(outgoing{socket: p.socket, to: m.servers.at(p.server), b: packet.Append(nil)}, false)
	}
}

// handleAddress takes the answer. Which question it answers is told by the socket and the server: not all servers send the
// port type back.
func (m *machine) handleAddress(s socket, p natnegwire.Exchange, from netip.AddrPort) {
	if !plausible(p.Addr) {
		m.counters.Unexpected++
		return
	}
	known := false
	for i := range m.ports {
		q := &m.ports[i]
		if q.socket != s || m.servers.at(q.server) != from {
			continue
		}
		known = true
		q.seen = p.Addr
		m.servers.state[q.server].Observed = p.Addr
	}
	if !known {
		m.counters.Unexpected++
		return
	}
	m.observe()
}

// observe judges our own NAT by what the servers see of the negotiate socket. What Config.NAT says of it is kept.
func (m *machine) observe() {
	var views []netip.AddrPort
	for i, p := range m.ports {
		// One that stands in for a missing server sees the same twice.
		again := slices.ContainsFunc(m.ports[:i], func(q port) bool { return q.socket == p.socket && m.servers.at(q.server) == m.servers.at(p.server) })
		if p.socket == negotiateSocket && p.seen.IsValid() && !again {
			views = append(views, p.seen)
		}
	}
	if m.natGiven || len(views) < 2 {
		return
	}
	report := Report{Public: views[0], Private: netip.AddrPortFrom(m.local.Addr(), m.negotiatePort), NoProbes: true, TwoServers: len(views) == 2}
	report.describe(views, report.Private)
	report.Classify()
	if report.Mapping == EndpointIndependent {
		report.NAT = NATUnknown // whom it lets in is not known
	}
	m.nat = &report
}

func sameServer(s servers) bool {
	return !slices.ContainsFunc(s.state, func(server ServerState) bool {
		return server.Addr.IsValid() && server.Addr != s.at(0)
	})
}

// publicIP is our own address as the servers see it; invalid if they do not say.
func (m *machine) publicIP() netip.Addr {
	for _, p := range m.ports {
		if p.seen.IsValid() {
			return p.seen.Addr()
		}
	}
	for _, server := range m.servers.state {
		if server.Observed.IsValid() {
			return server.Observed.Addr()
		}
	}
	return netip.Addr{}
}

// randomPorts reports whether our own NAT is known to give every destination another port that nobody can tell.
func (m *machine) randomPorts() bool {
	return m.nat != nil && m.nat.Mapping > EndpointIndependent && m.nat.Step == 0
}

// addresses are where a partner may reach us, for a game that can tell it.
func (m *machine) addresses() []netip.AddrPort {
	list := slices.Clone(m.mapped)
	add := func(addr netip.AddrPort) {
		if plausible(addr) && !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	for _, p := range m.ports {
		if p.socket == m.pingSocket() {
			add(p.seen)
		}
	}
	add(m.local)
	return list
}
