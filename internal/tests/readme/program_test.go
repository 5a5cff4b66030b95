package readme

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var programBlock = regexp.MustCompile("(?s)```go\n(package main\n.*?)```")

// A program that README gives as a whole is built and run: it is listed at the master in its own process.
func TestWholeProgramsInReadmeRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals between processes")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	programs := programBlock.FindAllSubmatch(readme, -1)
	require.NotEmpty(t, programs)
	for _, block := range programs {
		// In the module, so that its dependencies are found; the name keeps other commands from seeing it.
		dir, err := os.MkdirTemp(".", "_program")
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		// Another port than readers take: the machine may have others that do the same.
		text := strings.ReplaceAll(string(block[1]), `":7777"`, `"127.0.0.1:0"`)
		file, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		for _, args := range [][]string{{"vet", file}, {"build", "-o", binary, file}} {
			out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		program := exec.CommandContext(t.Context(), "./"+binary)
		stdout, err := program.StdoutPipe()
		require.NoError(t, err)
		var stderr bytes.Buffer
		program.Stderr = &stderr
		require.NoError(t, program.Start())
		lines := bufio.NewScanner(stdout)
		listed := false
		for !listed && lines.Scan() {
			require.NotContains(t, lines.Text(), "failed")
			listed = lines.Text() == "now: listed"
		}
		if !listed {
			_ = program.Wait()
			require.FailNow(t, "it is not listed", "%s", &stderr)
		}
		require.NoError(t, program.Process.Signal(os.Interrupt))
		require.NoError(t, program.Wait(), stderr.String())
		require.Empty(t, stderr.String())
	}
}
