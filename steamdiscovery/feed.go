package steamdiscovery

import (
	"context"
	"iter"
	"sync"
)

// feedLength is how many events wait for a consumer that is slow.
const feedLength = 256

// feed hands events to any number of iterators. Each has a queue of its own; when it is full, the oldest event goes.
type feed[E any] struct {
	mu     sync.Mutex
	queues map[chan E]struct{}
	ended  bool
	lost   uint64
}

// publish never blocks.
func (f *feed[E]) publish(event E) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for queue := range f.queues {
		select {
		case queue <- event:
			continue
		default:
		}
		select {
		case <-queue:
			f.lost++
		default: // the consumer took one meanwhile
		}
		queue <- event // only publish fills the queue, and it holds the lock
	}
}

// end ends all iterators, now and later, once they have delivered what is queued.
func (f *feed[E]) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.ended = true
	for queue := range f.queues {
		close(queue)
	}
	f.queues = nil
}

func (f *feed[E]) lostEvents() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// join opens a queue; with an ended feed it is closed already.
func (f *feed[E]) join() chan E {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := make(chan E, feedLength)
	if f.ended {
		close(queue)
		return queue
	}
	if f.queues == nil {
		f.queues = make(map[chan E]struct{})
	}
	f.queues[queue] = struct{}{}
	return queue
}

func (f *feed[E]) leave(queue chan E) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.queues, queue)
}

// events iterates until ctx ends or the feed does. open joins the feed, under the owner's lock if need be, and tells what
// is known already; that comes first.
func (f *feed[E]) events(ctx context.Context, open func() ([]E, chan E)) iter.Seq[E] {
	return func(yield func(E) bool) {
		known, queue := open()
		defer f.leave(queue)
		for _, event := range known {
			if ctx.Err() != nil || !yield(event) {
				return
			}
		}
		for {
			select {
			case event, ok := <-queue:
				if !ok || ctx.Err() != nil || !yield(event) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}
