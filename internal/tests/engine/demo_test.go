// Package engine_test loads the library of examples/engine into programs that are not written in Go: game engines, and
// Windows programs under Wine.
package engine

import (
	"bufio"
	"context"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// frames is how many the demos show at least: two seconds.
const frames = "RELIGHT_FRAMES=120"

// In LÖVE, with LuaJIT's ffi: the list fills, a message is sent and answered, and all of that is drawn.
func TestLove(t *testing.T) {
	t.Parallel()
	love := peers.Program(t, "love")
	display := screen(t)
	made := build(t, "all", "build/backend")
	shot := filepath.Join(t.TempDir(), "love.png")
	out := demo(t, []string{display, frames, "RELIGHT_SCREENSHOT=" + shot, "SDL_VIDEODRIVER=x11", "SDL_AUDIODRIVER=dummy"}, love, filepath.Join(made, "..", "demo", "love"))
	require.Regexp(t, `2[0-9] servers, [3-9] lines of chat`, out)
	requirePicture(t, shot)
}

// In Godot 3, with a GDNative shim in C, in a window.
func TestGodot(t *testing.T) {
	t.Parallel()
	godot := peers.Program(t, "godot3")
	display := screen(t)
	project := filepath.Join(build(t, "build/backend", "build/godot/librelight_godot.so"), "godot")
	shot := filepath.Join(t.TempDir(), "godot.png")
	out := demo(t, []string{display, frames, "RELIGHT_SCREENSHOT=" + shot}, godot, "--audio-driver", "Dummy", "--path", project)
	require.Regexp(t, `2[0-9] servers, [3-9] lines of chat`, out)
	requirePicture(t, shot)
}

// The same on Godot's server, which has no window.
func TestGodotServer(t *testing.T) {
	t.Parallel()
	godot := peers.Program(t, "godot3-server")
	project := filepath.Join(build(t, "build/backend", "build/godot/librelight_godot.so"), "godot")
	out := demo(t, []string{frames}, godot, "--path", project)
	require.Regexp(t, `2[0-9] servers, [3-9] lines of chat`, out)
}

// In C#, with Mono.
func TestCSharp(t *testing.T) {
	t.Parallel()
	mono := peers.Program(t, "mono")
	peers.Program(t, "mcs")
	made := build(t, "all", "build/backend", "build/csharp/demo.exe")
	out := demo(t, []string{"LD_LIBRARY_PATH=" + made}, mono, filepath.Join(made, "csharp", "demo.exe"))
	require.Contains(t, out, "ann is logged in, profile 20001")
	require.Contains(t, out, "bob: Always. We play dm_bay, come in!")
}

var building sync.Mutex

// build makes targets of examples/engine and returns its build folder. What is current is not made again.
func build(t *testing.T, targets ...string) string {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector sees nothing of other programs: run it without")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the demos run on linux/amd64")
	}
	peers.Program(t, "gcc")
	folder, err := filepath.Abs("../../../examples/engine")
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), peers.Program(t, "make"), append([]string{"-C", folder}, targets...)...)
	building.Lock() // one make at a time in a folder
	defer building.Unlock()
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(folder, "build")
}

// demo runs a program on the demos' back end until it exits with 0, and returns what it said.
func demo(t *testing.T, environment []string, words ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	backend, err := filepath.Abs("../../../examples/engine/build/backend")
	require.NoError(t, err)
	command := exec.CommandContext(ctx, backend, words...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	home := t.TempDir() // Godot keeps its logs below
	command.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home,
		"LC_ALL=C.UTF-8", "LIBGL_ALWAYS_SOFTWARE=1")
	command.Env = append(command.Env, environment...)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// screen starts a screen in memory and returns the variable that names it.
func screen(t *testing.T) string {
	t.Helper()
	program := peers.Program(t, "Xvfb")
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	command := exec.Command(program, "-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
	command.ExtraFiles = []*os.File{w}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait() // it says that it was stopped
	})
	require.NoError(t, w.Close())
	number, err := bufio.NewReader(r).ReadString('\n') // when it is ready
	require.NoError(t, err, "%s does not start", program)
	return "DISPLAY=:" + strings.TrimSpace(number)
}

// requirePicture wants a picture of the demo's size that is not of one colour.
func requirePicture(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	picture, err := png.Decode(file)
	require.NoError(t, err)
	bounds := picture.Bounds()
	require.Equal(t, 960, bounds.Dx())
	require.Equal(t, 600, bounds.Dy())
	colours := map[[3]uint32]bool{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y += 3 {
		for x := bounds.Min.X; x < bounds.Max.X; x += 3 {
			r, g, b, _ := picture.At(x, y).RGBA()
			colours[[3]uint32{r, g, b}] = true
		}
	}
	require.Greater(t, len(colours), 20, "there is hardly anything to see")
}
