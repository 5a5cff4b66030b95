package natneg

import (
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// PathKind is how an address of the partner became known.
type PathKind int

// The kinds of paths.
const (
	PathMatchup    PathKind = iota + 1 // the matchup servers named it
	PathLAN                            // they named it, and it is one of a local network: both sit behind the same NAT
	PathHairpin                        // both sit behind the same NAT, and it is the partner's local port at our own public address
	PathCandidate                      // Config.Candidates or AddCandidate named it
	PathPing                           // a ping of the partner came from there
	PathPrediction                     // the port follows from the one that the matchup servers named
	PathBirthday                       // the port was found by chance: Config.Birthday
)

// String is the kind in words.
func (k PathKind) String() string {
	switch k {
	case PathMatchup:
		return "named by the matchup servers"
	case PathLAN:
		return "local network"
	case PathHairpin:
		return "hairpin"
	case PathCandidate:
		return "named by the game"
	case PathPing:
		return "source of the partner's pings"
	case PathPrediction:
		return "predicted port"
	case PathBirthday:
		return "random port"
	}
	return "unknown"
}

// candidate is an address at which the partner may be.
type candidate struct {
	addr     netip.AddrPort
	kind     PathKind
	socket   socket
	late     bool // a prediction that is less likely
	heard    bool // a ping came from there
	sentGot  bool // and we said so
	lastSent time.Time
	sent     int // pings
}

const (
	maxCandidates = 64
	maxNamed      = 4
	predictAhead  = 8 // ports beyond the next one: other machines behind that NAT use some, and we may begin before the partner
	predictTimes  = 4 // how often a predicted port is tried by a side that counts itself: the next ones have to get their turn
	usualOpened   = 4 // ports that INIT opens on a side with a game's own socket

	predictMin  = 150 * time.Millisecond // after the first ping: when the plain address has had its chance
	predictMax  = 700 * time.Millisecond
	predictLate = 1200 * time.Millisecond // for the rare steps, and when runs begin

	maxRuns = 8
)

// rareSteps are those of sequential NATs that do not count by one.
var rareSteps = [...]int{2, -1, 4, 3, -2, 8}

// addCandidate keeps an address to ping, and returns it, or nil if there are too many.
func (m *machine) addCandidate(addr netip.AddrPort, kind PathKind) *candidate {
	if i := m.candidateAt(addr); i >= 0 {
		if c := m.candidates[i]; kind == PathMatchup && c.kind != PathMatchup && !c.heard {
			c.kind = kind
		}
		return m.candidates[i]
	}
	if len(m.candidates) >= maxCandidates {
		i := slices.IndexFunc(m.candidates, func(c *candidate) bool { return c.kind == PathPrediction && !c.heard })
		if i < 0 || kind == PathPrediction {
			m.counters.OverLimit++
			return nil
		}
		m.candidates = slices.Delete(m.candidates, i, i+1)
	}
	c := &candidate{addr: addr, kind: kind, socket: m.pingSocket()}
	m.candidates = append(m.candidates, c)
	return c
}

func (m *machine) candidateAt(addr netip.AddrPort) int {
	return slices.IndexFunc(m.candidates, func(c *candidate) bool { return c.addr == addr })
}

// give takes an address from the game.
func (m *machine) give(addr netip.AddrPort, now time.Time) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if !m.reachable(addr, netip.AddrPort{}) {
		m.counters.BadAddress++
		return
	}
	c := m.addCandidate(addr, PathCandidate)
	if c != nil && m.step == StepPing {
		m.sendPing(c, now)
	}
	m.pump(now)
}

// nominate derives candidates from the address that the matchup servers named.
func (m *machine) nominate(guess netip.AddrPort) {
	kind := PathMatchup
	if guess.Addr().IsPrivate() || guess.Addr().IsLinkLocalUnicast() {
		kind = PathLAN
	}
	m.addCandidate(guess, kind)
	public := m.publicIP()
	if kind == PathLAN {
		// Both have one public address, but perhaps not one local network: a carrier's NAT in front of two homes.
		if hairpin := netip.AddrPortFrom(public, guess.Port()); public.IsValid() && m.reachable(hairpin, netip.AddrPort{}) {
			m.addCandidate(hairpin, PathHairpin)
		}
		return
	}
	m.predict(guess)
}

// predict adds the ports that a NAT that counts will use next. The port that the servers saw is the first of those that
// INIT opened; the pings of a partner whose NAT gives each destination a port of its own come from a later one, by as many
// as INIT and the pings before it opened. If both NATs count, the packets to and from must agree: the n-th packet to a new
// port leaves from a new port itself. They do if each side takes the other to be as far as it is: then the order in which
// the ports are tried is the order in which they come into being, on both sides.
func (m *machine) predict(guess netip.AddrPort) {
	if nat := m.nat; nat != nil && (nat.Filtering == EndpointIndependent || nat.Filtering == AddressDependent) {
		return // the partner's pings get in from whatever port
	}
	opened := m.opened()
	for _, c := range m.candidates {
		if c.kind != PathPrediction && c.addr != guess {
			opened++
		}
	}
	// Both sides begin as many ports behind the named one, whatever INIT opened, and spend as many until the first run.
	first := max(opened, usualOpened)
	for offset := first; offset > opened; offset-- {
		m.addPrediction(guess, offset, false)
	}
	for ahead := range predictAhead + first - opened {
		m.addPrediction(guess, first+1+ahead, false)
	}
	for offset := opened; offset > 0; offset-- {
		m.addPrediction(guess, offset, false)
	}
	for _, step := range rareSteps {
		for flows := len(m.ports); flows > 1 && flows > len(m.ports)-2; flows-- {
			m.addPrediction(guess, step*flows, true)
		}
	}
}

// predictRun adds ports that were not tried yet, for two NATs that count. Packets that get lost on the way to their own NAT
// open no port there, so that what follows is no longer where the other side takes it to be. Repeated, they open one late; then
// both sides know again how many there are, and a new run has the chances of the first.
func (m *machine) predictRun() {
	if m.runs >= maxRuns || !m.counts() || m.gotRemote {
		return
	}
	m.runs++
	// The rare steps would take ports, and cannot help: where both count, the order has to agree.
	m.candidates = slices.DeleteFunc(m.candidates, func(c *candidate) bool { return c.late && c.sent == 0 })
	ahead := m.opened()
	for _, c := range m.candidates {
		if c.addr != m.guess && c.sent > 0 {
			ahead++
		}
	}
	for i := range predictAhead {
		m.addPrediction(m.guess, ahead+1+i, false)
	}
}

// counts reports whether our own NAT is known to give each destination the next port.
func (m *machine) counts() bool { return m.nat != nil && m.nat.Step != 0 }

// opened is how many ports our own NAT has given out since the one that the servers name to the partner, that one included.
// It is what INIT opens, unless the servers have seen that others came between.
func (m *machine) opened() int {
	if !m.counts() {
		return len(m.ports)
	}
	furthest := 0
	for _, p := range m.ports {
		if !p.seen.IsValid() {
			return len(m.ports)
		}
		furthest = max(furthest, stepBetween(m.ports[0].seen, p.seen)/m.nat.Step)
	}
	return min(furthest+1, 2*maxStep)
}

func (m *machine) addPrediction(guess netip.AddrPort, offset int, late bool) {
	port := int(guess.Port()) + offset
	if port < 1024 || port > 65535 {
		return
	}
	addr := netip.AddrPortFrom(guess.Addr(), uint16(port))
	if m.candidateAt(addr) >= 0 {
		return
	}
	if c := m.addCandidate(addr, PathPrediction); c != nil {
		c.late = late
	}
}

// predictAfter is how long the plain addresses have for themselves: twice the way to the servers, for want of a better
// measure.
func (m *machine) predictAfter() time.Duration {
	var longest time.Duration
	for _, server := range m.servers.state {
		longest = max(longest, server.RoundTrip)
	}
	return min(max(2*longest, predictMin), predictMax)
}

// pingRound pings all candidates whose time has come; once the partner was heard, only those where it was, and the one that
// the servers named.
func (m *machine) pingRound(now time.Time) {
	elapsed := now.Sub(m.since)
	if elapsed >= predictLate && m.guess.IsValid() && !m.guess.Addr().IsPrivate() {
		m.predictRun()
	}
	if elapsed >= predictMin {
		m.sendChecks() // what they tell makes predictions better
	}
	behind := len(m.probes) > 0 // the limit holds up those of the last round
	for _, c := range m.candidates {
		switch {
		case m.gotRemote && !c.heard && c.addr != m.guess:
			continue
		case c.kind == PathPrediction && !c.heard && c.sent >= predictTimes && m.counts():
			continue
		case behind && c.kind == PathPrediction && !c.heard && !c.lastSent.IsZero():
			continue
		case c.kind == PathPrediction && !c.heard && (elapsed < m.predictAfter() || c.late && elapsed < predictLate):
			continue
		}
		m.sendPing(c, now)
	}
}

// heardFrom is the candidate from which a ping came.
func (m *machine) heardFrom(s socket, from netip.AddrPort) *candidate {
	if m.extra > 0 {
		// More than one hole may open at a time. The two sides agree on the one whose pings we answer.
		if m.gotRemote && s != m.hole {
			return nil
		}
		m.hole = s
	}
	c := m.addCandidate(from, PathPing)
	if c == nil {
		return nil
	}
	if s >= extraSockets { // this one of many has the hole
		c.socket = s
		if !c.heard {
			c.kind = PathBirthday
		}
	}
	if !c.heard && c.kind == PathPing && m.guessing {
		c.kind = PathBirthday
	}
	c.heard = true
	m.gotRemote = true
	return c
}

// sendPing pings a candidate.
func (m *machine) sendPing(c *candidate, now time.Time) {
	packet := natnegwire.Connect{Header: m.header(natnegwire.TypeConnectPing), Remote: c.addr}
	if c.heard {
		packet.GotData = 1
		c.sentGot = true
	}
	finished := m.step == StepConnected || m.step == StepKept
	if m.version >= 4 {
		finished = c.heard && m.remoteGot
	}
	if finished {
		packet.Finished = 1
		m.sentFinished = true
	}
	c.lastSent, m.pingSent = now, now
	c.sent++
	m.counters.PingsSent++
	probe := c.kind == PathPrediction && !c.heard
	m.enqueue(outgoing{socket: c.socket, to: c.addr, b: packet.Append(nil)}, probe)
}
