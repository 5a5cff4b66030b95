package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// maxRequests is how many requests of one object may be without an answer that the engine has taken.
const maxRequests = 256

// Memory is where the events that an engine has polled are kept for it: memory of C, in the library. It is used by one
// call at a time.
type Memory interface{ Free() }

// Object is what every handle stands for: a queue of events, requests and goroutines, all of which end when it is closed.
// A subsystem embeds it.
type Object struct {
	// Memory is held by whoever holds the object between Library.Take and Release.
	Memory Memory

	library  *Library
	handle   Handle
	classify classifier
	queue    *queue
	pending  counter
	ctx      context.Context // ends with the object
	cancel   context.CancelFunc
	work     sync.WaitGroup
	gone     chan struct{} // closed when the object is closed and its last goroutine has ended

	taking sync.Mutex // one poll at a time: the events of the last one are borrowed by the engine
	batch  []Event

	mu       sync.Mutex
	closed   bool
	used     int                            // requests of which the engine has not taken the answer
	requests map[Request]context.CancelFunc // those under way
	tail     chan struct{}                  // closed when the last of the requests that keep their order is done
	lastText string                         // of the last call that failed
}

func (o *Object) object() *Object { return o }

// Handle is the object's name.
func (o *Object) Handle() Handle { return o.handle }

// emit tells the engine of something; it is dropped when the queue is full.
func (o *Object) emit(event Event) {
	event.Handle = o.handle
	o.queue.offer(event)
}

// put tells the engine of something and waits for room in the queue. It returns false when the context or the object has
// ended.
func (o *Object) put(ctx context.Context, event Event) bool {
	event.Handle = o.handle
	return o.queue.put(ctx, event)
}

// end emits the object's last event and ends what it does. The handle stays until the engine closes it. A nil error is an
// end that was wished for.
func (o *Object) end(err error) {
	event := Event{Type: EventClosed}
	if err != nil {
		event = describe(err, o.classify).event(EventClosed)
	}
	event.Handle = o.handle
	o.queue.finish(event)
	o.cancel()
}

// run starts a goroutine of the object. A panic in it ends the object, not the game. It reports false, and starts
// nothing, if the object is closed.
func (o *Object) run(f func(ctx context.Context)) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.runLocked(f)
}

func (o *Object) runLocked(f func(ctx context.Context)) bool {
	if o.closed {
		return false
	}
	o.library.goroutines.Add(1)
	o.work.Go(func() {
		defer o.library.goroutines.Add(-1)
		defer o.guard()
		f(o.ctx)
	})
	return true
}

// guard turns a panic into the object's last event. It is deferred.
func (o *Object) guard() {
	if p := recover(); p != nil {
		o.library.panicked(p)
		o.end(errorf(ErrPanic, "relight: internal error: %v\n%s", p, debug.Stack()))
	}
}

// request starts something that takes time, and returns the number that its answer will carry. The answer is an
// EventDone, or the event that f returns with another type, or an EventFailed. Those in order wait for one another.
func (o *Object) request(inOrder bool, f func(ctx context.Context, request Request) (Event, error)) (Request, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, errorf(ErrHandle, "relight: handle %d is closed", o.handle)
	}
	if o.ctx.Err() != nil {
		return 0, errorf(ErrEnded, "relight: handle %d is over: only closing it makes sense", o.handle)
	}
	if o.used >= maxRequests {
		return 0, errorf(ErrFull, "relight: %d requests have no answer that was polled", o.used)
	}
	id := Request(o.library.next())
	ctx, cancel := context.WithCancel(o.ctx)
	var before, done chan struct{}
	if inOrder {
		before, done = o.tail, make(chan struct{})
		o.tail = done
	}
	o.used++
	o.requests[id] = cancel
	o.runLocked(func(context.Context) {
		defer o.finished(id, cancel)
		if done != nil {
			defer close(done)
		}
		if before != nil {
			<-before // it ends soon once the object does
		}
		event, err := f(ctx, id)
		if err != nil {
			event = describe(err, o.classify).event(EventFailed)
		} else if event.Type == 0 {
			event.Type = EventDone
		}
		event.Request, event.final = id, true
		o.emit(event)
	})
	return id, nil
}

func (o *Object) finished(id Request, cancel context.CancelFunc) {
	cancel()
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.requests, id)
}

// Cancel ends a request early; its answer says so, unless it was there first.
func (o *Object) Cancel(id Request) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	cancel, ok := o.requests[id]
	if !ok {
		return errorf(ErrInvalid, "relight: request %d is not under way", id)
	}
	cancel()
	return nil
}

// released takes note that answers were taken.
func (o *Object) released(answers int) {
	if answers > 0 {
		o.mu.Lock()
		o.used -= answers
		o.mu.Unlock()
	}
}

// fail keeps the text of a call that failed.
func (o *Object) fail(text string) {
	o.mu.Lock()
	o.lastText = text
	o.mu.Unlock()
}

// close ends everything and returns at once; the goroutines end by themselves, and done is called after the last.
func (o *Object) close(done func()) {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.cancel()
	o.taking.Lock()
	o.batch = nil
	o.Memory.Free()
	o.Memory = nil
	o.taking.Unlock()
	go func() {
		o.work.Wait()
		done()
		close(o.gone)
	}()
}

func (o *Object) String() string { return fmt.Sprintf("handle %d", o.handle) }
