package gstats

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/eventqueue"
	"github.com/relight-sdk/relight/internal/gscrypt"
)

// Session is a connection to the statistics service. It is safe for concurrent use, and many requests may be under way at
// once.
//
// It runs two goroutines, one that reads and one that writes, and a third while there are snapshots in the spool to be sent,
// until Close or the end of the connection. A session that has ended cannot be used again. With Config.Reconnect, it does not
// end with the connection.
type Session struct {
	config Config
	log    *slog.Logger
	events *eventqueue.Queue[Event]

	closing  chan struct{}   // closed when the session ends
	lifetime context.Context // of what the session does by itself: ends with it
	over     context.CancelFunc
	done     sync.WaitGroup
	attempt  int // of reconnecting; of the goroutine that reads

	mu       sync.Mutex
	state    State
	link     *link     // nil: not connected
	lastLoss error     // why it is not
	begun    bool      // it was connected before
	goodbye  time.Time // until when what was sent may still arrive; zero: not at all
	localID  int32
	gameKey  int32
	players  []authenticated
}

// goodbyeTimeout bounds the wait for a server to take what was sent, when a session is closed.
const goodbyeTimeout = time.Second

// Connect opens a connection and proves that the game knows its secret. The context bounds Connect alone, not the session.
func Connect(ctx context.Context, config Config) (*Session, error) {
	s := newSession(config)
	if err := s.config.check(); err != nil {
		s.end(err, false)
		return nil, &Error{Op: opConnect, Err: err}
	}
	l, err := s.connect(ctx)
	if err != nil {
		s.end(err, false)
		return nil, err
	}
	s.begin(l)
	s.done.Go(func() { s.run(l) })
	return s, nil
}

// Open begins a session without waiting for its connection: for games that are played whether the service can be reached or
// not, and whose results a spool keeps meanwhile. The session connects as [Reconnect] says, the first time at once; what needs
// a connection fails with [ErrNotConnected] until there is one. Without Config.Reconnect, its zero value is used.
func Open(config Config) (*Session, error) {
	if config.Reconnect == nil {
		config.Reconnect = &Reconnect{}
	}
	s := newSession(config)
	if err := s.config.check(); err != nil {
		s.end(err, false)
		return nil, &Error{Op: opConnect, Err: err}
	}
	s.done.Go(func() { s.run(nil) })
	return s, nil
}

func newSession(config Config) *Session {
	config = config.withDefaults()
	lifetime, over := context.WithCancel(context.Background())
	return &Session{
		config: config, log: config.Logger, events: newQueue(config.EventQueue),
		closing: make(chan struct{}), lifetime: lifetime, over: over,
		state:   State{Since: time.Now()},
		gameKey: firstGameKey(),
	}
}

// State says how the session is.
func (s *Session) State() State {
	kept := 0
	if s.config.Spool != nil { // which may be busy with its disk
		kept = s.config.Spool.count(s.config.Game)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	state.Kept = kept
	state.Counters.EventsLost = s.events.Lost()
	if s.link != nil {
		state.Connection = s.link.connection
		state.Pending = s.link.pending()
		state.Players = len(s.players)
	}
	return state
}

// Challenge is what the players of this connection prove their passwords and CD keys with: a game server gives it to its
// players, who answer with [PlayerResponse]. It changes with the connection, and is empty while there is none.
func (s *Session) Challenge() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == nil {
		return ""
	}
	return gscrypt.GStatsChallenge(s.link.connection)
}

// Done is closed when the session ends.
func (s *Session) Done() <-chan struct{} { return s.closing }

// Err says why the session ended; nil before that, and after Close.
func (s *Session) Err() error { return s.State().Err }

// Close closes the connection, once the server has taken what was sent, and waits until the session's goroutines are gone: at
// most a second. It may be called several times and from anywhere, and ends the wait for a new connection at once.
func (s *Session) Close() error {
	s.end(nil, true)
	s.done.Wait()
	return nil
}

// step moves on while connecting, and tells.
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
	s.log.Info("gstats session", "step", step.String(), "peer", peer)
}

// begin is the last step of connecting: from now on the connection is the session's, and written to. It reports whether the
// session still wants it.
func (s *Session) begin(l *link) bool {
	s.mu.Lock()
	from := s.state.Step
	if from == StepClosed {
		s.mu.Unlock()
		return false
	}
	s.link, s.lastLoss = l, nil
	if s.begun {
		s.state.Counters.Reconnects++
	}
	s.begun = true
	s.state.Step, s.state.Since, s.state.Attempt, s.state.NextTry = StepConnected, time.Now(), 0, time.Time{}
	peer := s.state.Peer
	s.events.Push(&StepChanged{From: from, To: StepConnected})
	s.done.Go(func() { s.write(l) })
	if s.config.Spool != nil {
		s.done.Go(func() { s.unspool(l) })
	}
	s.mu.Unlock()
	s.log.Info("gstats session", "step", StepConnected.String(), "peer", peer)
	return true
}

// end ends the session once, for a reason or on request. It does not wait.
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
	s.state.Attempt, s.state.NextTry = 0, time.Time{}
	peer, l := s.state.Peer, s.link
	until := time.Now().Add(goodbyeTimeout)
	if goodbye {
		s.goodbye = until
	}
	if l != nil {
		s.failWaiting(l)
		s.link = nil
	}
	close(s.closing)
	s.over()
	s.mu.Unlock()

	s.log.Info("gstats session", "step", StepClosed.String(), "peer", peer, "reason", reason)
	s.events.Finish(&StepChanged{From: from, To: StepClosed, Reason: reason}, &Closed{Err: err})
	if l == nil { // connecting, if it is under way, ends with the session's lifetime
		return
	}
	if goodbye {
		_ = l.conn.SetDeadline(until) // the writing goroutine says goodbye and closes
		return
	}
	_ = l.conn.Close()
}

// fail makes the error of an operation.
func (s *Session) fail(op string, err error) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failLocked(op, err)
}

func (s *Session) failLocked(op string, err error) *Error {
	return &Error{Op: op, Step: s.state.Step, Peer: s.state.Peer, Err: err}
}

// refuse makes the error of an operation that the server said no to.
func (s *Session) refuse(op string, code int32, text string) *Error {
	failed := s.fail(op, ErrRefused)
	failed.Refused, failed.Code, failed.Text = true, code, cut(text)
	return failed
}

// disconnected is the error of what needs a connection when there is none. The caller holds Session.mu.
func (s *Session) disconnected(op string) *Error {
	err := ErrNotConnected
	switch {
	case s.state.Step == StepClosed && s.state.Err != nil:
		err = fmt.Errorf("%w: %w", net.ErrClosed, s.state.Err)
	case s.state.Step == StepClosed:
		err = net.ErrClosed
	case s.lastLoss != nil:
		err = fmt.Errorf("%w: %w", err, s.lastLoss)
	}
	return s.failLocked(op, err)
}

// interrupted is the error of what the end of the connection has cut short. The caller holds Session.mu.
func (s *Session) interrupted(op string, uncertain bool) *Error {
	if s.state.Step == StepClosed {
		failed := s.disconnected(op)
		failed.Uncertain = uncertain
		return failed
	}
	failed := s.failLocked(op, ErrInterrupted)
	if s.lastLoss != nil {
		failed.Err = fmt.Errorf("%w: %w", ErrInterrupted, s.lastLoss)
	}
	failed.Uncertain = uncertain
	return failed
}

// count changes the counters.
func (s *Session) count(change func(*Counters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state.Counters)
}
