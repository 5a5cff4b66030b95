package natneg

import (
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// quietAfter is how many intervals the partner's old address has to be silent before another one is believed: two paths at a
// time (a local network and a hairpin) are no rebinding.
const quietAfter = 2

// tickKept sends the packet that keeps the path open. A partner of this package answers it; the original ignores it, because
// its negotiation is over (spec natneg.md §2: unknown cookie).
func (m *machine) tickKept(now time.Time) {
	if now.Before(m.keepNext) {
		return
	}
	m.keepNext = now.Add(m.keepAlive)
	m.counters.KeepAlives++
	m.sendKept(0, now)
}

func (m *machine) sendKept(finished uint8, now time.Time) {
	packet := natnegwire.Connect{Header: m.header(natnegwire.TypeConnectPing), Remote: m.remote, GotData: 1, Finished: finished}
	m.enqueue(outgoing{socket: m.socket, to: m.remote, b: packet.Append(nil)}, false)
}

// handleKept takes a ping on a path that is kept open. Who knows the cookie and comes from elsewhere, while the old address
// is silent, is the partner behind a NAT that has changed its address or port.
func (m *machine) handleKept(p natnegwire.Connect, from netip.AddrPort, now time.Time) {
	if from != m.remote {
		if now.Sub(m.heardAt) < quietAfter*m.keepAlive {
			return
		}
		m.remote = from
		m.rebounds++
		m.rebindAt = now
	}
	m.heardAt = now
	if m.seenAs.IsValid() && p.Remote.IsValid() && p.Remote != m.seenAs {
		m.rebounds++ // ours has: the partner answers to another address than before
		m.rebindAt = now
	}
	if p.Remote.IsValid() {
		m.seenAs = p.Remote
	}
	// One that is not finished asks for an answer; no more of them than we send ourselves.
	if p.Finished == 0 && m.replies < maxReplies {
		m.replies++
		m.sendKept(1, now)
	}
	if p.Finished != 0 {
		m.replies = 0
	}
}
