package sb

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// Subscription is a list that stays up to date. It is safe for concurrent use; one goroutine at a time should take its
// events. It ends with the context that it was made with, with Close, or with the connection.
type Subscription struct{ session *session }

// Subscribe asks for a list and for what happens to it later. It returns as soon as the master has answered; the servers
// are events. OpenSpy pushes updates; most other masters send the list and then nothing.
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
				case <-ctx.Done():
					yield(nil, &Error{Op: "subscribe", Err: ctx.Err()})
					return
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
