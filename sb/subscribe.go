package sb

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// Subscription is a list that stays up to date: the servers that the filter selects, what changes about them and which of
// them go, as far as the master tells. It is safe for concurrent use; one goroutine at a time should take its events.
//
// It ends with the context that it was made with, with Close, or with the connection; it is not made again by itself. Err
// then says why, after the events that were still waiting. A master that has sent keep-alives and stops to is given up
// after Config.KeepAliveTimeout; one that never sends any may be silent for ever.
type Subscription struct{ session *session }

// Subscribe asks for a list and for what happens to it later. It returns as soon as the master begins to answer; the
// servers are events, [ServerAdded] each, then [ListComplete]. Query.Limit does not apply, since a part of a list cannot be
// kept up to date. ctx bounds the life of the subscription, not only this call.
//
// Of the living masters, OpenSpy pushes updates; most others send the list and then nothing, which looks like a list that
// does not change: subscribe again from time to time, or query the servers. Updates of a server add to what is known of
// it, up to 1024 fields; all servers together may take 128 MiB. The connection also carries SendMessage, ServerInfo and
// the like: what ServerInfo brings of a listed server updates it here, too; of another one, it does not list it.
func (b *Browser) Subscribe(ctx context.Context, query Query) (*Subscription, error) {
	query.Limit = 0 // a part of a list cannot be kept up to date
	full, plain := query.options(sbwire.OptionPush)
	s, err := b.startSession(ctx, "subscribe", query, full, newQueue())
	if full != plain && errors.Is(err, errMute) && ctx.Err() == nil {
		s, err = b.startSession(ctx, "subscribe", query, plain, newQueue())
	}
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.shared[s] = true
	b.mu.Unlock()
	context.AfterFunc(s.ctx, func() {
		b.mu.Lock()
		delete(b.shared, s)
		b.mu.Unlock()
	})
	return &Subscription{s}, nil
}

// Events yields what happens, oldest first, until ctx or the subscription ends; the error that ended the subscription
// comes last. Changes of one server that nobody has taken yet become one event, so a slow reader loses nothing.
func (s *Subscription) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		queue := s.session.queue
		for {
			if ctx.Err() != nil {
				yield(nil, &Error{Op: "subscribe", Peer: s.State().Peer, Err: ctx.Err()})
				return
			}
			event, err := queue.take()
			switch {
			case event != nil:
				if !yield(event, nil) {
					return
				}
			case err != nil:
				yield(nil, err)
				return
			default:
				select {
				case <-queue.wake:
				case <-s.session.done: // there is one token only, and perhaps another reader took it
				case <-ctx.Done():
				}
			}
		}
	}
}

// Poll takes the oldest event without waiting, for programs that look once a frame. ok is false if there is none; Err
// tells whether there will be any.
func (s *Subscription) Poll() (event Event, ok bool) {
	event, _ = s.session.queue.take()
	return event, event != nil
}

// Servers is the list as it is now, in no order.
func (s *Subscription) Servers() []Server {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	return slices.Collect(maps.Values(s.session.table))
}

// State is what the connection is doing.
func (s *Subscription) State() State { return s.session.track.get() }

// Err is why the subscription ended; nil while it has not.
func (s *Subscription) Err() error { return s.session.failure() }

// Close ends the subscription and waits for its goroutine. It may be called twice.
func (s *Subscription) Close() error {
	s.session.Close()
	return nil
}
