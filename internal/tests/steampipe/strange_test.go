package steampipe

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A cache that serves another depot's bytes, even of chunks that have the same name there, or another depot's manifest, is not
// believed: the bytes are another key's.
func TestAnotherDepotsBytes(t *testing.T) {
	list := []depottest.File{{Name: "a", Data: pieces(1, 2)}, {Name: "b", Data: pieces(3)}}
	ours, err := depottest.NewDepot(depottest.DepotConfig{Seed: 1, Container: depottest.VSZ, ChunkSize: chunkSize, Files: list})
	require.NoError(t, err)
	theirs, err := depottest.NewDepot(depottest.DepotConfig{Seed: 2, Container: depottest.VSZ, ChunkSize: chunkSize, Files: list})
	require.NoError(t, err)
	require.Equal(t, ours.Chunks(), theirs.Chunks())
	mirror, dir := t.TempDir(), t.TempDir()
	write := func(name string, b []byte) {
		path := filepath.Join(mirror, "depot", fmt.Sprint(ours.ID), filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b, 0o644))
	}
	for _, id := range theirs.Chunks() {
		b, _ := theirs.Chunk(id)
		write("chunk/"+id.String(), b)
	}
	source := steampipe.NewFolder(mirror)
	report, err := steampipe.Download(t.Context(), source, ours.Manifest, dir, steampipe.Options{Key: ours.Key})
	require.ErrorIs(t, err, steampipe.ErrChunkCorrupt)
	require.Zero(t, report.FilesNew)
	require.Empty(t, treeOf(t, dir))

	b, err := theirs.Stored()
	require.NoError(t, err)
	write(fmt.Sprintf("manifest/%d/5", ours.ManifestID), b)
	_, err = steampipe.FetchManifest(t.Context(), source, steampipe.DepotID(ours.ID), steampipe.ManifestID(ours.ManifestID), ours.Key)
	require.ErrorIs(t, err, steampipe.ErrManifestCorrupt)
	_, err = steampipe.FetchManifest(t.Context(), source, steampipe.DepotID(ours.ID), steampipe.ManifestID(ours.ManifestID), theirs.Key)
	require.ErrorIs(t, err, steampipe.ErrManifestCorrupt, "it can be read, and is another one")
}

// Names of ten thousand bytes are refused before anything is made.
func TestLongNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("n", 10_000), strings.Repeat(`n\`, 5_000) + "n"} {
		dir := filepath.Join(t.TempDir(), "game")
		_, err := steampipe.Download(t.Context(), steampipe.NewFolder(t.TempDir()), &steampipe.Manifest{DepotID: 1, ManifestID: 2, Files: []steampipe.File{{Name: name}}}, dir, steampipe.Options{Key: steampipe.Key{1}})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
		require.NoDirExists(t, dir)
	}
}

// Links that somebody made in the folder lead nowhere: not in the place of a folder of the depot, nor of the one where files are
// put together.
func TestLinksInFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{{Name: `bin\a`, Data: []byte("a")}}})
	require.NoError(t, err)
	cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
	manifest := manifestOf(t, cdn, depot)
	for link, target := range map[string]string{
		"bin": "outside", ".steampipe": "outside", ".steampipe/lock": "outside/victim", fmt.Sprintf(".steampipe/%d", depot.ID): "outside",
		".steampipe/lock ": "inside", // a file of the player's, not even outside
	} {
		t.Run(link, func(t *testing.T) {
			parent := t.TempDir()
			outside, dir := filepath.Join(parent, "outside"), filepath.Join(parent, "game")
			require.NoError(t, os.MkdirAll(filepath.Join(dir, ".steampipe"), 0o755))
			require.NoError(t, os.Mkdir(outside, 0o755))
			victims := []string{filepath.Join(outside, "victim"), filepath.Join(outside, "a"), filepath.Join(dir, "save.dat")}
			for _, victim := range victims {
				require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o644))
			}
			at := filepath.Join(dir, filepath.FromSlash(strings.TrimSpace(link)))
			if link == ".steampipe" {
				require.NoError(t, os.Remove(at))
			}
			to := filepath.Join(parent, filepath.FromSlash(target))
			if target == "inside" {
				to = "../save.dat"
			}
			require.NoError(t, os.Symlink(to, at))
			_, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
			require.Error(t, err)
			for _, victim := range victims {
				b, err := os.ReadFile(victim)
				require.NoError(t, err)
				require.Equal(t, "precious", string(b), victim)
			}
			require.Len(t, treeOf(t, outside), 2)
		})
	}
}
