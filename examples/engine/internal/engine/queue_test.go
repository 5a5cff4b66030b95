package engine

import (
	"context"
	"testing"
	"testing/synctest"
)

// toy is the smallest subsystem.
type toy struct{ *Object }

// open a toy with a queue of so many events.
func openToy(t *testing.T, l *Library, queue int) *toy {
	t.Helper()
	h, err := open(l, Options{Queue: queue}, nil, func(o *Object) *toy { return &toy{o} })
	if err != nil {
		t.Fatal(err)
	}
	made, err := Find[*toy](l, h)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// take takes at most n events.
func take(t *testing.T, l *Library, h Handle, n int) []Event {
	t.Helper()
	o, events, err := l.Take(h, n)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) == 0 {
		return nil
	}
	defer o.Release()
	return append([]Event(nil), events...)
}

func pending(t *testing.T, l *Library, h Handle) uint32 {
	t.Helper()
	counter, err := l.Pending(h)
	if err != nil {
		t.Fatal(err)
	}
	return *counter
}

// numbers are the Number slots of events, with minus those of EventDropped.
func numbers(events []Event) []int64 {
	var all []int64
	for _, event := range events {
		if event.Type == EventDropped {
			event.Number = -event.Number
		}
		all = append(all, event.Number)
	}
	return all
}

func equal(t *testing.T, got, want []int64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestQueueDropsTheNewestAndSaysSo(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	o := openToy(t, l, 3)
	emit := func(from, to int64) {
		for i := from; i <= to; i++ {
			o.emit(Event{Type: 1000, Number: i})
		}
	}
	emit(1, 5)
	if n := pending(t, l, o.handle); n != 4 { // three and the gap
		t.Errorf("%d pending", n)
	}
	equal(t, numbers(take(t, l, o.handle, 10)), []int64{1, 2, 3, -2})
	if n := pending(t, l, o.handle); n != 0 {
		t.Errorf("%d pending", n)
	}

	// The gap stays in its place when others follow.
	emit(1, 4)
	equal(t, numbers(take(t, l, o.handle, 2)), []int64{1, 2})
	emit(5, 5)
	equal(t, numbers(take(t, l, o.handle, 10)), []int64{3, -1, 5})

	// The last event is never lost.
	emit(1, 7)
	o.end(nil)
	emit(8, 9)
	events := take(t, l, o.handle, 10)
	equal(t, numbers(events[:4]), []int64{1, 2, 3, -4})
	if len(events) != 5 || events[4].Type != EventClosed || events[4].Handle != o.handle {
		t.Errorf("%+v", events)
	}
	if _, err := o.request(false, nil); codeOf(err) != ErrEnded {
		t.Error(err)
	}
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	o := openToy(t, l, 1000)
	for range 100 {
		o.emit(Event{Type: 1000, Data: make([]byte, 1<<20)})
	}
	if events := take(t, l, o.handle, 1000); len(events) != 17 || events[16].Type != EventDropped || events[16].Number != 84 {
		t.Errorf("%d events", len(events))
	}
	// One that is larger than all that may wait is let through when nothing waits.
	o.emit(Event{Type: 1000, Data: make([]byte, maxQueueBytes+1)})
	if events := take(t, l, o.handle, 1000); len(events) != 1 || events[0].Type != 1000 {
		t.Errorf("%d events", len(events))
	}
}

// Answers have room in a full queue, and are limited by the number of requests instead.
func TestAnswersAreNeverDropped(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	o := openToy(t, l, 1)
	var last Request
	for i := range maxRequests {
		var err error
		last, err = o.request(true, func(context.Context, Request) (Event, error) { return Event{Number: int64(i)}, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.request(true, nil); codeOf(err) != ErrFull {
		t.Error(err)
	}
	in := &inbox{t: t, l: l, handle: o.handle}
	in.done(last, nil)
	for i, event := range in.unread {
		if event.Number != int64(i) || event.Type != EventDone {
			t.Fatalf("%d: %+v", i, event)
		}
	}
	if len(in.unread) != maxRequests-1 {
		t.Errorf("%d answers", len(in.unread))
	}
	in.done(o.request(true, func(context.Context, Request) (Event, error) { return Event{}, nil }))
}

// What may not be lost waits for room, until the request or the handle ends.
func TestPutWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Platform{})
		defer clean(t, l)
		o := openToy(t, l, 2)
		request, err := o.request(false, func(ctx context.Context, request Request) (Event, error) {
			for i := range int64(5) {
				if !o.put(ctx, Event{Type: 1000, Number: i, Request: request}) {
					return Event{}, context.Cause(ctx)
				}
			}
			return Event{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var all []Event
		for len(all) < 6 {
			synctest.Wait()
			events := take(t, l, o.handle, 10)
			if len(events) == 0 || len(events) > 3 {
				t.Fatalf("%d events at once", len(events))
			}
			all = append(all, events...)
		}
		equal(t, numbers(all[:5]), []int64{0, 1, 2, 3, 4})
		if all[5].Request != request || all[5].Type != EventDone {
			t.Errorf("%+v", all[5])
		}

		for _, closing := range []bool{false, true} {
			waits, err := o.request(false, func(ctx context.Context, _ Request) (Event, error) {
				for o.put(ctx, Event{Type: 1000}) {
				}
				return Event{}, context.Cause(ctx)
			})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if closing {
				if err := l.Close(o.handle); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				break
			}
			if err := o.Cancel(waits); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			events := take(t, l, o.handle, 10)
			if last := events[len(events)-1]; last.Type != EventFailed || last.Code != ErrCanceled || last.Request != waits {
				t.Errorf("%+v", last)
			}
			if err := o.Cancel(waits); codeOf(err) != ErrInvalid {
				t.Error(err)
			}
		}
		if live := l.Live(); live != (Live{}) {
			t.Errorf("%+v", live)
		}
	})
}

func BenchmarkPollOfAnEmptyQueue(b *testing.B) {
	l := New(Platform{})
	h, err := open(l, Options{}, nil, func(o *Object) *toy { return &toy{o} })
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, events, err := l.Take(h, 1); len(events) != 0 || err != nil {
			b.Fatal(events, err)
		}
	}
}

func BenchmarkEmitAndPoll(b *testing.B) {
	l := New(Platform{})
	h, err := open(l, Options{}, nil, func(o *Object) *toy { return &toy{o} })
	if err != nil {
		b.Fatal(err)
	}
	made, err := Find[*toy](l, h)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		made.emit(Event{Type: 1000, Text: "text"})
		o, events, err := l.Take(h, 1)
		if len(events) != 1 || err != nil {
			b.Fatal(events, err)
		}
		o.Release()
	}
}
