package natneg

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// What spec nat.md §5 rule 4 and §3 say about guessing a random port: one side opens many, the other one tries many.
const (
	extraSockets     socket = 2 // the first of the additional sockets
	birthdaySockets         = 256
	birthdayAfter           = 1500 * time.Millisecond // of pings without an answer
	birthdayRepeat          = 10 * time.Second        // NATs forget such ports after 30 s
	birthdayTimeout         = 20 * time.Second
	birthdayRate            = 200 // packets per second, in place of defaultRate
	probesAhead             = 16
	firstDynamicPort        = 1024
)

// guess a random port: the part of the machine that does.
type birthday struct {
	wanted   bool // Config.Birthday
	extra    int  // how many additional sockets there are
	needs    int  // how many there should be
	guessing bool // we try random ports of the partner
	port     uint16
	stride   uint16
	hole     socket    // of them, and the negotiate socket, the one that was reached
	openedAt time.Time // when all additional sockets last sent
}

// tickBirthday begins to guess when nothing else has helped.
func (m *machine) tickBirthday(now time.Time) {
	if !m.wanted || m.gotRemote || !m.guess.IsValid() || m.guess.Addr().IsPrivate() || now.Sub(m.since) < birthdayAfter {
		return
	}
	if m.randomPorts() {
		// Ours is the side whose ports cannot be told: open many of them to the partner's one.
		if m.useGame {
			return // the game needs its own socket
		}
		m.needs = birthdaySockets
		if m.extra > 0 && now.Sub(m.openedAt) >= birthdayRepeat {
			m.openHoles(now)
		}
		return
	}
	if !m.guessing {
		m.guessing = true
		m.port, m.stride = uint16(rand.Uint32()), uint16(rand.Uint32())|1 // an odd stride visits every port once
	}
	for len(m.probes) < probesAhead {
		m.port += m.stride
		if m.port < firstDynamicPort {
			continue
		}
		m.probe(m.pingSocket(), netip.AddrPortFrom(m.guess.Addr(), m.port))
	}
}

// opened tells the machine that it has its additional sockets.
func (m *machine) socketsOpened(count int, now time.Time) {
	m.extra = count
	m.openHoles(now)
	m.pump(now)
}

// openHoles sends one packet from each of them.
func (m *machine) openHoles(now time.Time) {
	m.openedAt = now
	for i := range m.extra {
		m.probe(extraSockets+socket(i), m.guess)
	}
}

func (m *machine) probe(s socket, to netip.AddrPort) {
	packet := natnegwire.Connect{Header: m.header(natnegwire.TypeConnectPing), Remote: to}
	m.counters.PingsSent++
	m.counters.Probes++
	m.enqueue(outgoing{socket: s, to: to, b: packet.Append(nil)}, true)
}

// nextBirthday is when tickBirthday wants to be called.
func (m *machine) nextBirthday() time.Time {
	switch {
	case !m.wanted || m.gotRemote || m.step != StepPing:
		return time.Time{}
	case m.since.Add(birthdayAfter).After(m.lastTick):
		return m.since.Add(birthdayAfter)
	case m.guessing && len(m.probes) < probesAhead/2:
		return m.lastTick
	case m.extra > 0:
		return m.openedAt.Add(birthdayRepeat)
	}
	return time.Time{}
}
