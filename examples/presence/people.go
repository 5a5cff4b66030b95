package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/relight-sdk/relight/gp"
)

// group is a part of the list of people, in the order in which it is shown.
type group int

const (
	asking    group = iota + 1 // want to become a buddy
	buddies                    // are
	asked                      // were asked by the player
	strangers                  // have said something
	blocked                    // are not heard
)

// place is where somebody is in the list; the zero value is nowhere. Somebody who is on the list and asks has two places.
type place struct {
	group group
	who   gp.ProfileID
}

// person is an entry of the list.
type person struct {
	place
	name   string
	status gp.BuddyStatus // of a buddy
	unseen int            // lines of the conversation
}

// people is the list.
func (m model) people() []person {
	var list []person
	listed := make(map[gp.ProfileID]bool)
	add := func(group group, who gp.ProfileID, status gp.BuddyStatus) {
		listed[who] = true
		list = append(list, person{place: place{group, who}, name: m.name(who), status: status})
	}
	for _, request := range m.roster.Incoming {
		add(asking, request.From, gp.BuddyStatus{})
	}
	first := len(list)
	for _, buddy := range m.roster.Buddies {
		add(buddies, buddy.ProfileID, buddy.BuddyStatus)
	}
	slices.SortStableFunc(list[first:], func(a, b person) int {
		return cmp.Or(cmp.Compare(rank(a.status.Status), rank(b.status.Status)), cmp.Compare(a.name, b.name))
	})
	for _, request := range m.roster.Outgoing {
		add(asked, request.To, gp.BuddyStatus{})
	}
	for _, who := range m.roster.Blocked {
		add(blocked, who, gp.BuddyStatus{})
	}
	unseen := make(map[gp.ProfileID]int)
	for _, l := range m.said {
		if !listed[l.with] {
			add(strangers, l.with, gp.BuddyStatus{})
		}
		if !l.seen {
			unseen[l.with]++
		}
	}
	for i := range list {
		list[i].unseen = unseen[list[i].who]
	}
	slices.SortStableFunc(list, func(a, b person) int { return cmp.Compare(a.group, b.group) })
	return list
}

// rank puts those who are there before those who are not.
func rank(status gp.Status) int {
	switch status {
	case gp.Offline:
		return 2
	case gp.Away:
		return 1
	}
	return 0
}

// name says what somebody is called. Anybody may take the nick of a friend, or none: the number makes it clear who is no buddy.
func (m model) name(who gp.ProfileID) string {
	name, known := m.known(who)
	if !known {
		return fmt.Sprintf("#%d", who)
	}
	if _, buddy := m.roster.Buddy(who); !buddy {
		return fmt.Sprintf("%s #%d", shown(name), who)
	}
	return shown(name)
}

// known finds a name.
func (m model) known(who gp.ProfileID) (string, bool) {
	if name := m.called[who]; name != "" {
		return name, true
	}
	name, ok := m.names[who]
	return name, ok
}

// settle keeps the selection on somebody who is in the list. Nobody else takes the place of who is not there any more while something
// is being typed: it was meant for them.
func (m model) settle() model {
	list := m.people()
	at := slices.IndexFunc(list, func(p person) bool { return p.place == m.selected })
	if at < 0 {
		at = slices.IndexFunc(list, func(p person) bool { return p.who == m.selected.who })
	}
	switch {
	case at >= 0:
		return m.selectPlace(list[at].place)
	case len(list) > 0 && m.input.Value() == "":
		return m.selectPlace(list[0].place)
	}
	m.selected = place{}
	return m
}

// move selects another person.
func (m model) move(by int) model {
	list := m.people()
	if len(list) == 0 {
		return m
	}
	at := slices.IndexFunc(list, func(p person) bool { return p.place == m.selected })
	m.scroll = 0
	return m.selectPlace(list[min(max(at+by, 0), len(list)-1)].place)
}

// selectPlace selects somebody, whose words are seen then.
func (m model) selectPlace(where place) model {
	m.selected = where
	if unseen := func(l said) bool { return l.with == where.who && !l.seen }; slices.ContainsFunc(m.said, unseen) {
		m.said = slices.Clone(m.said)
		for i := range m.said {
			m.said[i].seen = m.said[i].seen || unseen(m.said[i])
		}
	}
	return m
}

// activity says what a buddy does.
func activity(status gp.BuddyStatus) string {
	text := status.Status.String()
	if status.Status == gp.Offline {
		return text // some servers put "Offline" into the text too
	}
	if status.Text != "" {
		text += fmt.Sprintf(" “%s”", shown(status.Text))
	}
	if status.Location != "" {
		text += " " + shown(status.Location)
	}
	return text
}
