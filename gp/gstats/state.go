package gstats

import "time"

// Step is where a session stands.
type Step int

// The steps of a session, in order.
const (
	StepNone           Step = iota // not begun
	StepResolving                  // looking up the server's name
	StepConnecting                 // opening the connection
	StepGreeting                   // waiting for the server's challenge
	StepAuthenticating             // proving that the game knows its secret
	StepPlayers                    // authenticating the players again, after a reconnect
	StepConnected                  // ready
	StepReconnecting               // waiting for the next try to connect; see Config.Reconnect
	StepClosed                     // over
)

// String names the step.
func (s Step) String() string {
	switch s {
	case StepNone:
		return "not begun"
	case StepResolving:
		return "resolving"
	case StepConnecting:
		return "connecting"
	case StepGreeting:
		return "waiting for the greeting"
	case StepAuthenticating:
		return "authenticating the game"
	case StepPlayers:
		return "authenticating the players"
	case StepConnected:
		return "connected"
	case StepReconnecting:
		return "reconnecting"
	case StepClosed:
		return "closed"
	}
	return "unknown step"
}

// State is what a person wants to know about a session.
type State struct {
	Step  Step
	Since time.Time // of the step
	Peer  string    // the server's address; empty before there is one

	Attempt int       // the number of the try to reconnect that is next or under way; 0 while connected
	NextTry time.Time // when it begins; zero while connected

	Connection int32 // the number that the server gave the connection; zero while there is none
	Players    int   // who are authenticated on it

	Err    error  // why the session is over; nil while it is not, and after Close
	Reason string // the same in words, or the last thing that was odd

	LastReceived time.Time // the last whole message
	LastSent     time.Time
	Pending      int // requests that wait for the server
	Kept         int // snapshots that wait in the spool
	Counters     Counters
}

// Counters count since the session began.
type Counters struct {
	MessagesSent     uint64
	MessagesReceived uint64
	BytesSent        uint64
	BytesReceived    uint64

	Unknown   uint64 // messages with a command that is not known, or means nothing here
	Malformed uint64 // messages that could not be read
	Unmatched uint64 // answers that nobody waits for
	Refused   uint64 // errors that the server sent and that belong to nothing that waits

	SnapshotsSent uint64
	SnapshotsKept uint64 // put into the spool; they count as sent when they are

	Reconnects uint64 // connections after the first
	EventsLost uint64 // because nobody took them in time
}
