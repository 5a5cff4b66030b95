package gp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// outgoing is one message on its way.
type outgoing struct {
	bytes []byte
	taken atomic.Bool // by the writing goroutine, or by the sender who does not want it to be sent any more
	done  chan error  // nil: nobody waits
}

// take claims the message, for sending or for taking it back. Only the first has it.
func (o *outgoing) take() bool { return o.taken.CompareAndSwap(false, true) }

// batch is several messages that go out with one call.
type batch []gpwire.Message

func (m batch) Command() string { return m[0].Command() }

// Append writes the messages.
func (m batch) Append(b []byte) ([]byte, error) {
	start := len(b)
	for _, message := range m {
		var err error
		if b, err = message.Append(b); err != nil {
			return b[:start], err
		}
	}
	return b, nil
}

// request makes a message for a connection: every request carries the session key of its own.
type request func(key SessionKey) gpwire.Message

// send sends a message and waits until it is on its way.
func (s *Session) send(ctx context.Context, op string, message request) error {
	s.mu.Lock()
	l, key, err := s.connection(op)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.sendOn(ctx, l, op, message(key))
}

// connection is what a request goes over. The caller holds Session.mu.
func (s *Session) connection(op string) (*link, SessionKey, error) {
	switch {
	case s.state.Step == StepClosed:
		return nil, "", s.closedErrorLocked(op)
	case s.link == nil:
		err := ErrNotConnected
		if s.lastLoss != nil {
			err = fmt.Errorf("%w: %w", err, s.lastLoss)
		}
		return nil, "", &Error{Op: op, Step: s.state.Step, Peer: s.state.Peer, Err: err}
	}
	return s.link, s.key, nil
}

// sendOn is send for one connection.
func (s *Session) sendOn(ctx context.Context, l *link, op string, message gpwire.Message) error {
	b, err := message.Append(nil)
	if err != nil {
		return s.fail(op, textError(err))
	}
	if err := ctx.Err(); err != nil {
		return s.fail(op, backend.Ended(ctx, err))
	}
	sent := &outgoing{bytes: b, done: make(chan error, 1)}
	select {
	case <-l.broken:
		return s.interrupted(op, false)
	default:
	}
	select {
	case l.out <- sent:
	default:
		return s.fail(op, ErrQueueFull)
	}
	select {
	case err := <-sent.done:
		return s.sendResult(op, err)
	case <-ctx.Done():
		failed := s.fail(op, backend.Ended(ctx, nil))
		failed.Uncertain = !sent.take()
		return failed
	case <-l.drained:
		select {
		case err := <-sent.done: // it was written before the connection ended
			return s.sendResult(op, err)
		default:
			return s.interrupted(op, false)
		}
	}
}

func (s *Session) sendResult(op string, err error) error {
	if err == nil {
		return nil
	}
	failed := s.fail(op, err)
	failed.Uncertain = true // some of it may have arrived
	return failed
}

// interrupted is the error of what the end of the connection has cut short.
func (s *Session) interrupted(op string, uncertain bool) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interruptedLocked(op, uncertain)
}

func (s *Session) interruptedLocked(op string, uncertain bool) *Error {
	if s.state.Step == StepClosed {
		failed := s.closedErrorLocked(op)
		failed.Uncertain = uncertain
		return failed
	}
	err := ErrInterrupted
	if s.lastLoss != nil {
		err = fmt.Errorf("%w: %w", err, s.lastLoss)
	}
	return &Error{Op: op, Step: s.state.Step, Peer: s.state.Peer, Uncertain: uncertain, Err: err}
}

// post puts a message into the queue without waiting for anything, and reports whether there was room.
func (l *link) post(message gpwire.Message) bool {
	b, err := message.Append(nil)
	if err != nil {
		return false
	}
	select {
	case l.out <- &outgoing{bytes: b}:
		return true
	default:
		return false
	}
}

// write sends messages, one write each, and keep-alives, and does what is due now and then.
func (s *Session) write(l *link) {
	defer close(l.drained)
	defer func() { _ = l.conn.Close() }()
	timer := time.NewTimer(s.untilDue(l))
	defer timer.Stop()
	pace := newPace(s.config.SendRate)
	for {
		s.askAgain(l)
		out, open := l.out, (<-chan time.Time)(nil)
		if wait := pace.wait(time.Now()); wait > 0 {
			out, open = nil, time.After(wait)
		}
		select {
		case <-s.closing:
			s.sayGoodbye(l)
			return
		case <-l.broken:
			return
		case <-open:
		case message := <-out:
			if !message.taken.Load() {
				pace.spend(time.Now())
			}
			if err := s.deliver(l, message); err != nil {
				s.lost(l, s.fail("send", err))
				return
			}
		case <-timer.C:
			if err := s.due(l); err != nil {
				s.lost(l, s.fail("keep alive", err))
				return
			}
			timer.Reset(s.untilDue(l))
		}
	}
}

// deliver writes a message that nobody has taken back.
func (s *Session) deliver(l *link, message *outgoing) error {
	if !message.take() {
		return nil
	}
	err := s.writeMessage(l, message.bytes)
	if message.done != nil {
		message.done <- err
	}
	return err
}

// lastWords is how long a session whose sending has failed listens for the reason: a server that kicks a player says why
// before it closes.
const lastWords = 250 * time.Millisecond

// lost lets the reading goroutine, which decides what follows, know that nothing can be sent any more.
func (s *Session) lost(l *link, err *Error) {
	s.mu.Lock()
	l.reason = err
	closed := s.state.Step == StepClosed
	s.mu.Unlock()
	if !closed && !errors.Is(err, ErrPeerSilent) {
		_ = l.conn.SetReadDeadline(time.Now().Add(lastWords))
		timer := time.NewTimer(2 * lastWords)
		defer timer.Stop()
		select {
		case <-l.reading:
		case <-timer.C:
		}
	}
	_ = l.conn.Close()
	select {
	case <-l.broken:
	case <-s.closing:
	}
}

// sayGoodbye sends what is still waiting, and the logout.
func (s *Session) sayGoodbye(l *link) {
	s.mu.Lock()
	goodbye, key := s.goodbye, s.key
	s.mu.Unlock()
	if goodbye.IsZero() {
		return
	}
	for {
		select {
		case message := <-l.out:
			if s.deliver(l, message) != nil {
				return
			}
			continue
		default:
		}
		break
	}
	if b, err := (&gpwire.Logout{SessionKey: key}).Append(nil); err == nil {
		_ = s.writeMessage(l, b)
	}
}

// writeMessage sends a message, or a batch, with one call, since some servers take one read for one message (servers.md §5.1.3).
func (s *Session) writeMessage(l *link, b []byte) error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(s.config.WriteTimeout))
	s.mu.Lock()
	goodbye := s.goodbye
	s.mu.Unlock()
	if !goodbye.IsZero() { // end sets it, and perhaps before the line above: one limit for all that is still to be sent
		_ = l.conn.SetWriteDeadline(goodbye)
	}
	s.trace("sent", b)
	n, err := l.conn.Write(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Counters.BytesSent += uint64(n)
	if err != nil {
		return err
	}
	s.state.Counters.MessagesSent += uint64(bytes.Count(b, []byte(kv.Terminator)))
	s.state.LastSent = time.Now()
	return nil
}

// pace limits how many messages are sent in a second: after a burst, one at a time.
type pace struct {
	each  time.Duration // between two messages; zero: no limit
	ahead time.Time     // when as much has been sent as may be
}

// paceBurst is how much time's worth of messages may be sent at once; one message always may.
const paceBurst = 2 * time.Second

// slowest bounds the wait that a tiny rate asks for.
const slowest = time.Hour

func newPace(rate float64) pace {
	if rate <= 0 {
		return pace{}
	}
	return pace{each: time.Duration(min(float64(time.Second)/rate, float64(slowest)))}
}

// wait is how long the next message has to wait.
func (p *pace) wait(now time.Time) time.Duration {
	if p.each == 0 {
		return 0
	}
	return p.ahead.Add(p.each).Sub(now.Add(max(paceBurst, p.each)))
}

func (p *pace) spend(now time.Time) {
	if p.ahead.Before(now) {
		p.ahead = now
	}
	p.ahead = p.ahead.Add(p.each)
}
