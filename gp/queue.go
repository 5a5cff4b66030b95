package gp

import "sync"

// queue holds the events that nobody has taken yet. When it is full, the oldest are dropped: what a player does now
// matters more than what was, and the last event, Closed, is never lost.
type queue struct {
	limit int
	wake  chan struct{} // has a token while something may be taken

	mu     sync.Mutex
	events []Event // a ring once it has grown to the limit
	head   int
	count  int
	bytes  int    // of the texts in the events
	lost   uint64 // not told yet
	total  uint64 // lost ever
	closed bool
}

// maxQueueBytes bounds the texts that wait, since a server can make each as long as Config.MaxMessage. It is enough for
// 1024 messages of the longest that the original takes (spec gp.md §3).
const maxQueueBytes = 4 << 20

func newQueue(limit int) *queue { return &queue{limit: limit, wake: make(chan struct{}, 1)} }

func (q *queue) push(event Event) {
	q.mu.Lock()
	if !q.closed {
		q.add(event)
	}
	q.mu.Unlock()
	q.signal()
}

// finish adds the last events and lets nothing more in. What is in the queue can still be taken.
func (q *queue) finish(events ...Event) {
	q.mu.Lock()
	for _, event := range events {
		q.add(event)
	}
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) add(event Event) {
	if q.count == len(q.events) && len(q.events) < q.limit {
		grown := make([]Event, min(max(16, 2*len(q.events)), q.limit))
		for i := range q.count {
			grown[i] = q.events[(q.head+i)%len(q.events)]
		}
		q.events, q.head = grown, 0
	}
	size := textOf(event)
	for q.count > 0 && (q.count == len(q.events) || q.bytes+size > maxQueueBytes) {
		q.take()
		q.lost++
		q.total++
	}
	q.events[(q.head+q.count)%len(q.events)] = event
	q.count++
	q.bytes += size
}

// take removes the oldest event.
func (q *queue) take() Event {
	event := q.events[q.head]
	q.events[q.head] = nil
	q.head = (q.head + 1) % len(q.events)
	q.count--
	q.bytes -= textOf(event)
	return event
}

// textOf is how much memory an event holds beyond itself, as far as the server decides it.
func textOf(event Event) int {
	switch e := event.(type) {
	case *Message:
		return len(e.Text)
	case *GameMessage:
		return len(e.Data)
	case *BuddyRequest:
		return len(e.Reason)
	case *Invitation:
		return len(e.Location)
	case *TicketRenewed:
		return len(e.Ticket)
	case *BuddyList:
		return 8 * len(e.ProfileIDs)
	case *BlockList:
		return 8 * len(e.ProfileIDs)
	}
	return 0 // the texts of statuses and errors are cut when they arrive
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pop takes the next event. over says that there will never be one again.
func (q *queue) pop() (event Event, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost > 0 {
		event = &EventsLost{Count: q.lost}
		q.lost = 0
		return event, false
	}
	if q.count == 0 {
		return nil, q.closed
	}
	event = q.take()
	if q.count > 0 {
		q.signal() // there was one token for several events: another taker may be asleep
	}
	return event, false
}

func (q *queue) lostEver() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}
