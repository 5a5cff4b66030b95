package gstats

import (
	"errors"
	"time"

	"github.com/relight-sdk/relight/internal/backoff"
)

// Reconnect says how a session gets its connection back; see Config.Reconnect. The zero value tries again after a second,
// then after two, four, and so on up to two minutes, each wait shortened at random by up to a half, for ever.
//
// A session that reconnects stays the same object. While it has no connection, its step is [StepReconnecting] or one of those
// of connecting; requests fail at once with [ErrNotConnected], and those that were under way have failed with
// [ErrInterrupted] and say in [Error.Uncertain] whether the server may have carried them out. Players who were authenticated
// with a secret, such as a [Password], are authenticated again before the session is connected; others are told of as
// [*PlayerLost], since only they can answer the new [Session.Challenge], and so are those whom the server refuses, or breaks off
// at twice in a row. Games go on, and snapshots that were kept in the spool
// are sent.
//
// It does not try again when the server refuses the game: a wrong secret stays wrong. Then the session ends with that error.
type Reconnect struct {
	// First is the wait before the first try. Zero means a second. It doubles with each try that fails.
	First time.Duration
	// Max is the longest wait. Zero means two minutes.
	Max time.Duration
	// Jitter is the part of each wait that is left to chance, from 0 to 1. Zero means a half, negative none.
	Jitter float64
	// Attempts is how many tries in a row may fail before the session ends. Zero means no limit. A connection that has
	// lasted a minute starts the count anew.
	Attempts int
	// Random gives numbers from 0 to below 1 for the jitter. Nil means the system's.
	Random func() float64
}

// delay is the wait before a try, counted from 1.
func (r *Reconnect) delay(attempt int) time.Duration {
	return backoff.Policy{First: r.First, Max: r.Max, Jitter: r.Jitter}.Delay(attempt, r.Random)
}

// stableAfter is how long a connection has to last so that its end starts the waits anew: a server that accepts everybody and
// closes is not knocked at every second.
const stableAfter = time.Minute

// The errors of presence that say of a game's authentication that it may work later. openspy refuses a wrong secret with the
// code of a closed connection (spec servers.md §8).
const (
	codeDatabase = 4
	codeNetwork  = 5
)

// curable says whether a new connection can mend what ended the last, or the try to get one.
func curable(err *Error) bool {
	if err.Refused && err.Step == StepAuthenticating {
		return err.Code == codeDatabase || err.Code == codeNetwork
	}
	return true
}

// run reads from the session's connection, and from the next when one is over. Without a first one, it begins with a try to
// connect.
func (s *Session) run(l *link) {
	if l == nil {
		l = s.tryNow()
	}
	for l != nil {
		err := s.read(l)
		again := s.disconnect(l, err)
		if again {
			_ = l.conn.Close()
		}
		<-l.drained
		if !again {
			return
		}
		l = s.reconnect(StepConnected, err)
	}
}

// tryNow connects without a wait, and goes on as after a loss if that fails.
func (s *Session) tryNow() *link {
	l, err := s.again()
	if err == nil {
		return l
	}
	if !curable(err) {
		s.end(err, false)
		return nil
	}
	s.mu.Lock()
	from := s.state.Step
	s.lastLoss = err
	s.mu.Unlock()
	return s.reconnect(from, err)
}

// disconnect decides what follows the end of a connection. It reports whether there shall be another.
func (s *Session) disconnect(l *link, err *Error) bool {
	s.mu.Lock()
	if s.state.Step == StepClosed {
		s.mu.Unlock()
		return false
	}
	if s.config.Reconnect == nil || !curable(err) {
		s.mu.Unlock()
		s.end(err, false)
		return false
	}
	if time.Since(s.state.Since) >= stableAfter {
		s.attempt = 0
	}
	s.link, s.lastLoss = nil, err
	s.state.Step, s.state.Since, s.state.Reason = StepReconnecting, time.Now(), err.Error()
	s.failWaiting(l)
	close(l.broken)
	s.mu.Unlock()
	return true
}

// reconnect tries until there is a connection. It is nil when the session is over instead.
func (s *Session) reconnect(from Step, err *Error) *link {
	policy := s.config.Reconnect
	for {
		s.attempt++
		if policy.Attempts > 0 && s.attempt > policy.Attempts {
			s.end(err, false)
			return nil
		}
		if !s.wait(from, policy.delay(s.attempt), err) {
			return nil
		}
		l, failure := s.again()
		if failure == nil {
			return l
		}
		if !curable(failure) {
			s.end(failure, false)
			return nil
		}
		s.mu.Lock()
		from, err, s.lastLoss = s.state.Step, failure, failure
		s.mu.Unlock()
	}
}

// wait tells why and until when the session has no connection, and waits. It reports whether to go on.
func (s *Session) wait(from Step, delay time.Duration, reason *Error) bool {
	s.mu.Lock()
	if s.state.Step == StepClosed {
		s.mu.Unlock()
		return false
	}
	now := time.Now()
	s.state.Step, s.state.Since, s.state.Reason = StepReconnecting, now, reason.Error()
	s.state.Attempt, s.state.NextTry = s.attempt, now.Add(delay)
	peer := s.state.Peer
	s.events.Push(&StepChanged{From: from, To: StepReconnecting, Reason: reason.Error(), Attempt: s.attempt, NextTry: s.state.NextTry})
	s.mu.Unlock()
	s.log.Info("gstats session", "step", StepReconnecting.String(), "peer", peer, "attempt", s.attempt, "delay", delay, "reason", reason)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.closing:
		return false
	}
}

// again is one try.
func (s *Session) again() (*link, *Error) {
	l, err := s.connect(s.lifetime)
	if err != nil {
		failure, ok := errors.AsType[*Error](err)
		if !ok {
			failure = s.fail(opConnect, err)
		}
		return nil, failure
	}
	if !s.begin(l) {
		_ = l.conn.Close()
		return nil, s.fail(opConnect, s.lifetime.Err()) // closed meanwhile
	}
	return l, nil
}
