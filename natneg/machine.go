package natneg

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// socket is one of the two sockets of a negotiation.
type socket int

const (
	negotiateSocket socket = iota // N: always there
	gameSocket                    // G: the game's own, if it gave one
)

// Times between transmissions. They start fast, because a lost first packet is what players wait for, and never become
// slower than the original's (spec natneg.md §3).
const (
	initFirst   = 100 * time.Millisecond
	initMax     = 500 * time.Millisecond
	initRefresh = 3 * time.Second // while waiting: some servers repeat a lost CONNECT only then, and it keeps the mappings open
	pingFirst   = 100 * time.Millisecond
	pingMax     = 700 * time.Millisecond
	reportEvery = 500 * time.Millisecond
	reportCount = 6
)

// maxReplies is how many packets a negotiation sends in answer to packets, as opposed to on its own time: a partner or
// forger who knows the cookie cannot make us send more. The busiest server measured needs about thirty.
const maxReplies = 256

// params are what a machine is told once.
type params struct {
	game      string
	version   uint8
	cookie    [4]byte
	role      Role
	useGame   bool
	servers   servers
	anySource bool
	local     netip.AddrPort // the address and the port that INIT tells
	natType   uint32
	mapping   uint32

	initTimeout, connectTimeout, pingTimeout time.Duration
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
}

// machine decides what is sent when. It has no socket and no clock: handle takes what came, tick what time it is, out
// holds what is to be sent, and next says when to call tick.
type machine struct {
	params
	step     Step
	since    time.Time
	began    time.Time
	counters Counters
	out      []outgoing
	err      *Error

	ports     []port
	initWait  time.Duration
	initNext  time.Time
	initEnd   time.Time
	waitEnd   time.Time
	connectAt time.Time // when CONNECT came

	guess        netip.AddrPort
	remote       netip.AddrPort
	gotRemote    bool // the partner reached us
	sentGot      bool // and we told it
	remoteGot    bool // we reached the partner
	sentFinished bool
	pingWait     time.Duration
	pingNext     time.Time
	pingEnd      time.Time
	pingSent     time.Time
	roundTrip    time.Duration
	connectedAt  time.Time

	lingerEnd   time.Time
	reportNext  time.Time
	reportsLeft int
	replies     int
}

func newMachine(p params) *machine {
	m := &machine{params: p}
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
	m.began = now
	m.enter(StepInit, now)
	m.initEnd = now.Add(m.initTimeout)
	m.initWait = initFirst
	m.initNext = now.Add(m.initWait)
	m.sendInits(now)
}

// next is when tick wants to be called; the zero time if never.
func (m *machine) next() time.Time {
	switch m.step {
	case StepInit:
		return earlier(m.initNext, m.initEnd)
	case StepWait:
		return earlier(m.initNext, m.waitEnd)
	case StepPing:
		return earlier(m.pingNext, m.pingEnd)
	case StepConnected:
		if m.reportsLeft > 0 {
			return earlier(m.reportNext, m.lingerEnd)
		}
		return m.lingerEnd
	}
	return time.Time{}
}

// tick does what is due.
func (m *machine) tick(now time.Time) {
	switch m.step {
	case StepInit:
		m.tickInit(now)
	case StepWait:
		m.tickWait(now)
	case StepPing:
		m.tickPing(now)
	case StepConnected:
		m.tickConnected(now)
	}
}

func (m *machine) tickInit(now time.Time) {
	switch {
	case !now.Before(m.initEnd) && !m.answered():
		m.fail(now, &Error{Step: StepInit, Err: ErrNoServers, timeout: true,
			Reason: fmt.Sprintf("%s within %v", answeredWords(m.servers.state), m.initTimeout) + m.writeWords()})
	case !now.Before(m.initEnd):
		// The original gives up here, even if a single server is down. The others may do.
		m.wait(now, later(m.began.Add(m.connectTimeout), now))
	case !now.Before(m.initNext):
		m.counters.Repeated += m.sendInits(now)
		m.initWait = min(2*m.initWait, initMax)
		m.initNext = now.Add(m.initWait)
	}
}

func (m *machine) tickWait(now time.Time) {
	switch {
	case !now.Before(m.waitEnd):
		e := &Error{Step: StepWait, Err: ErrPeerAbsent, timeout: true, Servers: m.servers.state,
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
		m.fail(now, e)
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
		reason := fmt.Sprintf("nothing came from there within %v", m.pingTimeout)
		if m.gotRemote {
			reason = fmt.Sprintf("its pings reach us, ours did not reach it within %v", m.pingTimeout)
		}
		if m.counters.Echoes > 0 {
			reason += fmt.Sprintf("; %d of our own pings came back", m.counters.Echoes)
		}
		m.sendReport(0)
		m.fail(now, &Error{Step: StepPing, Peer: m.remote, Err: ErrPingTimeout, Reason: reason, timeout: true})
	case !now.Before(m.pingNext):
		m.counters.Repeated++
		m.sendPing(m.remote, now)
		m.pingWait = min(2*m.pingWait, pingMax)
		m.pingNext = now.Add(m.pingWait)
	}
}

func (m *machine) tickConnected(now time.Time) {
	switch {
	case !now.Before(m.lingerEnd):
		m.enter(StepDone, now)
	case m.reportsLeft > 0 && !now.Before(m.reportNext):
		m.counters.Repeated++
		m.sendReport(1)
		m.reportsLeft--
		m.reportNext = now.Add(reportEvery)
	}
}

// handle takes a datagram that came in on a socket.
func (m *machine) handle(s socket, b []byte, from netip.AddrPort, now time.Time) {
	if m.step < StepInit || m.step > StepConnected {
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
		if plausible(p.Addr) && !server.Observed.IsValid() {
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
// (servers.md §7), so nobody but a server on this machine may lead us to this machine's own services.
func reachable(partner, server netip.AddrPort) bool {
	return plausible(partner) && (!partner.Addr().IsLoopback() || server.Addr().IsLoopback())
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
	if !reachable(p.Remote, from) {
		// Met in the wild: openspy-core gives 0.0.0.0 of a partner behind the same address who did not tell a local one.
		// The partner knows our address and pings it, which will show the true one; see handlePing.
		m.counters.BadAddress++
		return
	}
	ack := natnegwire.Exchange{Header: m.header(natnegwire.TypeConnectAck)}
	ack.Port, ack.ClientIndex = natnegwire.PortNN1, uint8(m.role)
	if s == gameSocket {
		ack.Port = natnegwire.PortGame
	}
	m.reply(s, from, ack.Append(nil))
	if m.step < StepPing {
		m.guess = p.Remote
		m.startPings(p.Remote, now)
		m.sendPing(m.remote, now)
	}
}

// startPings begins to knock at the partner's address.
func (m *machine) startPings(remote netip.AddrPort, now time.Time) {
	m.connectAt = now
	m.remote = remote
	m.enter(StepPing, now)
	m.pingEnd = now.Add(m.pingTimeout)
	m.pingWait = pingFirst
	m.pingNext = now.Add(m.pingWait)
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
// servers' guess.
func (m *machine) handlePing(s socket, p natnegwire.Connect, from netip.AddrPort, now time.Time) {
	if p.Remote == from {
		// A ping names its receiver. One that names its sender is ours and came back: from our own address, which the
		// servers took for the partner's, or from whoever echoes what he gets.
		m.counters.Echoes++
		return
	}
	m.counters.Pings++
	switch {
	case !plausible(from):
		m.counters.BadAddress++
		return
	case m.step < StepPing && m.counters.BadAddress == 0:
		m.counters.Early++
		return
	case m.step < StepPing: // the server could not say where the partner is, the partner does
		m.startPings(from, now)
	}
	if m.step == StepPing {
		m.remote = from
	}
	m.gotRemote = true
	// A ping that comes in on N while the game uses G corrects the address, but says nothing about G.
	success := m.step == StepPing && p.GotData != 0 && s == m.pingSocket()
	if success {
		m.remoteGot = true
		m.roundTrip = now.Sub(m.pingSent)
	}
	if m.version >= 4 {
		// The original answers always; two of us would never stop.
		if p.Finished == 0 || !m.sentFinished {
			m.answerPing(from, now)
		}
		if success {
			m.succeed(now)
		}
		return
	}
	switch {
	case p.GotData == 0:
		m.answerPing(from, now)
	case success:
		if !m.sentGot {
			m.answerPing(from, now)
		}
		m.succeed(now)
	case p.Finished == 0:
		m.answerPing(from, now)
	}
}

func (m *machine) succeed(now time.Time) {
	m.connectedAt = now
	m.enter(StepConnected, now)
	m.lingerEnd = now.Add(lingerTime)
	m.sendReport(1)
	m.reportsLeft = reportCount - 1
	m.reportNext = now.Add(reportEvery)
}

func (m *machine) wait(now, end time.Time) {
	m.enter(StepWait, now)
	m.waitEnd = end
	m.initNext = now.Add(initRefresh)
}

func (m *machine) enter(step Step, now time.Time) { m.step, m.since = step, now }

func (m *machine) fail(now time.Time, e *Error) {
	e.Servers = slices.Clone(m.servers.state)
	m.err = e
	m.enter(StepFailed, now)
}

func (m *machine) writeWords() string {
	if m.counters.WriteErrors == 0 {
		return ""
	}
	return fmt.Sprintf("; %d datagrams could not be sent", m.counters.WriteErrors)
}

func (m *machine) answered() bool {
	return slices.ContainsFunc(m.ports, func(p port) bool { return p.acked })
}

func (m *machine) allAcked() bool {
	return !slices.ContainsFunc(m.ports, func(p port) bool { return !p.acked })
}

// pingSocket is the one that the game will use.
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
