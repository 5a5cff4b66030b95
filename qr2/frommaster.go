package qr2

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/availwire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// manyChallenges without a confirmation are too many.
const manyChallenges = 3

// messageMemory is how many client messages are remembered (spec qr2.md §6.5).
const messageMemory = 10

// checked is the master whose availability check is outstanding at that address.
func (c *core) checked(from netip.AddrPort) *master {
	for _, m := range c.masters {
		if !m.nextCheck.IsZero() && m.checks > 0 && m.available == from {
			return m
		}
	}
	return nil
}

// isService reports whether a master's availability service is at that address, whether or not it is being asked.
func (c *core) isService(from netip.AddrPort) bool {
	return slices.ContainsFunc(c.masters, func(m *master) bool { return m.available == from })
}

// fromMaster takes what only masters send. The instance key says which one: a master may answer from another address
// than the one that it listens on.
func (c *core) fromMaster(typ qr2wire.Type, key qr2wire.Key, body []byte, from netip.AddrPort, now time.Time, out *batch) {
	m := c.byKey(key)
	if m == nil {
		m = c.byAddr(from)
		switch {
		case m == nil:
		case m.stopped:
			c.counters.AfterGoodbye++
			return
		case typ == qr2wire.TypeKeepAlive && key == (qr2wire.Key{}):
			// WFC answers keep-alives with a key of zeros (spec servers.md §3.1).
			c.contacted(m, now)
			c.keptAlive(m, now)
			return
		}
		c.counters.WrongKey++
		return
	}
	if m.stopped {
		c.counters.AfterGoodbye++
		return
	}
	if !m.state.Addr.IsValid() || m.state.Heartbeats == 0 {
		c.counters.Unexpected++
		return
	}
	c.contacted(m, now)
	switch typ {
	case qr2wire.TypeChallenge:
		c.onChallenge(m, body, from, now, out)
	case qr2wire.TypeAddError:
		c.onAddError(m, body, now)
	case qr2wire.TypeClientMessage:
		c.onClientMessage(m, body, from, out)
	case qr2wire.TypeRegistered:
		c.confirmed(m, now)
	case qr2wire.TypeKeepAlive:
		c.keptAlive(m, now)
	default:
		// UniSpy sends a heartbeat's type with text that means nothing, and lists us (spec servers.md §3.2).
		c.counters.Unexpected++
		m.tookHeartbeat()
		if m.state.Step == StepHeartbeat || m.state.Step == StepNoAnswer {
			c.enter(m, StepAnswered, nil, now)
		}
	}
}

// keptAlive takes an answer to a keep-alive. Behind an answered challenge it says that we are listed; alone it says nothing,
// because crymp's master answers everybody (spec servers.md §3.1). A master that had us on its list, was silent for a while and
// answers again without a challenge to our heartbeats still has us: every master challenges those whom it does not know.
func (c *core) keptAlive(m *master, now time.Time) {
	m.answers = true
	m.state.WithoutPlayers = false // it is not DWC
	switch m.state.Step {
	case StepAnswered:
		c.confirmed(m, now)
	case StepHeartbeat, StepNoAnswer:
		if m.registered {
			c.confirmed(m, now)
		}
	}
}

func (c *core) byKey(key qr2wire.Key) *master {
	for _, m := range c.masters {
		if m.key == key && key != (qr2wire.Key{}) {
			return m
		}
	}
	return nil
}

func (c *core) byAddr(from netip.AddrPort) *master {
	for _, m := range c.masters {
		if m.state.Addr == from {
			return m
		}
	}
	return nil
}

// sendFailed notes that the connection did not take a packet for a master, as when there is no way to its address.
func (c *core) sendFailed(to netip.AddrPort, err error) {
	if m := c.byAddr(to); m != nil {
		m.state.SendErr = &Error{Op: "send", Peer: m.peer(), Err: err}
	}
}

// probed notes what looks like a master's reachability test: OpenSpy asks with a key of zeros, from an address that is
// not the master's (spec servers.md §3.3).
func (c *core) probed(key qr2wire.Key, from netip.AddrPort, now time.Time) {
	if key != (qr2wire.Key{}) {
		return
	}
	for _, m := range c.masters {
		if m.state.Challenges > 0 && !m.stopped {
			m.state.Probed, m.state.ProbedBy = now, from
		}
	}
}

// contacted notes that the master lives.
func (c *core) contacted(m *master, now time.Time) {
	m.state.LastHeard, m.state.SendErr = now, nil
	m.state.Answered++
	m.unanswered, m.passedOver = 0, 0
	if m.phase == phaseInitial && !m.lastHeartbeat.IsZero() {
		m.phase = phaseRunning
	}
}

// tookHeartbeat notes that the latest heartbeat was answered.
func (m *master) tookHeartbeat() { m.takesFull = m.takesFull || m.full }

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
	m.state.LastChallenge = now
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
	m.tookHeartbeat()
	m.challenges++
	m.periodic = 0
	m.registered = true
	if m.state.Step == StepHeartbeat || m.state.Step == StepNoAnswer {
		m.state.WithoutPlayers = m.plain && c.hasPlayers()
	}
	// A new session of the master's: WFC counts its messages from 1 again.
	m.forgetMessages()
	m.confirmBy = now.Add(initialInterval)
	if m.state.Step == StepListed {
		m.state.Forgotten++
		c.enter(m, StepForgotten, nil, now)
	}
	if m.challenges >= manyChallenges {
		c.unconfirmed(m, now)
		return
	}
	c.enter(m, StepAnswered, nil, now)
}

// unconfirmed tells that our answers to challenges do not get us listed. Where a wrong response is noticed, the known masters
// challenge again or say so; one that does neither may have us on its list, and its confirmation was lost.
func (c *core) unconfirmed(m *master, now time.Time) {
	reason := "the usual reason is a wrong Secret; wfc-server also wants a profile of its own logged in from here"
	if m.challenges < manyChallenges {
		reason = "nor did it challenge again: its confirmation may be lost, and the server on its list; else " + reason
	}
	c.enter(m, StepAnswered, &Error{Op: "challenge", Peer: m.peer(), Err: ErrNotConfirmed, Reason: reason}, now)
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
	m.confirmBy, m.confirming, m.challenges = time.Time{}, 0, 0
	m.registered = true
	m.state.LastConfirmed = now
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
