package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/examples/internal/clean"
	"github.com/relight-sdk/relight/qr2"
)

// line is something that happened, as a machine reads it.
type line struct {
	Time      time.Time      `json:"time"`
	Event     string         `json:"event"`
	Addr      string         `json:"addr,omitempty"`
	Master    string         `json:"master,omitempty"`
	Step      string         `json:"step,omitempty"`
	List      string         `json:"list,omitempty"`
	NatNeg    []string       `json:"natneg,omitempty"`
	Player    string         `json:"player,omitempty"`
	Cookie    string         `json:"cookie,omitempty"`
	Text      string         `json:"text,omitempty"`
	Error     string         `json:"error,omitempty"`
	Diagnosis *qr2.Diagnosis `json:"diagnosis,omitempty"`
}

// printer prints lines, for people or as JSON.
type printer struct {
	mu   sync.Mutex
	out  io.Writer
	json bool
}

func newPrinter(out io.Writer, asJSON bool) *printer { return &printer{out: out, json: asJSON} }

func (p *printer) print(l line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.Time = time.Now()
	if p.json {
		l.Event = strings.ReplaceAll(l.Event, " ", "_")
		if b, err := json.Marshal(l); err == nil {
			fmt.Fprintf(p.out, "%s\n", b)
		}
		return
	}
	var text strings.Builder
	text.WriteString(l.Time.Format(time.TimeOnly) + " " + l.Event)
	for _, part := range []struct{ label, value string }{
		{"", l.Player}, {"", l.Addr}, {"", l.Cookie}, {"master ", l.Master}, {"list master ", l.List},
		{"NatNeg ", strings.Join(l.NatNeg, ",")}, {"", l.Step}, {"", l.Text}, {"", l.Error},
	} {
		if part.value != "" {
			text.WriteString("  " + part.label + part.value)
		}
	}
	fmt.Fprintln(p.out, clean.Lines(text.String()))
}

// tell prints what happens to the host until it is closed.
func tell(host *qr2.Host, out *printer) {
	for event := range host.Events(context.Background()) {
		switch e := event.(type) {
		case *qr2.MasterChanged:
			l := line{Event: "step", Master: e.Name, Step: e.Step.String()}
			if e.Err != nil {
				l.Error = e.Err.Error()
			}
			out.print(l)
		case *qr2.PublicAddress:
			out.print(line{Event: "public address", Addr: e.Addr.String(), Master: e.Master})
		case *qr2.ClientMessage:
			out.print(line{Event: "message", Master: e.Master, Text: fmt.Sprintf("%q", e.Data)})
		case *qr2.JoinStarted:
			out.print(line{Event: "negotiating", Cookie: e.Cookie.String(), Master: e.Master})
		case *qr2.JoinEnded:
			l := line{Event: "negotiated", Cookie: e.Cookie.String()}
			if e.Err != nil {
				l.Error = e.Err.Error()
			} else {
				l.Addr = e.Result.Remote.String()
			}
			out.print(l)
		}
	}
}
