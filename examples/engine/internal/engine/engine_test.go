package engine

import (
	"slices"
	"testing"
	"time"
)

// inbox takes the events of a handle and keeps those that nobody has waited for yet.
type inbox struct {
	t      *testing.T
	l      *Library
	handle Handle
	unread []Event
}

// await takes the first event that fits.
func (in *inbox) await(what string, fits func(Event) bool) Event {
	in.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if at := slices.IndexFunc(in.unread, fits); at >= 0 {
			event := in.unread[at]
			in.unread = slices.Delete(in.unread, at, at+1)
			return event
		}
		if slices.ContainsFunc(in.unread, func(e Event) bool { return e.Type == EventClosed }) {
			break
		}
		o, events, err := in.l.Take(in.handle, 100)
		if err != nil {
			in.t.Fatalf("poll: %v", err)
		}
		if len(events) > 0 {
			for _, event := range events {
				checkSlots(in.t, event)
			}
			in.unread = append(in.unread, events...)
			o.Release()
			continue
		}
		<-time.After(time.Millisecond)
	}
	in.t.Fatalf("no %s in %+v", what, in.unread)
	return Event{}
}

// next takes the first event of a type.
func (in *inbox) next(kind EventType) Event {
	in.t.Helper()
	return in.await("event", func(e Event) bool { return e.Type == kind })
}

// answer takes the answer to a request; the events that belong to the request stay.
func (in *inbox) answer(request Request, err error) Event {
	in.t.Helper()
	if err != nil {
		in.t.Fatalf("request: %v", err)
	}
	return in.await("answer", func(e Event) bool { return e.Request == request && e.final })
}

// done is answer for requests that must succeed.
func (in *inbox) done(request Request, err error) Event {
	in.t.Helper()
	event := in.answer(request, err)
	if event.Type == EventFailed {
		in.t.Fatalf("failed: %+v", event)
	}
	return event
}

// clean checks at the end of a test that nothing is left.
func clean(t *testing.T, l *Library) {
	t.Helper()
	if err := l.Shutdown(10 * time.Second); err != nil {
		t.Error(err)
	}
	if live := l.Live(); live != (Live{}) {
		t.Errorf("left: %+v", live)
	}
}

// codeOf is the code of an error of this package.
func codeOf(err error) Code {
	if err == nil {
		return OK
	}
	return describe(err, nil).Code
}
