package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/charmbracelet/x/term"

	"github.com/relight-sdk/relight/internal/tests/pty"
)

// recorder keeps what a terminal gets.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) read(from *os.File) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		r.mu.Lock()
		r.text.Write(b[:n])
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// forget forgets what was there before.
func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.Reset()
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// The program on a true terminal: it fills, takes keys, and leaves the terminal as it was.
func TestTerminal(t *testing.T) {
	for _, leave := range []struct {
		name string
		keys string // empty: a signal
	}{{"q", "q"}, {"Ctrl-C", "\x03"}, {"signal", ""}} {
		t.Run(leave.name, func(t *testing.T) {
			t.Parallel()
			outside, inside := pty.Open(t, 100, 30)
			before, err := term.GetState(inside.Fd())
			require.NoError(t, err)
			var screen recorder
			var reading sync.WaitGroup
			reading.Go(func() { screen.read(outside) })
			defer reading.Wait()
			defer outside.Close()
			sees := func(text string) {
				t.Helper()
				if !assert.Eventually(t, func() bool {
					outside.WriteString("\x0c") // else only what is different is drawn
					return strings.Contains(screen.String(), text)
				}, 20*time.Second, 50*time.Millisecond) {
					require.FailNow(t, "not on the screen", "%q: %q", text, screen.String()[max(0, len(screen.String())-8000):])
				}
			}

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			status := make(chan int, 1)
			go func() { status <- run(ctx, []string{"-embedded", "-servers", "20"}, inside, inside, os.Stderr) }()
			sees("\x1b[?1049h") // the other screen
			sees("20 servers")
			outside.WriteString("/screen w")
			sees("1 shown")
			sees("Screen wiper")
			outside.WriteString("\r")
			outside.WriteString("\r")
			sees("can be joined")
			outside.WriteString("q") // not Esc, which would go together with what follows
			require.NotContains(t, screen.String(), "\x1b]0;mine now")
			require.NotContains(t, screen.String(), "\x1b]0;mine now")
			screen.forget()
			sees("/ filter")
			if outside.WriteString(leave.keys); leave.keys == "" {
				// Keys that the program has not taken when it ends keep the library's reader for ever: this is the last one.
				outside.WriteString("/\u00a7")
				require.Eventually(t, func() bool { return strings.Contains(screen.String(), "\u00a7") }, 20*time.Second, 20*time.Millisecond)
				cancel()
			}
			require.Zero(t, <-status)
			require.Eventually(t, func() bool { return strings.Contains(screen.String(), "\x1b[?1049l") }, 20*time.Second, 20*time.Millisecond)
			after, err := term.GetState(inside.Fd())
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}
