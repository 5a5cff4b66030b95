package engine

import (
	"time"

	"github.com/relight-sdk/relight/gp"
)

// buddies is what the engine has been told about the buddies, to find what has changed. Only the goroutine that passes on
// events touches it.
type buddies map[gp.ProfileID]gp.Buddy

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
		p.emit(Event{Type: EventPresenceState, Status: int32(e.To), Text: e.Reason, Address: session.State().Peer,
			Number: int64(e.Attempt), Time: unixMilli(e.NextTry)})
	case *gp.Message:
		p.emit(Event{Type: EventPresenceMessage, ID: int64(e.From), Text: e.Text, Time: unixMilli(e.Time)})
	case *gp.EventsLost:
		p.emit(Event{Type: EventDropped, Number: int64(e.Count)})
	}
}
