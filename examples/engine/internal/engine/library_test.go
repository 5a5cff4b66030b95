package engine

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counted is memory that knows whether it is used after it was freed.
type counted struct {
	live  *atomic.Int64
	freed atomic.Bool
}

func (c *counted) Free() {
	if c.freed.Swap(true) {
		panic("freed twice")
	}
	c.live.Add(-1)
}

// counting is a platform that counts memory and counters.
func counting(live *atomic.Int64) Platform {
	return Platform{
		Counter: func() *uint32 { live.Add(1); return new(uint32) },
		Discard: func(*uint32) { live.Add(-1) },
		Memory:  func() Memory { live.Add(1); return &counted{live: live} },
	}
}

// Four threads poll while a fifth closes: an error code at worst, no use of freed memory, nothing left.
func TestPollingWhileSomebodyCloses(t *testing.T) {
	var live atomic.Int64
	l := New(counting(&live))
	for round := range 200 {
		o := openToy(t, l, 64)
		o.run(func(ctx context.Context) {
			for i := int64(0); ctx.Err() == nil; i++ {
				o.emit(Event{Type: 1000, Number: i, Text: "text"})
			}
		})
		var pollers sync.WaitGroup
		for range 4 {
			pollers.Go(func() {
				for {
					held, events, err := l.Take(o.handle, 8)
					if err != nil {
						if codeOf(err) != ErrHandle {
							t.Errorf("round %d: %v", round, err)
						}
						return
					}
					if len(events) == 0 {
						continue
					}
					if held.Memory.(*counted).freed.Load() {
						t.Errorf("round %d: memory was freed under a poll", round)
					}
					held.Release()
				}
			})
		}
		pollers.Go(func() {
			if err := l.Close(o.handle); err != nil {
				t.Error(err)
			}
		})
		pollers.Wait()
	}
	clean(t, l)
	if n := live.Load(); n != 0 {
		t.Errorf("%d pieces of memory are left", n)
	}
}

func TestUseAfterClose(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	o := openToy(t, l, 0)
	if o.handle == 0 || o.handle >= 1<<53 {
		t.Errorf("handle %d", o.handle)
	}
	o.emit(Event{Type: 1000})
	if err := l.Close(o.handle); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"close":   l.Close(o.handle),
		"take":    second(l.Take(o.handle, 1)),
		"hold":    first(l.Hold(o.handle)),
		"pending": first(l.Pending(o.handle)),
		"text":    first(l.ErrorText(o.handle)),
		"find":    first(Find[*toy](l, o.handle)),
		"request": first(o.request(false, nil)),
		"zero":    first(l.Any(0)),
		"foreign": first(l.Any(1 << 60)),
	} {
		if codeOf(err) != ErrHandle {
			t.Errorf("%s: %v", name, err)
		}
	}
	if o.run(func(context.Context) {}) {
		t.Error("a closed object started something")
	}
	if _, err := Find[*Presence](l, openToy(t, l, 0).handle); codeOf(err) != ErrKind {
		t.Error(err)
	}
	if _, err := open(l, Options{Queue: -1}, nil, func(o *Object) *toy { return &toy{o} }); codeOf(err) != ErrInvalid {
		t.Error(err)
	}
	if later := openToy(t, l, 0); later.handle <= o.handle {
		t.Error("a handle was used again")
	}
}

func first[T any](_ T, err error) error          { return err }
func second[T, U any](_ T, _ U, err error) error { return err }

func TestHandlesAreLimited(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	for range maxHandles {
		openToy(t, l, 0)
	}
	if _, err := l.NewGroup(); codeOf(err) != ErrFull {
		t.Error(err)
	}
	if err := l.Shutdown(time.Minute); err != nil {
		t.Error(err)
	}
	openToy(t, l, 0) // the library goes on
}

func TestPanicEndsTheHandleOnly(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	other := openToy(t, l, 0)
	for name, start := range map[string]func(*toy){
		"goroutine": func(o *toy) { o.run(func(context.Context) { panic("on purpose") }) },
		"request": func(o *toy) {
			if _, err := o.request(true, func(context.Context, Request) (Event, error) { panic("on purpose") }); err != nil {
				t.Error(err)
			}
		},
	} {
		o := openToy(t, l, 0)
		start(o)
		in := &inbox{t: t, l: l, handle: o.handle}
		closed := in.next(EventClosed)
		if closed.Code != ErrPanic || !strings.Contains(closed.Text, "on purpose") || !strings.Contains(closed.Text, "library_test.go") {
			t.Errorf("%s: %+v", name, closed)
		}
		if text, err := l.ErrorText(0); err != nil || !strings.Contains(text, "on purpose") {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	in := &inbox{t: t, l: l, handle: other.handle}
	in.done(other.request(true, func(context.Context, Request) (Event, error) { return Event{}, nil }))
	if code := l.Panicked(other.handle, "in a call"); code != ErrPanic {
		t.Error(code)
	}
	if text, err := l.ErrorText(other.handle); err != nil || !strings.Contains(text, "in a call") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestErrorsBecomeCodes(t *testing.T) {
	for _, test := range []struct {
		err  error
		code Code
	}{
		{context.Canceled, ErrCanceled},
		{context.DeadlineExceeded, ErrTimeout},
		{&net.OpError{Op: "read", Err: timeout{}}, ErrTimeout},
		{net.ErrClosed, ErrEnded},
		{&net.DNSError{Err: "no such host"}, ErrNetwork},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, ErrNetwork},
		{errors.New("anything"), ErrFailed},
	} {
		if got := describe(test.err, presenceCode); got.Code != test.code || got.Text != test.err.Error() {
			t.Errorf("%v: %+v", test.err, got)
		}
	}
	l := New(Platform{})
	o := openToy(t, l, 0)
	defer clean(t, l)
	if code := l.Fail(o.handle, errorf(ErrState, "not now")); code != ErrState {
		t.Error(code)
	}
	if text, err := l.ErrorText(o.handle); text != "not now" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

type timeout struct{}

func (timeout) Error() string   { return "time-out" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestShutdownWaitsButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Platform{})
		o := openToy(t, l, 0)
		o.run(func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(3 * time.Second) // a server that is slow to say goodbye
		})
		began := time.Now()
		if err := l.Shutdown(time.Second); codeOf(err) != ErrTimeout {
			t.Error(err)
		}
		if live := l.Live(); live != (Live{Closing: 1, Goroutines: 1}) {
			t.Errorf("%+v", live)
		}
		if err := l.Shutdown(time.Minute); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		synctest.Wait()
		if live := l.Live(); live != (Live{}) {
			t.Errorf("%+v", live)
		}
	})
}
