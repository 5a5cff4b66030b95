package gstats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// link is one connection. A session that reconnects has one after the other.
type link struct {
	conn       net.Conn
	splitter   *kv.Splitter // of the goroutine that reads
	connection int32        // the number that the server gave it

	out     chan *outgoing
	broken  chan struct{} // closed when nothing more shall be sent
	reading chan struct{} // closed when nothing will be read any more
	drained chan struct{} // closed when nothing will be written any more

	// What follows is guarded by Session.mu.

	waiting []*request
	turn    chan struct{}  // closed, and made anew, when a request that waits for its turn may look again
	queue   []*request     // those that wait for their turn, in order
	logins  []int32        // local ids of the latest authentications of players
	echoes  bool           // the server has returned the local id of a request that was none
	games   map[int32]bool // that the server knows on this connection
	reason  *Error         // why it could not be written to
}

// readSize is how much is read at once. It is also what an idle session keeps.
const readSize = 4 << 10

func (s *Session) newLink(conn net.Conn) *link {
	return &link{
		conn: conn, splitter: gstatswire.Splitter(s.config.MaxMessage),
		out: make(chan *outgoing, sendQueue), broken: make(chan struct{}), reading: make(chan struct{}),
		drained: make(chan struct{}), turn: make(chan struct{}), games: make(map[int32]bool),
	}
}

// read takes what the server sends until the connection is over, and says why. Nil: it ended as it should.
func (s *Session) read(l *link) *Error {
	defer close(l.reading)
	for {
		message, err := s.receive(l)
		broken, isBroken := errors.AsType[*brokenError](err)
		switch {
		case isBroken:
			s.mu.Lock()
			reason := l.reason
			s.mu.Unlock()
			if reason != nil && (errors.Is(err, os.ErrDeadlineExceeded) || closedHere(err)) {
				return reason // reading was stopped because writing failed
			}
			return s.fail("receive", broken.err)
		case message == nil:
			s.ignored(err)
			continue
		}
		if failed := s.handle(l, message, err); failed != nil {
			return failed
		}
	}
}

// brokenError says that a connection gives no more messages.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

// receive reads one message. It comes with an error if it answers a request that fails for it.
func (s *Session) receive(l *link) (gstatswire.Message, error) {
	for {
		body, ok, err := l.splitter.Next()
		if err != nil {
			return nil, &brokenError{protocolError(err)}
		}
		if ok {
			body = gstatswire.Uncover(body)
			s.trace("received", body)
			s.mu.Lock()
			s.state.Counters.MessagesReceived++
			s.state.LastReceived = time.Now()
			s.mu.Unlock()
			message, err := gstatswire.FromServer(body)
			if err != nil {
				err = protocolError(err)
			}
			return message, err
		}
		if l.splitter.Cap() > 8*readSize {
			l.splitter.Release()
		}
		n, err := l.splitter.Fill(l.conn, readSize)
		if n > 0 {
			s.count(func(c *Counters) { c.BytesReceived += uint64(n) })
			continue
		}
		if err != nil {
			if pending := l.splitter.Pending(); len(pending) > 0 {
				err = fmt.Errorf("%w in the middle of a message of %d bytes so far", err, len(pending))
			}
			return nil, &brokenError{serverClosed(err)}
		}
	}
}

// handle does what a message asks for. An error ends the connection.
func (s *Session) handle(l *link, message gstatswire.Message, err error) *Error {
	switch m := message.(type) {
	case *gstatswire.PlayerReply:
		s.deliver(l, kindPlayer, m.LocalID, 0, m, err)
	case *gstatswire.ProfileIDReply:
		s.deliver(l, kindProfileID, m.LocalID, 0, m, err)
	case *gstatswire.DataReply:
		s.deliver(l, kindGet, m.LocalID, m.ProfileID, m, err)
	case *gstatswire.SetReply:
		s.deliver(l, kindSet, m.LocalID, m.ProfileID, m, err)
	case *gstatswire.KeepAlive:
		// openspy's own, every ten minutes. Nobody waits for an answer, and wfc would answer the answer.
	case *gstatswire.ErrorReply:
		if m.Fatal {
			s.refuseWaiting(l, m) // openspy refuses what a player may not read or write so
			return s.refuse("receive", m.Code, m.Text)
		}
		if !s.refuseWaiting(l, m) {
			failed := s.refuse("receive", m.Code, m.Text)
			s.count(func(c *Counters) { c.Refused++ })
			s.events.Push(&ServerError{Err: failed})
		}
	default:
		s.ignored(fmt.Errorf("%w: a %T comes too late", ErrProtocol, message))
	}
	return nil
}

// ignored counts a message that could not be used. A server that sends nothing else does not fill the log.
func (s *Session) ignored(err error) {
	_, malformed := errors.AsType[*gstatswire.FieldError](err)
	s.mu.Lock()
	if malformed {
		s.state.Counters.Malformed++
	} else {
		s.state.Counters.Unknown++
	}
	s.state.Reason = err.Error()
	count := s.state.Counters.Unknown + s.state.Counters.Malformed
	s.mu.Unlock()
	s.warn("gstats message ignored", count, "reason", err)
}

// warn logs the count-th time of something: the first eight, and then ever fewer.
func (s *Session) warn(message string, count uint64, args ...any) {
	if count <= 8 || count&(count-1) == 0 {
		s.log.Warn(message, append(args, "count", count)...)
	}
}

// trace logs a message with its secrets masked.
func (s *Session) trace(what string, body []byte) {
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("gstats message "+what, "message", gstatswire.Mask(body))
	}
}

// closedHere recognizes a connection that this side has, or may have, closed: net.Pipe says the same of both.
func closedHere(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}
