package engine

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A launcher in C downloads a depot with progress, and verifies it.
func TestDepotInC(t *testing.T) {
	made, err := depottest.NewDepot(depottest.DepotConfig{Seed: 1, Generate: 4 << 20, Files: []depottest.File{{Name: `bin\game`, Data: []byte("a game")}}})
	require.NoError(t, err)
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{made}, AnyHost: true})
	require.NoError(t, err)
	defer server.Close()
	dir := t.TempDir()
	launcher := start(t, compiled(t, "depot", append(sanitized, "-D_POSIX_C_SOURCE=200809L")...), server.URL(), strconv.Itoa(int(made.ID)),
		strconv.FormatUint(made.ManifestID, 10), hex.EncodeToString(made.Key[:]), dir)
	files := launcher.expect("downloaded")
	require.NotEqual(t, "0", files)
	require.Equal(t, files, launcher.expect("verified"))
	require.Contains(t, launcher.expect("missing"), "404")
	launcher.end()
	b, err := os.ReadFile(filepath.Join(dir, "bin", "game"))
	require.NoError(t, err)
	require.Equal(t, "a game", string(b))
}
