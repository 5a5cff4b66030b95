package qr2

import (
	"crypto/rand"
	"net/netip"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/availwire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// Timers (spec qr2.md §4, availability.md).
const (
	initialInterval   = 10 * time.Second // between heartbeats while the master is silent
	initialHeartbeats = 3
	heartbeatInterval = 60 * time.Second
	keepAliveInterval = 20 * time.Second // since the last heartbeat or keep-alive
	changeInterval    = 10 * time.Second // between heartbeats that tell a change

	// Not the original's: kr4uzi's master forgets a server that sends heartbeats only (spec servers.md §3.1), so frequent
	// changes must not hold the keep-alives up. On a quiet server this changes nothing.
	keepAliveLimit = 2 * keepAliveInterval

	// Not the original's either: it never noticed that its response was lost. Every master that challenges confirms.
	confirmRetries = 3

	checkInterval = 2 * time.Second
	checkTries    = 2
	checkAgain    = time.Minute // after "temporarily unavailable"
)

// goodbyes is how often the goodbye is sent: it is never acknowledged.
const goodbyes = 2

// messageMemory is how many client messages are remembered (spec qr2.md §6.5).
const messageMemory = 10

// phase is what a master's timers do.
type phase uint8

const (
	phaseOff      phase = iota
	phaseChecking       // the availability service is being asked
	phaseInitial        // nothing has come from the master yet
	phaseRunning
)

// master is the state of one master: what to send to it and when. It knows neither socket nor clock.
type master struct {
	state MasterState
	phase phase
	key   qr2wire.Key // a key of our own for each master says who speaks

	available netip.AddrPort // availability service; invalid: not asked
	checks    int
	nextCheck time.Time

	initials   int // heartbeats since the start
	confirming int // heartbeats that were sent because no confirmation came
	confirmBy  time.Time
	changed    bool // a change is to be told

	lastHeartbeat time.Time
	lastPacket    time.Time // heartbeat or keep-alive
	lastKeepAlive time.Time

	challenge string // the latest, to tell copies from new ones
	options   uint8
	stopped   bool // the goodbye was sent

	messages [messageMemory][4]byte
	known    int // messages that were taken, of which the last ten are remembered

	wantAddr bool // the address should be looked up again
}

func newMaster(name string) *master {
	m := &master{state: MasterState{Name: name}}
	m.newKey()
	return m
}

func (m *master) newKey() {
	for m.key == (qr2wire.Key{}) {
		_, _ = rand.Read(m.key[:])
	}
}

// enter changes the step, and tells.
func (c *core) enter(m *master, step Step, err error, now time.Time) {
	same := m.state.Err == nil && err == nil || m.state.Err != nil && err != nil && m.state.Err.Error() == err.Error()
	if m.state.Step == step && same {
		return
	}
	m.state.Step, m.state.Since, m.state.Err = step, now, err
	c.tell(&MasterChanged{m.state})
}

// begin gets a master ready for a new run.
func (c *core) begin(m *master, now time.Time) {
	name := m.state.Name
	*m = master{state: MasterState{Name: name}}
	m.newKey()
	c.enter(m, StepResolving, nil, now)
}

// unresolved tells that the address was not found.
func (c *core) unresolved(m *master, err error, now time.Time) {
	if m.phase == phaseOff && !m.stopped {
		c.enter(m, StepUnresolved, &Error{Op: "resolve", Peer: m.state.Name, Err: err}, now)
	}
}

// resolved starts with the master, or goes on with its new address.
func (c *core) resolved(m *master, addr, available netip.AddrPort, now time.Time) {
	if m.stopped || m.phase != phaseOff && m.state.Addr == addr {
		return
	}
	m.state.Addr, m.available = addr, available
	m.initials, m.checks = 0, 0
	if available.IsValid() {
		m.phase, m.nextCheck = phaseChecking, now
		c.enter(m, StepChecking, nil, now)
		return
	}
	c.startHeartbeats(m, now)
}

func (c *core) startHeartbeats(m *master, now time.Time) {
	m.phase, m.initials = phaseInitial, 0
	m.lastHeartbeat, m.lastPacket, m.lastKeepAlive = time.Time{}, time.Time{}, now
	c.enter(m, StepHeartbeat, nil, now)
}

// due is when tickMaster has something to do; zero: never.
func (m *master) due() time.Time {
	switch m.phase {
	case phaseChecking:
		return m.nextCheck
	case phaseInitial:
		return m.initialDue()
	case phaseRunning:
		next := earliest(m.lastHeartbeat.Add(heartbeatInterval), m.keepAliveDue())
		if m.changed {
			next = earliest(next, m.lastHeartbeat.Add(changeInterval))
		}
		if !m.confirmBy.IsZero() {
			next = earliest(next, m.confirmBy)
		}
		return next
	}
	return time.Time{}
}

// initialDue is at once for the first heartbeat: then lastHeartbeat is zero, long ago.
func (m *master) initialDue() time.Time { return m.lastHeartbeat.Add(initialInterval) }

func (m *master) keepAliveDue() time.Time {
	return earliest(m.lastPacket.Add(keepAliveInterval), m.lastKeepAlive.Add(keepAliveLimit))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// tickMaster sends what is due.
func (c *core) tickMaster(m *master, now time.Time, out *batch) {
	switch m.phase {
	case phaseChecking:
		c.tickCheck(m, now, out)
	case phaseInitial:
		c.tickInitial(m, now, out)
	}
	if m.phase != phaseRunning {
		return
	}
	switch {
	case !m.confirmBy.IsZero() && !now.Before(m.confirmBy):
		m.confirmBy = time.Time{}
		if m.confirming < confirmRetries {
			m.confirming++
			m.confirmBy = now.Add(initialInterval)
			c.sendHeartbeat(m, qr2wire.StateInitial, now, out)
		}
	case m.changed && !now.Before(m.lastHeartbeat.Add(changeInterval)):
		c.sendHeartbeat(m, qr2wire.StateUpdated, now, out)
	case !now.Before(m.lastHeartbeat.Add(heartbeatInterval)):
		c.sendHeartbeat(m, qr2wire.StatePeriodic, now, out)
		m.wantAddr = m.state.Step == StepNoAnswer
	}
	if !now.Before(m.keepAliveDue()) {
		m.state.KeepAlives++
		m.lastKeepAlive, m.lastPacket = now, now
		out.add(qr2wire.AppendFromServer(out.arena, qr2wire.TypeKeepAlive, m.key), m.state.Addr)
	}
}

func (c *core) tickCheck(m *master, now time.Time, out *batch) {
	if now.Before(m.nextCheck) {
		return
	}
	if m.checks == checkTries {
		// Silence means yes.
		c.startHeartbeats(m, now)
		c.tickInitial(m, now, out)
		return
	}
	request, err := availwire.AppendRequest(out.arena, c.config.Game)
	if err != nil {
		c.startHeartbeats(m, now)
		return
	}
	m.checks++
	m.nextCheck = now.Add(checkInterval)
	out.add(request, m.available)
}

func (c *core) tickInitial(m *master, now time.Time, out *batch) {
	if now.Before(m.initialDue()) {
		return
	}
	if m.initials == initialHeartbeats {
		m.phase, m.wantAddr = phaseRunning, true
		c.enter(m, StepNoAnswer, &Error{Op: "heartbeat", Peer: m.peer(), Err: ErrNoAnswer,
			Reason: "three heartbeats in 30 s; is the address right, and does UDP get out?"}, now)
		return
	}
	m.initials++
	c.sendHeartbeat(m, qr2wire.StateInitial, now, out)
}

func (c *core) sendHeartbeat(m *master, state qr2wire.StateChanged, now time.Time, out *batch) {
	h := qr2wire.Heartbeat{
		Key: m.key, LocalIPs: c.localIPs, LocalPort: c.localPort, NatNeg: c.config.NatNeg != nil, State: state,
		Game: c.config.Game, ReportPublic: true, Public: m.state.Public,
	}
	if c.snapshot != nil {
		h.Data = c.snapshot.data
	}
	limit := c.config.HeartbeatSize
	if all, server := h.Size(); all >= limit && state != qr2wire.StateShutdown {
		c.counters.HeartbeatsShortened++
		// The original cuts in the middle of a value; whole ones are of more use.
		for server >= limit && len(h.Data.Server) > 0 {
			h.Data.Server = h.Data.Server[:len(h.Data.Server)-1]
			_, server = h.Size()
		}
	}
	arena, _ := h.Append(out.arena, limit)
	out.add(arena, m.state.Addr)
	m.state.Heartbeats++
	m.changed = false
	m.lastHeartbeat, m.lastPacket = now, now
}

// goodbye says it, once for all: what the master answers is ignored from now on, because answering a challenge would
// list a dead server (spec servers.md §3.1).
func (c *core) goodbye(m *master, now time.Time, out *batch) {
	if m.state.Heartbeats > 0 && !m.stopped {
		for range goodbyes {
			c.sendHeartbeat(m, qr2wire.StateShutdown, now, out)
		}
	}
	m.stopped, m.phase = true, phaseOff
	c.enter(m, StepStopped, nil, now)
}

// peer names a master in errors.
func (m *master) peer() string {
	if !m.state.Addr.IsValid() || m.state.Name == m.state.Addr.String() {
		return m.state.Name
	}
	return m.state.Name + ", " + m.state.Addr.String()
}

// contacted notes that the master lives.
func (c *core) contacted(m *master) {
	m.state.Answered++
	if m.phase == phaseInitial || m.phase == phaseChecking {
		if m.lastHeartbeat.IsZero() {
			return
		}
		m.phase = phaseRunning
	}
}

// onAvailability takes the answer to the availability check.
func (c *core) onAvailability(m *master, status availwire.Status, now time.Time) {
	op := func(err error) error { return &Error{Op: "availability check", Peer: m.available.String(), Err: err} }
	switch status {
	case availwire.Unavailable:
		m.phase = phaseOff
		c.enter(m, StepUnavailable, op(ErrUnavailable), now)
	case availwire.TemporarilyUnavailable:
		m.checks, m.nextCheck = 0, now.Add(checkAgain)
		c.enter(m, StepUnavailable, op(ErrTemporarilyUnavailable), now)
	default:
		c.startHeartbeats(m, now)
	}
}

// onChallenge answers every copy of a challenge.
func (c *core) onChallenge(m *master, body []byte, from netip.AddrPort, now time.Time, out *batch) {
	challenge, err := qr2wire.ParseChallenge(m.key, body)
	if err != nil {
		c.counters.Malformed++
		return
	}
	text := gscrypt.QR2Response(challenge.Text, c.config.Secret)
	out.add(qr2wire.AppendChallengeResponse(out.arena, m.key, text), from)
	m.state.Challenges++
	if challenge.HasTail {
		m.options = challenge.Options
		if challenge.Public.IsValid() && challenge.Public != m.state.Public {
			m.state.Public = challenge.Public
			c.tell(&PublicAddress{Master: m.state.Name, Addr: challenge.Public})
		}
	}
	if challenge.Text == m.challenge {
		return
	}
	m.challenge = challenge.Text
	// A new session of the master's: WFC counts its messages from 1 again.
	m.known = 0
	m.messages = [messageMemory][4]byte{}
	m.confirmBy = now.Add(initialInterval)
	if m.state.Step == StepListed {
		c.enter(m, StepForgotten, nil, now)
	}
	c.enter(m, StepAnswered, nil, now)
}

func (c *core) onAddError(m *master, body []byte, now time.Time) {
	refusal, err := qr2wire.ParseAddError(m.key, body)
	if err != nil {
		c.counters.Malformed++
		return
	}
	m.confirmBy = time.Time{}
	c.enter(m, StepRefused, &Error{Op: "heartbeat", Peer: m.peer(), Err: ErrRefused,
		Reason: strconv.Quote(refusal.Text) + " (code " + strconv.Itoa(int(refusal.Code)) + ")"}, now)
}

// confirmed notes that the master has us on its list.
func (c *core) confirmed(m *master, now time.Time) {
	m.confirmBy, m.confirming = time.Time{}, 0
	c.enter(m, StepListed, nil, now)
}

// onClientMessage acknowledges every copy and takes the first.
func (c *core) onClientMessage(m *master, body []byte, from netip.AddrPort, out *batch) {
	message, err := qr2wire.ParseClientMessage(m.key, body)
	if err != nil {
		c.counters.Malformed++
		return
	}
	out.add(qr2wire.AppendMessageAck(out.arena, m.key, message.MessageKey), from)
	for i := range min(m.known, messageMemory) {
		if m.messages[i] == message.MessageKey {
			c.counters.Repeated++
			return
		}
	}
	m.messages[m.known%messageMemory] = message.MessageKey
	m.known++
	m.state.Messages++
	if cookie, ok := qr2wire.Cookie(message.Data); ok && c.config.NatNeg != nil {
		c.cookies = append(c.cookies, cookie)
		c.tell(&JoinStarted{Master: m.state.Name, Cookie: cookie})
		return
	}
	c.tell(&ClientMessage{Master: m.state.Name, Data: message.Data})
}
