package steampipe

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A file that the manifest names is not extra because it lies under another name that the file system has for it, as those have
// that do not tell case apart. Here a link to a folder gives it two names: a program that removes what is extra must not
// remove the file that was found right by the other one.
func TestExtraByAnotherName(t *testing.T) {
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
		{Name: `Data\Game.exe`, Data: []byte("game")}, {Name: `Data\Other.exe`, Data: []byte("other")}, {Name: `Data\Lost.exe`, Data: []byte("lost")},
	}})
	require.NoError(t, err)
	manifest := manifestOf(t, newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))}), depot)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
	for name, text := range map[string]string{"Game.exe": "game", "Other.exe": "other", "mine.txt": "mine"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "data", name), []byte(text), 0o644))
	}
	if err := os.Symlink("data", filepath.Join(dir, "Data")); err != nil && !os.IsExist(err) {
		t.Skip(err)
	}
	for _, filter := range []steampipe.Filter{nil, steampipe.FilterPaths("data/game.exe").Or(steampipe.FilterPaths("data/mine.txt"))} {
		report, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{Extra: true, Filter: filter})
		require.NoError(t, err)
		var extra []string
		for _, file := range report.Files {
			if file.Status == steampipe.FileExtra && file.Path != "Data" { // the link itself
				extra = append(extra, file.Path)
			}
		}
		require.Equal(t, []string{"data/mine.txt"}, extra)
	}
}
