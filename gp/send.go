package gp

import (
	"context"
	"errors"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// outgoing is one message on its way.
type outgoing struct {
	bytes []byte
	done  chan error // nil: nobody waits
}

// send sends a message and waits until it is on its way.
func (s *Session) send(ctx context.Context, op string, message gpwire.Message) error {
	b, err := message.Append(nil)
	if err != nil {
		return s.fail(op, textError(err))
	}
	if err := ctx.Err(); err != nil {
		return s.fail(op, ended(ctx, err))
	}
	sent := &outgoing{bytes: b, done: make(chan error, 1)}
	select {
	case <-s.closing:
		return s.closedError(op)
	default:
	}
	select {
	case s.out <- sent:
	case <-ctx.Done():
		return s.fail(op, ended(ctx, nil))
	case <-s.closing:
		return s.closedError(op)
	}
	select {
	case err := <-sent.done:
		if err != nil {
			return s.fail(op, err)
		}
		return nil
	case <-ctx.Done():
		return s.fail(op, ended(ctx, nil))
	case <-s.drained:
		select {
		case err := <-sent.done: // it was written before the session ended
			if err == nil {
				return nil
			}
		default:
		}
		return s.closedError(op)
	}
}

// writeLoop sends messages, one write each, and keep-alives.
func (s *Session) writeLoop() {
	defer close(s.drained)
	timer := time.NewTimer(s.silence().wait(time.Now()))
	defer timer.Stop()
	defer func() { _ = s.conn.Close() }()
	for {
		select {
		case <-s.closing:
			s.sayGoodbye()
			return
		case message := <-s.out:
			err := s.write(message.bytes)
			if message.done != nil {
				message.done <- err
			}
			if err != nil {
				s.lost(s.fail("send", err))
				return
			}
		case <-timer.C:
			if err := s.keepAlive(); err != nil {
				s.lost(s.fail("keep alive", err))
				return
			}
			timer.Reset(s.silence().wait(time.Now()))
		}
	}
}

// lastWords is how long a session whose sending has failed listens for the reason: a server that kicks a player says why
// before it closes.
const lastWords = 250 * time.Millisecond

// lost ends the session because nothing can be sent any more.
func (s *Session) lost(err *Error) {
	s.mu.Lock()
	closed := s.state.Step == StepClosed
	s.mu.Unlock()
	if !closed && !errors.Is(err, ErrPeerSilent) {
		_ = s.conn.SetReadDeadline(time.Now().Add(lastWords))
		timer := time.NewTimer(2 * lastWords)
		defer timer.Stop()
		select {
		case <-s.reading:
		case <-timer.C:
		}
	}
	s.end(err, false)
}

// sayGoodbye sends what is still waiting, and the logout.
func (s *Session) sayGoodbye() {
	s.mu.Lock()
	goodbye, key := s.goodbye, s.key
	s.mu.Unlock()
	if goodbye.IsZero() {
		return
	}
	for {
		select {
		case message := <-s.out:
			err := s.write(message.bytes)
			if message.done != nil {
				message.done <- err
			}
			if err != nil {
				return
			}
			continue
		default:
		}
		break
	}
	if b, err := (&gpwire.Logout{SessionKey: key}).Append(nil); err == nil {
		_ = s.write(b)
	}
}

// write sends one message with one call, since some servers take one read for one message (servers.md §5.1.3).
func (s *Session) write(b []byte) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.config.WriteTimeout))
	s.mu.Lock()
	goodbye := s.goodbye
	s.mu.Unlock()
	if !goodbye.IsZero() { // end sets it, and perhaps before the line above: one limit for all that is still to be sent
		_ = s.conn.SetWriteDeadline(goodbye)
	}
	s.trace("sent", b)
	n, err := s.conn.Write(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Counters.BytesSent += uint64(n)
	if err != nil {
		return err
	}
	s.state.Counters.MessagesSent++
	s.state.LastSent = time.Now()
	return nil
}
