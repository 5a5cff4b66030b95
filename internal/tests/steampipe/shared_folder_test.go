package steampipe

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// TestSharedFolder: two depots lie in one folder and have a file in common. When one of them drops it, it stays the other's; and
// if nobody can tell any more what the other one has, nothing is removed at all, until that can be told again.
func TestSharedFolder(t *testing.T) {
	build := func(id uint32, manifest uint64, names ...string) *depottest.Depot {
		var files []depottest.File
		for _, name := range names {
			files = append(files, depottest.File{Name: name, Data: []byte("contents of " + name)})
		}
		depot, err := depottest.NewDepot(depottest.DepotConfig{ID: id, ManifestID: manifest, Key: [32]byte{1}, Files: files})
		require.NoError(t, err)
		return depot
	}
	for name, damage := range map[string]string{"sound": "", "damaged manifest": "*.manifest", "damaged record": "6.json"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			lay := func(depot *depottest.Depot) *steampipe.Report {
				server := serve(t, depottest.Config{}, depot)
				cdn := newCDN(t, steampipe.Config{Directory: list(server)})
				report, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), dir, steampipe.Options{Key: depot.Key})
				require.NoError(t, err)
				return report
			}
			lay(build(5, 51, "common.txt", "mine.txt", "stays.txt"))
			lay(build(6, 61, "common.txt", "theirs.txt"))
			if damage != "" {
				found, err := filepath.Glob(filepath.Join(dir, ".steampipe", damage))
				require.NoError(t, err)
				for _, file := range found {
					if filepath.Base(file) == "6.json" || len(filepath.Base(file)) > 1 && filepath.Base(file)[0] == '6' {
						require.NoError(t, os.WriteFile(file, []byte("damaged"), 0o600))
					}
				}
			}
			report := lay(build(5, 52, "stays.txt"))
			require.FileExists(t, filepath.Join(dir, "common.txt"))
			require.FileExists(t, filepath.Join(dir, "theirs.txt"))
			if damage == "" {
				require.NoFileExists(t, filepath.Join(dir, "mine.txt"))
				require.Empty(t, report.Problems)
				return
			}
			require.FileExists(t, filepath.Join(dir, "mine.txt"))
			require.Zero(t, report.FilesRemoved)
			require.ErrorContains(t, report.Problems[0].Err, "nothing old is removed")
			lay(build(6, 62, "theirs.txt", "common.txt"))
			lay(build(5, 53, "stays.txt"))
			require.FileExists(t, filepath.Join(dir, "common.txt"))
		})
	}
}
