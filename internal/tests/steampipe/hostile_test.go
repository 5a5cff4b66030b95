package steampipe

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A manifest may say of one chunk that it has two sizes. Only one can be right, and the file with the other one is not
// finished: its neighbours are not overwritten, and it does not come to its place.
func TestChunkOfTwoSizes(t *testing.T) {
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, ClearNames: true, Files: []depottest.File{
		{Name: "a", Data: []byte(strings.Repeat("0123456789", 10))},
		{Name: "b", Data: []byte("short")},
	}})
	require.NoError(t, err)
	depot.Manifest.Files[1].Chunks[0].ID = depot.Manifest.Files[0].Chunks[0].ID
	cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
	dir := t.TempDir()
	manifest := manifestOf(t, cdn, depot)
	report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.Error(t, err, "%+v", report)
	require.NoFileExists(t, filepath.Join(dir, "b"))
}

// A chunk of zeros is known by the SHA-1 of zeros. A manifest that claims very many of many sizes must not make us hash
// them all: that would take hours.
func TestManyZeroClaims(t *testing.T) {
	const size = 16 << 20
	file := steampipe.File{Name: "a"}
	for i := range 20_000 {
		file.Chunks = append(file.Chunks, steampipe.Chunk{ID: steampipe.ChunkID{byte(i), byte(i >> 8), 1}, Offset: uint64(i) * size, Size: size - uint32(i)})
	}
	file.Size = uint64(len(file.Chunks)) * size
	begun := time.Now()
	_, err := steampipe.Download(t.Context(), steampipe.NewFolder(t.TempDir()), &steampipe.Manifest{DepotID: 1, ManifestID: 2, Files: []steampipe.File{file}}, t.TempDir(), steampipe.Options{Key: steampipe.Key{1}, SkipSpaceCheck: true})
	require.ErrorIs(t, err, steampipe.ErrNotFound)
	require.Less(t, time.Since(begun), time.Minute, "all of them would be 300 GiB")
}

// A short name costs a manifest a few bytes, but may stand for more than a hundred folders.
func TestManyFolders(t *testing.T) {
	skipRace(t)
	t.Parallel()
	manifest := &steampipe.Manifest{DepotID: 1, ManifestID: 2}
	for i := range 10_000 {
		manifest.Files = append(manifest.Files, steampipe.File{Name: fmt.Sprint(i) + strings.Repeat(`\a`, 120)})
	}
	dir := t.TempDir()
	_, err := steampipe.Download(t.Context(), steampipe.NewFolder(t.TempDir()), manifest, dir, steampipe.Options{Key: steampipe.Key{1}})
	require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
	require.Empty(t, treeOf(t, dir))
}

// A chunk that says it is a MiB and inflates to 64, one that is another one, and one without any padding: each is refused
// in bounded memory, and named.
func TestBombs(t *testing.T) {
	bomb, err := depotwire.EncodeZip(nil, make([]byte, 64<<20))
	require.NoError(t, err)
	zstd, err := depotwire.EncodeVSZ(nil, make([]byte, 64<<20))
	require.NoError(t, err)
	for name, container := range map[string][]byte{"zip": bomb, "VSZ": zstd} {
		t.Run(name, func(t *testing.T) {
			depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
				{Name: "bomb", Data: []byte("b")}, {Name: "good", Data: []byte("good")},
			}})
			require.NoError(t, err)
			key, err := depotwire.NewKey(depot.Key[:])
			require.NoError(t, err)
			chunk := &depot.Manifest.Files[0].Chunks[0]
			stored := depotwire.EncryptChunk(nil, container, key, [16]byte{})
			chunk.StoredSize = uint32(len(stored))
			depot.SetChunk(chunk.ID, stored)
			cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot)), Rounds: 2})
			manifest := manifestOf(t, cdn, depot)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			dir := t.TempDir()
			report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, steampipe.ErrChunkCorrupt)
			require.ErrorIs(t, err, steampipe.ErrIncomplete)
			require.Equal(t, 1, report.FilesFailed)
			require.Equal(t, "bomb", report.Problems[0].Path)
			require.NoFileExists(t, filepath.Join(dir, "bomb"))
			require.FileExists(t, filepath.Join(dir, "good"))
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(24<<20))
		})
	}
}

// Names that only Windows cannot hold are taken elsewhere, unless one asks for names that are good everywhere.
func TestWindowsNames(t *testing.T) {
	t.Parallel()
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
		{Name: `src\aux.c`, Data: []byte("a device")}, {Name: "what?", Data: []byte("a pattern")}, {Name: "dot.", Data: []byte("a dot")},
	}})
	require.NoError(t, err)
	cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	_, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key, Limits: steampipe.Limits{RefuseWindowsNames: true}})
	require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
	require.Empty(t, treeOf(t, dir))
	_, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	if runtime.GOOS == "windows" {
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
		return
	}
	require.NoError(t, err)
	requireTree(t, depot, dir)
}

// Links from a server: the bad one is left out and reported, what was behind it does not exist, the rest is there.
func TestLinksFromServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	parent := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(parent, "outside"), 0o755))
	for _, target := range []string{"../outside", `..\outside`, filepath.Join(parent, "outside"), "x/../../outside", "/", `\\host\share`} {
		depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
			{Name: "good.txt", Data: []byte("good")},
			{Name: "link", Flags: depottest.Symlink, Link: target},
			{Name: "fine", Flags: depottest.Symlink, Link: "good.txt"},
		}})
		require.NoError(t, err)
		cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
		manifest := manifestOf(t, cdn, depot)
		dir := filepath.Join(parent, "game")
		report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
		require.NoError(t, err, target)
		require.Len(t, report.Problems, 1, target)
		require.Equal(t, "link", report.Problems[0].Path)
		require.ErrorIs(t, report.Problems[0].Err, steampipe.ErrManifestUnsafe)
		require.Equal(t, 1, report.Links)
		require.ElementsMatch(t, []string{"good.txt", "fine"}, treeOf(t, dir))

		// The same with a file below the link, which is there to be had: refused as a whole.
		depot, err = depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
			{Name: "link", Flags: depottest.Symlink, Link: target}, {Name: `link\escape.txt`, Data: []byte("evil")},
		}})
		require.NoError(t, err)
		cdn = newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
		_, err = steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), dir, steampipe.Options{Key: depot.Key})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
		require.Empty(t, treeOf(t, filepath.Join(parent, "outside")))
		require.NoError(t, os.RemoveAll(dir))
	}
}

// No spelling of the folder where downloads are put together is a place for files, short names of Windows included.
func TestStateFolderNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".steampipe", ".SteamPipe", "STEAMP~1", "steamp~4", "STA1B2~1"} {
		manifest := &steampipe.Manifest{DepotID: 1, ManifestID: 2, Files: []steampipe.File{{Name: name + `\1.json`}}}
		dir := t.TempDir()
		_, err := steampipe.Download(t.Context(), steampipe.NewFolder(t.TempDir()), manifest, dir, steampipe.Options{Key: steampipe.Key{1}})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe, name)
		require.Empty(t, treeOf(t, dir), name)
	}
}
