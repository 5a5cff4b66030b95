package sb

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// session is a link that stays open behind its list: it echoes keep-alives, takes pushes and carries messages. Its
// goroutine ends with the connection or with cancel.
type session struct {
	*link
	browser *Browser
	ctx     context.Context // of the connection
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when the goroutine has ended
	sub     *Subscription // nil: the session is for messages only
	round   uint32        // of the subscription's list

	namer   namer         // of the goroutine
	writing chan struct{} // held while a message is written

	mu      sync.Mutex
	waiters []*waiter
	idle    *time.Timer // nil for subscriptions
	err     error       // why it ended
}

// waiter waits for messages that belong to one request.
type waiter struct {
	wants   func(sbwire.Message) bool
	replies chan sbwire.Message
	gone    chan struct{} // closed when it waits no more
}

const (
	maxWaiters   = 256
	maxUnread    = 256 // messages of one waiter; with more, nothing is read from the master
	closedReason = "closed by this program"
)

// startSession opens a connection, waits for the beginning of the reply and leaves the rest to a goroutine. The session is
// that of a subscription, if there is one, and ends with ctx then.
func (b *Browser) startSession(ctx context.Context, track *tracker, query Query, options sbwire.Options, sub *Subscription) (*session, error) {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return nil, &Error{Op: track.op, Reason: "the browser is closed", Err: net.ErrClosed}
	}
	if b.config.Protocol == QR1 {
		return nil, &Error{Op: track.op, Reason: "masters of the older protocol have lists only", Err: ErrNotConfigured}
	}
	l, err := b.open(ctx, track, query, options)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { l.conn.Close() })
	var head sbwire.Element
	if err := l.nextOfList(ctx, &head); err != nil {
		stop()
		l.conn.Close()
		return nil, err
	}
	b.learn(l, &head, query)
	s := &session{link: l, browser: b, done: make(chan struct{}), writing: make(chan struct{}, 1), sub: sub}
	lifetime := context.Background()
	if sub != nil {
		lifetime = ctx
		s.round = sub.list.newGeneration()
	}
	s.ctx, s.cancel = context.WithCancelCause(lifetime)
	if !stop() {
		s.cancel(net.ErrClosed)
		l.conn.Close()
		return nil, l.fail(ctx.Err(), "")
	}
	context.AfterFunc(s.ctx, func() { l.conn.Close() })
	if sub == nil {
		s.mu.Lock()
		s.idle = time.AfterFunc(l.config.IdleTimeout, s.expire)
		s.mu.Unlock()
	}
	go s.run()
	return s, nil
}

// run reads until the connection ends.
func (s *session) run() {
	defer close(s.done)
	defer s.conn.Close() // here, too: who waits for done wants it closed
	defer s.cancel(net.ErrClosed)
	var err error
	for listing := s.sub != nil; err == nil; {
		var element sbwire.Element
		if listing {
			err = s.nextOfList(s.ctx, &element)
		} else {
			err = s.next(s.ctx, &element, s.keepAlivePatience())
		}
		if err == nil {
			err = s.handle(&element)
			listing = listing && element.Kind != sbwire.KindEnd
		}
	}
	s.mu.Lock()
	s.err = err
	if s.idle != nil {
		s.idle.Stop()
		s.idle = nil // nobody starts it again
	}
	s.mu.Unlock()
}

// keepAlivePatience is how long the master may be silent: for ever, unless it has shown that it sends keep-alives.
func (s *session) keepAlivePatience() time.Duration {
	if s.track.get().KeepAlives == 0 {
		return 0
	}
	return s.config.KeepAliveTimeout
}

func (s *session) handle(e *sbwire.Element) error {
	switch e.Kind {
	case sbwire.KindServer:
		if s.sub != nil {
			return s.put(s.namer.server(&e.Server))
		}
	case sbwire.KindEnd:
		if s.sub != nil {
			s.sub.complete(s.round)
		}
	case sbwire.KindMessage:
		return s.message(e.Message)
	}
	return nil
}

func (s *session) message(m sbwire.Message) error {
	waited := s.deliver(m)
	switch m := m.(type) {
	case sbwire.KeepAlive:
		echo, err := m.Append(nil)
		if err == nil {
			_, err = s.send(s.ctx, echo)
		}
		if err != nil {
			return s.readError(s.ctx, err)
		}
		s.track.count(func(state *State) { state.KeepAlives++ })
	case sbwire.PushServer:
		s.track.count(func(state *State) { state.Pushes++ })
		return s.pushed(s.namer.server(&m.Entry), waited)
	case sbwire.DeleteServer:
		s.track.count(func(state *State) { state.Pushes++ })
		if s.sub != nil {
			s.sub.list.Remove(m.Addr)
		}
	case sbwire.MapLoop:
		if s.sub != nil {
			s.sub.watch.other(MapLoop(m))
		}
	case sbwire.UnknownMessage:
		s.track.count(func(state *State) { state.Ignored++ })
	}
	return nil
}

// pushed takes an update. One that was asked for and is not part of the list does not become part of it.
func (s *session) pushed(server Server, asked bool) error {
	if s.sub == nil {
		return nil
	}
	if asked {
		if _, listed := s.sub.list.Get(server.Addr); !listed {
			return nil
		}
	}
	return s.put(server)
}

// put stores a server of a subscription.
func (s *session) put(server Server) error {
	if err := s.sub.list.Put(server); err != nil {
		return s.fail(joined(ErrMalformed, err), "the list is larger than Config.MaxServers or Config.MaxListBytes")
	}
	return nil
}

// deliver gives a message to whoever waits for it. It runs without the lock, since a waiter with many unread messages
// makes it wait.
func (s *session) deliver(m sbwire.Message) bool {
	s.mu.Lock()
	i := slices.IndexFunc(s.waiters, func(w *waiter) bool { return w.wants(m) })
	var w *waiter
	if i >= 0 {
		w = s.waiters[i]
	}
	s.mu.Unlock()
	if w == nil {
		return false
	}
	select {
	case w.replies <- m:
	case <-w.gone:
	case <-s.ctx.Done():
	}
	return true
}

// wait registers a waiter.
func (s *session) wait(wants func(sbwire.Message) bool) (w *waiter, remove func(), err error) {
	w = &waiter{wants: wants, replies: make(chan sbwire.Message, maxUnread), gone: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiters) >= maxWaiters {
		return nil, nil, errors.New("too many requests under way")
	}
	s.waiters = append(s.waiters, w)
	return w, func() {
		close(w.gone)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiters = slices.DeleteFunc(s.waiters, func(other *waiter) bool { return other == w })
	}, nil
}

// send writes one message when those in front of it are written; n is as in write.
func (s *session) send(ctx context.Context, b []byte) (n int, err error) {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.ctx.Done():
		return 0, net.ErrClosed
	}
	defer func() { <-s.writing }()
	return s.write(ctx, b)
}

// used puts the end of an idle session off. Keep-alives are not use.
func (s *session) used() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle != nil {
		s.idle.Reset(s.config.IdleTimeout)
	}
}

// expire ends a session that nobody uses.
func (s *session) expire() {
	s.mu.Lock()
	busy := len(s.waiters) > 0
	if busy && s.idle != nil {
		s.idle.Reset(s.config.IdleTimeout)
	}
	s.mu.Unlock()
	if !busy {
		s.track.step(StepClosed, "not used", nil)
		s.cancel(net.ErrClosed)
	}
}

func (s *session) alive() bool {
	select {
	case <-s.done:
		return false
	default:
		return s.ctx.Err() == nil
	}
}

// failure is why the session ended.
func (s *session) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the session and waits for its goroutine.
func (s *session) Close() {
	s.track.step(StepClosed, closedReason, nil)
	s.cancel(net.ErrClosed)
	<-s.done
}
