package sb

import (
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Step is how far a connection to the list master has come.
type Step int

// The steps.
const (
	StepIdle       Step = iota // nothing was asked yet
	StepResolving              // looking the master's name up
	StepConnecting             // opening the connection
	StepRequested              // request sent, no answer yet
	StepReceiving              // the list arrives
	StepConnected              // the list is complete and the connection is open for messages and updates
	StepRefused                // the master said no
	StepFailed                 // broken: see Reason
	StepClosed                 // closed by us
	StepWaiting                // a subscription's connection has ended; it is made again at State.Retry
)

var stepNames = [...]string{"idle", "resolving", "connecting", "requested", "receiving", "connected", "refused", "failed", "closed", "waiting"}

// String names the step.
func (s Step) String() string {
	if s < 0 || int(s) >= len(stepNames) {
		return "step " + strconv.Itoa(int(s))
	}
	return stepNames[s]
}

// State is what a connection to the master is doing and has done.
type State struct {
	Step   Step
	Since  time.Time // when the step began
	Peer   string    // the master's address
	Reason string    // why it refused or failed, in words
	Err    error     // the same as an error

	Reconnects int       // of a subscription: how often its connection was made again
	Retry      time.Time // with StepWaiting: when it is tried next

	Public      netip.Addr // our address as the master sees it
	DefaultPort uint16     // the game's default query port, in the words of the master; some are wrong

	BytesReceived int64
	BytesSent     int64
	Servers       int // entries of the list
	Pushes        int // servers added, updated or removed afterwards
	KeepAlives    int // echoed
	Ignored       int // messages of unknown types
	Malformed     int // messages that were skipped because they could not be read
}

// tracker keeps the State of one connection. It is safe for concurrent use.
type tracker struct {
	logger *slog.Logger
	op     string

	mu     sync.Mutex
	state  State
	notify func(State) // of a new step; runs without the lock
}

func (t *tracker) step(step Step, reason string, err error) {
	t.mu.Lock()
	if t.state.Step == step && t.state.Reason == reason || t.state.Step >= StepRefused && t.state.Step != StepWaiting && step == StepClosed {
		t.mu.Unlock()
		return // closing does not hide why it failed
	}
	t.state.Step, t.state.Since, t.state.Reason, t.state.Err = step, time.Now(), reason, err
	state, notify := t.state, t.notify
	t.mu.Unlock()
	t.logger.Info("list master", "op", t.op, "step", step.String(), "peer", state.Peer, "reason", reason)
	if notify != nil {
		notify(state)
	}
}

func (t *tracker) count(change func(*State)) {
	t.mu.Lock()
	change(&t.state)
	t.mu.Unlock()
}

func (t *tracker) get() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}
