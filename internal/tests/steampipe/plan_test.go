package steampipe

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// snapshot is everything about a tree that a dry run could change.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[path] = info.Mode().String() + info.ModTime().String()
		}
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			all[path] += string(b)
			return err
		}
		return err
	}))
	return all
}

// A plan says what a download then does, and touches nothing.
func TestPlan(t *testing.T) {
	w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip,
		[]depottest.File{{Name: "same", Data: pieces(1)}, {Name: "moving", Data: pieces(2, 3)}, {Name: "edited", Data: pieces(4, 5)}, {Name: "gone", Data: pieces(6)}},
		[]depottest.File{{Name: "same", Data: pieces(1)}, {Name: "moved", Data: pieces(2, 3)}, {Name: "edited", Data: pieces(4, 7)}, {Name: "added", Data: append(pieces(8, 8, 6), make([]byte, 100*chunkSize)...)}, {Name: "link", Flags: depottest.Symlink, Link: "same"}},
	)...)
	plan := func(version int, dir string) *steampipe.Preview {
		job, err := steampipe.NewJob(nil, w.manifests[version], dir, steampipe.Options{Key: w.depots[version].Key})
		require.NoError(t, err)
		preview, err := job.Plan(t.Context())
		require.NoError(t, err)
		_, err = job.Run(t.Context())
		require.ErrorIs(t, err, os.ErrClosed)
		return preview
	}
	// Nothing is there, not even the folder.
	preview := plan(0, filepath.Join(w.dir, "not", "there"))
	require.NoDirExists(t, filepath.Join(w.dir, "not"))
	require.Len(t, preview.Files, 4)
	require.Equal(t, int64(6), preview.ChunksToFetch)
	require.Equal(t, int64(6*chunkSize), preview.SpaceNeeded)
	require.Equal(t, int64(w.depots[0].Manifest.CompressedSize), preview.BytesToFetch)
	require.Positive(t, preview.SpaceAvailable)

	w.to(t, 0, steampipe.Options{})
	before := snapshot(t, w.dir)
	preview = plan(1, w.dir)
	require.Equal(t, before, snapshot(t, w.dir))
	type row struct {
		action     steampipe.Action
		path, from string
	}
	var rows []row
	fetch := int64(0)
	for _, file := range preview.Files {
		rows = append(rows, row{file.Action, file.Path, file.From})
		fetch += file.Fetch
	}
	require.Equal(t, []row{{steampipe.ActionWrite, "added", ""}, {steampipe.ActionRepair, "edited", ""}, {steampipe.ActionMove, "moved", "moving"}, {steampipe.ActionRemove, "gone", ""}}, rows)
	require.Equal(t, 1, preview.FilesKept)
	require.Equal(t, 1, preview.Links)
	require.Equal(t, int64(2), preview.ChunksToFetch, "7 and 8")
	require.Equal(t, int64(2), preview.ChunksReused, "8 once more, and 6")
	require.Equal(t, fetch, preview.BytesToFetch)
	require.Equal(t, []steampipe.ManifestID{1}, preview.Previous)
	require.GreaterOrEqual(t, preview.SpaceNeeded, int64(3*chunkSize), "zeros take none")
	require.Less(t, preview.SpaceNeeded, int64(10*chunkSize))
	require.Equal(t, preview.Files[1].Action.String(), "repair")

	report := w.to(t, 1, steampipe.Options{})
	require.Equal(t, preview.BytesToFetch, report.BytesFetched)
	require.Equal(t, preview.ChunksReused, report.ChunksReused)
	require.Equal(t, 1, report.FilesRemoved)
	preview = plan(1, w.dir)
	require.Empty(t, preview.Files)
	require.Zero(t, preview.SpaceNeeded)
	require.Zero(t, preview.Links)
}

// What an older version laid down gives way for a folder, in a plan as in a download; anything else is in the way in both.
func TestPlanFolders(t *testing.T) {
	w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip,
		[]depottest.File{{Name: "file", Data: pieces(1, 2)}, {Name: "link", Flags: depottest.Symlink, Link: "other"}, {Name: `other\x`, Data: pieces(3)}},
		[]depottest.File{{Name: `file\within\a`, Data: pieces(2, 4)}, {Name: `link\x`, Data: pieces(5)}, {Name: `other\x`, Data: pieces(3)}},
	)...)
	w.to(t, 0, steampipe.Options{})
	plan := func() (*steampipe.Preview, error) {
		job, err := steampipe.NewJob(nil, w.manifests[1], w.dir, steampipe.Options{Key: w.depots[1].Key})
		require.NoError(t, err)
		return job.Plan(t.Context())
	}
	preview, err := plan()
	require.NoError(t, err)
	require.Len(t, preview.Files, 2)
	require.Equal(t, int64(2), preview.ChunksToFetch, "4 and 5")
	require.Equal(t, int64(1), preview.ChunksReused, "2")
	report := w.to(t, 1, steampipe.Options{})
	require.Equal(t, preview.BytesToFetch, report.BytesFetched)
	require.Equal(t, preview.ChunksReused, report.ChunksReused)

	for _, link := range []bool{false, true} {
		w.dir = t.TempDir()
		if link {
			require.NoError(t, os.Mkdir(filepath.Join(w.dir, "elsewhere"), 0o755))
			require.NoError(t, os.Symlink("elsewhere", filepath.Join(w.dir, "other")))
		} else {
			require.NoError(t, os.WriteFile(filepath.Join(w.dir, "other"), []byte("somebody's"), 0o644))
		}
		_, err := plan()
		_, downloadErr := steampipe.Download(t.Context(), w.cdn, w.manifests[1], w.dir, steampipe.Options{Key: w.depots[1].Key})
		require.Error(t, err)
		require.Equal(t, downloadErr.Error(), err.Error())
	}
}
