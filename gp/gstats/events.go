package gstats

import (
	"context"
	"iter"
	"time"

	"github.com/relight-sdk/relight/internal/eventqueue"
)

// Event is something that happened in a session: one of the pointer types of this package that say so.
type Event interface{ event() }

// StepChanged says that the session got to another step.
type StepChanged struct {
	From, To Step
	Reason   string // in words, of StepReconnecting and StepClosed

	Attempt int       // of StepReconnecting: the number of the next try, from 1
	NextTry time.Time // of StepReconnecting: when it begins
}

// PlayerLost says that a player who was authenticated is not any more, because the connection is another: authenticate the
// player anew. Err wraps [ErrStale] if only the player can do so, and otherwise says why the server refused, or how twice in a row
// it broke off.
type PlayerLost struct {
	ProfileID ProfileID
	Err       error
}

// SnapshotKept says that a snapshot could not be sent and waits in the spool.
type SnapshotKept struct {
	// Err is why it could not be sent, an [*Error]; nil if older ones of its game are waiting. Error.Uncertain says that it may
	// have arrived all the same: then the server gets it twice.
	Err error
}

// SnapshotsSent says that snapshots that had waited in the spool were sent.
type SnapshotsSent struct {
	Count int
}

// SpoolFailed says that the spool could not be read or written. What is in it stays there, if it can.
type SpoolFailed struct {
	Err error
}

// ServerError is an error that the server sent and that belongs to nothing that waits. The session goes on.
type ServerError struct {
	Err *Error
}

// EventsLost says that the queue was full and that the oldest events were dropped.
type EventsLost struct {
	Count uint64
}

// Closed is the last event of a session.
type Closed struct {
	Err error // nil after Close
}

func (*StepChanged) event()   {}
func (*PlayerLost) event()    {}
func (*SnapshotKept) event()  {}
func (*SnapshotsSent) event() {}
func (*SpoolFailed) event()   {}
func (*ServerError) event()   {}
func (*EventsLost) event()    {}
func (*Closed) event()        {}

func newQueue(limit int) *eventqueue.Queue[Event] {
	return eventqueue.New(eventqueue.Limits[Event]{
		Events: limit,
		Bytes:  1, // nothing that a server decides: its words are cut
		Size:   func(Event) int { return 0 },
		Lost:   func(count uint64) Event { return &EventsLost{Count: count} },
	})
}

// Events yields what happens, waiting for more, until the context ends or the session is over and its last event,
// [*Closed], was taken. Each event goes to one taker.
func (s *Session) Events(ctx context.Context) iter.Seq[Event] { return s.events.All(ctx) }

// Poll takes the next event without waiting, and is nil if there is none: for programs that look once a frame.
func (s *Session) Poll() Event {
	event, _, _ := s.events.Pop()
	return event
}
