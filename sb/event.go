package sb

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Event is something that a [Subscription] tells: [ServerAdded], [ServerUpdated], [ServerRemoved], [ListComplete],
// [MapLoop] or [StateChanged].
type Event interface{ isEvent() }

// ServerAdded is a server of the initial list, or one that was listed later.
type ServerAdded struct{ Server Server }

// ServerUpdated is a server with new fields; it has the older ones, too.
type ServerUpdated struct {
	Server Server
	Keys   []string // what is different: names of fields, and Keys such as KeyPing
}

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
	serial  uint64         // of the newest entry in order or others
	order   []queuedServer // what happened to them is in pending
	pending map[netip.AddrPort]pendingChange
	others  []queuedOther // apart, so that dropping the oldest does not cost more the more servers wait
	unseen  int           // servers that came and went while they waited
	err     error         // why nothing more comes
}

type queuedServer struct {
	serial uint64
	addr   netip.AddrPort
}

type queuedOther struct {
	serial uint64
	event  Event
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
		q.serial++
		q.order = append(q.order, queuedServer{q.serial, addr})
		return
	}
	if old.event == nil {
		q.unseen--
	}
	switch e := event.(type) {
	case ServerAdded:
		if old.event = e; old.wasListed {
			old.event = ServerUpdated{Server: e.Server}
		}
	case ServerUpdated:
		if old.event = e; !old.wasListed {
			old.event = ServerAdded{e.Server}
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
		if q.pending[item.addr].event == nil {
			delete(q.pending, item.addr)
			continue
		}
		kept = append(kept, item)
	}
	q.order = kept
	q.unseen = 0
}

// other queues an event that is not about a server.
func (q *queue) other(event Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	if len(q.others) == maxOtherEvents {
		q.others = slices.Delete(q.others, 0, 1)
	}
	q.serial++
	q.others = append(q.others, queuedOther{q.serial, event})
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
	for len(q.order) > 0 && (len(q.others) == 0 || q.order[0].serial < q.others[0].serial) {
		addr := q.order[0].addr
		q.order = q.order[1:]
		change := q.pending[addr]
		delete(q.pending, addr)
		if change.event != nil {
			return change.event, nil
		}
		q.unseen--
	}
	if len(q.others) > 0 {
		event = q.others[0].event
		q.others = slices.Delete(q.others, 0, 1)
		return event, nil
	}
	q.order = nil
	return nil, q.err
}
