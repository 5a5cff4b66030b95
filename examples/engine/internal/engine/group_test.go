package engine

import (
	"slices"
	"sync"
	"testing"
)

func openGroup(t *testing.T, l *Library) *Group {
	t.Helper()
	h, err := l.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	group, err := Find[*Group](l, h)
	if err != nil {
		t.Fatal(err)
	}
	return group
}

func TestGroupCollects(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	group, other := openGroup(t, l), openGroup(t, l)
	a, b := openToy(t, l, 0), openToy(t, l, 0)
	a.emit(Event{Type: 1000, Number: 1}) // before it is in the group
	for _, o := range []*toy{a, b} {
		if err := group.Add(o.handle); err != nil {
			t.Fatal(err)
		}
	}
	b.emit(Event{Type: 1000, Number: 2})
	if n := pending(t, l, group.handle); n != 2 {
		t.Errorf("%d pending", n)
	}
	seen := map[Handle]int64{}
	for _, event := range take(t, l, group.handle, 10) {
		seen[event.Handle] = event.Number
	}
	if len(seen) != 2 || seen[a.handle] != 1 || seen[b.handle] != 2 {
		t.Errorf("%v", seen)
	}

	// A member can be polled itself, and both counters know.
	a.emit(Event{Type: 1000})
	equal(t, numbers(take(t, l, a.handle, 1)), []int64{0})
	if n := pending(t, l, group.handle); n != 0 {
		t.Errorf("%d pending", n)
	}

	// Nobody has to wait for a busy member.
	for i := range int64(100) {
		a.emit(Event{Type: 1000, Number: i})
	}
	b.emit(Event{Type: 1000})
	turns := map[Handle]int{}
	for range 4 {
		for _, event := range take(t, l, group.handle, 2) {
			turns[event.Handle]++
		}
	}
	if turns[b.handle] != 1 {
		t.Errorf("%v", turns)
	}

	// To another group, out of it, and away.
	waiting := pending(t, l, a.handle)
	if err := other.Add(a.handle); err != nil {
		t.Fatal(err)
	}
	if n, m := pending(t, l, group.handle), pending(t, l, other.handle); n != 0 || m != waiting {
		t.Errorf("%d and %d pending, %d wait", n, m, waiting)
	}
	if err := group.Remove(a.handle); codeOf(err) != ErrInvalid {
		t.Error(err)
	}
	if err := other.Remove(a.handle); err != nil {
		t.Error(err)
	}
	if err := group.Add(a.handle); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(a.handle); err != nil {
		t.Error(err)
	}
	if n := pending(t, l, group.handle); n != 0 {
		t.Errorf("%d pending", n)
	}
	for name, err := range map[string]error{
		"closed": group.Add(a.handle), "closed, remove": group.Remove(a.handle),
	} {
		if codeOf(err) != ErrHandle {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := group.Add(other.handle); codeOf(err) != ErrKind {
		t.Error(err)
	}
	if err := l.Close(group.handle); err != nil {
		t.Error(err)
	}
	if err := group.Add(b.handle); codeOf(err) != ErrHandle {
		t.Error(err)
	}
	b.emit(Event{Type: 1000})
	if n := pending(t, l, b.handle); n != 1 {
		t.Errorf("%d pending", n)
	}
}

// Members come, go, talk and are closed while the group is polled and closed: the counters agree in the end.
func TestGroupWhileEverythingMoves(t *testing.T) {
	l := New(Platform{})
	defer clean(t, l)
	for range 100 {
		group := openGroup(t, l)
		toys := []*toy{openToy(t, l, 0), openToy(t, l, 0), openToy(t, l, 0)}
		var all sync.WaitGroup
		for _, o := range toys {
			all.Go(func() { _ = group.Add(o.handle) })
			all.Go(func() {
				for range 50 {
					o.emit(Event{Type: 1000})
				}
			})
			all.Go(func() { _ = group.Remove(o.handle) })
		}
		all.Go(func() { _ = l.Close(toys[0].handle) })
		all.Go(func() {
			for range 20 {
				if o, events, err := l.Take(group.handle, 4); err == nil && len(events) > 0 {
					o.Release()
				}
			}
		})
		all.Wait()
		want := uint32(0)
		for _, o := range toys[1:] {
			if o.queue.member() == group {
				want += pending(t, l, o.handle)
			}
		}
		if got := pending(t, l, group.handle); got != want {
			t.Fatalf("the group counts %d events, its members have %d", got, want)
		}
		if slices.Contains(group.members, toys[0].Object) {
			t.Fatal("the group keeps a member that is closed")
		}
	}
}
