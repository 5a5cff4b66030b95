package steampipe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

func TestDownload(t *testing.T) {
	t.Parallel()
	for _, container := range containers {
		t.Run(container.String(), func(t *testing.T) {
			depot := newDepot(t, container)
			server := serve(t, depottest.Config{Hosts: []string{"cache1.example.net", "cache2.example.net"}}, depot)
			cdn := newCDN(t, steampipe.Config{Directory: list(server)})
			manifest := manifestOf(t, cdn, depot)
			dir := filepath.Join(t.TempDir(), "game")

			events := map[steampipe.EventKind]int{}
			var last steampipe.Progress
			report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{
				Key: depot.Key, HashFiles: true, ProgressInterval: time.Millisecond,
				Progress: func(p steampipe.Progress) { last = p },
				Event:    func(e steampipe.Event) { events[e.Kind]++ },
			})
			require.NoError(t, err)
			requireTree(t, depot, dir)
			requireOK(t, manifest, dir)
			require.Empty(t, report.Problems)
			require.Equal(t, report.Files, report.FilesNew)
			require.Equal(t, int64(server.Count("/chunk/")), report.ChunksFetched, "each distinct chunk is fetched once")
			require.Positive(t, report.ChunksReused)
			require.GreaterOrEqual(t, report.ChunksZero, int64(4), "zero chunks are not fetched")
			require.Equal(t, steampipe.StepDone, last.Step)
			require.Equal(t, last.Bytes, last.BytesDone)
			require.Equal(t, last.Files, last.FilesDone)
			require.Equal(t, report.FilesNew, events[steampipe.EventFile])
			chunks := int64(0)
			for _, s := range report.Servers {
				chunks += s.Chunks
			}
			require.Equal(t, report.ChunksFetched, chunks)

			// Each request said who asks, whom for, and that it wants the bytes as they are.
			for _, r := range server.Requests() {
				require.Equal(t, "Valve/Steam HTTP Client 1.0", r.UserAgent)
				require.Equal(t, "identity", r.Encoding)
				if strings.HasPrefix(r.Path, "/depot/") {
					require.Contains(t, []string{"cache1.example.net", "cache2.example.net"}, r.Host)
				}
			}

			server.Forget()
			report, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
			require.NoError(t, err)
			require.Zero(t, server.Count(""), "a second run fetches nothing")
			require.Zero(t, report.FilesNew)
			require.Equal(t, report.Files, report.FilesKept)
			require.Equal(t, report.Bytes, report.BytesKept)
			requireTree(t, depot, dir)
		})
	}
}

// A file that is damaged, longer, shorter, missing, not executable any more, or replaced by a link is made right, and only
// what is wrong is fetched.
func TestRepair(t *testing.T) {
	t.Parallel()
	depot := newDepot(t, depottest.VSZ)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	options := steampipe.Options{Key: depot.Key}
	_, err := steampipe.Download(t.Context(), cdn, manifest, dir, options)
	require.NoError(t, err)

	program := filepath.Join(dir, "bin", "server")
	edit := func(path string, offset int64, b string) {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = file.WriteAt([]byte(b), offset)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	cases := []struct {
		name    string
		damage  func(t *testing.T)
		fetched int
		path    string
		status  steampipe.FileStatus
	}{
		{"byte in the second chunk", func(*testing.T) { edit(program, 1<<20+5, "\x00\x01\x02") }, 1, `bin\server`, steampipe.FileBadChunks},
		{"shared chunk is copied from another file", func(*testing.T) { edit(program, 5, "\x00\x01\x02") }, 0, `bin\server`, steampipe.FileBadChunks},
		{"longer", func(*testing.T) { edit(program, 3<<20+17, "tail") }, 0, `bin\server`, steampipe.FileWrongSize},
		{"shorter", func(t *testing.T) { require.NoError(t, os.Truncate(program, 3<<20)) }, 1, `bin\server`, steampipe.FileWrongSize},
		{"missing", func(t *testing.T) { require.NoError(t, os.Remove(program)) }, 3, `bin\server`, steampipe.FileMissing},
		{"not zero any more", func(*testing.T) { edit(filepath.Join(dir, "data", "zero.bin"), 2<<20, "x") }, 0, `data\zero.bin`, steampipe.FileBadChunks},
		{"read-only file", func(t *testing.T) {
			path := filepath.Join(dir, "cfg", "readonly.cfg")
			require.NoError(t, os.Chmod(path, 0o644))
			edit(path, 0, "XX")
			require.NoError(t, os.Chmod(path, 0o444))
		}, 1, `cfg\readonly.cfg`, steampipe.FileBadChunks},
		{"empty file is missing", func(t *testing.T) { require.NoError(t, os.Remove(filepath.Join(dir, "data", "empty.txt"))) }, 0, `data\empty.txt`, steampipe.FileMissing},
		{"wrong link", func(t *testing.T) {
			path := filepath.Join(dir, "lib", "libfoo.so")
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink("elsewhere", path))
		}, 0, `lib\libfoo.so`, steampipe.FileWrongKind},
		{"link instead of a file", func(t *testing.T) {
			path := filepath.Join(dir, "lib", "libfoo.so.1")
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink("../../outside", path))
		}, 1, `lib\libfoo.so.1`, steampipe.FileWrongKind},
		{"empty folder is gone", func(t *testing.T) {
			require.NoError(t, os.Remove(filepath.Join(dir, "empty folder", "inner")))
		}, 0, `empty folder\inner`, steampipe.FileMissing},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			test.damage(t)
			verdict, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{})
			require.NoError(t, err)
			require.Equal(t, 1, verdict.Bad)
			for _, file := range verdict.Files {
				if file.Path == test.path {
					require.Equal(t, test.status, file.Status, file.Status.String())
				}
			}
			server.Forget()
			_, err = steampipe.Download(t.Context(), cdn, manifest, dir, options)
			require.NoError(t, err)
			require.Equal(t, test.fetched, server.Count("/chunk/"))
			requireTree(t, depot, dir)
		})
	}
	t.Run("mode", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("no execute bits on Windows")
		}
		require.NoError(t, os.Chmod(program, 0o644))
		_, err := steampipe.Download(t.Context(), cdn, manifest, dir, options)
		require.NoError(t, err)
		requireTree(t, depot, dir)
	})
	t.Run("the player's own file stays", func(t *testing.T) {
		path := filepath.Join(dir, "cfg", "user.cfg")
		require.NoError(t, os.WriteFile(path, []byte("mine"), 0o644))
		_, err := steampipe.Download(t.Context(), cdn, manifest, dir, options)
		require.NoError(t, err)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "mine", string(b))
	})
}

// An extra file is reported, and left alone.
func TestVerifyExtra(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	_, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "save.dat"), []byte("mine"), 0o644))
	before := treeOf(t, dir)
	calls := atomic.Int64{}
	report, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{Extra: true, Progress: func(done, total int64) { calls.Add(1) }})
	require.NoError(t, err)
	require.True(t, report.OK())
	require.Equal(t, 1, report.Extra)
	require.Equal(t, steampipe.FileReport{Path: "save.dat", Status: steampipe.FileExtra, Size: 4}, report.Files[len(report.Files)-1])
	require.Positive(t, calls.Load())
	require.Equal(t, before, treeOf(t, dir))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = steampipe.Verify(ctx, manifest, dir, steampipe.VerifyOptions{Extra: true})
	require.ErrorIs(t, err, context.Canceled)
}

// cancelling is a source that cancels at the n-th chunk.
type cancelling struct {
	steampipe.Source
	at     atomic.Int64
	cancel context.CancelFunc
}

func (c *cancelling) Chunk(ctx context.Context, r steampipe.ChunkRequest) (steampipe.Body, error) {
	if c.at.Add(-1) == 0 {
		c.cancel()
	}
	return c.Source.Chunk(ctx, r)
}

// However often a download is cancelled, nothing in its place is wrong, and the next run goes on where it was.
func TestCancelAndContinue(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	kept, runs := int64(0), 0
	for {
		runs++
		require.Less(t, runs, 1000, "no progress from run to run") // on a slow machine a run may lose all that was under way
		ctx, cancel := context.WithCancel(t.Context())
		source := &cancelling{Source: cdn, cancel: cancel}
		source.at.Store(1 + random.Int64N(12))
		report, err := steampipe.Download(ctx, source, manifest, dir, steampipe.Options{Key: depot.Key, Connections: 4})
		cancel()
		require.GreaterOrEqual(t, report.BytesKept, kept)
		kept = report.BytesKept
		verdict, verifyErr := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{})
		require.NoError(t, verifyErr)
		for _, file := range verdict.Files {
			require.Contains(t, []steampipe.FileStatus{steampipe.FileOK, steampipe.FileMissing}, file.Status, "%s is in its place and wrong", file.Path)
		}
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		e, ok := errors.AsType[*steampipe.Error](err)
		require.True(t, ok)
		require.NotZero(t, e.Depot)
	}
	require.Greater(t, runs, 3)
	requireTree(t, depot, dir)
	// Chunks under way when it was cancelled may be lost; no more than that is fetched twice.
	require.LessOrEqual(t, server.Count("/chunk/"), len(depot.Chunks())+runs*(4+2*runtime.GOMAXPROCS(0)+4))
	require.Eventually(t, func() bool { return server.OpenConns() <= 32 }, time.Minute, time.Millisecond)
}

// Cancelling while a server stalls returns at once.
func TestCancelStalled(t *testing.T) {
	bubble(t, []string{"one"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		manifest := manifestOf(t, cdn, depot)
		server.Fail(depottest.Fault{Kind: depottest.FaultStall, Path: "/chunk/", Skip: 10})
		ctx, cancel := context.WithCancelCause(t.Context())
		job, err := steampipe.NewJob(cdn, manifest, t.TempDir(), steampipe.Options{Key: depot.Key})
		require.NoError(t, err)
		begun := time.Now()
		time.AfterFunc(time.Second, func() { cancel(errors.New("enough")) }) // as soon as nothing moves any more
		_, err = job.Run(ctx)
		require.ErrorContains(t, err, "enough")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second, time.Since(begun))
		state := job.State()
		require.Equal(t, steampipe.StepFailed, state.Step)
		require.ErrorContains(t, state.Err, "enough")
		_, err = job.Run(t.Context())
		require.ErrorIs(t, err, os.ErrClosed)
	})
}

// Two versions in one folder: what is the same stays, what changed is fetched, the user's files survive.
func TestUpdateInPlace(t *testing.T) {
	old, err := depottest.NewDepot(depottest.DepotConfig{ID: 5, ManifestID: 1, Seed: 1, Files: files(), Container: depottest.Zip})
	require.NoError(t, err)
	changed := files()
	changed[1].Data = append([]byte(nil), changed[1].Data...)
	changed[1].Data[2<<20] ^= 0xFF
	changed = append(changed, depottest.File{Name: `data\new.txt`, Data: []byte("new")})
	next, err := depottest.NewDepot(depottest.DepotConfig{ID: 5, ManifestID: 2, Key: old.Key, Files: changed, Container: depottest.VZ})
	require.NoError(t, err)
	dir := t.TempDir()
	for i, depot := range []*depottest.Depot{old, next} {
		server := serve(t, depottest.Config{}, depot)
		cdn := newCDN(t, steampipe.Config{Directory: list(server)})
		_, err = steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), dir, steampipe.Options{Key: depot.Key})
		require.NoError(t, err)
		requireTree(t, depot, dir)
		if i == 1 {
			require.Equal(t, 2, server.Count("/chunk/"))
		}
	}
}

// A folder laid out like a server is a source.
func TestFolder(t *testing.T) {
	t.Parallel()
	depot := smallDepot(t)
	mirror := t.TempDir()
	write := func(name string, b []byte) {
		path := filepath.Join(mirror, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b, 0o644))
	}
	stored, err := depot.Stored()
	require.NoError(t, err)
	write(fmt.Sprintf("%d_%d.manifest", depot.ID, depot.ManifestID), stored)
	for _, id := range depot.Chunks() {
		b, _ := depot.Chunk(id)
		write(fmt.Sprintf("depot/%d/chunk/%v", depot.ID, id), b)
	}
	source := steampipe.NewFolder(mirror)
	manifest := manifestOf(t, source, depot)
	dir := t.TempDir()
	_, err = steampipe.Download(t.Context(), source, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	requireTree(t, depot, dir)

	// One missing and one damaged chunk: the other files are there, the report says which are not.
	ids := depot.Chunks()
	require.NoError(t, os.Remove(filepath.Join(mirror, fmt.Sprintf("depot/%d/chunk/%v", depot.ID, ids[0]))))
	b, _ := depot.Chunk(ids[1])
	b = append([]byte(nil), b...)
	b[20] ^= 1
	write(fmt.Sprintf("depot/%d/chunk/%v", depot.ID, ids[1]), b)
	dir = t.TempDir()
	report, err := steampipe.Download(t.Context(), source, manifest, dir, steampipe.Options{Key: depot.Key})
	require.ErrorIs(t, err, steampipe.ErrIncomplete)
	require.ErrorIs(t, err, steampipe.ErrNotFound)
	require.ErrorIs(t, err, steampipe.ErrChunkCorrupt)
	require.Positive(t, report.FilesFailed)
	require.Len(t, report.Problems, report.FilesFailed)
	require.Positive(t, report.FilesNew)
	_, err = source.Manifest(t.Context(), 1, 2)
	require.ErrorIs(t, err, steampipe.ErrNotFound)

	// One that is too long is damaged too, and does not stop the others either.
	write(fmt.Sprintf("depot/%d/chunk/%v", depot.ID, ids[1]), append(b, b...))
	report, err = steampipe.Download(t.Context(), source, manifest, t.TempDir(), steampipe.Options{Key: depot.Key})
	require.ErrorIs(t, err, steampipe.ErrIncomplete)
	require.ErrorIs(t, err, steampipe.ErrBadLength)
	require.Positive(t, report.FilesNew)

	// A manifest that is there and cannot be read is not a missing one.
	require.NoError(t, os.MkdirAll(filepath.Join(mirror, "depot", "1", "manifest", "2"), 0o755))
	broken := filepath.Join(mirror, "depot", "1", "manifest", "2", "5")
	require.NoError(t, os.WriteFile(broken, nil, 0o644))
	require.NoError(t, os.Truncate(broken, 300<<20))
	_, err = source.Manifest(t.Context(), 1, 2)
	require.ErrorIs(t, err, steampipe.ErrBadLength)
}

// A wrong key is an error that says so, soon.
func TestWrongKey(t *testing.T) {
	depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 3, ClearNames: true, Files: []depottest.File{{Name: "a", Data: []byte("a")}}})
	require.NoError(t, err)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	_, err = steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{})
	require.ErrorContains(t, err, "Options.Key")
	key := depot.Key
	key[0] ^= 1
	_, err = steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{Key: key})
	require.ErrorIs(t, err, steampipe.ErrChunkCorrupt)
	require.ErrorContains(t, err, "key is wrong")

	// With many chunks it is found out after a few, not after all.
	many := smallDepot(t)
	server = serve(t, depottest.Config{}, many)
	cdn = newCDN(t, steampipe.Config{Directory: list(server), Rounds: 2})
	manifest = manifestOf(t, cdn, many)
	_, err = steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{Key: key, Connections: 2})
	require.ErrorIs(t, err, steampipe.ErrChunkCorrupt)
	require.Less(t, server.Count("/chunk/"), 40)
	require.NotContains(t, fmt.Sprintf("%v %+v %x", steampipe.Options{Key: key}, steampipe.Key(key), steampipe.Key(key)), fmt.Sprintf("%x", key[:2]))
}

// The memory of a download does not grow with the depot.
func TestMemoryBounded(t *testing.T) {
	skipRace(t)
	depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 11, Container: depottest.VSZ, Generate: 64 << 20})
	require.NoError(t, err)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	_, err = steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{Key: depot.Key, Connections: 8, Decoders: 2, ProgressInterval: 5 * time.Millisecond,
		Progress: func(steampipe.Progress) {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak.Store(max(peak.Load(), now.HeapInuse))
		}})
	require.NoError(t, err)
	grown := int64(peak.Load()) - int64(before.HeapInuse)
	t.Logf("heap grew by %d KiB for a depot of %d KiB", grown>>10, depot.Manifest.Size>>10)
	// Garbage may double what is live before it is collected, and what is live before is large here: the server's chunks.
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(48<<20), "buffers are used again, not made for each chunk")
}
