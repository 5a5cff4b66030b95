package qr2

import (
	"crypto/rand"
	"net/netip"
	"slices"
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

	// Not the original's: masters move while a game server runs for months.
	lookupInterval = 10 * time.Minute

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
	phaseOff     phase = iota
	phaseShared        // another of our masters has its address; it is looked up again later
	phaseInitial       // nothing has come from the master yet
	phaseRunning
)

// master is the state of one master: what to send to it and when. It knows neither socket nor clock.
type master struct {
	state MasterState
	phase phase
	key   qr2wire.Key // a key of our own for each master says who speaks

	available netip.AddrPort // availability service
	checks    int            // that were sent
	nextCheck time.Time      // zero: it is not being asked

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
	known    uint64 // messages that were taken, of which the last ten are remembered

	wantAddr bool // the address should be looked up again
	lookedUp time.Time
}

func newMaster(name string) *master {
	m := &master{state: MasterState{Name: name}}
	m.newKey()
	return m
}

func (m *master) newKey() {
	m.key = qr2wire.Key{}
	for m.key == (qr2wire.Key{}) {
		_, _ = rand.Read(m.key[:])
	}
}

// forget drops what belongs to one registration: what still comes for it is ignored from now on, by its key.
func (m *master) forget() {
	m.newKey()
	m.challenge, m.options, m.changed = "", 0, false
	m.confirmBy, m.confirming = time.Time{}, 0
	m.forgetMessages()
}

func (m *master) forgetMessages() {
	m.known = 0
	m.messages = [messageMemory][4]byte{}
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

// resolved starts with the master, or goes on with its new address. Names with several addresses come in any order: one
// that answers is kept for as long as it is among them, and from one that does not it goes on to the next.
func (c *core) resolved(m *master, addrs []netip.AddrPort, now time.Time, out *batch) {
	m.lookedUp = now
	if m.stopped || m.state.Step == StepUnavailable {
		return
	}
	// Two names of one master: it would see two game servers fight for our address.
	var other *master
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(addr netip.AddrPort) bool {
		has := c.byAddr(addr)
		if has == nil || has == m {
			return false
		}
		other = has
		return true
	})
	if len(addrs) == 0 {
		c.leave(m, now, out)
		m.phase, m.state.Addr = phaseShared, netip.AddrPort{}
		m.forget()
		c.enter(m, StepUnresolved, &Error{Op: "resolve", Peer: m.state.Name, Err: ErrSameMaster, Reason: other.state.Name}, now)
		return
	}
	addr := addrs[0]
	if i := slices.Index(addrs, m.state.Addr); i >= 0 {
		if m.state.Step == StepNoAnswer {
			i++
		}
		addr = addrs[i%len(addrs)]
		if addr == m.state.Addr {
			return
		}
	}
	m.state.Addr = addr
	m.forget()
	c.startHeartbeats(m, now)
}

// check asks the availability service, while heartbeats are sent already: the original does not let QR2 wait for it, and
// silence means yes (spec availability.md).
func (c *core) check(m *master, available netip.AddrPort, now time.Time) {
	if m.stopped {
		return
	}
	m.available, m.checks, m.nextCheck = available, 0, now
	m.state.Availability = AvailabilityAsked
}

func (c *core) startHeartbeats(m *master, now time.Time) {
	m.phase, m.initials = phaseInitial, 0
	m.lastHeartbeat, m.lastPacket, m.lastKeepAlive = time.Time{}, time.Time{}, now
	c.enter(m, StepHeartbeat, nil, now)
}

// due is when tickMaster has something to do; zero: never.
func (m *master) due() time.Time {
	due := m.heartbeatDue()
	if !m.nextCheck.IsZero() && (due.IsZero() || m.nextCheck.Before(due)) {
		due = m.nextCheck
	}
	return due
}

func (m *master) heartbeatDue() time.Time {
	switch m.phase {
	case phaseShared:
		return m.lookedUp.Add(lookupInterval)
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
	if !m.nextCheck.IsZero() && !now.Before(m.nextCheck) {
		c.tickCheck(m, now, out)
	}
	switch m.phase {
	case phaseShared:
		if !now.Before(m.lookedUp.Add(lookupInterval)) {
			m.wantAddr, m.lookedUp = true, now
		}
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
		m.wantAddr = m.state.Step == StepNoAnswer || !now.Before(m.lookedUp.Add(lookupInterval))
	}
	if !now.Before(m.keepAliveDue()) {
		m.state.KeepAlives++
		m.lastKeepAlive, m.lastPacket = now, now
		out.add(qr2wire.AppendFromServer(out.arena, qr2wire.TypeKeepAlive, m.key), m.state.Addr)
	}
}

func (c *core) tickCheck(m *master, now time.Time, out *batch) {
	request, err := availwire.AppendRequest(out.arena, c.config.Game)
	if m.checks == checkTries || err != nil {
		m.state.Availability = AvailabilitySilent
		c.isAvailable(m, now)
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
		h.ServerOnly = true
		// The original cuts in the middle of a value; whole ones are of more use.
		for server >= limit && len(h.Data.Server) > 0 {
			last := h.Data.Server[len(h.Data.Server)-1]
			server -= len(last.Key) + len(last.Value) + 2
			h.Data.Server = h.Data.Server[:len(h.Data.Server)-1]
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
	c.leave(m, now, out)
	m.stopped, m.nextCheck = true, time.Time{}
	c.enter(m, StepStopped, nil, now)
}

// leave ends the heartbeats with a goodbye, if there were any.
func (c *core) leave(m *master, now time.Time, out *batch) {
	if m.phase >= phaseInitial && m.state.Heartbeats > 0 {
		for range goodbyes {
			c.sendHeartbeat(m, qr2wire.StateShutdown, now, out)
		}
	}
	m.phase = phaseOff
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
	if m.phase == phaseInitial && !m.lastHeartbeat.IsZero() {
		m.phase = phaseRunning
	}
}

// onAvailability takes the answer to the availability check.
func (c *core) onAvailability(m *master, status availwire.Status, now time.Time, out *batch) {
	switch status {
	case availwire.Unavailable:
		m.nextCheck = time.Time{}
		m.state.Availability = AvailabilityNo
		c.withdraw(m, ErrUnavailable, now, out)
	case availwire.TemporarilyUnavailable:
		m.checks, m.nextCheck = 0, now.Add(checkAgain)
		m.state.Availability = AvailabilityNotNow
		c.withdraw(m, ErrTemporarilyUnavailable, now, out)
	default:
		m.state.Availability = AvailabilityYes
		c.isAvailable(m, now)
	}
}

func (c *core) isAvailable(m *master, now time.Time) {
	m.nextCheck = time.Time{}
	if m.state.Step == StepUnavailable {
		c.startHeartbeats(m, now)
	}
}

// withdraw takes the server off the list, because the game is not available. The master may challenge the goodbye; by then
// our key is another one.
func (c *core) withdraw(m *master, reason error, now time.Time, out *batch) {
	c.leave(m, now, out)
	m.forget()
	c.enter(m, StepUnavailable, &Error{Op: "availability check", Peer: m.available.String(), Err: reason}, now)
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
	m.forgetMessages()
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
		c.onCookie(m, cookie)
		return
	}
	c.tell(&ClientMessage{Master: m.state.Name, Data: message.Data})
}
