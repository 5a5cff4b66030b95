// Package diagnosis is the one shape in which gp, qr2, sb, natneg and steampipe answer "why does it not work?": the steps one
// by one, what each found, and what to try.
package diagnosis

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Outcome of a step.
type Outcome int

// Outcomes. Skipped is a step that an earlier failure, or the configuration, made pointless.
const (
	Passed Outcome = iota + 1
	Warned
	Failed
	Skipped
)

// String gives the outcome in a word.
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "ok"
	case Warned:
		return "warning"
	case Failed:
		return "failed"
	case Skipped:
		return "skipped"
	}
	return fmt.Sprintf("outcome %d", int(o))
}

// MarshalText gives the same word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Step is one thing that was tried.
type Step struct {
	Name    string        // what was tried, as "resolve the master"
	Peer    string        // with whom; empty if with nobody
	Outcome Outcome       // how it went
	Took    time.Duration // how long
	Found   string        // what was seen, in words
	Advice  string        // what to try; empty if there is nothing to mend
	Err     error         // why it failed; nil if it did not
}

// MarshalJSON writes the error as text and the duration in seconds.
func (s Step) MarshalJSON() ([]byte, error) {
	line := struct {
		Name    string  `json:"name"`
		Peer    string  `json:"peer,omitempty"`
		Outcome Outcome `json:"outcome"`
		Seconds float64 `json:"seconds"`
		Found   string  `json:"found,omitempty"`
		Advice  string  `json:"advice,omitempty"`
		Error   string  `json:"error,omitempty"`
	}{s.Name, s.Peer, s.Outcome, s.Took.Seconds(), s.Found, s.Advice, ""}
	if s.Err != nil {
		line.Error = s.Err.Error()
	}
	return json.Marshal(line)
}

// Report is what a Diagnose found: its steps in the order in which they were tried.
type Report struct {
	Subject string `json:"subject"` // what was diagnosed, as "qr2 host of mygame"
	Steps   []Step `json:"steps"`
}

// Add appends a step.
func (r *Report) Add(step Step) { r.Steps = append(r.Steps, step) }

// OK reports whether no step failed.
func (r *Report) OK() bool { return r.Err() == nil }

// Err is a [*StepError] with the first step that failed; nil if none did.
func (r *Report) Err() error {
	for _, step := range r.Steps {
		if step.Outcome == Failed {
			return &StepError{Subject: r.Subject, Step: step}
		}
	}
	return nil
}

// String tells the whole report, a line a step, and the advice below the step that it is for.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Subject)
	for _, step := range r.Steps {
		fmt.Fprintf(&b, "  %-8s%s", step.Outcome, step.Name)
		if step.Peer != "" {
			fmt.Fprintf(&b, " (%s)", step.Peer)
		}
		if step.Found != "" {
			fmt.Fprintf(&b, ": %s", step.Found)
		}
		if step.Took > 0 {
			fmt.Fprintf(&b, " [%v]", step.Took.Round(100*time.Microsecond))
		}
		b.WriteByte('\n')
		if step.Err != nil {
			fmt.Fprintf(&b, "          %v\n", step.Err)
		}
		if step.Advice != "" {
			fmt.Fprintf(&b, "          try: %s\n", step.Advice)
		}
	}
	return b.String()
}

// StepError is a step that failed, as an error.
type StepError struct {
	Subject string
	Step    Step
}

// Error names the subject, the step, the peer and the reason.
func (e *StepError) Error() string {
	text := e.Subject + ": " + e.Step.Name
	if e.Step.Peer != "" {
		text += " (" + e.Step.Peer + ")"
	}
	switch {
	case e.Step.Err != nil:
		text += ": " + e.Step.Err.Error()
	case e.Step.Found != "":
		text += ": " + e.Step.Found
	}
	return text
}

// Unwrap gives the step's own error.
func (e *StepError) Unwrap() error { return e.Step.Err }
