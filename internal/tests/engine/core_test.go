package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/tests/peers"
)

var coreSource = filepath.Join("testdata", "core.c")

// core runs a compiled core.c against a presence server; words come before the addresses, and rounds is
// how often threads poll against a close.
func core(t *testing.T, rounds string, words []string, environment ...string) {
	t.Helper()
	server, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{
		{ProfileID: 20001, UniqueNick: "ann", Password: "secret", Email: "ann@example.net", Buddies: []gptest.ProfileID{20002}},
		{ProfileID: 20002, UniqueNick: "bob", Password: "secret", Email: "bob@example.net", Buddies: []gptest.ProfileID{20001}},
	}})
	require.NoError(t, err)
	defer server.Close()
	words = append(words, server.Addr(), server.SearchAddr(), rounds)
	command := exec.CommandContext(t.Context(), words[0], words[1:]...)
	command.Env = append(os.Environ(), environment...)
	require.Equal(t, "end \n", run(t, command))
}

func TestCore(t *testing.T) {
	libraries := library(t, withHooks)
	for name, test := range map[string]struct {
		compiler string
		flags    []string
	}{
		"C89":   {"gcc", []string{"-std=gnu89", "-Wno-long-long", "-pedantic"}},
		"C++98": {"g++", []string{"-std=gnu++98", "-Wno-long-long", "-pedantic", "-x", "c++"}},
	} {
		t.Run(name, func(t *testing.T) {
			core(t, "50", []string{program(t, test.compiler, coreSource, libraries, test.flags...)})
		})
	}
}

// What nobody can recover from is at least written down.
func TestCrashLog(t *testing.T) {
	path := program(t, "gcc", coreSource, library(t, withHooks))
	log := filepath.Join(t.TempDir(), "crash.log")
	require.Error(t, exec.CommandContext(t.Context(), path, "crash", log).Run())
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(text), "panic: for the crash log")
	require.Contains(t, string(text), "relight_test_crash")
}

// The sanitizers see what the program does with the library's memory, and what of it is left at the end. They do not see
// what Go itself does: nothing is suppressed, because nothing of that is reported.
func TestCoreWithSanitizers(t *testing.T) {
	libraries := library(t, withHooks)
	path := program(t, "gcc", coreSource, libraries, sanitized...)
	core(t, "50", []string{path}, "ASAN_OPTIONS=detect_leaks=1")
	out, err := exec.CommandContext(t.Context(), path, "misuse").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "heap-use-after-free", "the sanitizer does not see the library's memory")
}

// underValgrind is the beginning of a command that ends with an error if valgrind finds one. Valgrind runs one thread at a time; its
// usual lock is not fair, and threads of Go's that spin while they wait for another can keep that one from it for minutes.
func underValgrind(t *testing.T) []string {
	t.Helper()
	return []string{peers.Program(t, "valgrind"), "--quiet", "--fair-sched=yes", "--error-exitcode=9", "--leak-check=full", "--undef-value-errors=no",
		"--suppressions=" + filepath.Join("testdata", "valgrind.supp")}
}

// Valgrind sees the same by other means; testdata/valgrind.supp says what is suppressed and why.
func TestCoreWithValgrind(t *testing.T) {
	libraries := library(t, withHooks)
	path := program(t, "gcc", coreSource, libraries)
	words := append(underValgrind(t), path)
	core(t, "2", words) // it runs one thread at a time
	out, err := exec.CommandContext(t.Context(), words[0], append(words[1:], "misuse")...).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "Invalid read", "valgrind does not see the library's memory")
}
