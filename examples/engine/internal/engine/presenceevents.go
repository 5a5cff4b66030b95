package engine

import (
	"context"
	"time"

	"github.com/relight-sdk/relight/gp"
)

// unixMilli is a time as the engine gets it.
func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// progress passes on the steps of the login.
func (p *Presence) progress(state gp.State) {
	p.emit(Event{Type: EventPresenceState, Status: int32(state.Step), Text: state.Reason, Address: state.Peer})
}

// tell passes on an event of the session.
func (p *Presence) tell(session *gp.Session, event gp.Event) {
	switch e := event.(type) {
	case *gp.StepChanged:
		p.emit(Event{
			Type: EventPresenceState, Status: int32(e.To), Text: e.Reason, Address: session.State().Peer,
			Number: int64(e.Attempt), Time: unixMilli(e.NextTry),
		})
	case *gp.RosterChanged:
		p.compare(session.Roster(), e.ProfileID)
	case *gp.Message:
		p.from(session, EventPresenceMessage, e.From, e.Time, Event{Text: e.Text})
	case *gp.GameMessage:
		p.from(session, EventPresenceData, e.From, e.Time, Event{Data: []byte(e.Data)})
	case *gp.BuddyRequest:
		p.from(session, EventPresenceAsked, e.From, e.Time, Event{Text: e.Reason})
	case *gp.BuddyAuthorized:
		p.from(session, EventPresenceAccepted, e.From, e.Time, Event{})
	case *gp.BuddyRevoked:
		p.from(session, EventPresenceRevoked, e.From, e.Time, Event{})
	case *gp.Invitation:
		p.from(session, EventPresenceInvited, e.From, e.Time, Event{Number: int64(e.ProductID), Address: e.Location})
	case *gp.TicketRenewed:
		p.emit(Event{Type: EventPresenceTicket, Text: e.Ticket})
	case *gp.ServerError:
		p.emit(describe(e.Err, presenceCode).event(EventPresenceError))
	case *gp.EventsLost:
		p.emit(Event{Type: EventDropped, Number: int64(e.Count)})
		p.compare(session.Roster(), 0) // what was lost may have been about it
	}
}

// from passes on what another player did.
func (p *Presence) from(session *gp.Session, kind EventType, who gp.ProfileID, when time.Time, event Event) {
	event.Type, event.ID, event.Time, event.Name = kind, int64(who), unixMilli(when), nameOf(session.Roster(), who)
	p.emit(event)
}

// nameOf is what to call a player; empty while it is not known.
func nameOf(roster *gp.Roster, id gp.ProfileID) string {
	if buddy, ok := roster.Buddy(id); ok {
		return profileName(buddy.Profile)
	}
	for _, request := range roster.Incoming {
		if request.From == id {
			return profileName(request.Profile)
		}
	}
	for _, request := range roster.Outgoing {
		if request.To == id {
			return profileName(request.Profile)
		}
	}
	return ""
}

func profileName(profile *gp.Profile) string {
	switch {
	case profile == nil:
		return ""
	case profile.UniqueNick != "":
		return profile.UniqueNick
	}
	return profile.Nick
}

// buddy is what the engine is told about one.
type buddy struct {
	status               gp.Status
	name, text, location string
}

func viewOf(b gp.Buddy) buddy {
	return buddy{status: b.Status, name: profileName(b.Profile), text: b.Text, location: b.Location}
}

func (b buddy) event(id gp.ProfileID) Event {
	return Event{Type: EventPresenceBuddy, ID: int64(id), Status: int32(b.status), Name: b.name, Text: b.text, Address: b.location}
}

// compare tells what has changed in the roster since the engine was told last: about one profile, or, with 0, about all.
// Only the goroutine that passes on events calls it.
func (p *Presence) compare(roster *gp.Roster, id gp.ProfileID) {
	for _, b := range roster.Buddies {
		if id != 0 && id != b.ProfileID {
			continue
		}
		if view := viewOf(b); p.told[b.ProfileID] != view || !p.knows(b.ProfileID) {
			p.told[b.ProfileID] = view
			p.emit(view.event(b.ProfileID))
		}
	}
	for known := range p.told {
		if id != 0 && id != known {
			continue
		}
		if _, still := roster.Buddy(known); !still {
			delete(p.told, known)
			p.emit(Event{Type: EventPresenceRemoved, ID: int64(known)})
		}
	}
}

func (p *Presence) knows(id gp.ProfileID) bool {
	_, known := p.told[id]
	return known
}

// Roster asks to be told of all buddies and open requests again.
func (p *Presence) Roster() (Request, error) {
	session, err := p.loggedIn()
	if err != nil {
		return 0, err
	}
	return p.request(false, func(ctx context.Context, request Request) (Event, error) {
		roster := session.Roster()
		for _, b := range roster.Buddies {
			event := viewOf(b).event(b.ProfileID)
			event.Request = request
			if !p.put(ctx, event) {
				return Event{}, context.Cause(ctx)
			}
		}
		for _, asked := range roster.Incoming {
			if !p.put(ctx, Event{
				Type: EventPresenceAsked, Request: request, ID: int64(asked.From), Name: profileName(asked.Profile), Text: asked.Reason,
				Time: unixMilli(asked.Time),
			}) {
				return Event{}, context.Cause(ctx)
			}
		}
		return Event{Number: int64(len(roster.Buddies)), Total: int64(len(roster.Buddies) + len(roster.Incoming))}, nil
	})
}
