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
	order   []netip.AddrPort // of pending, oldest first, and of some that are pending no more
	pending map[netip.AddrPort]*record
	closed  bool
}

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
		w.order = append(w.order, addr)
	case base == nil && w.list.find(addr) == nil:
		delete(w.pending, addr) // it came and went unseen
		if len(w.order) > 2*len(w.pending)+1024 {
			w.compact()
		}
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// compact forgets the places of servers that came and went unseen.
func (w *Watch) compact() {
	seen := make(map[netip.AddrPort]bool, len(w.pending))
	w.order = slices.DeleteFunc(w.order, func(addr netip.AddrPort) bool {
		_, waiting := w.pending[addr]
		drop := !waiting || seen[addr]
		seen[addr] = true
		return drop
	})
}

// Poll takes the oldest change without waiting, for programs that look once a frame.
func (w *Watch) Poll() (event Event, ok bool) {
	w.list.mu.Lock()
	defer w.list.mu.Unlock()
	for len(w.order) > 0 {
		addr := w.order[0]
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
	w.order, w.pending = nil, nil
	w.list.watches = slices.DeleteFunc(w.list.watches, func(other *Watch) bool { return other == w })
}
