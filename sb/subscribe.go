package sb

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/backoff"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// Subscription is a list that stays up to date: the servers that the filter selects, what changes about them and which of
// them go, as far as the master tells. It is safe for concurrent use; one goroutine at a time should take its events.
//
// It ends with the context that it was made with, with Close, or with the connection, unless Config.ReconnectFor says that
// this is to be made again. Then the list stays as it is meanwhile, State tells of the tries, and when the new list is here, its
// differences from the old one are the events. Err says why a subscription ended, after the events that were still waiting. A
// master that has sent keep-alives and stops to is given up after Config.KeepAliveTimeout; one that never sends any may be
// silent for ever.
type Subscription struct {
	browser *Browser
	query   Query
	options sbwire.Options // that the master answers
	ctx     context.Context
	cancel  context.CancelCauseFunc
	track   *tracker
	list    ServerList
	watch   *Watch
	done    chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	session *session
	err     error
}

// Subscribe asks for a list and for what happens to it later. It returns as soon as the master begins to answer; the
// servers are events, [ServerAdded] each, then [ListComplete]. Query.Limit does not apply, since a part of a list cannot be
// kept up to date. ctx bounds the life of the subscription, not only this call.
//
// Of the living masters, OpenSpy pushes updates; most others send the list and then nothing, which looks like a list that
// does not change: use ServerList.Refresh with Browser.List from time to time, or query the servers. Updates of a server add to
// what is known of it, up to 1024 fields; all servers together may take Config.MaxListBytes. The connection also carries
// SendMessage, ServerInfo and the like: what ServerInfo brings of a listed server updates it here, too; of another one, it does
// not list it.
func (b *Browser) Subscribe(ctx context.Context, query Query) (*Subscription, error) {
	query.Limit = 0 // a part of a list cannot be kept up to date
	s := &Subscription{browser: b, query: query, track: b.newTracker("subscribe"), done: make(chan struct{}),
		list: ServerList{MaxServers: b.config.MaxServers, MaxBytes: b.config.MaxListBytes}}
	s.watch = s.list.Watch()
	s.track.notify = func(state State) { s.watch.other(StateChanged{state}) }
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	full, plain := query.options(sbwire.OptionPush)
	s.options = full
	err := s.connect()
	if full != plain && errors.Is(err, errMute) && ctx.Err() == nil {
		s.options = plain
		err = s.connect()
	}
	if err != nil {
		s.cancel(err)
		return nil, err
	}
	go s.run()
	return s, nil
}

// connect makes the connection, for the first time or again.
func (s *Subscription) connect() error {
	s.track.count(func(state *State) { state.Servers = 0 })
	session, err := s.browser.startSession(s.ctx, s.track, s.query, s.options, s)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.session = session
	s.mu.Unlock()
	b := s.browser
	b.mu.Lock()
	b.shared[session] = true
	b.mu.Unlock()
	context.AfterFunc(session.ctx, func() {
		b.mu.Lock()
		delete(b.shared, session)
		b.mu.Unlock()
	})
	return nil
}

// reconnectSettled is how long a connection must have lived for the next wait to be short again.
const reconnectSettled = time.Minute

// run waits for the end of the connection and makes it again, as long as the Config wants that.
func (s *Subscription) run() {
	defer close(s.done)
	defer s.cancel(net.ErrClosed)
	var err error
	for attempt := 0; ; {
		made := time.Now()
		<-s.session.done
		ended := time.Now()
		if ended.Sub(made) >= reconnectSettled {
			attempt = 0
		}
		err = s.session.failure()
		for again := false; !again; {
			if !s.worthAnother(err, ended) {
				s.end(err)
				return
			}
			attempt++
			if waiting := s.wait(attempt, ended, err); waiting != nil {
				s.end(waiting)
				return
			}
			s.track.count(func(state *State) { state.Reconnects++ })
			if failure := s.connect(); failure != nil {
				err = failure
				continue
			}
			again = true
		}
	}
}

// worthAnother decides whether the connection that ended with an error, or could not be made, is tried again.
func (s *Subscription) worthAnother(err error, ended time.Time) bool {
	limit := s.browser.config.ReconnectFor
	switch {
	case s.ctx.Err() != nil, limit == 0, limit > 0 && time.Since(ended) >= limit:
		return false
	}
	s.browser.mu.Lock()
	defer s.browser.mu.Unlock()
	// What is too large, or no list, will be so again; a master that says no may have lost its memory only.
	return !s.browser.closed && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNotConfigured)
}

// wait waits for the next try; the error says that the subscription has ended meanwhile.
func (s *Subscription) wait(attempt int, ended time.Time, cause error) error {
	delay := backoff.Policy{}.Delay(attempt, nil)
	if limit := s.browser.config.ReconnectFor; limit > 0 {
		delay = min(delay, max(limit-time.Since(ended), 0))
	}
	s.track.count(func(state *State) { state.Retry = time.Now().Add(delay) })
	s.track.step(StepWaiting, "to connect again, since "+cause.Error(), cause)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return &Error{Op: "subscribe", Step: StepWaiting, Peer: s.State().Peer, Err: joined(context.Cause(s.ctx), cause)}
	}
}

// complete is called at the end of a list: what the new one does not have is gone.
func (s *Subscription) complete(round uint32) {
	s.list.removeOlder(round)
	s.watch.other(ListComplete{s.list.Len()})
}

// end records why the subscription ended.
func (s *Subscription) end(err error) {
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	s.watch.signal()
}

// List is the list as it is kept. It changes with the subscription; what else is put into it, such as the answers to direct
// queries, is told by Events, too, and stays as long as the server is listed.
func (s *Subscription) List() *ServerList { return &s.list }

// Events yields what happens, oldest first, until ctx or the subscription ends; the error that ended the subscription
// comes last. Changes of one server that nobody has taken yet become one event, so a slow reader loses nothing.
func (s *Subscription) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			if ctx.Err() != nil {
				yield(nil, &Error{Op: "subscribe", Peer: s.State().Peer, Err: ctx.Err()})
				return
			}
			ended := s.Err() // before the last look, so that nothing comes behind it
			event, ok := s.watch.Poll()
			switch {
			case ok:
				if !yield(event, nil) {
					return
				}
			case ended != nil:
				yield(nil, ended)
				return
			default:
				select {
				case <-s.watch.wake:
				case <-s.done: // there is one token only, and perhaps another reader took it
				case <-ctx.Done():
				}
			}
		}
	}
}

// Poll takes the oldest event without waiting, for programs that look once a frame. ok is false if there is none; Err
// tells whether there will be any.
func (s *Subscription) Poll() (event Event, ok bool) { return s.watch.Poll() }

// Servers is the list as it is now, in the order in which the servers were listed.
func (s *Subscription) Servers() []Server { return slices.Collect(s.list.Snapshot().Servers()) }

// State is what the connection is doing.
func (s *Subscription) State() State { return s.track.get() }

// Err is why the subscription ended; nil while it has not.
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the subscription and waits for its goroutines. It may be called twice.
func (s *Subscription) Close() error {
	s.track.step(StepClosed, closedReason, nil)
	s.cancel(net.ErrClosed)
	<-s.done
	return nil
}
