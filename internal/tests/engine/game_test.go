package engine

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// The program that a newcomer begins with, which knows nothing but relight.h: it hosts a server and finds it.
func TestListedInC(t *testing.T) {
	t.Parallel()
	made := build(t, "build/backend", "build/listed")
	for name, program := range inC(t, made, "listed") {
		t.Run(name, func(t *testing.T) {
			out := demo(t, []string{"ASAN_OPTIONS=detect_leaks=1"}, "-servers", "3", program)
			require.Regexp(t, `(?s)listed .*found +Listed from C, dm_bay, 0/16`, out)
		})
	}
}

// The game in C does everything in one process, as C and as C++, and leaves nothing behind that a leak checker finds.
func TestGameInC(t *testing.T) {
	t.Parallel()
	made := build(t, "build/backend", "build/demo")
	for name, program := range inC(t, made, "demo") {
		t.Run(name, func(t *testing.T) {
			out := demo(t, []string{"RELIGHT_DIR=" + t.TempDir(), "ASAN_OPTIONS=detect_leaks=1"}, "-servers", "3", program)
			require.Contains(t, out, "and nothing is left")
		})
	}
}

// inC is a program of demo/c as make has built it, with sanitizers, and as C++.
func inC(t *testing.T, made, name string) map[string]string {
	t.Helper()
	folder := filepath.Dir(made)
	compiled := map[string][]string{
		"with sanitizers": {"gcc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"},
		"C++98":           {"g++", "-x", "c++", "-std=gnu++98", "-Wno-long-long", "-pedantic"},
	}
	programs := map[string]string{"as make builds it": filepath.Join(made, name)}
	for kind, words := range compiled {
		programs[kind] = filepath.Join(t.TempDir(), name)
		arguments := append(words[1:], "-Wall", "-Wextra", "-Werror", "-g", "-I", folder, "-o", programs[kind],
			filepath.Join(folder, "demo", "c", name+".c"), "-L", made, "-lrelight", "-Wl,-rpath,"+made)
		out, err := exec.CommandContext(t.Context(), peers.Program(t, words[0]), arguments...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return programs
}
