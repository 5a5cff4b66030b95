package sb

import (
	"context"
	"iter"
	"net/netip"
	"slices"
)

// Watch tells what changes in a [ServerList]: [ServerAdded], [ServerUpdated] and [ServerRemoved], each as the difference
// between what its reader was told last and what is now. Changes that nobody has taken yet become one, so a slow reader
// loses nothing but the steps between. It is safe for concurrent use; one goroutine at a time should take its events.
type Watch struct {
	list *ServerList
	wake chan struct{} // has a token when something came
	done chan struct{} // closed by Close

	// What follows is under the lock of the list.
	serial  uint64                     // of the newest in order or others
	order   []queued[netip.AddrPort]   // of pending, oldest first, and of some that are pending no more
	pending map[netip.AddrPort]*record // what its reader knows of them
	others  []queued[Event]            // of a subscription; apart, so that dropping the oldest costs the same however many servers wait
	closed  bool
}

// queued is something and when it came.
type queued[T any] struct {
	serial uint64
	what   T
}

// maxOtherEvents is how many events that are not about servers wait.
const maxOtherEvents = 64

// Watch begins to watch. Its reader knows nothing at first: the servers that the list has by now are ServerAdded.
func (l *ServerList) Watch() *Watch {
	w := &Watch{list: l, wake: make(chan struct{}, 1), done: make(chan struct{}), pending: make(map[netip.AddrPort]*record)}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.take().records {
		w.changed(r.addr, nil)
	}
	l.watches = append(l.watches, w)
	return w
}

// changed notes that a server is not what it was: old, or nil if it was not listed.
func (w *Watch) changed(addr netip.AddrPort, old *record) {
	base, waiting := w.pending[addr]
	switch {
	case !waiting:
		w.pending[addr] = old
		w.serial++
		w.order = append(w.order, queued[netip.AddrPort]{w.serial, addr})
	case base == nil && w.list.find(addr) == nil:
		delete(w.pending, addr) // it came and went unseen
		if len(w.order) > 2*len(w.pending)+1024 {
			w.compact()
		}
	}
	w.signal()
}

func (w *Watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// other queues an event that is not about a server; of many, the newest wait.
func (w *Watch) other(event Event) {
	w.list.mu.Lock()
	defer w.list.mu.Unlock()
	if len(w.others) == maxOtherEvents {
		w.others = slices.Delete(w.others, 0, 1)
	}
	w.serial++
	w.others = append(w.others, queued[Event]{w.serial, event})
	w.signal()
}

// compact forgets the places of servers that came and went unseen.
func (w *Watch) compact() {
	seen := make(map[netip.AddrPort]bool, len(w.pending))
	w.order = slices.DeleteFunc(w.order, func(item queued[netip.AddrPort]) bool {
		_, waiting := w.pending[item.what]
		drop := !waiting || seen[item.what]
		seen[item.what] = true
		return drop
	})
}

// Poll takes the oldest change without waiting, for programs that look once a frame.
func (w *Watch) Poll() (event Event, ok bool) {
	w.list.mu.Lock()
	defer w.list.mu.Unlock()
	for len(w.order) > 0 && (len(w.others) == 0 || w.order[0].serial < w.others[0].serial) {
		addr := w.order[0].what
		w.order = w.order[1:]
		base, waiting := w.pending[addr]
		if !waiting {
			continue
		}
		delete(w.pending, addr)
		if event = difference(base, w.list.find(addr)); event != nil {
			return event, true
		}
	}
	if len(w.others) > 0 {
		event = w.others[0].what
		w.others = slices.Delete(w.others, 0, 1)
		return event, true
	}
	w.order = nil
	return nil, false
}

// difference is what happened to a server; nil if nothing did, in the end.
func difference(old, new *record) Event {
	switch {
	case old == new:
		return nil
	case old == nil:
		return ServerAdded{new.server()}
	case new == nil:
		return ServerRemoved{old.server()}
	}
	keys := changedKeys(old, new, false)
	if len(keys) == 0 {
		return nil
	}
	return ServerUpdated{Server: new.server(), Keys: keys}
}

// Events yields the changes, oldest first, until ctx ends or the Watch is closed.
func (w *Watch) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for ctx.Err() == nil {
			if event, ok := w.Poll(); ok {
				if !yield(event) {
					return
				}
				continue
			}
			select {
			case <-w.wake:
			case <-w.done:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

// Wake has a token when something came since the last one was taken, for programs with a select of their own: take the
// events with Poll until there is none.
func (w *Watch) Wake() <-chan struct{} { return w.wake }

// Close ends the watching. It may be called twice.
func (w *Watch) Close() {
	w.list.mu.Lock()
	defer w.list.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	close(w.done)
	w.order, w.pending, w.others = nil, nil, nil
	w.list.watches = slices.DeleteFunc(w.list.watches, func(other *Watch) bool { return other == w })
}
