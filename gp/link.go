package gp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// link is one connection to the connection manager. A session that reconnects has one after the other.
type link struct {
	conn     net.Conn
	splitter kv.Splitter // of the goroutine that reads
	size     int         // how much is read at once
	small    int         // reads in a row that would have fitted in less
	messages uint64      // read and not counted yet
	at       time.Time   // of the last read

	out     chan *outgoing
	broken  chan struct{} // closed when nothing more shall be sent
	reading chan struct{} // closed when nothing will be read any more
	drained chan struct{} // closed when nothing will be written any more
	settle  time.Time     // when the roster is fresh again; zero: it is
	// settleLast is when it is at the latest, even if the server is still telling of buddies.
	settleLast time.Time
	ask        []ProfileID // whom to ask again to be buddies, see Reconnect.AskBuddies; of the goroutine that writes
	quiet      int         // what the login said of it

	reason *Error // why it could not be written to; Session.mu guards it
}

func (s *Session) newLink(conn net.Conn) *link {
	return &link{
		conn: conn, splitter: kv.Splitter{Limit: s.config.MaxMessage}, size: smallRead,
		out: make(chan *outgoing, s.config.SendQueue), broken: make(chan struct{}), reading: make(chan struct{}),
		drained: make(chan struct{}),
	}
}

// A session that is quiet reads with little memory, one in a flood with few calls.
const (
	smallRead = 1 << 10
	largeRead = 32 << 10
)

// read takes what the server sends until the connection is over, and says why. Nil: it ended as it should.
func (s *Session) read(l *link) *Error {
	defer close(l.reading)
	defer s.countReceived(l)
	for {
		body, err := s.receive(l)
		if err != nil {
			if errors.Is(err, ErrServerClosed) && s.deletedByClosing() {
				return nil
			}
			s.mu.Lock()
			reason := l.reason
			s.mu.Unlock()
			if reason != nil && (errors.Is(err, os.ErrDeadlineExceeded) || closedHere(err)) {
				return reason // reading was stopped because writing failed
			}
			return s.fail("receive", err)
		}
		message, err := s.decoder.FromServer(body)
		if err != nil {
			s.ignored(body, err)
			continue
		}
		if err := s.handle(message); err != nil {
			return err
		}
		select {
		case <-s.closing:
			return nil
		default:
		}
	}
}

// receive reads one message.
func (s *Session) receive(l *link) ([]byte, error) {
	for {
		body, ok, err := l.splitter.Next()
		if err != nil {
			return nil, protocolError(err)
		}
		if ok {
			l.messages++
			s.trace("received", body)
			return body, nil
		}
		s.countReceived(l)
		n, err := l.splitter.Fill(l.conn, l.size)
		if n > 0 {
			l.at = time.Now()
			s.count(func(c *Counters) { c.BytesReceived += uint64(n) })
			l.adapt(n)
			continue
		}
		if err != nil {
			if pending := l.splitter.Pending(); len(pending) > 0 {
				err = fmt.Errorf("%w in the middle of a message of %d bytes so far", err, len(pending))
			}
			return nil, serverClosed(err)
		}
	}
}

// adapt reads more at once while there is more, and gives the memory back when there is not.
func (l *link) adapt(n int) {
	switch {
	case n == l.size && l.size < largeRead:
		l.size *= 2
		l.small = 0
	case n > smallRead || l.size == smallRead:
		l.small = 0
	default:
		if l.small++; l.small >= 16 {
			l.size, l.small = smallRead, 0
		}
	}
}

// countReceived counts the messages of the last read, before the next.
func (s *Session) countReceived(l *link) {
	if l.messages == 0 {
		return
	}
	if l.size == smallRead && l.splitter.Cap() > 4*smallRead {
		l.splitter.Release()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.LastReceived = l.at
	s.state.Counters.MessagesReceived += l.messages
	l.messages = 0
}

// closedHere recognizes a connection that this side has, or may have, closed: net.Pipe says the same of both.
func closedHere(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// serverClosed marks the errors that mean that the other side is gone.
func serverClosed(err error) error {
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() || errors.Is(err, net.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrServerClosed, err)
}

// trace logs a message with its secrets masked.
func (s *Session) trace(what string, body []byte) {
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("gp message "+what, "message", gpwire.Mask(body))
	}
}

// ignored counts a message that could not be used. A server that sends nothing else does not fill the log.
func (s *Session) ignored(body []byte, err error) {
	s.mu.Lock()
	if _, ok := errors.AsType[*gpwire.UnknownError](err); ok {
		s.state.Counters.Unknown++
	} else {
		s.state.Counters.Malformed++
	}
	s.state.Reason = err.Error()
	count := s.state.Counters.Unknown + s.state.Counters.Malformed
	s.mu.Unlock()
	if loud(count) {
		s.log.Warn("gp message ignored", "reason", err, "bytes", len(body), "count", count)
	}
}

// loud says whether the count-th time is worth a line in the log: the first eight, and then ever fewer.
func loud(count uint64) bool { return count <= 8 || count&(count-1) == 0 }
