package qr2test

import (
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// OpenSpy's reachability test (spec servers.md §3.3).
const (
	probeInterval = 5 * time.Second
	probeTries    = 3
)

// sendProbe queries a game server from the second address. The key is zero, as OpenSpy's is.
func (m *Master) sendProbe(s *session, now time.Time) {
	if s.reachable || s.probes == probeTries {
		s.nextProbe = time.Time{}
		return
	}
	s.probes++
	s.nextProbe = now.Add(probeInterval)
	if m.config.QueryChallenge {
		m.sendFrom(m.probe, s.addr, qr2wire.AppendPrequery(nil, qr2wire.Key{}))
		return
	}
	m.probeQuery(s.addr, 0, false)
}

func (m *Master) probeQuery(to netip.AddrPort, number int32, challenged bool) {
	query := qr2wire.Query{Challenged: challenged, Number: number, Server: qr2wire.Selection{All: true}}
	if b, err := query.Append(nil); err == nil {
		// The original leaves the ex-flags out; OpenSpy sends them as zero.
		m.sendFrom(m.probe, to, append(b, 0))
	}
}

// handleProbe takes a datagram that came to the second address.
func (m *Master) handleProbe(b []byte, from netip.AddrPort, now time.Time) {
	s := m.sessions[from]
	typ, key, body, err := qr2wire.ParseFromServer(b)
	if s == nil || !s.listed || s.reachable || err != nil || key != (qr2wire.Key{}) || len(b) < 6 {
		return
	}
	if typ == qr2wire.TypePrequery {
		if number, err := qr2wire.ParsePrequeryReply(body); err == nil && number != 0 {
			m.probeQuery(from, number, true)
			return
		}
	}
	m.stats.ProbesAnswered++
	s.reachable = true
	s.nextProbe = time.Time{}
	m.list(s, now)
}
