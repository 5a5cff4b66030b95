package natneg

import (
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// socket is one of the sockets of a negotiation; see extraSockets for more.
type socket int

const (
	negotiateSocket socket = iota // N: always there
	gameSocket                    // G: the game's own, if it gave one
)

// Times between transmissions. They start fast, because a lost first packet is what players wait for, and never become
// slower than the original's (spec natneg.md §3).
const (
	initFirst   = 100 * time.Millisecond
	initSingle  = 500 * time.Millisecond // in place of initFirst if there is one server only, which gets everything
	initMax     = 500 * time.Millisecond
	initRefresh = 3 * time.Second // while waiting: some servers repeat a lost CONNECT only then, and it keeps the mappings open
	pingFirst   = 50 * time.Millisecond
	pingMax     = 700 * time.Millisecond
	reportEvery = 500 * time.Millisecond
	reportCount = 6
)

// maxReplies is how many packets a negotiation sends in answer to packets, as opposed to on its own time: a partner or
// forger who knows the cookie cannot make us send more. The busiest server measured needs about thirty.
const maxReplies = 256

// params are what a machine is told once.
type params struct {
	game          string
	version       uint8
	cookie        [4]byte
	role          Role
	useGame       bool
	servers       servers
	anySource     bool
	local         netip.AddrPort // the address and the port that INIT tells
	negotiatePort uint16         // the port of N
	broadcasts    []netip.Addr   // of the networks of this machine
	nat           *Report        // our own NAT; nil if not known
	natGiven      bool           // it comes from Config.NAT
	peerNAT       *Report        // the partner's; nil if not known
	mapped        []netip.AddrPort
	given         []netip.AddrPort // of the partner
	rate          int
	birthday      bool
	failFast      bool

	initTimeout, connectTimeout, pingTimeout, keepAlive time.Duration
	pingLimited                                         bool // pingTimeout was given: theory has no say
}

// outgoing is a datagram to be sent.
type outgoing struct {
	socket socket
	to     netip.AddrPort
	b      []byte
}

// port is one path that INIT opens: a port type, the socket it goes from and the server it goes to.
type port struct {
	kind     natnegwire.PortType
	socket   socket
	server   int
	acked    bool
	lastSent time.Time
	seen     netip.AddrPort // our address, as the server says to see it
}

// machine decides what is sent when. It has no socket and no clock: handle takes what came, tick what time it is, out
// holds what is to be sent, and next says when to call tick.
type machine struct {
	params
	step     Step
	since    time.Time
	began    time.Time
	lastTick time.Time
	counters Counters
	pacer    *pacer
	queue    []outgoing // wait for the limit
	probes   []outgoing // the same, but not before those
	out      []outgoing
	err      *Error
	doubt    *Error
	doubtAt  time.Time

	ports      []port
	checksSent int
	initWait   time.Duration
	initNext   time.Time
	initEnd    time.Time
	waitEnd    time.Time
	connectAt  time.Time // when the partner's address was known

	candidates   []*candidate
	runs         int // of predictions
	named        int // addresses that the servers named beside the first
	guess        netip.AddrPort
	remote       netip.AddrPort
	socket       socket         // on which the path is
	kind         PathKind       // how remote became known
	seenAs       netip.AddrPort // our address, as the partner knows it
	gotRemote    bool           // the partner reached us
	remoteGot    bool           // we reached the partner
	sentFinished bool
	pingWait     time.Duration
	pingNext     time.Time
	pingEnd      time.Time
	pingSent     time.Time
	roundTrip    time.Duration
	connectedAt  time.Time
	birthday

	lingerEnd   time.Time
	reportNext  time.Time
	reportsLeft int
	replies     int

	keepNext  time.Time
	heardAt   time.Time // the last sign of the partner
	rebindAt  time.Time
	rebounds  int
	announced int // rebounds that were told
}

func newMachine(p params) *machine {
	m := &machine{params: p, pacer: newPacer(p.rate)}
	m.wanted = p.birthday
	m.socket = m.pingSocket()
	if p.useGame {
		m.ports = append(m.ports, port{kind: natnegwire.PortGame, socket: gameSocket})
	}
	m.ports = append(m.ports, port{kind: natnegwire.PortNN1}, port{kind: natnegwire.PortNN2, server: 1})
	if p.version >= 3 { // version 2 has no NN3 (servers.md §7)
		m.ports = append(m.ports, port{kind: natnegwire.PortNN3, server: 2})
	}
	return m
}

// start sends the first INITs.
func (m *machine) start(now time.Time) {
	m.began, m.lastTick = now, now
	m.enter(StepInit, now)
	m.initEnd = now.Add(m.initTimeout)
	m.initWait = initFirst
	if sameServer(m.servers) {
		m.initWait = initSingle
	}
	m.initNext = now.Add(m.initWait)
	for _, addr := range m.given {
		m.give(addr, now)
	}
	m.sendInits(now)
	m.sendChecks()
	m.pump(now)
}

// next is when tick wants to be called; the zero time if never.
func (m *machine) next() time.Time {
	pump := m.nextPump()
	switch m.step {
	case StepInit:
		return earliest(pump, m.initNext, m.initEnd, m.doubtAt)
	case StepWait:
		return earliest(pump, m.initNext, m.waitEnd, m.doubtAt)
	case StepPing:
		return earliest(pump, m.pingNext, m.pingEnd, m.doubtAt, m.nextBirthday())
	case StepConnected:
		if m.reportsLeft > 0 {
			return earliest(pump, m.reportNext, m.lingerEnd)
		}
		return earliest(pump, m.lingerEnd)
	case StepKept:
		return earliest(pump, m.keepNext)
	}
	return time.Time{}
}

// tick does what is due.
func (m *machine) tick(now time.Time) {
	m.lastTick = now
	if !m.doubtAt.IsZero() && !now.Before(m.doubtAt) {
		m.beginDoubt(now)
	}
	switch m.step {
	case StepInit:
		m.tickInit(now)
	case StepWait:
		m.tickWait(now)
	case StepPing:
		m.tickPing(now)
	case StepConnected:
		m.tickConnected(now)
	case StepKept:
		m.tickKept(now)
	}
	m.pump(now)
}

func (m *machine) tickInit(now time.Time) {
	switch {
	case !now.Before(m.initEnd) && !m.answered():
		m.fail(now, m.initError())
	case !now.Before(m.initEnd):
		// The original gives up if a single server is down. The others may do.
		m.wait(now, later(m.began.Add(m.connectTimeout), now))
	case !now.Before(m.initNext):
		m.repeatInits(now)
	}
}

func (m *machine) repeatInits(now time.Time) {
	m.counters.Repeated += m.sendInits(now)
	m.sendChecks()
	m.initWait = min(2*m.initWait, initMax)
	m.initNext = now.Add(m.initWait)
}

func (m *machine) tickWait(now time.Time) {
	switch {
	case !now.Before(m.waitEnd):
		m.fail(now, m.waitError())
	case !now.Before(m.initNext) && !m.allAcked():
		m.repeatInits(now)
	case !now.Before(m.initNext):
		for i := range m.ports {
			m.sendInit(&m.ports[i], now)
		}
		m.counters.Repeated += len(m.ports)
		m.initNext = now.Add(initRefresh)
	}
}

func (m *machine) tickPing(now time.Time) {
	switch {
	case !now.Before(m.pingEnd):
		m.sendReport(0)
		m.fail(now, m.pingError())
		return
	case !now.Before(m.pingNext):
		m.counters.Repeated++
		m.pingRound(now)
		m.pingWait = min(2*m.pingWait, pingMax)
		m.pingNext = now.Add(m.pingWait)
	}
	m.tickBirthday(now)
}

func (m *machine) tickConnected(now time.Time) {
	switch {
	case !now.Before(m.lingerEnd) && m.keepAlive > 0:
		m.enter(StepKept, now)
		m.keepNext = now.Add(m.keepAlive)
	case !now.Before(m.lingerEnd):
		m.enter(StepDone, now)
	case m.reportsLeft > 0 && !now.Before(m.reportNext):
		m.counters.Repeated++
		m.sendReport(1)
		m.reportsLeft--
		m.reportNext = now.Add(reportEvery)
	}
}

// startPings pings the addresses that are known, for the first time.
func (m *machine) startPings(now time.Time) {
	m.knock(now)
	m.pingRound(now)
}

// knock begins the step of the pings.
func (m *machine) knock(now time.Time) {
	m.connectAt = now
	m.enter(StepPing, now)
	m.pingEnd = now.Add(m.pingLimit())
	m.pingWait = pingFirst
	m.pingNext = now.Add(m.pingWait)
}

func (m *machine) succeed(c *candidate, now time.Time) {
	m.remote, m.socket, m.kind = c.addr, c.socket, c.kind
	m.connectedAt, m.heardAt = now, now
	m.enter(StepConnected, now)
	m.lingerEnd = now.Add(lingerTime)
	m.probes = nil
	m.sendReport(1)
	m.reportsLeft = reportCount - 1
	m.reportNext = now.Add(reportEvery)
}

func (m *machine) wait(now, end time.Time) {
	m.enter(StepWait, now)
	m.waitEnd = end
	if m.allAcked() {
		m.initNext = now.Add(initRefresh)
	}
}

func (m *machine) enter(step Step, now time.Time) {
	m.step, m.since, m.doubt, m.doubtAt = step, now, nil, time.Time{}
	if step == StepInit || step == StepWait || step == StepPing {
		m.doubtAt = now.Add(doubtAfter)
	}
}

func (m *machine) fail(now time.Time, e *Error) {
	e.Servers = slices.Clone(m.servers.state)
	e.NAT, e.PeerNAT = m.nat, m.peerNAT
	m.err = e
	m.enter(StepFailed, now)
}

func (m *machine) answered() bool {
	return slices.ContainsFunc(m.ports, func(p port) bool { return p.acked })
}

func (m *machine) allAcked() bool {
	return !slices.ContainsFunc(m.ports, func(p port) bool { return !p.acked })
}

// pingSocket is the one that the game will use, unless Config.Birthday finds another.
func (m *machine) pingSocket() socket {
	if m.useGame {
		return gameSocket
	}
	return negotiateSocket
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
