package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/relight-sdk/relight/examples/internal/clean"
)

// facts are what a line of the story rests on, for machines.
type facts map[string]any

// story prints what happened, when, between whom, and how long it took: for people, or one JSON object a line.
type story struct {
	out   io.Writer
	json  bool
	start time.Time

	mu      sync.Mutex
	chapter string
	lines   int
	err     error // the first that writing gave
}

// event is one line of the story as a machine reads it.
type event struct {
	Seconds float64 `json:"t"` // since the start
	Chapter string  `json:"chapter"`
	Who     string  `json:"who"`
	With    string  `json:"with,omitempty"`
	What    string  `json:"what"`
	TookMS  float64 `json:"took_ms,omitempty"`
	Facts   facts   `json:"facts,omitempty"`
	Error   string  `json:"error,omitempty"`
}

func newStory(out io.Writer, asJSON bool) *story {
	return &story{out: out, json: asJSON, start: time.Now()}
}

// begin starts a chapter.
func (s *story) begin(title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chapter = title
	if !s.json {
		s.write("\n%s\n", title)
	}
}

// write remembers the first error. It is called under the lock.
func (s *story) write(format string, args ...any) {
	if _, err := fmt.Fprintf(s.out, format, args...); s.err == nil {
		s.err = err
	}
}

// failure is why the story could not be printed, if so.
func (s *story) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// tell prints one line. took is zero for what takes no time worth telling.
func (s *story) tell(who, with, what string, took time.Duration, known facts) {
	s.print(event{Who: who, With: with, What: what, TookMS: milliseconds(took), Facts: known})
}

// end prints the line that ends a story well.
func (s *story) end() {
	s.mu.Lock()
	lines := s.lines
	s.mu.Unlock()
	s.begin("The end")
	s.tell("quickstart", "", fmt.Sprintf("%d things happened, every one was checked", lines), time.Since(s.start), facts{"ok": true, "lines": lines})
}

// fail prints the line that ends a story badly, for machines; people read it on standard error.
func (s *story) fail(err error) {
	if s.json {
		s.print(event{Who: "quickstart", What: "failed", Facts: facts{"ok": false}, Error: err.Error()})
	}
}

func (s *story) print(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Seconds = time.Since(s.start).Round(time.Millisecond).Seconds()
	e.Chapter = s.chapter
	s.lines++
	if s.json {
		line, err := json.Marshal(e)
		if err != nil {
			s.err = cmp.Or(s.err, err)
			return
		}
		s.write("%s\n", line)
		return
	}
	between := e.Who
	if e.With != "" {
		between += " → " + e.With
	}
	what := clean.Text(e.What)
	if e.TookMS > 0 {
		what += fmt.Sprintf("  (%s)", printDuration(e.TookMS))
	}
	s.write("  %6.3f s  %-25s  %s\n", e.Seconds, between, what)
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

func printDuration(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
