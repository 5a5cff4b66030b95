// Package shared finds the files that tests read but the repository does not carry: real manifests, chunks and captures
// out of public repositories. They lie in a folder "shared" beside the repository. Only tests import it.
package shared

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Path is the path of a file or folder in shared; it skips the test, saying so, where that is missing.
func Path(t testing.TB, elements ...string) string {
	t.Helper()
	_, source, _, ok := runtime.Caller(0)
	require.True(t, ok)
	root := filepath.Join(filepath.Dir(source), "..", "..", "..")
	path := filepath.Join(append([]string{root, "..", "shared"}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not beside the repository: this test reads files that are not ours to publish", filepath.Join(append([]string{"shared"}, elements...)...))
	}
	return path
}

// Read reads a file in shared; it skips the test, saying so, where that is missing.
func Read(t testing.TB, elements ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(Path(t, elements...))
	require.NoError(t, err)
	return b
}
