package natneg

import (
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

func (m *machine) header(t natnegwire.Type) natnegwire.Header {
	return natnegwire.Header{Version: m.version, Type: t, Cookie: m.cookie}
}

// enqueue lines a packet up for pump.
func (m *machine) enqueue(packet outgoing, probe bool) {
	queue := &m.queue
	if probe {
		queue = &m.probes
	}
	if len(*queue) >= maxQueue || !packet.to.IsValid() {
		m.counters.OverLimit++
		return
	}
	*queue = append(*queue, packet)
}

func (m *machine) send(s socket, to netip.AddrPort, b []byte) {
	m.enqueue(outgoing{socket: s, to: to, b: b}, false)
}

// reply sends an answer to a packet, as long as there have not been unreasonably many.
func (m *machine) reply(s socket, to netip.AddrPort, b []byte) {
	if m.replies >= maxReplies || !to.IsValid() || len(b) == 0 {
		m.counters.OverLimit++
		return
	}
	m.replies++
	m.send(s, to, b)
}

// sendInits tells the servers of every port that they have not acknowledged, and returns how many these were.
func (m *machine) sendInits(now time.Time) (sent int) {
	for i := range m.ports {
		if p := &m.ports[i]; !p.acked {
			m.sendInit(p, now)
			sent++
		}
	}
	return sent
}

func (m *machine) sendInit(p *port, now time.Time) {
	packet := natnegwire.Init{Header: m.header(natnegwire.TypeInit), Game: m.game}
	packet.Port, packet.ClientIndex = p.kind, uint8(m.role)
	if m.useGame {
		packet.UseGamePort = 1
	}
	// The port is told in NN2 and NN3 only (spec natneg.md §3).
	packet.Addr = netip.AddrPortFrom(m.local.Addr(), 0)
	if p.kind == natnegwire.PortNN2 || p.kind == natnegwire.PortNN3 {
		packet.Addr = m.local
	}
	p.lastSent = now
	m.send(p.socket, m.servers.at(p.server), packet.Append(nil))
}

// answerPing is a ping in answer to one, which goes where that one came from.
func (m *machine) answerPing(c *candidate, now time.Time) {
	if m.replies >= maxReplies {
		m.counters.OverLimit++
		return
	}
	m.replies++
	m.sendPing(c, now)
}

// sendReport tells server 1 how it ended. The original repeats that for failures, too; the servers only count them, so
// one packet does, and nothing keeps running behind a failed negotiation.
func (m *machine) sendReport(result uint8) {
	packet := natnegwire.Report{Header: m.header(natnegwire.TypeReport), Game: m.game, Result: result, NATType: uint32(NATUnknown)}
	if m.natGiven {
		packet.NATType, packet.Mapping = uint32(m.nat.NAT), uint32(m.nat.Scheme)
	}
	packet.ClientIndex = uint8(m.role)
	m.send(negotiateSocket, m.servers.at(0), packet.Append(nil))
}
