// Package examples runs all examples as a reader would, and holds them to the same manners: flags, help, exit status, Ctrl-C.
package examples

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// programs are the folder where TestMain has put them.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "relight-examples-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		programs = dir
		build := exec.Command("go", "build", "-o", dir+string(filepath.Separator))
		for _, name := range names {
			build.Args = append(build.Args, "../../../examples/"+name)
		}
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			os.Stderr.Write(out)
			return 1
		}
		return m.Run()
	}())
}

var names = []string{"quickstart", "dedicated-server", "server-browser", "presence", "depot-download", "steam-lan"}

// commands are all programs, and those of their commands that have flags of their own.
var commands = []string{
	"quickstart", "dedicated-server", "server-browser", "presence", "depot-download", "depot-download verify", "depot-download compare",
	"depot-download bootstrap", "steam-lan", "steam-lan announce", "steam-lan demo",
}

// command is a program that is about to run: words are its name and arguments.
func command(t *testing.T, words ...string) *exec.Cmd {
	t.Helper()
	words = append(strings.Fields(words[0]), words[1:]...)
	name := words[0]
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return exec.CommandContext(t.Context(), filepath.Join(programs, name), words[1:]...)
}

// run runs a program to its end.
func run(t *testing.T, stdin string, words ...string) (status int, stdout, stderr string) {
	t.Helper()
	c := command(t, words...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	err := c.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); !exited {
		require.NoError(t, err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestHelp(t *testing.T) {
	for _, name := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := run(t, "", name, "-h")
			require.Zero(t, status)
			require.Empty(t, stderr, "who asks for help wants to page through it")
			for _, flag := range []string{"-json", "-embedded", "-v", "Exit status"} {
				require.Contains(t, stdout, flag)
			}
			lines := strings.Split(stdout, "\n")
			require.Less(t, len(lines), 60)
			for _, line := range lines {
				require.LessOrEqual(t, utf8.RuneCountInString(line), 130, line)
			}
			again, same, _ := run(t, "", name, "--help")
			require.Zero(t, again)
			require.Equal(t, stdout, same)
		})
	}
}

func TestWrongFlags(t *testing.T) {
	for _, name := range commands {
		for _, wrong := range []string{"-nonsense", "-json=maybe", "stray"} {
			t.Run(name+" "+wrong, func(t *testing.T) {
				t.Parallel()
				status, stdout, stderr := run(t, "", name, wrong)
				require.Equal(t, 2, status)
				require.Empty(t, stdout)
				require.Regexp(t, `^`+strings.Fields(name)[0]+`: .*\n  try: .* -h, .*\n$`, stderr, "what is wrong, and what to do; not all flags")
				require.Contains(t, stderr, strings.TrimLeft(strings.TrimSuffix(wrong, "=maybe"), "-"))
			})
		}
	}
}

// The same command line fits all programs that talk to a back end, and an address is never forgotten in favour of test servers.
func TestOneCommandLineForAll(t *testing.T) {
	addresses := []string{"-available", "-master", "-list", "-gpcm", "-gpsp", "-gamestats", "-keyserver"}
	for name, uses := range map[string]string{
		"quickstart": strings.Join(addresses, " "), "dedicated-server": "-available -master", "server-browser": "-list", "presence": "-gpcm -gpsp",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{name, "-h", "-natneg", "a,b"}
			for _, flag := range addresses {
				args = append(args, flag, "127.0.0.1:1")
				if !strings.Contains(uses, flag) {
					status, _, stderr := run(t, "", name, "-json", flag, "127.0.0.1:1")
					require.Equal(t, 2, status)
					require.Contains(t, stderr, flag+" names a service that "+name+" does not talk to")
				}
			}
			status, _, stderr := run(t, "", args...)
			require.Zero(t, status, stderr)
		})
	}
}

// What fails is told on standard error, with what to try, and gives 1.
func TestFailures(t *testing.T) {
	const nobody = "127.0.0.1:1"
	for _, args := range [][]string{
		{"quickstart", "-gpcm", nobody, "-account", "ann:pw"},
		{"dedicated-server", "-embedded", "-addr", "192.0.2.1:7777"},
		{"server-browser", "-json", "-once", "-list", nobody},
		{"presence", "-json", "-gpcm", nobody, "-account", "ann:pw"},
		{"depot-download", "-folder", filepath.Join(t.TempDir(), "nothing"), "-depot", "1", "-manifest", "2", "-dir", t.TempDir()},
		{"depot-download bootstrap", "-host", "http://" + nobody},
		{"steam-lan discover", "-interfaces", "nosuch0"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			status, _, stderr := run(t, "", args...)
			require.Equal(t, 1, status, stderr)
			require.True(t, strings.HasPrefix(stderr, strings.Fields(args[0])[0]+": "), stderr)
			require.Regexp(t, `(?m)^  try: `, stderr)
		})
	}
}

func TestJSON(t *testing.T) {
	dir := t.TempDir()
	status, _, stderr := run(t, "", "depot-download", "-embedded", "-dir", dir)
	require.Zero(t, status, stderr)
	for _, args := range [][]string{
		{"quickstart"},
		{"dedicated-server", "-addr", "127.0.0.1:0", "-diagnose"},
		{"server-browser", "-once", "-servers", "10"},
		{"server-browser", "-diagnose", "-servers", "10"},
		{"presence"}, {"presence", "-diagnose"},
		{"depot-download"}, {"depot-download", "-diagnose"}, {"depot-download verify", "-dir", dir}, {"depot-download compare"},
		{"depot-download bootstrap"}, {"depot-download bootstrap", "-diagnose"},
		{"steam-lan discover", "-for", "2s"}, {"steam-lan announce", "-for", "2s"}, {"steam-lan demo"},
		{"steam-lan discover", "-diagnose", "-for", "2s"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := run(t, "quit\n", append(args, "-json", "-embedded")...)
			require.Zero(t, status, stderr)
			require.Empty(t, stderr)
			require.NotEmpty(t, stdout)
			lines := bufio.NewScanner(strings.NewReader(stdout))
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				var object map[string]any
				require.NoError(t, json.Unmarshal(lines.Bytes(), &object), lines.Text())
				if event, ok := object["event"].(string); ok {
					require.NotContains(t, event, " ")
				}
			}
			require.NoError(t, lines.Err())
		})
	}
}

// Ctrl-C ends every program at whatever it does: well if it runs until then, as interrupted if it had something to finish.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals between processes")
	}
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0") // a master that never says anything
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	master := silent.LocalAddr().String()
	for _, c := range []struct {
		args   []string
		after  string // a part of the line to wait for
		status int
	}{
		{[]string{"dedicated-server", "-embedded", "-addr", "127.0.0.1:0"}, "listed", 0},
		{[]string{"dedicated-server", "-addr", "127.0.0.1:0", "-master", master}, "heartbeat sent", 0},
		{[]string{"dedicated-server", "-addr", "127.0.0.1:0", "-master", master, "-diagnose"}, "heartbeat sent", 1},
		{[]string{"server-browser", "-embedded", "-json"}, `"ping_ms"`, 0},
		{[]string{"presence", "-embedded", "-json"}, `"login"`, 0},
		{[]string{"depot-download", "-embedded", "-json", "-limit", "100k"}, `"manifest"`, 1},
		{[]string{"steam-lan discover", "-embedded"}, "appeared", 0},
		{[]string{"steam-lan announce", "-embedded"}, "appeared", 0},
		{[]string{"steam-lan demo", "-v"}, "appeared", 1},
		{[]string{"quickstart", "-master", master}, "A dedicated server opens", 1},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			program := command(t, c.args...)
			stdin, err := program.StdinPipe() // stays open
			require.NoError(t, err)
			defer stdin.Close()
			stdout, err := program.StdoutPipe()
			require.NoError(t, err)
			var stderr bytes.Buffer
			program.Stderr = &stderr
			require.NoError(t, program.Start())
			lines := bufio.NewScanner(stdout)
			lines.Buffer(nil, 1<<20)
			found := false
			for !found && lines.Scan() {
				found = strings.Contains(lines.Text(), c.after)
			}
			if !found {
				_ = program.Wait()
				require.FailNow(t, "the line never came", "%s", &stderr)
			}
			require.NoError(t, program.Process.Signal(os.Interrupt))
			_, _ = io.Copy(io.Discard, stdout)
			_ = program.Wait()
			require.Equal(t, c.status, program.ProcessState.ExitCode(), stderr.String())
			if c.status == 1 {
				require.Contains(t, stderr.String(), "interrupted\n")
			} else {
				require.Empty(t, stderr.String())
			}
		})
	}
}
