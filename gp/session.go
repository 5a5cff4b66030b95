package gp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Session is a login at the connection manager. It is safe for concurrent use.
//
// It runs two goroutines, one that reads and one that writes, from the end of the login until Close or the end of the
// connection. A session that has ended cannot be used again: log in anew.
type Session struct {
	config Config
	log    *slog.Logger
	conn   net.Conn
	events *queue

	out     chan *outgoing
	closing chan struct{} // closed when the session ends
	reading chan struct{} // closed when nothing will be read any more
	drained chan struct{} // closed when nothing will be written any more
	done    sync.WaitGroup

	lifetime context.Context // of what the session does by itself: ends with it
	over     context.CancelFunc

	// Of the reading goroutine, and before it of the login.
	splitter kv.Splitter
	decoder  gpwire.Decoder
	segment  []byte

	mu        sync.Mutex
	state     State
	key       SessionKey
	ticket    string
	namespace NamespaceID
	partner   PartnerID
	goodbye   time.Time // until when a goodbye may be said before closing; zero: none
	nextID    int
	pending   []*operation // in order of their ids
	orphans   []orphan
	roster    roster
	profiles  profileCache
	wanted    []ProfileID // profiles to be fetched
	fetching  bool        // somebody does
	published *Presence
}

// outQueue is how many messages wait to be sent.
const outQueue = 64

// goodbyeTimeout bounds the sending of all that is still waiting, and of the logout.
const goodbyeTimeout = time.Second

func newSession(config Config) *Session {
	config = config.withDefaults()
	lifetime, over := context.WithCancel(context.Background())
	return &Session{
		config:    config,
		log:       config.Logger,
		events:    newQueue(config.EventQueue),
		out:       make(chan *outgoing, outQueue),
		closing:   make(chan struct{}),
		reading:   make(chan struct{}),
		drained:   make(chan struct{}),
		splitter:  kv.Splitter{Limit: config.MaxMessage},
		segment:   make([]byte, 4096),
		state:     State{Since: time.Now()},
		namespace: config.NamespaceID,
		partner:   config.PartnerID,
		nextID:    2,
		roster:    newRoster(),
		profiles:  profileCache{limit: config.ProfileCache, age: config.ProfileAge},
		lifetime:  lifetime,
		over:      over,
	}
}

// ProfileID is the profile that is logged in.
func (s *Session) ProfileID() ProfileID { return s.State().ProfileID }

// UniqueNick is the unique name of the profile that is logged in; empty if it has none.
func (s *Session) UniqueNick() string { return s.State().UniqueNick }

// Ticket is the newest login ticket, for [LoginTicket] and for web services; empty if the server gave none.
func (s *Session) Ticket() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ticket
}

// State says how the session is.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	state.Pending = len(s.pending)
	state.Counters.EventsLost = s.events.lostEver()
	return state
}

// Done is closed when the session ends.
func (s *Session) Done() <-chan struct{} { return s.closing }

// Err says why the session ended; nil before that, and after Close.
func (s *Session) Err() error { return s.State().Err }

// Close logs out, closes the connection and waits until both goroutines are gone, at most a second. It may be called
// several times and from anywhere.
func (s *Session) Close() error {
	s.end(nil, true)
	s.done.Wait()
	return nil
}

// step moves on during the login, and tells.
func (s *Session) step(step Step) {
	s.mu.Lock()
	from := s.state.Step
	s.state.Step, s.state.Since = step, time.Now()
	peer := s.state.Peer
	s.mu.Unlock()
	s.log.Info("gp session", "step", step.String(), "peer", peer)
	s.events.push(&StepChanged{From: from, To: step})
	s.progress()
}

// progress tells who waits for the login.
func (s *Session) progress() {
	if s.config.Progress != nil {
		s.config.Progress(s.State())
	}
}

// end ends the session once, for a reason or, with a goodbye, on request. It does not wait.
func (s *Session) end(err error, goodbye bool) {
	s.mu.Lock()
	if s.state.Step == StepClosed {
		s.mu.Unlock()
		return
	}
	from := s.state.Step
	reason := "closed on request"
	if err != nil {
		reason = err.Error()
	}
	s.state.Step, s.state.Since, s.state.Err, s.state.Reason = StepClosed, time.Now(), err, reason
	goodbye = goodbye && from == StepConnected
	if goodbye {
		s.goodbye = time.Now().Add(goodbyeTimeout)
	}
	deadline := s.goodbye
	peer, pending := s.state.Peer, s.pending
	s.pending, s.orphans = nil, nil
	close(s.closing)
	s.over()
	s.mu.Unlock()

	s.log.Info("gp session", "step", StepClosed.String(), "peer", peer, "reason", reason)
	for _, op := range pending {
		op.done <- outcome{err: s.closedError(op.name)}
	}
	s.events.finish(&StepChanged{From: from, To: StepClosed, Reason: reason}, &Closed{Err: err})
	if s.conn == nil {
		return
	}
	if goodbye {
		_ = s.conn.SetWriteDeadline(deadline) // the writing goroutine says goodbye and closes
		return
	}
	_ = s.conn.Close()
}

// closedError is what a session gives that is over.
func (s *Session) closedError(op string) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := net.ErrClosed
	if s.state.Err != nil {
		err = fmt.Errorf("%w: %w", net.ErrClosed, s.state.Err)
	}
	return &Error{Op: op, Step: StepClosed, Peer: s.state.Peer, Err: err}
}

// fail makes the error of an operation.
func (s *Session) fail(op string, err error) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Error{Op: op, Step: s.state.Step, Peer: s.state.Peer, Err: err}
}

// start runs the goroutines after the login.
func (s *Session) start() {
	s.done.Go(s.readLoop)
	s.done.Go(s.writeLoop)
}

// readLoop takes what the server sends until the connection ends.
func (s *Session) readLoop() {
	defer close(s.reading)
	for {
		body, err := s.receive()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return // the writing goroutine ends the session, for its own reason
			}
			if errors.Is(err, ErrServerClosed) && s.deletedByClosing() {
				s.end(nil, false)
				return
			}
			s.end(s.fail("receive", err), false)
			return
		}
		message, err := s.decoder.FromServer(body)
		if err != nil {
			s.ignored(body, err)
			continue
		}
		s.handle(message)
		select {
		case <-s.closing:
			return
		default:
		}
	}
}

// receive reads one message.
func (s *Session) receive() ([]byte, error) {
	for {
		body, ok, err := s.splitter.Next()
		if err != nil {
			return nil, protocolError(err)
		}
		if ok {
			s.mu.Lock()
			s.state.LastReceived = time.Now()
			s.state.Counters.MessagesReceived++
			s.mu.Unlock()
			s.trace("received", body)
			return body, nil
		}
		n, err := s.conn.Read(s.segment)
		if n > 0 {
			s.mu.Lock()
			s.state.Counters.BytesReceived += uint64(n)
			s.mu.Unlock()
			s.splitter.Append(s.segment[:n])
			continue
		}
		if err != nil {
			if pending := s.splitter.Pending(); len(pending) > 0 {
				err = fmt.Errorf("%w in the middle of a message of %d bytes so far", err, len(pending))
			}
			return nil, serverClosed(err)
		}
	}
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

// ignored counts a message that could not be used.
func (s *Session) ignored(body []byte, err error) {
	s.mu.Lock()
	if _, ok := errors.AsType[*gpwire.UnknownError](err); ok {
		s.state.Counters.Unknown++
	} else {
		s.state.Counters.Malformed++
	}
	s.state.Reason = err.Error()
	s.mu.Unlock()
	s.log.Warn("gp message ignored", "reason", err, "bytes", len(body))
}

// sessionKey is what every request carries.
func (s *Session) sessionKey() SessionKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}
