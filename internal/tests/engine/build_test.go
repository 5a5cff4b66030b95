package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// folder is the example, seen from here.
var folder = filepath.Join("..", "..", "..", "examples", "engine")

// built are the libraries that tests have built, by the tags, all in one folder for the time of the tests.
var built struct {
	sync.Mutex
	folder    string
	libraries map[string]string
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if built.folder != "" {
			_ = os.RemoveAll(built.folder)
		}
		os.Exit(code)
	}))
}

// library builds the library as its Makefile does, with a further build tag or "", and returns the folder that it is in.
func library(t *testing.T, tags string) string {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector sees nothing of other programs: run it without")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the compilers and checkers of these tests are Linux's")
	}
	peers.Program(t, "gcc")
	make := peers.Program(t, "make")
	built.Lock()
	defer built.Unlock()
	if built.folder == "" {
		made, err := os.MkdirTemp("", "relight-engine")
		require.NoError(t, err)
		built.folder, built.libraries = made, map[string]string{}
	}
	if out, done := built.libraries[tags]; done {
		return out
	}
	out := filepath.Join(built.folder, "with-"+tags)
	run(t, exec.CommandContext(t.Context(), make, "-C", folder, "OUT="+out, "TAGS=netgo,osusergo,"+tags))
	built.libraries[tags] = out
	return out
}

// withHooks is the library with what tests need to bring about.
const withHooks = "relighttest"

// program compiles a C program, or C++ with g++, and links it with a library.
func program(t *testing.T, compiler, source, libraries string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	arguments := append([]string{"-Wall", "-Wextra", "-Werror", "-g", "-I", folder, "-o", out}, flags...)
	arguments = append(arguments, source, "-pthread", "-L", libraries, "-lrelight", "-Wl,-rpath,"+libraries)
	run(t, exec.CommandContext(t.Context(), peers.Program(t, compiler), arguments...))
	return out
}

// run runs a command that must succeed, and returns what it wrote.
func run(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s\n%s", command, out)
	return string(out)
}
