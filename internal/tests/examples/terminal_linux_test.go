package examples

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/pty"
)

// screen is what a terminal was sent.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) read(from *os.File) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		s.mu.Lock()
		s.text.Write(b[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

// A program that fills the screen leaves the terminal as it was, whether Ctrl-C is a key or a signal.
func TestTerminalIsRestored(t *testing.T) {
	for _, c := range []struct {
		args      []string
		shows     string
		alternate bool // it has a screen of its own
	}{
		{[]string{"server-browser", "-embedded", "-servers", "20"}, "20 servers", true},
		{[]string{"presence", "-embedded"}, "bob", true},
		{[]string{"steam-lan discover", "-embedded"}, "living-room", false},
	} {
		for name, interrupt := range map[string]func(*os.File, *exec.Cmd) error{
			"key":    func(outside *os.File, _ *exec.Cmd) error { _, err := outside.WriteString("\x03"); return err },
			"signal": func(_ *os.File, program *exec.Cmd) error { return program.Process.Signal(os.Interrupt) },
		} {
			if name == "key" && !c.alternate {
				continue // the terminal makes a signal of it, for the foreground programs of a session that it controls
			}
			t.Run(c.args[0]+" "+name, func(t *testing.T) {
				t.Parallel()
				outside, inside := pty.Open(t, 100, 30)
				before, err := term.GetState(inside.Fd())
				require.NoError(t, err)
				var sees screen
				var reading sync.WaitGroup
				reading.Go(func() { sees.read(outside) })
				defer reading.Wait()
				defer outside.Close()
				program := command(t, c.args...)
				program.Stdin, program.Stdout = inside, inside
				var stderr strings.Builder
				program.Stderr = &stderr
				require.NoError(t, program.Start())
				require.Eventually(t, func() bool { return sees.has(c.shows) }, 20*time.Second, 10*time.Millisecond)
				require.NoError(t, interrupt(outside, program))
				require.NoError(t, program.Wait(), stderr.String())
				require.Empty(t, stderr.String())
				after, err := term.GetState(inside.Fd())
				require.NoError(t, err)
				require.Equal(t, before, after)
				if c.alternate {
					require.Eventually(t, func() bool { return sees.has("\x1b[?1049l") && sees.has("\x1b[?25h") }, 20*time.Second, 10*time.Millisecond,
						"the other screen is left, and the cursor is back")
				}
			})
		}
	}
}
