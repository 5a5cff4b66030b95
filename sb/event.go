package sb

import (
	"net/netip"
	"sync"
	"time"
)

// Event is something that a [Subscription] tells: [ServerAdded], [ServerUpdated], [ServerRemoved], [ListComplete],
// [MapLoop] or [StateChanged].
type Event interface{ isEvent() }

// ServerAdded is a server of the initial list, or one that was listed later.
type ServerAdded struct{ Server Server }

// ServerUpdated is a server with new fields; it has the older ones, too.
type ServerUpdated struct{ Server Server }

// ServerRemoved is a server that is listed no more, as it was known last.
type ServerRemoved struct{ Server Server }

// ListComplete is the end of the initial list.
type ListComplete struct{ Servers int }

// MapLoop are the maps that a server plays next.
type MapLoop struct {
	Addr    netip.AddrPort
	Changes time.Time // when the first of them begins
	Maps    []string
}

// StateChanged is a new step of the connection.
type StateChanged struct{ State State }

func (ServerAdded) isEvent()   {}
func (ServerUpdated) isEvent() {}
func (ServerRemoved) isEvent() {}
func (ListComplete) isEvent()  {}
func (MapLoop) isEvent()       {}
func (StateChanged) isEvent()  {}

// maxOtherEvents is how many events that are not about servers wait.
const maxOtherEvents = 64

// queue holds the events that nobody has taken yet. What happens to one server meanwhile becomes one event, so the queue
// is never longer than the list and nothing is lost, however slow its reader is; of the other events, the newest wait.
type queue struct {
	wake chan struct{} // has a token when something came

	mu      sync.Mutex
	order   []queued
	pending map[netip.AddrPort]pendingChange
	others  int
	unseen  int   // servers that came and went while they waited
	err     error // why nothing more comes
}

type queued struct {
	addr  netip.AddrPort
	event Event // nil: see pending
}

type pendingChange struct {
	event     Event // nil: added and removed before anyone looked
	wasListed bool  // its reader knows the server
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), pending: make(map[netip.AddrPort]pendingChange)}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// server queues a change of a server: added, updated or removed.
func (q *queue) server(addr netip.AddrPort, event Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	old, waiting := q.pending[addr]
	if !waiting {
		_, added := event.(ServerAdded)
		q.pending[addr] = pendingChange{event, !added}
		q.order = append(q.order, queued{addr: addr})
		return
	}
	if old.event == nil {
		q.unseen--
	}
	switch e := event.(type) {
	case ServerAdded:
		if old.event = e; old.wasListed {
			old.event = ServerUpdated(e)
		}
	case ServerUpdated:
		if old.event = e; !old.wasListed {
			old.event = ServerAdded(e)
		}
	case ServerRemoved:
		if old.event = e; !old.wasListed {
			old.event = nil
			q.unseen++
		}
	}
	q.pending[addr] = old
	if q.unseen > 1024 && q.unseen > len(q.order)/2 {
		q.compact()
	}
}

// compact forgets servers that came and went unseen.
func (q *queue) compact() {
	kept := q.order[:0]
	for _, item := range q.order {
		if item.event == nil && q.pending[item.addr].event == nil {
			delete(q.pending, item.addr)
			continue
		}
		kept = append(kept, item)
	}
	clear(q.order[len(kept):])
	q.order = kept
	q.unseen = 0
}

// other queues an event that is not about a server.
func (q *queue) other(event Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	if q.others == maxOtherEvents {
		for i, item := range q.order {
			if item.event != nil {
				q.order = append(q.order[:i], q.order[i+1:]...)
				q.others--
				break
			}
		}
	}
	q.others++
	q.order = append(q.order, queued{event: event})
}

// end says that nothing more comes.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.signal()
}

// take removes the oldest event; err is why there will not be any more.
func (q *queue) take() (event Event, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) > 0 {
		item := q.order[0]
		q.order[0] = queued{}
		q.order = q.order[1:]
		if item.event != nil {
			q.others--
			return item.event, nil
		}
		change := q.pending[item.addr]
		delete(q.pending, item.addr)
		if change.event != nil {
			return change.event, nil
		}
		q.unseen--
	}
	q.order = nil
	return nil, q.err
}
