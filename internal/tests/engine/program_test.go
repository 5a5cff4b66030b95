package engine

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// compiled is testdata/<name>.c, compiled strictly and linked with the library. What else is in flags is gcc's.
func compiled(t *testing.T, name string, flags ...string) string {
	t.Helper()
	strict := []string{"-std=c99", "-pedantic"}
	return program(t, "gcc", filepath.Join("testdata", name+".c"), library(t, ""), append(strict, flags...)...)
}

// sanitized are the flags of programs that tell of errors with memory, leaks included.
var sanitized = []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all"}

// running is a program that tells on its output what it has reached.
type running struct {
	t       *testing.T
	lines   chan string
	input   io.WriteCloser
	command *exec.Cmd
	errors  strings.Builder
}

// start runs a program; it is over at the end of the test.
func start(t *testing.T, path string, arguments ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	r := &running{t: t, lines: make(chan string, 100), command: exec.CommandContext(ctx, path, arguments...)}
	r.command.Stderr = &r.errors
	r.command.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=1")
	out, err := r.command.StdoutPipe()
	require.NoError(t, err)
	r.input, err = r.command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, r.command.Start())
	go func() {
		defer close(r.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			r.lines <- scanner.Text()
		}
	}()
	return r
}

// expect waits for a line that begins with a word, and returns what follows. Lines before it are passed over.
func (r *running) expect(word string) string {
	r.t.Helper()
	for line := range r.lines {
		if first, rest, _ := strings.Cut(line, " "); first == word {
			return rest
		}
	}
	err := r.command.Wait()
	require.FailNow(r.t, "the program ended early", "waiting for %q: %v\n%s", word, err, r.errors.String())
	return ""
}

// end waits for the program to succeed.
func (r *running) end() {
	r.t.Helper()
	for range r.lines {
	}
	require.NoError(r.t, r.command.Wait(), "%s", &r.errors)
	require.Empty(r.t, r.errors.String(), "it wrote to stderr")
}
