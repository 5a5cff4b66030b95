package engine

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// The DLLs for 64 and 32 bits export what relight.h declares, and nothing else.
func TestWindowsExports(t *testing.T) {
	t.Parallel()
	header, err := os.ReadFile("../../../examples/engine/relight.h")
	require.NoError(t, err)
	var declared []string
	for _, match := range regexp.MustCompile(`RELIGHT_CALL (relight_\w+)\(`).FindAllSubmatch(header, -1) {
		declared = append(declared, string(match[1]))
	}
	slices.Sort(declared)
	require.NotEmpty(t, declared)
	for target, tools := range map[string]string{"windows": "x86_64-w64-mingw32-", "windows-386": "i686-w64-mingw32-"} {
		t.Run(target, func(t *testing.T) {
			peers.Program(t, tools+"gcc")
			made := build(t, target, "build/"+target+"/loader.exe") // the loader shows that the header is good for that compiler
			objdump := exec.CommandContext(t.Context(), peers.Program(t, tools+"objdump"), "-p", filepath.Join(made, target, "relight.dll"))
			out, err := objdump.Output()
			require.NoError(t, err)
			_, table, found := cut(out, `\[Ordinal/Name Pointer\] Table`)
			require.True(t, found, "%s", out)
			var exported []string
			for _, match := range regexp.MustCompile(`(?m)^\s+\[ *\d+\] (?:\+base\[ *\d+\] +[0-9a-f]+ )?(\S+)\r?$`).FindAllStringSubmatch(table, -1) {
				exported = append(exported, match[1])
			}
			slices.Sort(exported)
			require.Equal(t, declared, exported)
		})
	}
}

// cut divides a text at the first place that fits an expression.
func cut(text []byte, expression string) (before, after string, found bool) {
	place := regexp.MustCompile(expression).FindIndex(text)
	if place == nil {
		return string(text), "", false
	}
	return string(text[:place[0]]), string(text[place[1]:]), true
}

// A Windows program loads the DLL, logs in, survives a panic, and lets go of it: under Wine, whose TCP is good for Go. Its UDP
// is not, so there is no list.
func TestWine(t *testing.T) {
	t.Parallel()
	wine, server := peers.Program(t, "wine"), peers.Program(t, "wineserver")
	peers.Program(t, "x86_64-w64-mingw32-gcc")
	made := build(t, "windows", "build/windows/loader.exe", "build/windows/bcryptprimitives.dll", "build/backend")
	prefix := filepath.Join(t.TempDir(), "wine")
	environment := []string{"WINEPREFIX=" + prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "DISPLAY="}
	t.Cleanup(func() {
		stop := exec.Command(server, "-k", "-w") // of this prefix only
		stop.Env = append(os.Environ(), environment...)
		_ = stop.Run() // it may have ended by itself
	})
	boot := exec.CommandContext(t.Context(), wine, "wineboot", "--init")
	boot.Env = append(os.Environ(), environment...)
	require.NoError(t, boot.Run())
	install(t, filepath.Join(made, "windows", "bcryptprimitives.dll"), filepath.Join(prefix, "drive_c", "windows", "system32"))
	folder := t.TempDir()
	install(t, filepath.Join(made, "windows", "loader.exe"), folder)
	install(t, filepath.Join(made, "windows", "relight.dll"), folder)
	out := demo(t, environment, wine, filepath.Join(folder, "loader.exe"), "Z:"+filepath.Join(folder, "relight.dll"))
	require.Contains(t, out, "logged in as ann, profile 20001")
	require.Contains(t, out, "all good")
}

// install copies a file into a folder, unless there is one of that name.
func install(t *testing.T, path, folder string) {
	t.Helper()
	in, err := os.Open(path)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(folder, filepath.Base(path)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if os.IsExist(err) {
		return
	}
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
