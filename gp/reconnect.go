package gp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/backoff"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// Reconnect says how a session gets its connection back; see Config.Reconnect. The zero value tries again after a second,
// then after two, four, and so on up to two minutes, each wait shortened at random by up to a half, for ever.
//
// A session that reconnects stays the same object. While it has no connection, its step is [StepReconnecting] or one of
// those of a login; requests fail at once with [ErrNotConnected], and those that were under way have failed with
// [ErrInterrupted] and say in [Error.Uncertain] whether the server may have carried them out. After the login, what
// [Session.SetPresence], [Session.SetQuiet] and [Session.AcceptInvites] last said is sent again, and the roster is compared
// with what the server tells: only differences are events, and [ChangeFresh] says that it is done. That is five seconds after
// the login, or, while the server is still telling, two seconds after the last of it, and at most half a minute after the
// login. Whom it has not told of by then is offline, or no buddy any more if it sent a list.
//
// It does not try again after what a new try cannot mend: a refused password, name, token or ticket, another login of the
// same profile, a server that cannot prove that it knows the password, or any refusal that is not known to be passing.
// Then the session ends with that error.
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
	// Identity gives what to log in with, asked before each try: for tokens that are good for a few minutes only. Nil means
	// what the session was opened with, except that a [LoginTicket] is replaced by the newest one that the server gave.
	// An error counts as a try that failed. It must return when the context ends, which is what Close waits for, and not
	// call Close itself.
	Identity func(ctx context.Context) (Identity, error)
	// AskBuddies asks again for every buddy of whom the server has said nothing when the roster is compared. That is
	// for wfc, which forgets who the buddies of a player are when the connection ends, as the consoles tell it anew at each
	// login. False asks nobody: other servers remember, and refuse or pass on such requests.
	AskBuddies bool
	// Random gives numbers from 0 to below 1 for the jitter. Nil means the system's.
	Random func() float64
}

// delay is the wait before a try, counted from 1.
func (r *Reconnect) delay(attempt int) time.Duration {
	return backoff.Policy{First: r.First, Max: r.Max, Jitter: r.Jitter}.Delay(attempt, r.Random)
}

const (
	// stableAfter is how long a connection has to last so that its end starts the waits anew: a server that accepts every
	// login and closes is not knocked at every second.
	stableAfter = time.Minute
	// settleAfter is how long after a login the server may take to tell of the buddies: no message ends what it tells.
	settleAfter = 5 * time.Second
	// settleQuiet is how long it may be silent about them meanwhile: who is still telling after settleAfter is waited for, or
	// buddies in the rest of what it says would be removed and come back.
	settleQuiet = 2 * time.Second
	// settleAtMost bounds that: a server can tell of buddies for ever.
	settleAtMost = 30 * time.Second
)

// curable says whether a new login can mend what ended the connection, or the try to log in.
func curable(err *Error) bool {
	switch {
	case errors.Is(err, ErrProofMismatch), errors.Is(err, ErrInvalidText), errors.Is(err, errOtherProfile):
		return false
	case !err.Refused:
		return true // the network, or a server that says nothing of sense now
	}
	switch err.Code {
	case gpwire.ErrorGeneral, gpwire.ErrorNotLoggedIn, gpwire.ErrorBadSessionKey, gpwire.ErrorDatabase, gpwire.ErrorNetwork,
		gpwire.ErrorConnectionClosed, gpwire.ErrorLoginTimeout, gpwire.ErrorLoginConnectionFailed:
		return true
	}
	return false
}

var errOtherProfile = errors.New("gp: logged in as another profile than before")

// run reads from the session's connection, and from the next when one is over.
func (s *Session) run(l *link) {
	for l != nil {
		err := s.read(l)
		again := s.disconnected(l, err)
		if again {
			_ = l.conn.Close()
		}
		<-l.drained
		if !again {
			return
		}
		l = s.reconnect(err)
	}
}

// disconnected decides what follows the end of a connection. It reports whether there shall be another.
func (s *Session) disconnected(l *link, err *Error) bool {
	s.mu.Lock()
	if s.state.Step == StepClosed {
		s.mu.Unlock()
		return false
	}
	if s.config.Reconnect == nil || err == nil || !curable(err) {
		s.mu.Unlock()
		if err == nil {
			s.end(nil, false)
		} else {
			s.end(err, false)
		}
		return false
	}
	if time.Since(s.state.Since) >= stableAfter {
		s.attempt = 0
	}
	s.link, s.lastLoss, s.published = nil, err, nil
	pending := s.pending
	s.pending, s.orphans = nil, nil
	s.state.Step, s.state.Since, s.state.Reason = StepReconnecting, time.Now(), err.Error()
	s.roster.stale = true
	s.roster.touch()
	for _, op := range pending {
		op.done <- outcome{err: s.interruptedLocked(op.name, true)}
	}
	close(l.broken)
	s.mu.Unlock()
	return true
}

// reconnect tries until there is a connection. It is nil when the session is over instead.
func (s *Session) reconnect(err *Error) *link {
	policy, from := s.config.Reconnect, StepConnected
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
	s.log.Info("gp session", "step", StepReconnecting.String(), "peer", peer, "attempt", s.attempt, "delay", delay, "reason", reason)
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
	limit := fmt.Errorf("login took longer than %v", s.config.LoginTimeout)
	ctx, cancel := context.WithTimeoutCause(s.lifetime, s.config.LoginTimeout, limit)
	defer cancel()
	identity := s.identity
	if renew := s.config.Reconnect.Identity; renew != nil {
		fresh, err := renew(ctx)
		if err != nil {
			return nil, s.fail(opLogin, fmt.Errorf("no identity to log in with: %w", backend.Ended(ctx, err)))
		}
		identity = fresh
	} else if ticket, ok := identity.(LoginTicket); ok {
		if newest := s.Ticket(); newest != "" {
			ticket.Ticket = newest
			identity = ticket
		}
	}
	s.mu.Lock()
	s.roster.connection++
	s.roster.listed, s.roster.left = false, nil
	s.mu.Unlock()
	l, err := s.connect(ctx, opLogin, identity, nil)
	if err != nil {
		failure, ok := errors.AsType[*Error](err)
		if !ok {
			failure = s.fail(opLogin, err)
		}
		return nil, failure
	}
	now := time.Now()
	l.settle, l.settleLast = now.Add(settleAfter), now.Add(settleAtMost)
	s.count(func(c *Counters) { c.Reconnects++ })
	if !s.begin(l) {
		_ = l.conn.Close()
		return nil, s.fail(opLogin, s.lifetime.Err()) // closed meanwhile
	}
	return l, nil
}

// resume puts first into the queue what the player had set. The caller holds Session.mu.
func (s *Session) resume(l *link) {
	if s.presence != nil {
		if l.post(s.presenceMessage(*s.presence, s.key)) {
			s.published = s.presence
		}
	}
	if s.quiet != l.quiet { // it was set after the login had said it
		l.post(&gpwire.Quiet{Flags: s.quiet, SessionKey: s.key})
	}
	if s.invites != nil {
		l.post(&gpwire.InviteTo{SessionKey: s.key, Products: s.invites})
	}
}

// askAgain asks as many of the silent buddies as there is room for, and leaves half of the queue to others.
func (s *Session) askAgain(l *link) {
	if len(l.ask) == 0 {
		return
	}
	key := s.sessionKey()
	for len(l.ask) > 0 && len(l.out) < (cap(l.out)+1)/2 && l.post(&gpwire.AddBuddy{SessionKey: key, ProfileID: l.ask[0]}) {
		l.ask = l.ask[1:]
	}
}

// manyChanges is how many changes at once are told one by one.
const manyChanges = 64

// settleRoster ends the comparison of the roster after a reconnect: whom the server did not tell of is offline, or, if it
// sent a list, no buddy any more.
func (s *Session) settleRoster(l *link, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l {
		return // the connection was lost this very moment: the next one compares
	}
	if quiet := s.roster.told.Add(settleQuiet); now.Before(quiet) && now.Before(l.settleLast) {
		l.settle = quiet
		if l.settleLast.Before(quiet) {
			l.settle = l.settleLast
		}
		return
	}
	l.settle = time.Time{}
	removed, offline, silent := s.roster.settle()
	if s.config.Reconnect.AskBuddies {
		l.ask = silent
	}
	if len(removed)+len(offline) > manyChanges {
		s.changed(ChangeMany, 0)
	} else {
		for _, id := range removed {
			s.changed(ChangeBuddyRemoved, id)
		}
		for _, id := range offline {
			status := s.roster.buddies[id].status
			s.events.Push(&status)
			s.changed(ChangeStatus, id)
		}
	}
	s.changed(ChangeFresh, 0)
}
