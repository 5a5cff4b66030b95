package gstats

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// outgoing is one message, or several, on its way.
type outgoing struct {
	bytes []byte
	taken atomic.Bool // by the writing goroutine, or by the sender who does not want it to be sent any more
	done  chan error
}

// take claims the message, for sending or for taking it back. Only the first has it.
func (o *outgoing) take() bool { return o.taken.CompareAndSwap(false, true) }

// frame makes messages ready for the wire.
func frame(message gstatswire.Message, limit int) ([]byte, error) {
	b, err := gstatswire.AppendFrame(nil, message)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidText, err)
	}
	if len(b)-len(kv.Terminator) > limit {
		return nil, fmt.Errorf("%w: the message has %d bytes, %d more than may be", ErrInvalidText, len(b), len(b)-limit)
	}
	return b, nil
}

// send sends what is framed and waits until it is on its way. sent says that some of it may have arrived.
func (s *Session) send(ctx context.Context, l *link, op string, frames []byte) (sent bool, failed *Error) {
	if ctx.Err() != nil {
		return false, s.fail(op, backend.Ended(ctx, nil))
	}
	message := &outgoing{bytes: frames, done: make(chan error, 1)}
	select {
	case <-l.broken:
		return false, s.cutShort(op)
	case <-s.closing:
		return false, s.cutShort(op)
	default:
	}
	select {
	case l.out <- message:
	case <-ctx.Done():
		return false, s.fail(op, backend.Ended(ctx, nil))
	case <-l.drained:
		return false, s.cutShort(op)
	}
	select {
	case err := <-message.done:
		return s.written(op, err)
	case <-ctx.Done():
		return !message.take(), s.fail(op, backend.Ended(ctx, nil))
	case <-l.drained:
		select {
		case err := <-message.done: // it was written before the connection ended
			return s.written(op, err)
		default:
			return false, s.cutShort(op)
		}
	}
}

func (s *Session) written(op string, err error) (bool, *Error) {
	if err == nil {
		return true, nil
	}
	return true, s.fail(op, err)
}

func (s *Session) cutShort(op string) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interrupted(op, false)
}

// write sends what is in the queue until the connection or the session is over.
func (s *Session) write(l *link) {
	defer close(l.drained)
	defer func() { _ = l.conn.Close() }()
	for {
		select {
		case <-s.closing:
			s.sayGoodbye(l)
			return
		case <-l.broken:
			return
		case message := <-l.out:
			if !message.take() {
				continue
			}
			_ = l.conn.SetWriteDeadline(time.Now().Add(s.config.WriteTimeout))
			s.mu.Lock()
			goodbye := s.goodbye
			s.mu.Unlock()
			if !goodbye.IsZero() { // end sets it, and perhaps before the line above
				_ = l.conn.SetWriteDeadline(goodbye)
			}
			err := s.put(l, message.bytes)
			if err != nil {
				err = s.unwritable(l, err)
			}
			message.done <- err
			if err != nil {
				s.lose(l)
				return
			}
		}
	}
}

// put writes to the connection.
func (s *Session) put(l *link, frames []byte) error {
	s.traceSent(frames)
	n, err := l.conn.Write(frames)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Counters.BytesSent += uint64(n)
	if err == nil {
		s.state.Counters.MessagesSent += uint64(bytes.Count(frames, []byte(kv.Terminator)))
		s.state.LastSent = time.Now()
	}
	return err
}

func (s *Session) traceSent(frames []byte) {
	if !s.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	splitter := gstatswire.Splitter(s.config.MaxMessage)
	splitter.Append(frames)
	for {
		body, ok, err := splitter.Next()
		if !ok || err != nil {
			return
		}
		s.trace("sent", gstatswire.Uncover(body))
	}
}

// lastWords is how long a session whose sending has failed listens for the reason: a server that throws a game out says why
// before it closes.
const lastWords = 250 * time.Millisecond

// unwritable notes why nothing can be sent any more, unless the connection was given up before for a reason of its own.
func (s *Session) unwritable(l *link, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.reason != nil {
		return l.reason
	}
	l.reason = s.failLocked("send", err)
	return err
}

// lose lets the reading goroutine, which decides what follows, know that nothing can be sent any more.
func (s *Session) lose(l *link) {
	s.mu.Lock()
	over := s.state.Step == StepClosed
	s.mu.Unlock()
	if !over {
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

// sayGoodbye tells the server that nothing more comes, and waits until it has taken what was sent: a connection that is closed
// while something is unread takes back what is on its way.
func (s *Session) sayGoodbye(l *link) {
	s.mu.Lock()
	goodbye := s.goodbye
	s.mu.Unlock()
	half, ok := l.conn.(interface{ CloseWrite() error })
	if goodbye.IsZero() || !ok || half.CloseWrite() != nil {
		return
	}
	<-l.reading // which has the same limit
}
