package engine

import (
	"slices"
	"sync"
)

// Group collects the events of other objects, so that a game with many sessions polls once a frame.
type Group struct {
	*Object

	mu      sync.Mutex
	members []*Object
	turn    int // who is asked first, so that a busy member does not keep the others waiting
	left    bool
}

// NewGroup makes an empty group.
func (l *Library) NewGroup() (Handle, error) {
	return open(l, Options{}, nil, func(o *Object) *Group { return &Group{Object: o} })
}

// Add lets a group collect the events of another object; it leaves the group that it was in.
func (g *Group) Add(member Handle) error {
	other, err := g.library.find(member)
	if err != nil {
		return err
	}
	if _, nested := other.(*Group); nested {
		return errorf(ErrKind, "relight: handle %d is a group itself", member)
	}
	o := other.object()
	if old := o.queue.member(); old != nil {
		old.drop(o)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left || !o.queue.join(g) {
		return errorf(ErrHandle, "relight: handle %d or %d was closed meanwhile", g.handle, member)
	}
	g.members = append(g.members, o)
	return nil
}

// Remove undoes Add.
func (g *Group) Remove(member Handle) error {
	other, err := g.library.find(member)
	if err != nil {
		return err
	}
	if !g.drop(other.object()) {
		return errorf(ErrInvalid, "relight: handle %d is not in this group", member)
	}
	return nil
}

func (g *Group) drop(o *Object) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.members, o)
	if at < 0 {
		return false
	}
	g.members = slices.Delete(g.members, at, at+1)
	o.queue.leave(g)
	return true
}

// take collects at most n events: the group's own first, then the members', beginning with another one each time.
func (g *Group) take(batch []Event, n int) []Event {
	batch, _ = g.queue.take(batch, n, g.handle)
	if n -= len(batch); n == 0 {
		return batch
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn = (g.turn + 1) % max(len(g.members), 1) // kept small: an int of 32 bits would be used up within weeks
	for i := range g.members {
		o := g.members[(g.turn+i)%len(g.members)]
		if o.queue.member() != g {
			continue // another group took it at the same time
		}
		var answers int
		had := len(batch)
		batch, answers = o.queue.take(batch, n, o.handle)
		o.released(answers)
		if n -= len(batch) - had; n == 0 {
			break
		}
	}
	return batch
}

// leave lets the members go when the group is closed.
func (g *Group) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.members {
		o.queue.leave(g)
	}
	g.members, g.left = nil, true
}
