// Package peers finds the third-party programs that tests run against: Debian's and npm's packages that .ci/run installs.
// Only tests import it.
package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Program is the path of a program of Debian's, as "quakestat" (of the package qstat). Where it is not installed the test
// is skipped, saying so; in continuous integration it fails, because there it must be installed.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		absent(t, name+" is not installed (see .ci/run for the packages)")
	}
	return path
}

// Node is a command that runs a script with Node.js, in a folder from which the npm package can be required. Where Node.js
// or the package is missing it does as Program does.
func Node(t testing.TB, module, script string, arguments ...string) *exec.Cmd {
	t.Helper()
	node := Program(t, "node")
	for _, folder := range []string{os.Getenv("RELIGHT_PEERS"), filepath.Join(os.TempDir(), "relight-peers")} {
		if folder == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, "node_modules", module, "package.json")); err == nil {
			command := exec.CommandContext(t.Context(), node, append([]string{"-e", script, "--"}, arguments...)...)
			command.Dir = folder
			return command
		}
	}
	absent(t, "npm package "+module+" is not installed in the folder that RELIGHT_PEERS names (npm install --prefix $RELIGHT_PEERS "+module+")")
	return nil
}

func absent(t testing.TB, reason string) {
	t.Helper()
	require.Empty(t, os.Getenv("CI"), "continuous integration must install this: %s", reason)
	t.Skip(reason)
}
