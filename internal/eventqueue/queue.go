// Package eventqueue holds the events of a session until somebody takes them: bounded in number and in text, the oldest are
// dropped first, and who takes events is told how many.
package eventqueue

import (
	"context"
	"iter"
	"sync"
)

// Queue holds the events that nobody has taken yet. When it is full, the oldest are dropped: what happens now matters more than
// what was, and the last event is never lost. It is safe for concurrent use.
type Queue[E any] struct {
	limits Limits[E]
	wake   chan struct{} // has a token while something may be taken

	mu     sync.Mutex
	events []E // a ring once it has grown to the limit
	head   int
	count  int
	bytes  int    // of the texts in the events
	lost   uint64 // not told yet
	total  uint64 // lost ever
	closed bool
}

// Limits say how much is held, and what tells of a loss.
type Limits[E any] struct {
	Events int // how many wait
	Bytes  int // how much text they may have between them
	// Size is how much memory an event holds beyond itself, as far as others decide it.
	Size func(E) int
	// Lost makes the event that tells how many were dropped.
	Lost func(count uint64) E
}

// New makes an empty queue.
func New[E any](limits Limits[E]) *Queue[E] {
	return &Queue[E]{limits: limits, wake: make(chan struct{}, 1)}
}

// Push adds an event, unless the queue is finished.
func (q *Queue[E]) Push(event E) {
	q.mu.Lock()
	if !q.closed {
		q.add(event)
	}
	q.mu.Unlock()
	q.signal()
}

// Finish adds the last events and lets nothing more in. What is in the queue can still be taken.
func (q *Queue[E]) Finish(events ...E) {
	q.mu.Lock()
	for _, event := range events {
		q.add(event)
	}
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *Queue[E]) add(event E) {
	if q.count == len(q.events) && len(q.events) < q.limits.Events {
		grown := make([]E, min(max(16, 2*len(q.events)), q.limits.Events))
		for i := range q.count {
			grown[i] = q.events[(q.head+i)%len(q.events)]
		}
		q.events, q.head = grown, 0
	}
	size := q.limits.Size(event)
	for q.count > 0 && (q.count == len(q.events) || q.bytes+size > q.limits.Bytes) {
		q.take()
		q.lost++
		q.total++
	}
	q.events[(q.head+q.count)%len(q.events)] = event
	q.count++
	q.bytes += size
}

// take removes the oldest event.
func (q *Queue[E]) take() E {
	var none E
	event := q.events[q.head]
	q.events[q.head] = none
	q.head = (q.head + 1) % len(q.events)
	q.count--
	q.bytes -= q.limits.Size(event)
	return event
}

func (q *Queue[E]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Pop takes the next event without waiting. over says that there will never be one again.
func (q *Queue[E]) Pop() (event E, ok, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost > 0 {
		event = q.limits.Lost(q.lost)
		q.lost = 0
		return event, true, false
	}
	if q.count == 0 {
		return event, false, q.closed
	}
	event = q.take()
	if q.count > 0 {
		q.signal() // there was one token for several events: another taker may be asleep
	}
	return event, true, false
}

// All yields events, waiting for more, until the context ends or the queue is finished and empty. Each event goes to one
// taker.
func (q *Queue[E]) All(ctx context.Context) iter.Seq[E] {
	return func(yield func(E) bool) {
		for ctx.Err() == nil {
			event, ok, over := q.Pop()
			switch {
			case ok:
				if !yield(event) {
					q.signal()
					return
				}
			case over:
				q.signal() // for other takers
				return
			default:
				select {
				case <-q.wake:
				case <-ctx.Done():
				}
			}
		}
		q.signal() // the token may have been meant for another taker
	}
}

// Lost is how many events were dropped ever.
func (q *Queue[E]) Lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}
