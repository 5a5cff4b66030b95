package steampipe

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A file that is repaired gets no rights that it did not have: above all it is not writable for everybody afterwards.
func TestRepairKeepsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes on Windows")
	}
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
		{Name: "plain", Data: []byte("plain")},
		{Name: "program", Data: []byte("program"), Flags: depottest.Executable},
		{Name: "fixed", Data: []byte("fixed"), Flags: depottest.ReadOnly},
	}})
	require.NoError(t, err)
	cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"plain": 0o640, "program": 0o700, "fixed": 0o440} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("wrong"), 0o600))
		require.NoError(t, os.Chmod(path, mode))
	}
	_, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	requireTree(t, depot, dir)
	for name, mode := range map[string]os.FileMode{"plain": 0o640, "program": 0o700, "fixed": 0o440} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
}
