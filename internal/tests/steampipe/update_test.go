package steampipe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

const chunkSize = 1 << 10

// piece is a chunk's worth of bytes that a number decides.
func piece(number int) []byte {
	random := rand.New(rand.NewPCG(uint64(number), 9))
	b := make([]byte, chunkSize)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// pieces is a file of such chunks.
func pieces(numbers ...int) (b []byte) {
	for _, n := range numbers {
		b = append(b, piece(n)...)
	}
	return b
}

// versions builds versions of one depot, numbered from 1.
func versions(t testing.TB, container depottest.Container, lists ...[]depottest.File) (depots []*depottest.Depot) {
	t.Helper()
	for i, files := range lists {
		depot, err := depottest.NewDepot(depottest.DepotConfig{ManifestID: uint64(i + 1), Key: [32]byte{1, 2, 3}, Container: container, ChunkSize: chunkSize, Files: files})
		require.NoError(t, err)
		depots = append(depots, depot)
	}
	return depots
}

// world is versions of a depot, served, and a folder to put them in.
type world struct {
	depots    []*depottest.Depot
	server    *depottest.Server
	cdn       *steampipe.CDN
	manifests []*steampipe.Manifest
	dir       string
}

func newWorld(t testing.TB, config depottest.Config, depots ...*depottest.Depot) *world {
	t.Helper()
	w := &world{depots: depots, server: serve(t, config, depots...), dir: t.TempDir()}
	w.cdn = newCDN(t, steampipe.Config{Directory: list(w.server)})
	for _, depot := range depots {
		w.manifests = append(w.manifests, manifestOf(t, w.cdn, depot))
	}
	return w
}

// to downloads a version and checks that exactly it is there.
func (w *world) to(t testing.TB, version int, options steampipe.Options) *steampipe.Report {
	t.Helper()
	options.Key = w.depots[version].Key
	w.server.Forget()
	report, err := steampipe.Download(t.Context(), w.cdn, w.manifests[version], w.dir, options)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	requireTree(t, w.depots[version], w.dir)
	return report
}

// An update fetches the chunks that no older file had, wherever they lie now; renames files that only have another name; and
// removes what the new version does not have.
func TestUpdate(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"remembered", "given"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip,
				[]depottest.File{
					{Name: "same", Data: pieces(1, 2)}, {Name: `old\moved`, Data: pieces(3, 4, 5)}, {Name: "shifted", Data: pieces(10, 11, 12, 13)}, {Name: "edited", Data: pieces(20, 21, 22)},
					{Name: "ReadMe", Data: pieces(30)}, {Name: `Data\deep\gone`, Data: pieces(40, 41)}, {Name: "link", Flags: depottest.Symlink, Link: "same"}, {Name: `dead link`, Flags: depottest.Symlink, Link: "same"},
					{Name: "swap a", Data: pieces(50, 51)}, {Name: "swap b", Data: pieces(52, 53)}, {Name: `empty\folder`, Flags: depottest.Directory},
					{Name: `becomes folder`, Data: pieces(60, 61)}, {Name: `becomes file\within\x`, Data: pieces(62)}, {Name: `becomes file\y`, Data: pieces(63)}, {Name: "becomes link", Data: pieces(64)}, {Name: "was link", Flags: depottest.Symlink, Link: "same"},
				},
				[]depottest.File{
					{Name: "same", Data: pieces(1, 2)}, {Name: `new\moved`, Data: pieces(3, 4, 5)}, {Name: "shifted", Data: pieces(99, 10, 11, 12, 13)}, {Name: "edited", Data: pieces(20, 98, 22)},
					{Name: "readme", Data: pieces(30)}, {Name: "salvaged", Data: pieces(97, 41, 21)}, {Name: "link", Flags: depottest.Symlink, Link: "readme"},
					{Name: "swap a", Data: pieces(52, 53)}, {Name: "swap b", Data: pieces(50, 51)},
					{Name: `becomes folder\inner`, Data: pieces(61, 60)}, {Name: `becomes file`, Data: pieces(63, 62)}, {Name: "becomes link", Flags: depottest.Symlink, Link: "same"}, {Name: "was link", Data: pieces(64)},
				})...)
			options := steampipe.Options{Stateless: how == "given"}
			w.to(t, 0, options)
			if how == "given" {
				options.Previous = w.manifests[0]
			}
			report := w.to(t, 1, options)
			require.Equal(t, 3, w.server.Count("/chunk/"), "chunks 97 to 99")
			require.Equal(t, int64(3), report.ChunksFetched)
			require.Equal(t, 2, report.FilesMoved, "moved, and the one in another case")
			require.Equal(t, []steampipe.ManifestID{1}, report.Previous)
			require.Equal(t, 2, report.FilesRemoved, "Data/deep/gone and a link; the others gave way or were moved")
			require.Positive(t, report.FoldersRemoved)

			// And back again, with nothing of a memory of how it was.
			if how == "given" {
				options.Previous = w.manifests[1]
			}
			w.to(t, 0, options)
			require.LessOrEqual(t, w.server.Count("/chunk/"), 3, "chunks 21 and 40")
			w.to(t, 0, options)
			require.Zero(t, w.server.Count(""))
		})
	}
}

// What an update may not touch: the player's own files, files that no version laid down, folders with such files, and what
// somebody put in a file's place.
func TestUpdateLeaves(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip,
		[]depottest.File{
			{Name: "a", Data: pieces(1)}, {Name: `gone\file`, Data: pieces(2)}, {Name: `gone\user.cfg`, Data: []byte("default"), Flags: depottest.UserConfig}, {Name: `linked\file`, Data: pieces(3)},
			{Name: `dropped\file`, Data: pieces(4)}, {Name: "replaced", Data: pieces(5)}, {Name: `other\depots`, Data: pieces(6)},
			{Name: "keep.cfg", Data: []byte("old"), Flags: steampipe.FlagVersionedUserConfig}, {Name: "change.cfg", Data: []byte("old"), Flags: steampipe.FlagVersionedUserConfig},
		},
		[]depottest.File{
			{Name: "a", Data: pieces(1)}, {Name: "keep.cfg", Data: []byte("old"), Flags: steampipe.FlagVersionedUserConfig}, {Name: "change.cfg", Data: []byte("new"), Flags: steampipe.FlagVersionedUserConfig},
		})...)
	w.to(t, 0, steampipe.Options{})
	other, err := depottest.NewDepot(depottest.DepotConfig{ID: 7, ManifestID: 70, Container: depottest.Zip, Files: []depottest.File{{Name: `Other\Depots`, Data: pieces(6)}, {Name: `other\depots`, Data: pieces(6)}}[1:]})
	require.NoError(t, err)
	cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, other))})
	_, err = steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, other), w.dir, steampipe.Options{Key: other.Key})
	require.NoError(t, err)

	path := func(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte("outside"), 0o644))
	require.NoError(t, os.RemoveAll(path("linked")))
	require.NoError(t, os.Mkdir(path("elsewhere"), 0o755))
	require.NoError(t, os.WriteFile(path("elsewhere/file"), []byte("mine"), 0o644))
	require.NoError(t, os.Symlink("elsewhere", path("linked")))
	require.NoError(t, os.RemoveAll(path("dropped")))
	require.NoError(t, os.Symlink(outside, path("dropped")))
	require.NoError(t, os.Remove(path("replaced")))
	require.NoError(t, os.Symlink("a", path("replaced")))
	require.NoError(t, os.WriteFile(path("gone/save.dat"), []byte("mine"), 0o644))
	require.NoError(t, os.WriteFile(path("keep.cfg"), []byte("mine"), 0o644))
	require.NoError(t, os.WriteFile(path("change.cfg"), []byte("mine"), 0o644))

	report, err := steampipe.Download(t.Context(), w.cdn, w.manifests[1], w.dir, steampipe.Options{Key: w.depots[1].Key})
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.Equal(t, 1, report.FilesRemoved, "gone/file")
	require.ElementsMatch(t, []string{"a", "keep.cfg", "change.cfg", "gone", "gone/user.cfg", "gone/save.dat", "linked", "elsewhere", "elsewhere/file", "dropped", "replaced", "other", "other/depots"}, treeOf(t, w.dir))
	require.FileExists(t, filepath.Join(outside, "file"))
	for name, want := range map[string]string{"keep.cfg": "mine", "change.cfg": "new"} {
		b, err := os.ReadFile(path(name))
		require.NoError(t, err)
		require.Equal(t, want, string(b), name)
	}
}

// An update that is given up half-way, for another version or the old one, leaves nothing of the version in between. One whose
// filter leaves files of the old version is remembered until they are gone.
func TestUpdateGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip,
		[]depottest.File{{Name: "a", Data: pieces(1, 2, 3)}, {Name: `first\only`, Data: pieces(4)}, {Name: "moves", Data: pieces(5, 6)}},
		[]depottest.File{{Name: "a", Data: pieces(1, 7, 3)}, {Name: `second\only`, Data: pieces(8)}, {Name: "second early", Data: pieces(9)}, {Name: `moved\here`, Data: pieces(5, 6)}},
		[]depottest.File{{Name: "a", Data: pieces(3, 1)}, {Name: "third", Data: pieces(8, 4, 10)}, {Name: "third early", Data: pieces(9)}},
	)...)
	for target, fetched := range map[int]int{0: 3, 1: 3, 2: 5} {
		t.Run(fmt.Sprint(target), func(t *testing.T) {
			w.dir = t.TempDir()
			w.to(t, 0, steampipe.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.server.Fail(depottest.Fault{Kind: depottest.FaultStall, Path: "/chunk/" + w.manifests[1].Files[len(w.manifests[1].Files)-1].Chunks[0].ID.String()})
			_, err := steampipe.Download(ctx, w.cdn, w.manifests[1], w.dir, steampipe.Options{Key: w.depots[1].Key, Connections: 1, Event: func(e steampipe.Event) {
				if e.Kind == steampipe.EventFile && e.Path == "second early" {
					cancel()
				}
			}})
			require.ErrorIs(t, err, context.Canceled)
			w.server.Heal()
			require.FileExists(t, filepath.Join(w.dir, "second early"))
			require.FileExists(t, filepath.Join(w.dir, "first", "only"), "nothing is removed before all is there")
			report := w.to(t, target, steampipe.Options{})
			require.LessOrEqual(t, int(report.ChunksFetched), fetched)
			require.Equal(t, target != 1, len(report.Previous) > 0 && report.Previous[len(report.Previous)-1] == 2, "%v", report.Previous)
			w.to(t, target, steampipe.Options{})
			require.Zero(t, w.server.Count(""))
		})
	}
	t.Run("filter", func(t *testing.T) {
		w.dir = t.TempDir()
		w.to(t, 0, steampipe.Options{})
		_, err := steampipe.Download(t.Context(), w.cdn, w.manifests[2], w.dir, steampipe.Options{Key: w.depots[2].Key, Filter: steampipe.FilterPaths("first").Not()})
		require.NoError(t, err)
		require.FileExists(t, filepath.Join(w.dir, "first", "only"))
		require.NoFileExists(t, filepath.Join(w.dir, "moves"))
		report := w.to(t, 2, steampipe.Options{})
		require.Equal(t, 1, report.FilesRemoved)
		report = w.to(t, 2, steampipe.Options{})
		require.Empty(t, report.Previous)
	})
}

// Versions with pieces shuffled between files: whatever the way from one to the next, the tree is exact, and no chunk is
// fetched that the last one had.
func TestUpdateShuffled(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var lists [][]depottest.File
	for range 12 {
		var files []depottest.File
		for f := range 1 + random.IntN(8) {
			var numbers []int
			for range random.IntN(7) {
				numbers = append(numbers, random.IntN(30))
			}
			data := pieces(numbers...)
			if random.IntN(3) == 0 {
				data = append(data, make([]byte, random.IntN(3)*chunkSize)...)
			}
			files = append(files, depottest.File{Name: fmt.Sprintf(`%c\%d`, "aAbc"[random.IntN(4)], f), Data: data})
		}
		lists = append(lists, files)
	}
	w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip, lists...)...)
	had := map[steampipe.ChunkID]bool{}
	for step := range 60 {
		version := random.IntN(len(lists))
		report := w.to(t, version, steampipe.Options{HashFiles: step%2 == 0})
		has := map[steampipe.ChunkID]bool{}
		missing := map[steampipe.ChunkID]bool{}
		for _, file := range w.manifests[version].Files {
			for _, chunk := range file.Chunks {
				has[chunk.ID] = true
				if !had[chunk.ID] && chunk.Adler != 0 {
					missing[chunk.ID] = true
				}
			}
		}
		require.Equal(t, len(missing), int(report.ChunksFetched), "step %d", step)
		had = has
	}
}

// What stands in the folder's memory is not trusted more than the folder itself: it cannot lead anything out of it, and what is
// damaged is said and does without.
func TestUpdateRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip,
		[]depottest.File{{Name: "a", Data: pieces(1)}, {Name: "b", Data: pieces(2)}}, []depottest.File{{Name: "a", Data: pieces(1)}})...)
	download := func(options steampipe.Options) (*steampipe.Report, error) {
		options.Key = w.depots[1].Key
		return steampipe.Download(t.Context(), w.cdn, w.manifests[1], w.dir, options)
	}
	state := func(name string) string { return filepath.Join(w.dir, ".steampipe", name) }
	record := fmt.Sprintf("%d.json", w.depots[0].ID)
	stored := fmt.Sprintf("%d_1.manifest", w.depots[0].ID)
	for name, damage := range map[string]func(){
		"record": func() { require.NoError(t, os.WriteFile(state(record), []byte(`{"versions":[1`), 0o644)) },
		"too many": func() {
			require.NoError(t, os.WriteFile(state(record), []byte(`{"versions":[1,2,3,4,5,6,7,8,9]}`), 0o644))
		},
		"huge":     func() { require.NoError(t, os.Truncate(state(record), 1<<30)) },
		"manifest": func() { require.NoError(t, os.WriteFile(state(stored), []byte("PK"), 0o644)) },
		"missing":  func() { require.NoError(t, os.Remove(state(stored))) },
		"folder": func() {
			require.NoError(t, os.Remove(state(stored)))
			require.NoError(t, os.Mkdir(state(stored), 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.dir = t.TempDir()
			w.to(t, 0, steampipe.Options{})
			damage()
			report, err := download(steampipe.Options{})
			require.NoError(t, err)
			require.Len(t, report.Problems, 1)
			require.True(t, strings.HasPrefix(report.Problems[0].Path, ".steampipe/"))
			require.FileExists(t, filepath.Join(w.dir, "b"), "nobody knows whose it is")
		})
	}
	for _, name := range []string{`..\victim`, `.steampipe\lock`, `.STEAMPIPE\lock`, `C:\victim`, `/victim`} {
		w.dir = filepath.Join(t.TempDir(), "game")
		victim := filepath.Join(filepath.Dir(w.dir), "victim")
		require.NoError(t, os.WriteFile(victim, nil, 0o644))
		bad := &steampipe.Manifest{DepotID: w.depots[0].ID, ManifestID: 5, Files: []steampipe.File{{Name: name}}}
		_, err := download(steampipe.Options{Previous: bad})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe, name)
		require.NoDirExists(t, w.dir)

		w.to(t, 0, steampipe.Options{})
		bad.ManifestID = 1
		require.NoError(t, os.WriteFile(state(stored), bad.Append(nil), 0o644))
		report, err := download(steampipe.Options{})
		require.NoError(t, err)
		require.Len(t, report.Problems, 1)
		require.ErrorIs(t, report.Problems[0].Err, steampipe.ErrManifestUnsafe)
		require.FileExists(t, victim)
		require.FileExists(t, state("lock"))
	}
	_, err := download(steampipe.Options{Previous: &steampipe.Manifest{DepotID: 1}})
	require.ErrorContains(t, err, "of depot 1")
	_, err = download(steampipe.Options{Previous: &steampipe.Manifest{DepotID: w.depots[0].ID, NamesEncrypted: true}})
	require.ErrorIs(t, err, steampipe.ErrNamesEncrypted)
}
