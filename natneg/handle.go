package natneg

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// handle takes a datagram that came in on a socket.
func (m *machine) handle(s socket, b []byte, from netip.AddrPort, now time.Time) {
	if m.step < StepInit || m.step > StepKept {
		return
	}
	packet, err := natnegwire.Parse(b)
	if err != nil {
		m.counters.Malformed++
		return
	}
	if packet.Head().Cookie != m.cookie {
		m.counters.Foreign++
		return
	}
	m.counters.Received++
	// The version is not looked at: neither does the original, and servers answer with others.
	switch p := packet.(type) {
	case natnegwire.Connect:
		if p.Type == natnegwire.TypeConnect {
			m.handleConnect(s, p, from, now)
		} else {
			m.handlePing(s, p, from, now)
		}
	case natnegwire.Exchange:
		switch p.Type {
		case natnegwire.TypeInitAck:
			m.handleInitAck(p, now)
		case natnegwire.TypeERTTest:
			m.counters.ERTTests++
			m.reply(s, from, natnegwire.AppendERTAck(nil, b))
		case natnegwire.TypeAddressReply:
			m.handleAddress(s, p, from)
		case natnegwire.TypeReportAck:
			m.reportsLeft = 0
		default:
			m.counters.Unexpected++
		}
	case natnegwire.Report:
		if p.Type == natnegwire.TypeReportAck {
			m.reportsLeft = 0
		} else {
			m.counters.Unexpected++
		}
	default:
		m.counters.Unexpected++
	}
	m.pump(now)
}

func (m *machine) handleInitAck(p natnegwire.Exchange, now time.Time) {
	i := slices.IndexFunc(m.ports, func(q port) bool { return q.kind == p.Port })
	if i < 0 {
		m.counters.Unexpected++
		return
	}
	m.counters.InitAcks++
	acked := &m.ports[i]
	server := &m.servers.state[acked.server]
	if !acked.acked {
		acked.acked = true
		if server.Addr.IsValid() && !server.Answered {
			server.Answered = true
			server.RoundTrip = now.Sub(acked.lastSent)
		}
		// Some servers send back what they were told.
		if plausible(p.Addr) && p.Addr != m.local && !server.Observed.IsValid() {
			server.Observed = p.Addr
		}
	}
	if m.step == StepInit && m.allAcked() {
		m.wait(now, now.Add(m.connectTimeout))
	}
}

// plausible tells an address that a server saw from what some put there instead (zeros, or bytes that happen to be an
// address: servers.md §7).
func plausible(addr netip.AddrPort) bool {
	ip := addr.Addr()
	return addr.Port() != 0 && ip.Is4() && ip.As4()[0] != 0 && !ip.IsMulticast() && ip.As4()[0] < 240
}

// reachable tells an address where a partner can be. The servers pass on what the other side told them of itself
// (servers.md §7), so nobody but a server on this machine may lead us to this machine's own services, and nobody to a whole
// network.
func (m *machine) reachable(partner, server netip.AddrPort) bool {
	return plausible(partner) && !slices.Contains(m.broadcasts, partner.Addr()) &&
		(!partner.Addr().IsLoopback() || server.Addr().IsLoopback() || !server.IsValid() && m.local.Addr().IsLoopback())
}

func (m *machine) handleConnect(s socket, p natnegwire.Connect, from netip.AddrPort, now time.Time) {
	if !m.anySource && !slices.Contains(m.servers.trusted, from.Addr()) {
		m.counters.Unlisted++
		return
	}
	m.counters.Connects++
	if p.Finished != natnegwire.FinishedOK {
		if m.step < StepPing {
			m.refused(p, from, now)
		}
		return
	}
	if !m.reachable(p.Remote, from) {
		// Met in the wild: openspy-core gives 0.0.0.0 of a partner behind the same address who did not tell a local one.
		// The partner knows our address and pings it, which will show the true one; see handlePing.
		m.counters.BadAddress++
		if m.step < StepPing && len(m.candidates) > 0 {
			m.startPings(now) // the game knows better
		}
		return
	}
	ack := natnegwire.Exchange{Header: m.header(natnegwire.TypeConnectAck)}
	ack.Port, ack.ClientIndex = natnegwire.PortNN1, uint8(m.role)
	if s == gameSocket {
		ack.Port = natnegwire.PortGame
	}
	m.reply(s, from, ack.Append(nil))
	switch {
	case m.step > StepPing:
		return
	case m.guess.IsValid():
		// Another server may see it in another way.
		if m.named < maxNamed && m.candidateAt(p.Remote) < 0 {
			m.named++
			m.addCandidate(p.Remote, PathMatchup)
		}
		return
	}
	m.guess = p.Remote
	m.nominate(p.Remote)
	switch {
	case m.step == StepPing: // the partner's pings were faster; its address is known from them
	case m.hopeless(p.Remote):
		m.sendReport(0)
		m.fail(now, m.hopelessError())
	default:
		m.remote = p.Remote
		m.startPings(now)
	}
}

// refused ends the negotiation in the words of the server.
func (m *machine) refused(p natnegwire.Connect, from netip.AddrPort, now time.Time) {
	e := &Error{Step: m.step, Peer: from}
	switch p.Finished {
	case natnegwire.FinishedNoPartner:
		e.Err = ErrPeerAbsent
		e.Reason = "the server says so"
	case natnegwire.FinishedInitTimeout:
		e.Err = ErrPeerInit
	default:
		e.Err = ErrRefused
		e.Reason = fmt.Sprintf("unknown result %d", p.Finished)
		m.sendReport(0)
	}
	m.fail(now, e)
}

// handlePing follows spec natneg.md §3 rule 4. The source of a ping that knows the cookie is a better address than the
// servers' guess. The original ignores pings that come before CONNECT; here they are as good as it: the partner has had its
// own, and ours may be lost.
func (m *machine) handlePing(s socket, p natnegwire.Connect, from netip.AddrPort, now time.Time) {
	if p.Remote == from {
		// A ping names its receiver. One that names its sender is ours and came back: from our own address, which the
		// servers took for the partner's, or from whoever echoes what he gets.
		m.counters.Echoes++
		return
	}
	m.counters.Pings++
	if !plausible(from) {
		m.counters.BadAddress++
		return
	}
	if m.step == StepKept {
		m.handleKept(p, from, now)
		return
	}
	c := m.heardFrom(s, from)
	if c == nil {
		return
	}
	if m.step < StepPing {
		m.counters.Early++
		m.knock(now)
	}
	if m.step == StepPing {
		m.remote = from
	}
	if c.addr == m.remote && p.Remote.IsValid() {
		m.seenAs = p.Remote
	}
	// A ping that comes in on N while the game uses G corrects the address, but says nothing about G.
	// Nobody can have had a ping of ours before the first was sent.
	success := m.step == StepPing && p.GotData != 0 && s == c.socket && !m.pingSent.IsZero()
	if success {
		m.remoteGot = true
		if sent := c.lastSent; !sent.IsZero() {
			m.roundTrip = now.Sub(sent)
		} else { // our ping went to another address of the partner
			m.roundTrip = now.Sub(m.pingSent)
		}
	}
	if m.version >= 4 {
		// The original answers always; two of us would never stop.
		if p.Finished == 0 || !m.sentFinished {
			m.answerPing(c, now)
		}
		if success {
			m.succeed(c, now)
		}
		return
	}
	switch {
	case p.GotData == 0:
		m.answerPing(c, now)
	case success:
		if !c.sentGot {
			m.answerPing(c, now)
		}
		m.succeed(c, now)
	case p.Finished == 0:
		m.answerPing(c, now)
	}
}
