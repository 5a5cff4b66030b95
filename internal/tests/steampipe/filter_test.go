package steampipe

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// What the filter leaves out is neither fetched nor made nor missed, and what lies there is left alone.
func TestFilter(t *testing.T) {
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
		{Name: `bin\server`, Data: []byte("program")}, {Name: `bin\client`, Data: []byte("other program")}, {Name: `bin\server.debug`, Data: []byte("symbols")},
		{Name: `Maps`, Flags: depottest.Directory}, {Name: `Maps\dust.bsp`, Data: []byte("map")}, {Name: `empty`, Flags: depottest.Directory}, {Name: "link", Flags: depottest.Symlink, Link: "bin"},
	}})
	require.NoError(t, err)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	debug, err := steampipe.FilterGlobs("*.debug")
	require.NoError(t, err)
	filter := steampipe.FilterPaths("BIN", "maps").And(debug.Not())
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", "server.debug"), []byte("mine"), 0o644))

	report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key, Filter: filter})
	require.NoError(t, err)
	require.Equal(t, 3, report.Files)
	require.Equal(t, 3, server.Count("/chunk/"))
	require.ElementsMatch(t, []string{"bin", "bin/server", "bin/client", "bin/server.debug", "Maps", "Maps/dust.bsp"}, treeOf(t, dir))
	b, err := os.ReadFile(filepath.Join(dir, "bin", "server.debug"))
	require.NoError(t, err)
	require.Equal(t, "mine", string(b))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "extra"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Maps", "extra"), nil, 0o644))
	verdict, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{Filter: filter, Extra: true})
	require.NoError(t, err)
	require.True(t, verdict.OK())
	require.Len(t, verdict.Files, 3+1+1)
	require.Equal(t, "Maps/extra", verdict.Files[4].Path)
	verdict, err = steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, 3, verdict.Bad, "symbols, link and folder")
}
