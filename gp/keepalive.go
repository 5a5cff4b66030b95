package gp

import (
	"fmt"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// silence is what decides when a keep-alive is due and when the server has been silent for too long (spec gp.md §1.2).
type silence struct {
	keepAlive   time.Duration // Config.KeepAlive; not positive: never
	peerTimeout time.Duration // Config.PeerTimeout; not positive: never

	received, sent time.Time // the last whole message of each side
}

// due is when a keep-alive shall be sent if nothing happens before.
func (q silence) due() (due time.Time, ok bool) {
	last := q.received
	if q.sent.After(last) {
		last = q.sent
	}
	if q.keepAlive > 0 {
		due, ok = last.Add(q.keepAlive), true
	}
	if half := q.peerTimeout / 2; half > 0 {
		// Asked once: a probe that was sent after the last word of the server is not repeated.
		probe := q.received.Add(half)
		if q.sent.Before(probe) && (!ok || probe.Before(due)) {
			due, ok = probe, true
		}
	}
	return due, ok
}

// over reports whether the server has been silent for too long.
func (q silence) over(now time.Time) bool {
	return q.peerTimeout > 0 && !now.Before(q.received.Add(q.peerTimeout))
}

// wait is how long there is nothing to do.
func (q silence) wait(now time.Time) time.Duration {
	wait := time.Duration(1<<63 - 1)
	if due, ok := q.due(); ok {
		wait = due.Sub(now)
	}
	if q.peerTimeout > 0 {
		wait = min(wait, q.received.Add(q.peerTimeout).Sub(now))
	}
	return max(wait, 0)
}

// silence is the session's.
func (s *Session) silence() silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	return silence{
		keepAlive: s.config.KeepAlive, peerTimeout: s.config.PeerTimeout,
		received: s.state.LastReceived, sent: s.state.LastSent,
	}
}

// untilDue is how long there is nothing to do but to send what others want.
func (s *Session) untilDue(l *link) time.Duration {
	now := time.Now()
	wait := s.silence().wait(now)
	if !l.settle.IsZero() {
		wait = max(0, min(wait, l.settle.Sub(now)))
	}
	return wait
}

// due does what is due.
func (s *Session) due(l *link) error {
	now, silence := time.Now(), s.silence()
	if !l.settle.IsZero() && !now.Before(l.settle) {
		s.settleRoster(l, now)
	}
	if silence.over(now) {
		return fmt.Errorf("%w: nothing received for %v", ErrPeerSilent, s.config.PeerTimeout)
	}
	if due, ok := silence.due(); !ok || now.Before(due) {
		return nil
	}
	b, err := (&gpwire.KeepAlive{}).Append(nil)
	if err != nil {
		return err
	}
	if err := s.writeMessage(l, b); err != nil {
		return err
	}
	s.count(func(c *Counters) { c.KeepAlivesSent++ })
	return nil
}
