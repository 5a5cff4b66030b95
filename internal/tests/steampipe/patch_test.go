package steampipe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// patchable is two versions whose chunks differ in a few bytes each.
func patchable(t *testing.T, container depottest.Container) []*depottest.Depot {
	edit := func(b []byte) []byte {
		b = bytes.Clone(b)
		for at := 100; at < len(b); at += chunkSize {
			b[at] ^= 0xFF
		}
		return b
	}
	a, b := pieces(1, 2, 3, 4), append(pieces(5, 6), "an odd end"...)
	return versions(t, container,
		[]depottest.File{{Name: "a", Data: a}, {Name: "b", Data: b}, {Name: "same", Data: pieces(9)}},
		[]depottest.File{{Name: "a", Data: edit(a)}, {Name: "b", Data: append(edit(b), " that grew"...)}, {Name: "same", Data: pieces(9)}, {Name: "new", Data: pieces(10)}})
}

// Where a server offers a delta patch, it is used: chunks are made out of those on disk.
func TestPatch(t *testing.T) {
	t.Parallel()
	for _, container := range []depottest.Container{depottest.VZ, depottest.VSZ, depottest.Mixed} {
		t.Run(container.String(), func(t *testing.T) {
			w := newWorld(t, depottest.Config{Patches: true}, patchable(t, container)...)
			w.to(t, 0, steampipe.Options{})
			require.Zero(t, w.server.Count("/patch/"))
			report := w.to(t, 1, steampipe.Options{HashFiles: true})
			require.Equal(t, 1, w.server.Count("/patch/1/2"))
			require.NotNil(t, report.Patch)
			require.NoError(t, report.Patch.Err)
			require.Equal(t, 7, report.Patch.Deltas)
			require.Equal(t, int64(7), report.Patch.Used)
			require.Equal(t, int64(1), report.ChunksFetched, "the new file")
			require.Less(t, report.Patch.Bytes, int64(2*chunkSize))

			report = w.to(t, 0, steampipe.Options{MaxPatch: -1})
			require.Zero(t, w.server.Count("/patch/"))
			require.Nil(t, report.Patch)
			report = w.to(t, 1, steampipe.Options{MaxPatch: 100})
			require.ErrorIs(t, report.Patch.Err, steampipe.ErrBadLength)
			require.Equal(t, int64(8), report.ChunksFetched)
		})
	}
}

// Patches that are not there, damaged, of another version, or lie, cost a request: the chunks are fetched, and it is said why.
func TestPatchBad(t *testing.T) {
	t.Parallel()
	depots := patchable(t, depottest.VSZ)
	good, err := depottest.NewPatch(depots[0], depots[1], false)
	require.NoError(t, err)
	key, err := depotwire.NewKey(depots[0].Key[:])
	require.NoError(t, err)
	clear, err := depotwire.DecryptChunk([]byte{}, good, key)
	require.NoError(t, err)
	patch, err := depotwire.ParsePatch(clear, depotwire.Limits{})
	require.NoError(t, err)
	spoil := func(change func(*depotwire.Patch)) []byte {
		p := *patch
		p.Deltas = append([]depotwire.Delta(nil), patch.Deltas...)
		change(&p)
		b, err := depottest.EncryptPatch(depots[1], &p)
		require.NoError(t, err)
		return b
	}
	for _, test := range []struct {
		name   string
		patch  []byte
		reason error
		used   int64
		failed int64
	}{
		{"none", nil, steampipe.ErrNotFound, 0, 0},
		{"cut", good[:len(good)-16], steampipe.ErrPatchCorrupt, 0, 0},
		{"not even blocks", good[:len(good)-3], steampipe.ErrPatchCorrupt, 0, 0},
		{"a page", []byte("<html>not found, but 200, of some forty-eight bytes"), steampipe.ErrPatchCorrupt, 0, 0},
		{"another depot's", spoil(func(p *depotwire.Patch) { p.DepotID++ }), steampipe.ErrPatchCorrupt, 0, 0},
		{"another version's", spoil(func(p *depotwire.Patch) { p.SourceManifest++ }), steampipe.ErrPatchCorrupt, 0, 0},
		{"for another version", spoil(func(p *depotwire.Patch) { p.TargetManifest++ }), steampipe.ErrPatchCorrupt, 0, 0},
		{"nothing in it", spoil(func(p *depotwire.Patch) { p.Deltas = nil }), nil, 0, 0},
		{"a delta is damaged", spoil(func(p *depotwire.Patch) {
			p.Deltas[1].Data = bytes.Clone(p.Deltas[1].Data)
			p.Deltas[1].Data[12] ^= 0x40
		}), nil, 6, 1},
		{"deltas in each other's place", spoil(func(p *depotwire.Patch) { p.Deltas[0].Data, p.Deltas[1].Data = p.Deltas[1].Data, p.Deltas[0].Data }), nil, 5, 2},
		{"source that nobody has", spoil(func(p *depotwire.Patch) { p.Deltas[0].Source[0]++ }), nil, 6, 0},
		{"wrong source", spoil(func(p *depotwire.Patch) { p.Deltas[0].Source = p.Deltas[3].Source }), nil, 6, 1},
		{"a whole chunk for a delta", spoil(func(p *depotwire.Patch) {
			p.Deltas[2].Data, err = depotwire.EncodeVSZ(nil, pieces(7))
			require.NoError(t, err)
		}), nil, 6, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, depottest.Config{}, depots...)
			w.to(t, 0, steampipe.Options{})
			if test.patch != nil {
				w.server.SetPatch(1, 2, test.patch)
			}
			report := w.to(t, 1, steampipe.Options{})
			require.NotNil(t, report.Patch)
			require.ErrorIs(t, report.Patch.Err, test.reason)
			require.Equal(t, test.used, report.Patch.Used)
			require.Equal(t, test.failed, report.Patch.Failed)
			require.Equal(t, 8-test.used, report.ChunksFetched)
			require.Equal(t, 1, w.server.Count("/patch/"))
		})
	}
	t.Run("source damaged on disk", func(t *testing.T) {
		w := newWorld(t, depottest.Config{Patches: true}, depots...)
		w.to(t, 0, steampipe.Options{})
		name := filepath.Join(w.dir, "a")
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		b[chunkSize+200] ^= 1
		require.NoError(t, os.WriteFile(name, b, 0o644))
		report := w.to(t, 1, steampipe.Options{})
		require.Equal(t, int64(6), report.Patch.Used)
		require.Equal(t, int64(1), report.Patch.Failed)
	})
	t.Run("server fails", func(t *testing.T) {
		w := newWorld(t, depottest.Config{Patches: true}, depots...)
		w.to(t, 0, steampipe.Options{})
		w.server.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 403, Path: "/patch/"})
		report := w.to(t, 1, steampipe.Options{})
		require.ErrorIs(t, report.Patch.Err, steampipe.ErrForbidden)
		require.Equal(t, int64(8), report.ChunksFetched)
	})
}

// A patch in a mirror on disk, and a program's events.
func TestPatchFolder(t *testing.T) {
	depots := patchable(t, depottest.VZ)
	w := newWorld(t, depottest.Config{}, depots...)
	w.to(t, 0, steampipe.Options{})
	mirror := t.TempDir()
	write := func(name string, b []byte) {
		path := filepath.Join(mirror, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b, 0o644))
	}
	patch, err := depottest.NewPatch(depots[0], depots[1], true)
	require.NoError(t, err)
	write(fmt.Sprintf("depot/%d/patch/1/2", depots[0].ID), patch)
	added := depots[1].Manifest.Files[2].Chunks[0].ID
	b, _ := depots[1].Chunk(added)
	write(fmt.Sprintf("depot/%d/chunk/%v", depots[0].ID, added), b)
	kinds := map[steampipe.EventKind]int{}
	report, err := steampipe.Download(t.Context(), steampipe.NewFolder(mirror), w.manifests[1], w.dir, steampipe.Options{Key: depots[1].Key, Event: func(e steampipe.Event) { kinds[e.Kind]++ }})
	require.NoError(t, err, "nothing but the patch and one chunk is there")
	require.Equal(t, int64(7), report.Patch.Used)
	require.Equal(t, 1, kinds[steampipe.EventPatch])
	requireTree(t, depots[1], w.dir)
}

// The patches of the shared vectors, whose deltas were made by the LZMA SDK and libzstd: an update with them fetches less.
func TestPatchVectors(t *testing.T) {
	var expected struct {
		Key string `json:"depot_key"`
	}
	require.NoError(t, json.Unmarshal(shared.Read(t, "vectors", "steampipe", "synthetic", "expected.json"), &expected))
	key := sharedKey(t, expected.Key)
	read := func(name string) *steampipe.Manifest {
		m, err := steampipe.ReadManifest(shared.Read(t, "vectors", "steampipe", "synthetic", name), key)
		require.NoError(t, err)
		return m
	}
	from, to := read("v1_cdn.zip"), read("v2_cdn.zip")
	for _, name := range []string{"patch_v1_v2_inline.bin", "patch_v1_v2_after.bin"} {
		mirror, dir := t.TempDir(), t.TempDir()
		depot := filepath.Join(mirror, "depot", fmt.Sprint(to.DepotID))
		require.NoError(t, os.MkdirAll(filepath.Join(depot, "patch", fmt.Sprint(from.ManifestID)), 0o755))
		require.NoError(t, os.CopyFS(filepath.Join(depot, "chunk"), os.DirFS(shared.Path(t, "vectors", "steampipe", "synthetic", "chunk"))))
		require.NoError(t, os.WriteFile(filepath.Join(depot, "patch", fmt.Sprint(from.ManifestID), fmt.Sprint(to.ManifestID)), shared.Read(t, "vectors", "steampipe", "synthetic", name), 0o644))
		_, err := steampipe.Download(t.Context(), steampipe.NewFolder(mirror), from, dir, steampipe.Options{Key: key})
		require.NoError(t, err)
		report, err := steampipe.Download(t.Context(), steampipe.NewFolder(mirror), to, dir, steampipe.Options{Key: key, HashFiles: true})
		require.NoError(t, err)
		require.NotNil(t, report.Patch)
		require.NoError(t, report.Patch.Err)
		require.Equal(t, int64(report.Patch.Deltas), report.Patch.Used)
		require.Positive(t, report.Patch.Used)
		requireOK(t, to, dir)
		t.Logf("%s: %d deltas of %d bytes, %d chunks fetched", name, report.Patch.Deltas, report.Patch.Bytes, report.ChunksFetched)
	}
}
