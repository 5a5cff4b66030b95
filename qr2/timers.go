package qr2

import (
	"time"

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

	// Nor this: a master that answers keep-alives does so while it knows us; after three in vain it has forgotten us, or is gone.
	keepAliveTries = 3

	// Nor this: see tickPeriodic.
	plainEvery = 5

	checkInterval = 2 * time.Second
	checkTries    = 2
	checkAgain    = time.Minute // after "temporarily unavailable"
)

func (c *core) stateChanged() {
	for _, m := range c.masters {
		// A change between the first heartbeat and the master's first word is not in what the master knows.
		m.changed = m.phase != phaseOff
	}
}

// next is when tick has something to do; zero: never.
func (c *core) next() time.Time {
	var next time.Time
	for _, m := range c.masters {
		due := m.due()
		if due.IsZero() {
			continue
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

// tick sends what is due.
func (c *core) tick(now time.Time, out *batch) {
	for _, m := range c.masters {
		c.tickMaster(m, now, out)
	}
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
		} else {
			c.unconfirmed(m, now)
		}
	case m.changed && !now.Before(m.lastHeartbeat.Add(changeInterval)):
		c.sendHeartbeat(m, qr2wire.StateUpdated, now, out)
	case !now.Before(m.lastHeartbeat.Add(heartbeatInterval)):
		c.tickPeriodic(m, now, out)
		m.wantAddr = m.state.Step == StepNoAnswer || !now.Before(m.lookedUp.Add(lookupInterval))
	}
	if !now.Before(m.keepAliveDue()) {
		c.tickKeepAlive(m, now, out)
	}
}

// tickPeriodic sends a heartbeat. The DWC emulator fails on players and teams: it takes no notice of a heartbeat that has
// some, so one that has forgotten us never asks us again. While a master is silent, every other heartbeat goes without them. To a
// master that may be DWC, because it has answered neither a keep-alive nor a heartbeat with players, every fifth does, and what
// was left out follows as a change.
func (c *core) tickPeriodic(m *master, now time.Time, out *batch) {
	m.periodic++
	plain := m.state.WithoutPlayers
	switch {
	case m.state.Step == StepNoAnswer:
		plain = m.periodic%2 == 1
	case !plain && !m.answers && !m.takesFull && m.periodic%plainEvery == 0:
		c.sendHeartbeatOf(m, qr2wire.StatePeriodic, true, now, out)
		m.changed = c.hasPlayers()
		return
	}
	c.sendHeartbeatOf(m, qr2wire.StatePeriodic, plain, now, out)
}

// tickKeepAlive sends one, unless the master has not answered the latest ones although it always did: then it has forgotten
// us or is gone, and we begin anew.
func (c *core) tickKeepAlive(m *master, now time.Time, out *batch) {
	if m.answers && m.unanswered == keepAliveTries {
		m.state.Forgotten++
		c.enter(m, StepForgotten, &Error{Op: "keep-alive", Peer: m.peer(), Err: ErrNoAnswer,
			Reason: "it answered them before, but not the last three"}, now)
		m.answers, m.unanswered, m.wantAddr = false, 0, true
		m.forgetPublic()
		c.startHeartbeats(m, now)
		c.tickInitial(m, now, out)
		return
	}
	m.unanswered++
	m.state.KeepAlives++
	m.state.LastKeepAlive = now
	m.lastKeepAlive, m.lastPacket = now, now
	out.add(qr2wire.AppendFromServer(out.arena, qr2wire.TypeKeepAlive, m.key), m.state.Addr)
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
	c.sendHeartbeatOf(m, qr2wire.StateInitial, m.initials == initialHeartbeats, now, out)
}
