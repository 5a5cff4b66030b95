package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

var goBlock = regexp.MustCompile("(?s)```go\n(func .*?)```")

// imports of the programs, which README leaves out.
var imports = []string{`package readme

import (
	"context"
	"net"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/qr2"
)

`, `package readme

import (
	"context"
	"errors"
	"fmt"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/sb"
)

`}

// The programs in README are copied by newcomers: they must build.
func TestProgramsInReadmeBuild(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	blocks := goBlock.FindAllSubmatch(readme, -1)
	require.Len(t, blocks, len(imports))
	for i, block := range blocks {
		// In the module, so that its dependencies are found; the name keeps other commands from seeing it.
		dir, err := os.MkdirTemp(".", "_readme")
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		file := filepath.Join(dir, "main"+strconv.Itoa(i)+".go")
		require.NoError(t, os.WriteFile(file, append([]byte(imports[i]), block[1]...), 0o600))
		out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// README says how the quickstart is started, and this is what the documentation of the example says too.
func TestReadmeNamesTheCommands(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), "go run ./examples/quickstart")
	require.Contains(t, string(readme), "go test ./...")
}
