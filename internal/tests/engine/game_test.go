package engine

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// The game in C does everything in one process, as C and as C++, and leaves nothing behind that a leak checker finds.
func TestGameInC(t *testing.T) {
	t.Parallel()
	made := build(t, "build/backend", "build/demo")
	folder := filepath.Dir(made)
	compiled := map[string][]string{
		"with sanitizers": {"gcc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"},
		"C++98":           {"g++", "-x", "c++", "-std=gnu++98", "-Wno-long-long", "-pedantic"},
	}
	programs := map[string]string{"as make builds it": filepath.Join(made, "demo")}
	for name, words := range compiled {
		programs[name] = filepath.Join(t.TempDir(), "demo")
		arguments := append(words[1:], "-Wall", "-Wextra", "-Werror", "-g", "-I", folder, "-o", programs[name],
			filepath.Join(folder, "demo", "c", "demo.c"), "-L", made, "-lrelight", "-Wl,-rpath,"+made)
		out, err := exec.CommandContext(t.Context(), peers.Program(t, words[0]), arguments...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			out := demo(t, []string{"RELIGHT_DIR=" + t.TempDir(), "ASAN_OPTIONS=detect_leaks=1"}, "-servers", "3", program)
			require.Contains(t, out, "and nothing is left")
		})
	}
}
