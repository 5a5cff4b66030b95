package eventqueue

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// texts is a queue of texts; a loss is a text of its own.
func texts(events, bytes int) *Queue[string] {
	return New(Limits[string]{
		Events: events, Bytes: bytes, Size: func(text string) int { return len(text) },
		Lost: func(count uint64) string { return "lost " + string(rune('0'+count)) },
	})
}

func drain(q *Queue[string]) (taken []string, over bool) {
	for {
		event, ok, over := q.Pop()
		if !ok {
			return taken, over
		}
		taken = append(taken, event)
	}
}

func TestTheOldestGoFirst(t *testing.T) {
	q := texts(2, 100)
	for _, text := range []string{"a", "b", "c", "d"} {
		q.Push(text)
	}
	if got, _ := drain(q); !slices.Equal(got, []string{"lost 2", "c", "d"}) || q.Lost() != 2 {
		t.Errorf("taken: %q, lost %d", got, q.Lost())
	}
	q = texts(100, 10)
	for _, text := range []string{"aaaa", "bbbb", "cccc", "dddddddddddddddddd"} {
		q.Push(text)
	}
	if got, _ := drain(q); !slices.Equal(got, []string{"lost 3", "dddddddddddddddddd"}) {
		t.Errorf("taken: %q", got)
	}
	if q.count != 0 || q.bytes != 0 {
		t.Errorf("%d events with %d bytes are left", q.count, q.bytes)
	}
}

// The order survives any mixture of pushing and taking.
func TestOrder(t *testing.T) {
	q := texts(40, 1000)
	var want, got []string
	for i := range 200 {
		text := string(rune('a' + i%26))
		want = append(want, text)
		q.Push(text)
		if i%7 != 0 {
			event, _, _ := q.Pop()
			got = append(got, event)
		}
	}
	rest, _ := drain(q)
	if got = append(got, rest...); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Nothing comes behind the last event, whoever else has something to tell at that moment.
func TestTheLastIsLast(t *testing.T) {
	q := texts(1, 100)
	q.Push("a")
	q.Finish("closing", "closed")
	q.Push("b")
	if got, over := drain(q); !over || got[len(got)-1] != "closed" {
		t.Errorf("taken: %q, over: %v", got, over)
	}
	for range q.All(t.Context()) {
		t.Error("there is another")
	}
}

// Two takers share the events, also when both were asleep and two events came at once: a taker that takes its time does not
// keep the second from the other.
func TestEveryTakerIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := texts(10, 100)
		var taken atomic.Int32
		release := make(chan struct{})
		var done sync.WaitGroup
		for range 2 {
			done.Go(func() {
				for range q.All(t.Context()) {
					taken.Add(1)
					<-release
				}
			})
		}
		synctest.Wait()
		q.Push("a")
		q.Push("b")
		synctest.Wait()
		if taken.Load() != 2 {
			t.Errorf("%d of two takers have an event", taken.Load())
		}
		close(release)
		q.Finish()
		done.Wait()
	})
}
