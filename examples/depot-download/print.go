package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/relight-sdk/relight/examples/internal/clean"
)

// printer writes lines for people, or one JSON object per line.
type printer struct {
	out, terminal io.Writer
	json          bool
	err           error // the first one of writing
}

func newPrinter(out, terminal io.Writer, json bool) *printer {
	return &printer{out: out, terminal: terminal, json: json}
}

// facts are what a JSON line says beside its event.
type facts map[string]any

// line prints what happened: text for people, facts for machines.
func (p *printer) line(event string, facts facts, format string, arguments ...any) {
	if !p.json {
		_, err := fmt.Fprintln(p.out, clean.Text(fmt.Sprintf(format, arguments...)))
		p.note(err)
		return
	}
	if facts == nil {
		facts = map[string]any{}
	}
	facts["event"], facts["time"] = event, time.Now()
	b, err := json.Marshal(facts)
	p.note(err)
	_, err = fmt.Fprintf(p.out, "%s\n", b)
	p.note(err)
}

// text prints a block of text, for people only.
func (p *printer) text(text string) {
	_, err := io.WriteString(p.out, text)
	p.note(err)
}

func (p *printer) note(err error) {
	if p.err == nil {
		p.err = err
	}
}

// bar is a progress bar; nil where nobody would see it: with -json, and where standard error is no terminal.
func (p *printer) bar(description string) *progressbar.ProgressBar {
	file, ok := p.terminal.(*os.File)
	if p.json || !ok {
		return nil
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(file), progressbar.OptionSetDescription(description), progressbar.OptionShowBytes(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
}

// size is a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	case bytes >= 1e4:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
