package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var commandLine = regexp.MustCompile(`(?m)(?:go run \./examples/|^\s*(?://\s*)?\$ )((?:` + strings.Join(names, "|") + `)\b[^|#\n` + "`" + `]*)`)

// Each example has a README of one screen, and the command lines in it, in the project's README and in the programs' own comments
// are ones that the programs take.
func TestCommandLinesInReadmes(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("needs a shell, to read the lines as people's does")
	}
	root := filepath.Join("..", "..", "..")
	files := []string{filepath.Join(root, "README.md")}
	for _, name := range names {
		readme := filepath.Join(root, "examples", name, "README.md")
		text, err := os.ReadFile(readme)
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(text), "\n"), 65, "%s is longer than a screen", readme)
		files = append(files, readme, filepath.Join(root, "examples", name, "main.go"))
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, line := range commandLine.FindAllStringSubmatch(string(text), -1) {
			found++
			words := strings.TrimSuffix(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line[1]), "\\")), "...")
			shell := exec.CommandContext(t.Context(), sh, "-c", programs+"/"+words+" -h") // help, behind flags that must be right
			out, err := shell.CombinedOutput()
			require.NoError(t, err, "%s: %s\n%s", file, words, out)
		}
	}
	require.Greater(t, found, 30)
}
