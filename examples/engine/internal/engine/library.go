package engine

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxHandles is how many objects may be open at once: far more than a game needs, far less than what a loop that forgets
// to close would make.
const maxHandles = 4096

// keptBatch is for how many events of one poll an object keeps room.
const keptBatch = 1024

// Platform is what the library has to get from outside of Go. The zero value is for tests.
type Platform struct {
	// Counter gives a place for the number of events that wait, which lives for ever; Discard takes it back for another
	// handle. Nil means Go's memory.
	Counter func() *uint32
	Discard func(*uint32)
	// Memory makes the memory of a handle for events that were polled. Nil means none.
	Memory func() Memory
}

// Options are what every object can be opened with.
type Options struct {
	Queue    int // how many events may wait; zero is 1024
	LogLevel int // see [Object.logger]
}

// subsystem is what a handle stands for; all of them embed an [Object].
type subsystem interface{ object() *Object }

// Library is the table of all handles. It is safe for concurrent use.
type Library struct {
	platform Platform
	ids      atomic.Uint64

	mu      sync.RWMutex
	objects map[Handle]subsystem
	ending  map[*Object]struct{} // closed, with goroutines that have not ended

	handles, goroutines atomic.Int64

	textMu   sync.Mutex
	lastText string
}

// New makes a library without handles.
func New(platform Platform) *Library {
	if platform.Counter == nil {
		platform.Counter = func() *uint32 { return new(uint32) }
	}
	if platform.Discard == nil {
		platform.Discard = func(*uint32) {}
	}
	if platform.Memory == nil {
		platform.Memory = func() Memory { return noMemory{} }
	}
	return &Library{platform: platform, objects: make(map[Handle]subsystem), ending: make(map[*Object]struct{})}
}

type noMemory struct{}

func (noMemory) Free() {}

// next gives a number that was never given before. A million of them a second stay below 2^53 for 285 years.
func (l *Library) next() uint64 { return l.ids.Add(1) }

// open makes an object and puts it into the table.
func open[T subsystem](l *Library, options Options, classify classifier, build func(*Object) T) (Handle, error) {
	if options.Queue < 0 {
		return 0, errorf(ErrInvalid, "relight: a queue of %d events", options.Queue)
	}
	if l.handles.Add(1) > maxHandles {
		l.handles.Add(-1)
		return 0, errorf(ErrFull, "relight: %d handles are open", maxHandles)
	}
	pending := counter{l.platform.Counter()}
	ctx, cancel := context.WithCancel(context.Background())
	o := &Object{
		Memory:   l.platform.Memory(),
		library:  l,
		handle:   Handle(l.next()),
		classify: classify,
		queue:    newQueue(options.Queue, pending),
		pending:  pending,
		ctx:      ctx,
		cancel:   cancel,
		requests: make(map[Request]context.CancelFunc),
		gone:     make(chan struct{}),
	}
	made := build(o)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.objects[o.handle] = made
	return o.handle, nil
}

func (l *Library) find(h Handle) (subsystem, error) {
	l.mu.RLock()
	found, ok := l.objects[h]
	l.mu.RUnlock()
	if !ok {
		return nil, errorf(ErrHandle, "relight: there is no handle %d, or it is closed", h)
	}
	return found, nil
}

// Find gives what a handle stands for, if it is of that kind.
func Find[T subsystem](l *Library, h Handle) (T, error) {
	var zero T
	found, err := l.find(h)
	if err != nil {
		return zero, err
	}
	wanted, ok := found.(T)
	if !ok {
		return zero, errorf(ErrKind, "relight: handle %d is of another kind", h)
	}
	return wanted, nil
}

// Any gives what all kinds of handles have.
func (l *Library) Any(h Handle) (*Object, error) {
	found, err := l.find(h)
	if err != nil {
		return nil, err
	}
	return found.object(), nil
}

// Take takes at most n events of a handle. If there are any, the caller owns them and the object's Memory until it calls
// Release.
func (l *Library) Take(h Handle, n int) (*Object, []Event, error) {
	found, err := l.find(h)
	if err != nil {
		return nil, nil, err
	}
	o := found.object()
	if atomic.LoadUint32(o.pending.value) == 0 {
		return o, nil, nil
	}
	o.taking.Lock()
	if o.Memory == nil { // closed in between
		o.taking.Unlock()
		return nil, nil, errorf(ErrHandle, "relight: handle %d is closed", h)
	}
	if group, ok := found.(*Group); ok {
		o.batch = group.take(o.batch[:0], n)
	} else {
		var answers int
		o.batch, answers = o.queue.take(o.batch[:0], n, h)
		o.released(answers)
	}
	if len(o.batch) == 0 {
		o.taking.Unlock()
		return o, nil, nil
	}
	return o, o.batch, nil
}

// Release ends what Take began, if it returned events.
func (o *Object) Release() {
	clear(o.batch)
	if cap(o.batch) > keptBatch {
		o.batch = nil
	}
	o.taking.Unlock()
}

// Hold gives an object's Memory to the caller until Release.
func (l *Library) Hold(h Handle) (*Object, error) {
	o, err := l.Any(h)
	if err != nil {
		return nil, err
	}
	o.taking.Lock()
	if o.Memory == nil {
		o.taking.Unlock()
		return nil, errorf(ErrHandle, "relight: handle %d is closed", h)
	}
	return o, nil
}

// Pending is where the number of events that wait is kept.
func (l *Library) Pending(h Handle) (*uint32, error) {
	o, err := l.Any(h)
	if err != nil {
		return nil, err
	}
	return o.pending.value, nil
}

// Close ends an object. It returns at once; what the object was doing ends by itself.
func (l *Library) Close(h Handle) error {
	l.mu.Lock()
	found, ok := l.objects[h]
	if !ok {
		l.mu.Unlock()
		return errorf(ErrHandle, "relight: there is no handle %d, or it is closed already", h)
	}
	o := found.object()
	delete(l.objects, h)
	l.ending[o] = struct{}{}
	l.mu.Unlock()
	if group := o.queue.clear(); group != nil { // from here on no group takes it
		group.drop(o)
	}
	if group, ok := found.(*Group); ok {
		group.leave()
	}
	l.handles.Add(-1)
	o.close(func() {
		o.pending.reset()
		l.platform.Discard(o.pending.value)
		l.mu.Lock()
		delete(l.ending, o)
		l.mu.Unlock()
	})
	return nil
}

// Shutdown closes every handle and waits until all goroutines have ended, at most for a time. The library can be used
// again afterwards.
func (l *Library) Shutdown(timeout time.Duration) error {
	l.mu.RLock()
	handles := slices.Collect(maps.Keys(l.objects))
	l.mu.RUnlock()
	for _, h := range handles {
		_ = l.Close(h) // somebody else may have closed it
	}
	l.mu.RLock()
	ending := slices.Collect(maps.Keys(l.ending))
	l.mu.RUnlock()
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	for i, o := range ending {
		select {
		case <-o.gone:
		case <-limit.C:
			return errorf(ErrTimeout, "relight: %d handles still had work after %v", len(ending)-i, timeout)
		}
	}
	return nil
}

// Live counts what exists.
type Live struct {
	Handles    int64 // open
	Closing    int64 // closed, but with goroutines that have not ended
	Goroutines int64
}

// Live counts what exists now.
func (l *Library) Live() Live {
	l.mu.RLock()
	closing := len(l.ending)
	l.mu.RUnlock()
	return Live{Handles: l.handles.Load(), Closing: int64(closing), Goroutines: l.goroutines.Load()}
}

// Fail keeps an error's text for the engine and gives its code.
func (l *Library) Fail(h Handle, err error) Code {
	failure := describe(err, nil)
	l.keep(h, failure.Text)
	return failure.Code
}

// Panicked does what Fail does for a panic in a call.
func (l *Library) Panicked(h Handle, p any) Code {
	l.keep(h, fmt.Sprintf("relight: internal error: %v\n%s", p, debug.Stack()))
	return ErrPanic
}

// panicked keeps the text of a panic outside of calls.
func (l *Library) panicked(p any) { l.keep(0, fmt.Sprintf("relight: internal error: %v", p)) }

func (l *Library) keep(h Handle, text string) {
	if o, err := l.Any(h); err == nil {
		o.fail(text)
		return
	}
	l.textMu.Lock()
	l.lastText = text
	l.textMu.Unlock()
}

// ErrorText is what the last call with this handle that failed said; zero is for calls without a handle, or with one that
// there is not.
func (l *Library) ErrorText(h Handle) (string, error) {
	if h == 0 {
		l.textMu.Lock()
		defer l.textMu.Unlock()
		return l.lastText, nil
	}
	o, err := l.Any(h)
	if err != nil {
		return "", err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lastText, nil
}
