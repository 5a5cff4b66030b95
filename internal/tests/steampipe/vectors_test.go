package steampipe

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

func sharedKey(t *testing.T, digits string) steampipe.Key {
	t.Helper()
	key, err := steampipe.ParseKey(digits)
	require.NoError(t, err)
	return key
}

// A real manifest and its real chunk.
func TestReal(t *testing.T) {
	key := sharedKey(t, "44ce5c5297a415a1a6f69c856037a5a2fdd82cd474fa659edfb4d59b2abc55fc")
	manifest, err := steampipe.ReadManifest(shared.Read(t, "vectors", "steampipe", "real", "depot_440_1118032470228587934.manifest"), key)
	require.NoError(t, err)
	require.Equal(t, uint32(440), manifest.DepotID)
	require.Equal(t, uint64(1118032470228587934), manifest.ManifestID)
	require.Equal(t, uint64(825745), manifest.Size)
	require.Len(t, manifest.Files, 7)
	const id = "bac8e2657470b2eb70d6ddcd6c07004be8738697"
	found := false
	for _, file := range manifest.Files {
		if file.Name == `bin\dxsupport_episodic.cfg` {
			found = true
			require.Equal(t, id, file.Chunks[0].ID.String())
			stored := shared.Read(t, "vectors", "steampipe", "real", "depot_440_chunk_"+id+".bin")
			plain, err := steampipe.DecodeChunk(nil, stored, file.Chunks[0], key)
			require.NoError(t, err)
			require.Len(t, plain, 544)
			wrong := file.Chunks[0]
			wrong.ID[0] ^= 1
			_, err = steampipe.DecodeChunk(nil, stored, wrong, key)
			require.ErrorIs(t, err, steampipe.ErrChunkCorrupt)
		}
	}
	require.True(t, found)
	// Through the whole download: a depotcache-like folder with this one chunk completes the file that consists of it.
	mirror := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(mirror, "depot", "440", "chunk"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(mirror, "depot", "440", "chunk", id), shared.Read(t, "vectors", "steampipe", "real", "depot_440_chunk_"+id+".bin"), 0o644))
	dir := t.TempDir()
	report, err := steampipe.Download(t.Context(), steampipe.NewFolder(mirror), manifest, dir, steampipe.Options{Key: key})
	require.ErrorIs(t, err, steampipe.ErrIncomplete)
	require.Equal(t, 1, report.FilesNew)
	require.Equal(t, 6, report.FilesFailed)
	b, err := os.ReadFile(filepath.Join(dir, "bin", "dxsupport_episodic.cfg"))
	require.NoError(t, err)
	require.Len(t, b, 544)
}

// The depot that the spec's authors made, in every form of manifest, from a folder.
func TestSynthetic(t *testing.T) {
	t.Parallel()
	root := shared.Path(t, "vectors", "steampipe", "synthetic")
	var expected struct {
		Key   string `json:"depot_key"`
		Files []struct {
			Name string `json:"name"`
			Size int64  `json:"size"`
		} `json:"files_v1"`
	}
	require.NoError(t, json.Unmarshal(shared.Read(t, "vectors", "steampipe", "synthetic", "expected.json"), &expected))
	key := sharedKey(t, expected.Key)
	mirror := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(mirror, "depot", "990135"), 0o755))
	require.NoError(t, os.CopyFS(filepath.Join(mirror, "depot", "990135", "chunk"), os.DirFS(filepath.Join(root, "chunk"))))
	dir := t.TempDir()
	for i, name := range []string{"v1_cdn.zip", "v1_enc.manifest", "v1_clear.manifest", "v1_v4binary.manifest", "v2_cdn.zip"} {
		b, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		manifest, err := steampipe.ReadManifest(b, key)
		require.NoError(t, err, name)
		report, err := steampipe.Download(t.Context(), steampipe.NewFolder(mirror), manifest, dir, steampipe.Options{Key: key, HashFiles: true})
		require.NoError(t, err, name)
		if i == 0 {
			require.Empty(t, report.Problems)
			for _, file := range expected.Files {
				info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(file.Name, `\`, "/"))))
				require.NoError(t, err)
				if !info.IsDir() && file.Name != `lib\libfoo.so` {
					require.Equal(t, file.Size, info.Size(), file.Name)
				}
			}
		} else if i < 4 {
			require.Zero(t, report.ChunksFetched, "%s is the same version", name)
		}
		if strings.Contains(name, "v4") {
			require.Len(t, report.Problems, 1, "the old form has no targets of links")
			continue
		}
		requireVerified(t, manifest, dir)
	}
	_, err := steampipe.ReadManifest(shared.Read(t, "vectors", "steampipe", "synthetic", "v1_cdn.zip"), steampipe.Key{1})
	require.ErrorIs(t, err, steampipe.ErrManifestCorrupt)
	clear, err := steampipe.ReadManifest(shared.Read(t, "vectors", "steampipe", "synthetic", "v1_cdn.zip"), steampipe.Key{})
	require.NoError(t, err)
	require.True(t, clear.NamesEncrypted)
	_, err = steampipe.Download(t.Context(), steampipe.NewFolder(mirror), clear, dir, steampipe.Options{Key: key})
	require.ErrorIs(t, err, steampipe.ErrNamesEncrypted)
}

func requireVerified(t *testing.T, manifest *steampipe.Manifest, dir string) {
	t.Helper()
	report, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{})
	require.NoError(t, err)
	for _, file := range report.Files {
		require.Contains(t, []steampipe.FileStatus{steampipe.FileOK, steampipe.FileUsers}, file.Status, "%s: %v", file.Path, file.Status)
	}
}

// Whatever a hostile manifest says, nothing is written outside of the folder, on its own or into a folder in which an
// earlier one was laid down.
func TestHostile(t *testing.T) {
	t.Parallel()
	var index struct {
		Key   string `json:"depot_key"`
		Cases []struct {
			File   string `json:"file"`
			Expect string `json:"expect"`
			Why    string `json:"why"`
		} `json:"cases"`
	}
	require.NoError(t, json.Unmarshal(shared.Read(t, "vectors", "steampipe", "synthetic", "hostile", "index.json"), &index))
	key := sharedKey(t, index.Key)
	// Chunks that hostile manifests ask for are those of the synthetic depot, or missing.
	mirror := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(mirror, "depot", "990135"), 0o755))
	require.NoError(t, os.CopyFS(filepath.Join(mirror, "depot", "990135", "chunk"), os.DirFS(shared.Path(t, "vectors", "steampipe", "synthetic", "chunk"))))
	source := steampipe.NewFolder(mirror)

	parent := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(parent, "sentinel"), []byte("x"), 0o644))
	twice := filepath.Join(parent, "twice")
	require.NoError(t, os.Mkdir(twice, 0o755))
	for _, test := range index.Cases {
		if !strings.HasSuffix(test.File, ".manifest") && !strings.HasSuffix(test.File, ".zip") {
			continue // chunks are the codec's
		}
		t.Run(test.File, func(t *testing.T) {
			b := shared.Read(t, "vectors", "steampipe", "synthetic", "hostile", test.File)
			manifest, err := steampipe.ReadManifest(b, key)
			if err != nil {
				require.ErrorIs(t, err, steampipe.ErrManifestCorrupt)
				require.NotEqual(t, "accept", test.Expect)
				return
			}
			for _, limits := range []steampipe.Limits{{}, {RefuseWindowsNames: true}} {
				for _, dir := range []string{filepath.Join(parent, "once"), twice} {
					report, err := steampipe.Download(t.Context(), source, manifest, dir, steampipe.Options{Key: key, Limits: limits})
					if err != nil {
						e, ok := errors.AsType[*steampipe.Error](err)
						require.True(t, ok, err)
						t.Logf("%s: %v", test.Why, e)
						if errors.Is(err, steampipe.ErrIncomplete) {
							require.ErrorIs(t, err, steampipe.ErrNotFound, "accepted; the chunks exist nowhere")
						} else {
							require.False(t, strings.HasPrefix(test.Expect, "accept,") || test.Expect == "accept", err)
						}
					} else {
						t.Logf("%s: %d files, problems %v", test.Why, report.FilesNew, report.Problems)
						require.NotEqual(t, "error", test.Expect)
					}
					requireConfined(t, parent)
				}
				require.NoError(t, os.RemoveAll(filepath.Join(parent, "once")))
			}
		})
	}
}

// requireConfined checks that only the two target folders and the sentinel are in the parent, and no link leads out.
func requireConfined(t *testing.T, parent string) {
	t.Helper()
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	for _, entry := range entries {
		require.Contains(t, []string{"sentinel", "once", "twice"}, entry.Name())
	}
	b, err := os.ReadFile(filepath.Join(parent, "sentinel"))
	require.NoError(t, err)
	require.Equal(t, "x", string(b))
	for _, name := range treeOf(t, parent) {
		target, err := os.Readlink(filepath.Join(parent, filepath.FromSlash(name)))
		if err != nil {
			continue
		}
		require.False(t, filepath.IsAbs(target), "%s -> %s", name, target)
		within := filepath.Join(parent, strings.Split(name, "/")[0])
		resolved := filepath.Join(parent, filepath.Dir(filepath.FromSlash(name)), target)
		require.True(t, strings.HasPrefix(resolved, within+string(filepath.Separator)) || resolved == within, "%s -> %s", name, target)
	}
}

// Links that lead out only through one another, links in the way of folders, and folders in the way of files.
func TestLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	link := func(name, target string) steampipe.File {
		return steampipe.File{Name: name, Flags: steampipe.FlagSymlink, LinkTarget: target}
	}
	run := func(t *testing.T, dir string, files ...steampipe.File) (*steampipe.Report, error) {
		return steampipe.Download(t.Context(), steampipe.NewFolder(t.TempDir()), &steampipe.Manifest{DepotID: 1, ManifestID: 2, Files: files}, dir, steampipe.Options{Key: steampipe.Key{1}})
	}
	t.Run("refused", func(t *testing.T) {
		for _, l := range []steampipe.File{
			link("a", "/etc"), link("a", ".."), link(`d\a`, "../.."), link("a", `..\x`), link("a", "C:/x"), link("a", `\\host\share`),
			link("a", "x/../../.."), link("a", "deep/.."), link("a", ""), link("a", "x//y"), link("a", "x\x00y"),
		} {
			dir := t.TempDir()
			report, err := run(t, dir, l, steampipe.File{Name: "kept.txt"})
			require.NoError(t, err, l.LinkTarget)
			require.Len(t, report.Problems, 1, l.LinkTarget)
			require.Zero(t, report.Links)
			require.Equal(t, []string{"kept.txt"}, filter(treeOf(t, dir), "kept.txt", "a"))
		}
	})
	t.Run("made", func(t *testing.T) {
		dir := t.TempDir()
		report, err := run(t, dir, link(`d\e\up`, `..\..\top`), link("top", "d"), link("same", "./d/e"))
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.Equal(t, 3, report.Links)
	})
	t.Run("a file below a link", func(t *testing.T) {
		_, err := run(t, t.TempDir(), link("d", "e"), steampipe.File{Name: `d\x`}, steampipe.File{Name: "e", Flags: steampipe.FlagDirectory})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
	})
	t.Run("a link that is there already", func(t *testing.T) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "game")
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.Mkdir(filepath.Join(parent, "outside"), 0o755))
		require.NoError(t, os.Symlink("../outside", filepath.Join(dir, "data")))
		_, err := run(t, dir, steampipe.File{Name: `data\x`})
		require.ErrorContains(t, err, "symbolic link where the manifest wants a folder")
		require.Empty(t, treeOf(t, filepath.Join(parent, "outside")))
	})
	t.Run("the state folder is a link", func(t *testing.T) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "game")
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.Mkdir(filepath.Join(parent, "outside"), 0o755))
		require.NoError(t, os.Symlink("../outside", filepath.Join(dir, ".steampipe")))
		_, err := run(t, dir, steampipe.File{Name: `x`})
		require.Error(t, err)
		require.Empty(t, treeOf(t, filepath.Join(parent, "outside")))
	})
	t.Run("a file for the state folder", func(t *testing.T) {
		_, err := run(t, t.TempDir(), steampipe.File{Name: `.steampipe\x`})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
		_, err = run(t, t.TempDir(), steampipe.File{Name: `.SteamPipe`})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
	})
	t.Run("a folder in the way", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "x", "y"), 0o755))
		_, err := run(t, dir, steampipe.File{Name: "x"})
		require.ErrorContains(t, err, "folder where the manifest wants a file")
	})
}

func filter(names []string, keep ...string) (kept []string) {
	for _, name := range names {
		for _, k := range keep {
			if name == k {
				kept = append(kept, name)
			}
		}
	}
	return kept
}

// A key never shows, in any verb.
func TestKeyHidden(t *testing.T) {
	key := sharedKey(t, strings.Repeat("ab", 32))
	require.Equal(t, "ab", hex.EncodeToString(key[:1]))
	require.Equal(t, "depot key", key.String())
	for _, bad := range []string{"", "ab", strings.Repeat("zz", 32)} {
		_, err := steampipe.ParseKey(bad)
		require.Error(t, err)
	}
}

// Names that would leave the folder are refused although their chunks are there to be had, and nothing else is written.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{`..\escape.txt`, `a\..\..\escape.txt`, "../escape.txt", `\escape.txt`, "/relight-escape.txt", `C:\escape.txt`, `C:escape.txt`,
		`\\host\share\escape.txt`, `a\\escape.txt`, ".", "..", "", "a\x00b", "a\nb", "\xff"} {
		depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
			{Name: "good.txt", Data: []byte("good")}, {Name: name, Data: []byte("evil")},
		}})
		require.NoError(t, err)
		server := serve(t, depottest.Config{}, depot)
		cdn := newCDN(t, steampipe.Config{Directory: list(server)})
		parent := t.TempDir()
		manifest, err := steampipe.FetchManifest(t.Context(), cdn, steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID), depot.Key)
		if err == nil {
			for _, limits := range []steampipe.Limits{{}, {RefuseWindowsNames: true}} {
				_, err = steampipe.Download(t.Context(), cdn, manifest, filepath.Join(parent, "game"), steampipe.Options{Key: depot.Key, Limits: limits})
				if name == "a\x00b" && err == nil {
					require.FileExists(t, filepath.Join(parent, "game", "a")) // names end at a NUL
					continue
				}
				require.ErrorIs(t, err, steampipe.ErrManifestUnsafe, "%q", name)
				require.Empty(t, treeOf(t, parent), "%q", name)
			}
			require.NoFileExists(t, "/relight-escape.txt")
			continue
		}
		require.ErrorIs(t, err, steampipe.ErrManifestCorrupt, "%q", name)
	}
}

func TestParseChunkID(t *testing.T) {
	const text = "3b71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3"
	id, err := steampipe.ParseChunkID(text)
	require.NoError(t, err)
	require.Equal(t, text, id.String())
	for _, wrong := range []string{"", text[1:], text + "00", "g" + text[1:]} {
		_, err := steampipe.ParseChunkID(wrong)
		require.Error(t, err, "%q", wrong)
	}
}
