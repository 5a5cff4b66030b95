package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// The library exports what the header declares, and nothing else: other symbols would clash with those of the game.
func TestExports(t *testing.T) {
	nm := peers.Program(t, "nm")
	libraries := library(t, "")
	var exported []string
	for line := range strings.Lines(run(t, exec.CommandContext(t.Context(), nm, "-D", "--defined-only", filepath.Join(libraries, "librelight.so.1")))) {
		fields := strings.Fields(line)
		if name := fields[len(fields)-1]; name != "RELIGHT_1" {
			exported = append(exported, strings.TrimSuffix(name, "@@RELIGHT_1"))
		}
	}
	require.ElementsMatch(t, readHeader(t).functions, exported)
}

// No panic crosses into C: each export catches it, unless it does nothing but return what does not change.
func TestEveryExportIsGuarded(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder, "librelight", "*.go"))
	require.NoError(t, err)
	body := regexp.MustCompile(`(?ms)^//export (relight_\w+)\nfunc \w+\(.*?(?: \}|^\})$`)
	var found []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, export := range body.FindAllStringSubmatch(string(source), -1) {
			found = append(found, export[1])
			switch export[1] {
			case "relight_abi_version", "relight_version", "relight_test_crash":
			default:
				require.Contains(t, export[0], "\tdefer guard(", "%s in %s", export[1], file)
			}
		}
	}
	require.Subset(t, found, readHeader(t).functions)
}

// Every code of the header has its name.
func TestCodeNames(t *testing.T) {
	libraries := library(t, "")
	var source strings.Builder
	source.WriteString("#include \"relight.h\"\n#include <stdio.h>\nint main(void) {\n")
	for _, name := range readHeader(t).codes {
		fmt.Fprintf(&source, "printf(\"%s %%s\\n\", relight_code_name(%s));\n", name, name)
	}
	source.WriteString("return 0; }\n")
	path := filepath.Join(t.TempDir(), "codes.c")
	require.NoError(t, os.WriteFile(path, []byte(source.String()), 0o600))
	for line := range strings.Lines(run(t, exec.CommandContext(t.Context(), program(t, "gcc", path, libraries)))) {
		name, said, _ := strings.Cut(strings.TrimSpace(line), " ")
		require.Equal(t, name, said)
	}
}

// What a tag leaves out is not linked.
func TestSmallLibrary(t *testing.T) {
	gotool := peers.Program(t, "go")
	peers.Program(t, "gcc") // without it cgo's files are not looked at
	dependencies := func(tags string) string {
		return run(t, exec.CommandContext(t.Context(), gotool, "list", "-deps", "-tags", tags, folder+"/librelight"))
	}
	require.Contains(t, dependencies(""), "github.com/relight-sdk/relight/steampipe")
	small := dependencies("nosteampipe")
	require.NotContains(t, small, "github.com/relight-sdk/relight/steampipe")
	require.NotContains(t, small, "github.com/klauspost/compress")
	require.NotContains(t, small, "net/http")
}

// Who has no C compiler can still work on everything else.
func TestVetWithoutCgo(t *testing.T) {
	command := exec.CommandContext(t.Context(), peers.Program(t, "go"), "vet", folder+"/...")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	run(t, command)
}
