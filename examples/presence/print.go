package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/relight-sdk/relight/gp"
)

// line is something that happened, as a script reads it. Profile and Nick are the other player.
type line struct {
	Time      time.Time     `json:"time"`
	Event     string        `json:"event"`
	Profile   gp.ProfileID  `json:"profile,omitempty"`
	Nick      string        `json:"nick,omitempty"`
	Status    string        `json:"status,omitempty"`
	Text      string        `json:"text,omitempty"`
	Location  string        `json:"location,omitempty"`
	Product   gp.ProductID  `json:"product,omitempty"`
	Sent      *time.Time    `json:"sent,omitempty"` // when the server says that a message was sent
	Change    string        `json:"change,omitempty"`
	Step      string        `json:"step,omitempty"`
	Attempt   int           `json:"attempt,omitempty"`
	NextTry   *time.Time    `json:"next_try,omitempty"`
	Count     uint64        `json:"count,omitempty"`
	Command   string        `json:"command,omitempty"`
	Error     string        `json:"error,omitempty"`
	Roster    *rosterLine   `json:"roster,omitempty"`
	Diagnosis *gp.Diagnosis `json:"diagnosis,omitempty"`
	GPCM      string        `json:"gpcm,omitempty"`
	GPSP      string        `json:"gpsp,omitempty"`
}

// rosterLine is the whole roster.
type rosterLine struct {
	Stale    bool         `json:"stale"`
	Buddies  []personLine `json:"buddies"`
	Incoming []personLine `json:"incoming"`
	Outgoing []personLine `json:"outgoing"`
	Blocked  []personLine `json:"blocked"`
}

// personLine is somebody in it.
type personLine struct {
	Profile  gp.ProfileID `json:"profile"`
	Nick     string       `json:"nick,omitempty"`
	Status   string       `json:"status,omitempty"`
	Text     string       `json:"text,omitempty"`
	Location string       `json:"location,omitempty"`
}

// describe says what an event is to a script; no line for those that say nothing to it.
func describe(event gp.Event, roster *gp.Roster) (l line, ok bool) {
	known := names(roster)
	from := func(event string, id gp.ProfileID, text string) line {
		return line{Event: event, Profile: id, Nick: known[id], Text: text}
	}
	switch e := event.(type) {
	case *gp.StepChanged:
		l = line{Event: "step", Step: e.To.String(), Text: e.Reason, Attempt: e.Attempt}
		if !e.NextTry.IsZero() {
			l.NextTry = &e.NextTry
		}
	case *gp.Message:
		l = from("message", e.From, e.Text)
		l.Sent = &e.Time
	case *gp.GameMessage:
		l = from("game_message", e.From, e.Data)
	case *gp.BuddyRequest:
		l = from("request", e.From, e.Reason)
	case *gp.BuddyAuthorized:
		l = from("authorized", e.From, "")
	case *gp.BuddyRevoked:
		l = from("revoked", e.From, "")
	case *gp.BuddyStatus:
		l = from("status", e.ProfileID, e.Text)
		l.Status, l.Location = e.Status.String(), e.Location
	case *gp.Invitation:
		l = from("invitation", e.From, "")
		l.Location, l.Product = e.Location, e.ProductID
	case *gp.RosterChanged:
		l = from("roster_changed", e.ProfileID, "")
		l.Change = e.Change.String()
	case *gp.ServerError:
		l = line{Event: "refused", Error: e.Err.Error()}
	case *gp.EventsLost:
		l = line{Event: "events_lost", Count: e.Count}
	case *gp.Closed:
		l = line{Event: "closed"}
		if e.Err != nil {
			l.Error = e.Err.Error()
		}
	default: // the lists are in the roster; tickets are secret
		return line{}, false
	}
	return l, true
}

// describeRoster says who is in the roster.
func describeRoster(roster *gp.Roster) *rosterLine {
	known := names(roster)
	all := &rosterLine{Stale: roster.Stale, Buddies: []personLine{}, Incoming: []personLine{}, Outgoing: []personLine{}, Blocked: []personLine{}}
	for _, b := range roster.Buddies {
		all.Buddies = append(all.Buddies, personLine{b.ProfileID, known[b.ProfileID], b.Status.String(), b.Text, b.Location})
	}
	for _, r := range roster.Incoming {
		all.Incoming = append(all.Incoming, personLine{Profile: r.From, Nick: known[r.From], Text: r.Reason})
	}
	for _, r := range roster.Outgoing {
		all.Outgoing = append(all.Outgoing, personLine{Profile: r.To, Nick: known[r.To], Text: r.Reason})
	}
	for _, id := range roster.Blocked {
		all.Blocked = append(all.Blocked, personLine{Profile: id, Nick: known[id]})
	}
	return all
}

// maxPrinted is how many lines are kept for waits to come.
const maxPrinted = 256

// printer prints lines, and remembers them for who waits for one.
type printer struct {
	mu      sync.Mutex
	out     io.Writer
	printed []printedLine // that no wait has taken
	more    chan struct{} // closed, and replaced, with each line
}

type printedLine struct{ event, text string }

func newPrinter(out io.Writer) *printer { return &printer{out: out, more: make(chan struct{})} }

func (p *printer) print(l line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.Time = time.Now()
	b, err := json.Marshal(l)
	if err != nil {
		b = fmt.Appendf(nil, `{"event":"failed","error":%q}`, err)
	}
	text := escape(b)
	fmt.Fprintf(p.out, "%s\n", text)
	if len(p.printed) == maxPrinted {
		p.printed = p.printed[1:]
	}
	p.printed = append(p.printed, printedLine{l.Event, string(text)})
	close(p.more)
	p.more = make(chan struct{})
}
