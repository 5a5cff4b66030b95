package gp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/eventqueue"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// Session is a login at the connection manager. It is safe for concurrent use.
//
// It runs two goroutines, one that reads and one that writes, from the end of the login until Close or the end of the
// connection; and, with Config.FetchProfiles, a third while there are profiles to fetch. A session that has ended cannot be
// used again: log in anew. With Config.Reconnect, it does not end with the connection.
type Session struct {
	config   Config
	identity Identity
	log      *slog.Logger
	events   *eventqueue.Queue[Event]
	decoder  gpwire.Decoder // of the goroutine that reads, and before it of the login
	texts    texts          // likewise

	closing  chan struct{}   // closed when the session ends
	lifetime context.Context // of what the session does by itself: ends with it
	over     context.CancelFunc
	done     sync.WaitGroup
	attempt  int // of reconnecting; of the goroutine that reads

	mu        sync.Mutex
	state     State
	opened    bool  // the first login is over
	link      *link // nil: not connected
	lastLoss  error // why it is not
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
	presence  *Presence   // what the player wants to publish
	published *Presence   // what the server was told on this connection
	quiet     int
	turn      chan struct{} // has room for who may change a setting, see Session.set
	searches  chan struct{} // see Searcher.room; nil until somebody searches
	invites   []ProductID   // nil: nothing was said about them
}

// goodbyeTimeout bounds the sending of all that is still waiting, and of the logout.
const goodbyeTimeout = time.Second

func newSession(config Config) *Session {
	config = config.withDefaults()
	lifetime, over := context.WithCancel(context.Background())
	s := &Session{
		config:    config,
		log:       config.Logger,
		events:    newQueue(config.EventQueue),
		closing:   make(chan struct{}),
		turn:      make(chan struct{}, 1),
		lifetime:  lifetime,
		over:      over,
		state:     State{Since: time.Now()},
		namespace: config.NamespaceID,
		partner:   config.PartnerID,
		nextID:    2,
		quiet:     config.Quiet,
		roster:    newRoster(),
		profiles:  profileCache{limit: config.ProfileCache, age: config.ProfileAge},
	}
	s.decoder.Text = s.texts.keep
	return s
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
	state.Counters.EventsLost = s.events.Lost()
	return state
}

// Done is closed when the session ends.
func (s *Session) Done() <-chan struct{} { return s.closing }

// Err says why the session ended; nil before that, and after Close.
func (s *Session) Err() error { return s.State().Err }

// Close logs out, closes the connection and waits until the session's goroutines are gone, at most a second. It may be
// called several times and from anywhere but the functions of Config, which run in those goroutines, and ends the wait for a
// new connection at once.
func (s *Session) Close() error {
	s.end(nil, true)
	s.done.Wait()
	return nil
}

// step moves on during a login, and tells.
func (s *Session) step(step Step) {
	s.mu.Lock()
	from := s.state.Step
	if from == StepClosed {
		s.mu.Unlock()
		return
	}
	s.state.Step, s.state.Since = step, time.Now()
	peer := s.state.Peer
	s.events.Push(&StepChanged{From: from, To: step})
	s.mu.Unlock()
	s.log.Info("gp session", "step", step.String(), "peer", peer)
	s.progress()
}

// begin is the last step of a login: from now on the connection is the session's, and written to. It reports whether the
// session still wants it.
func (s *Session) begin(l *link) bool {
	s.mu.Lock()
	from := s.state.Step
	if from == StepClosed {
		s.mu.Unlock()
		return false
	}
	s.link, s.lastLoss = l, nil
	s.state.Step, s.state.Since, s.state.Attempt, s.state.NextTry = StepConnected, time.Now(), 0, time.Time{}
	peer := s.state.Peer
	s.resume(l)
	s.events.Push(&StepChanged{From: from, To: StepConnected})
	s.done.Go(func() { s.write(l) })
	s.wantMissing()
	s.mu.Unlock()
	s.log.Info("gp session", "step", StepConnected.String(), "peer", peer)
	s.progress()
	return true
}

// progress tells who waits for the login.
func (s *Session) progress() {
	s.mu.Lock()
	opened := s.opened
	s.mu.Unlock()
	if s.config.Progress != nil && !opened {
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
	s.state.Attempt, s.state.NextTry = 0, time.Time{}
	peer, pending, l := s.state.Peer, s.pending, s.link
	s.pending, s.orphans = nil, nil
	close(s.closing)
	s.over()
	s.mu.Unlock()

	s.log.Info("gp session", "step", StepClosed.String(), "peer", peer, "reason", reason)
	for _, op := range pending {
		op.done <- outcome{err: s.interrupted(op.name, true)}
	}
	s.events.Finish(&StepChanged{From: from, To: StepClosed, Reason: reason}, &Closed{Err: err})
	if l == nil { // a login that is under way ends with the session's lifetime
		return
	}
	if goodbye {
		_ = l.conn.SetWriteDeadline(deadline) // the writing goroutine says goodbye and closes
		return
	}
	_ = l.conn.Close()
}

// closedErrorLocked is what a session gives that is over. The caller holds Session.mu.
func (s *Session) closedErrorLocked(op string) *Error {
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
