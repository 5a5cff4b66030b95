package engine

import (
	"context"
	"sync"
	"sync/atomic"
)

const (
	defaultQueue = 1024
	maxQueue     = 1 << 20
	// maxQueueBytes bounds the texts of the events that wait, since servers decide how long those are.
	maxQueueBytes = 16 << 20
)

// counter is how many events wait, where the engine can see it without a call. It lies in memory that outlives the
// handle, because an engine may look at it at any time.
type counter struct{ value *uint32 }

func (c counter) add(delta int) {
	if delta != 0 {
		atomic.AddUint32(c.value, uint32(int32(delta)))
	}
}

func (c counter) reset() { atomic.StoreUint32(c.value, 0) }

// queue holds the events of one object until the engine takes them. When it is full, what comes is dropped and counted,
// and an EventDropped stands where the gap is. Only answers to requests and the object's last event have room in any
// case: the number of the former is limited by [maxRequests], and there is one of the latter.
type queue struct {
	limit   int
	pending counter

	mu     sync.Mutex
	events []Event // a ring
	head   int
	count  int
	bytes  int
	lost   int64
	over   bool          // nothing more comes in
	gone   bool          // the object is closed
	room   chan struct{} // closed and replaced when room was made and somebody waits for it
	group  *Group        // is told of what waits here too
}

func newQueue(limit int, pending counter) *queue {
	switch {
	case limit == 0:
		limit = defaultQueue
	case limit > maxQueue:
		limit = maxQueue
	}
	return &queue{limit: limit, pending: pending}
}

// offer adds an event, or drops it if there is no room.
func (q *queue) offer(event Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.offerLocked(event)
}

func (q *queue) offerLocked(event Event) bool {
	if q.over {
		return false
	}
	before := q.visible()
	defer func() { q.tell(q.visible() - before) }()
	must := event.final || event.Type == EventClosed
	if !must && q.full(&event) {
		q.lost++
		return false
	}
	if q.lost > 0 {
		q.append(q.dropped(event.Handle))
	}
	q.append(event)
	return true
}

// put adds an event and waits until there is room: for results of which none may be lost. It returns false when the
// context has ended or the queue is over.
func (q *queue) put(ctx context.Context, event Event) bool {
	for {
		q.mu.Lock()
		if q.over {
			q.mu.Unlock()
			return false
		}
		if !q.full(&event) {
			added := q.offerLocked(event)
			q.mu.Unlock()
			return added
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

func (q *queue) full(event *Event) bool {
	limit, bytes := q.limit, maxQueueBytes
	if event.bulk {
		limit, bytes = (limit+1)/2, bytes/2
	}
	return q.count >= limit || q.count > 0 && q.bytes+event.weight() > bytes
}

func (q *queue) dropped(handle Handle) Event {
	event := Event{Type: EventDropped, Handle: handle, Number: q.lost}
	q.lost = 0
	return event
}

func (q *queue) append(event Event) {
	if q.count == len(q.events) {
		grown := make([]Event, max(16, 2*len(q.events)))
		for i := range q.count {
			grown[i] = q.events[(q.head+i)%len(q.events)]
		}
		q.events, q.head = grown, 0
	}
	q.events[(q.head+q.count)%len(q.events)] = event
	q.count++
	q.bytes += event.weight()
}

// take appends at most n events to a batch, and returns how many of them were answers to requests.
func (q *queue) take(batch []Event, n int, handle Handle) (_ []Event, answers int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := q.visible()
	for ; n > 0 && q.count > 0; n-- {
		event := q.events[q.head]
		q.events[q.head] = Event{}
		q.head = (q.head + 1) % len(q.events)
		q.count--
		q.bytes -= event.weight()
		if event.final {
			answers++
		}
		batch = append(batch, event)
	}
	if n > 0 && q.lost > 0 {
		batch = append(batch, q.dropped(handle))
	}
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	q.tell(q.visible() - before)
	return batch, answers
}

// finish adds the last event and lets nothing more in; what waits can still be taken.
func (q *queue) finish(event Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.offerLocked(event)
	q.over = true
}

// clear drops everything, because the object is closed, and returns the group that it was in.
func (q *queue) clear() (was *Group) {
	q.mu.Lock()
	defer q.mu.Unlock()
	was = q.group
	q.tell(-q.visible())
	q.events, q.head, q.count, q.bytes, q.lost, q.over, q.gone, q.group = nil, 0, 0, 0, 0, true, true, nil
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	return was
}

// visible is how many events a poll would find.
func (q *queue) visible() int {
	if q.lost > 0 {
		return q.count + 1
	}
	return q.count
}

func (q *queue) tell(delta int) {
	q.pending.add(delta)
	if q.group != nil {
		q.group.pending.add(delta)
	}
}

// join lets a group know what waits here. It returns false if the object is closed.
func (q *queue) join(group *Group) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return false
	}
	if q.group != nil {
		q.group.pending.add(-q.visible())
	}
	q.group = group
	group.pending.add(q.visible())
	return true
}

// leave undoes join.
func (q *queue) leave(group *Group) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.group == group {
		group.pending.add(-q.visible())
		q.group = nil
	}
}

// member is the group that this queue is in.
func (q *queue) member() *Group {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.group
}
