package qr2

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// goodbyes is how often the goodbye is sent: it is never acknowledged.
const goodbyes = 2

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

	periodic   int  // periodic heartbeats since the latest challenge
	plain      bool // the latest heartbeat went without players and teams because the master may not like them
	full       bool // the latest heartbeat had players or teams in it
	takesFull  bool // it has answered such a one
	answers    bool // it has answered a keep-alive: it does so while it knows us
	unanswered int  // keep-alives since its latest packet
	registered bool // it has challenged us at this address
	challenges int  // different ones since it confirmed
	passedOver int  // addresses that were silent since its latest packet

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
	m.confirmBy, m.confirming, m.challenges = time.Time{}, 0, 0
	m.registered, m.answers, m.unanswered, m.takesFull = false, false, 0, false
	m.state.WithoutPlayers = false
	m.forgetPublic()
	m.forgetMessages()
}

// forgetPublic forgets what the master said of our address: wfc-server drops every heartbeat with one that is not true any more,
// without a word (spec servers.md §3.5), and none is always right.
func (m *master) forgetPublic() { m.state.Public = netip.AddrPort{} }

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
	*m = master{state: MasterState{Name: name}, available: m.available} // which may still answer the previous run
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
			// Once through all of them, then a minute with the last one.
			m.passedOver++
			i++
		}
		addr = addrs[i%len(addrs)]
		if addr == m.state.Addr || m.passedOver >= len(addrs) {
			m.passedOver = 0
			return
		}
	}
	if m.state.Addr.IsValid() {
		m.state.Moved++
	}
	m.state.Addr, m.state.Found = addr, now
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

func (c *core) sendHeartbeat(m *master, state qr2wire.StateChanged, now time.Time, out *batch) {
	c.sendHeartbeatOf(m, state, m.state.WithoutPlayers, now, out)
}

// sendHeartbeatOf sends one with players and teams or without.
func (c *core) sendHeartbeatOf(m *master, state qr2wire.StateChanged, plain bool, now time.Time, out *batch) {
	h := qr2wire.Heartbeat{
		Key: m.key, LocalIPs: c.localIPs, LocalPort: c.localPort, NatNeg: c.config.NatNeg != nil, State: state,
		Game: c.config.Game, ReportPublic: true, Public: m.state.Public,
	}
	if c.config.PublicAddr.IsValid() {
		h.Public = c.config.PublicAddr
	}
	if c.snapshot != nil {
		h.Data = c.snapshot.data
	}
	h.ServerOnly = plain && c.hasPlayers()
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
	m.state.LastHeartbeat = now
	m.changed, m.plain, m.full = false, plain, !h.ServerOnly && state != qr2wire.StateShutdown && c.hasPlayers()
	m.lastHeartbeat, m.lastPacket = now, now
}

// hasPlayers reports whether a heartbeat tells of players or teams.
func (c *core) hasPlayers() bool {
	return c.snapshot != nil && len(c.snapshot.data.Players.Rows)+len(c.snapshot.data.Teams.Rows) > 0
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
