package depotwire_test

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// expected is synthetic/expected.json; real manifests are described in the same words.
type expected struct {
	DepotID        uint32            `json:"depot_id"`
	DepotKey       string            `json:"depot_key"`
	ChunkContainer map[string]string `json:"chunk_container"`
	ManifestV1     string            `json:"manifest_v1"`
	ManifestV2     string            `json:"manifest_v2"`
	CreatedV1      int64             `json:"created_v1"`
	CreatedV2      int64             `json:"created_v2"`
	FilesV1        []expectedFile    `json:"files_v1"`
	FilesV2        []expectedFile    `json:"files_v2"`
	Deltas         []struct {
		Container  string `json:"container"`
		DeltaLen   int    `json:"delta_len"`
		SourceSHA1 string `json:"source_sha1"`
		TargetLen  int    `json:"target_len"`
		TargetSHA1 string `json:"target_sha1"`
	} `json:"deltas"`
}

type expectedFile struct {
	Name    string          `json:"name"`
	Link    string          `json:"link"`
	Size    uint64          `json:"size"`
	Flags   uint32          `json:"flags"`
	SHA1    string          `json:"sha1_content"`
	Entries []expectedChunk `json:"chunks"`
}

type expectedChunk struct {
	ID     string `json:"id"`
	Adler  uint32 `json:"adler0"`
	Offset uint64 `json:"offset"`
	Plain  uint32 `json:"orig"`
	Stored uint32 `json:"comp"`
}

func readExpected(t testing.TB) expected {
	t.Helper()
	var e expected
	require.NoError(t, json.Unmarshal(readTestdata(t, "synthetic", "expected.json"), &e))
	return e
}

func readTestdata(t testing.TB, elements ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, elements...)...))
	require.NoError(t, err)
	return b
}

func rawKey(t testing.TB, digits string) []byte {
	t.Helper()
	key, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return key
}

// requireFiles compares without regard to order: manifests are sorted by the stored name.
func requireFiles(t *testing.T, want []expectedFile, m *depotwire.Manifest) {
	t.Helper()
	got := map[string]depotwire.File{}
	for _, file := range m.Files {
		got[file.Name] = file
	}
	require.Len(t, m.Files, len(want))
	for _, w := range want {
		file, ok := got[w.Name]
		require.True(t, ok, w.Name)
		require.Equal(t, w.Size, file.Size, w.Name)
		require.Equal(t, depotwire.Flags(w.Flags), file.Flags, w.Name)
		require.Equal(t, w.SHA1, hex.EncodeToString(file.ContentSHA[:]), w.Name)
		if !m.V4 {
			require.Equal(t, w.Link, file.LinkTarget, w.Name)
		}
		require.Len(t, file.Chunks, len(w.Entries), w.Name)
		for i, c := range w.Entries {
			id, err := depotwire.ParseChunkID(c.ID)
			require.NoError(t, err)
			require.Equal(t, depotwire.Chunk{ID: id, Adler: c.Adler, Offset: c.Offset, Size: c.Plain, StoredSize: c.Stored}, file.Chunks[i], w.Name)
		}
	}
}

func TestSyntheticManifests(t *testing.T) {
	want := readExpected(t)
	key := rawKey(t, want.DepotKey)
	for name, version := range map[string]int{"v1_cdn.zip": 1, "v1_clear.manifest": 1, "v1_enc.manifest": 1, "v1_v4binary.manifest": 1, "v2_cdn.zip": 2, "v2_clear.manifest": 2} {
		t.Run(name, func(t *testing.T) {
			unwrapped, err := depotwire.Unwrap(readTestdata(t, "synthetic", name), depotwire.Limits{})
			require.NoError(t, err)
			m, err := depotwire.ParseManifest(unwrapped, depotwire.Limits{})
			require.NoError(t, err)
			files, id, created := want.FilesV1, want.ManifestV1, want.CreatedV1
			if version == 2 {
				files, id, created = want.FilesV2, want.ManifestV2, want.CreatedV2
			}
			require.Equal(t, want.DepotID, m.DepotID)
			require.Equal(t, id, strconv.FormatUint(m.ManifestID, 10))
			require.Equal(t, time.Unix(created, 0).UTC(), m.Created)

			// Written again it is the same, byte for byte.
			if m.V4 {
				require.Equal(t, unwrapped, m.AppendV4(nil))
			} else {
				require.Equal(t, unwrapped, m.Append(nil))
			}
			if m.NamesEncrypted {
				require.ErrorIs(t, depotwire.Validate(m, depotwire.Limits{}), depotwire.ErrEncrypted)
				wrong := append([]byte(nil), key...)
				wrong[31]++
				before := m.Files[0].Name
				require.ErrorIs(t, m.DecryptNames(wrong), depotwire.ErrWrongKey)
				require.ErrorIs(t, m.DecryptNames(key[:16]), depotwire.ErrWrongKey)
				require.Equal(t, before, m.Files[0].Name)
				require.True(t, m.NamesEncrypted)
			}
			require.NoError(t, m.DecryptNames(key))
			require.False(t, m.NamesEncrypted)
			require.NoError(t, depotwire.Validate(m, depotwire.Limits{}))
			problems := depotwire.Check(m, depotwire.Limits{})
			if m.V4 {
				// The old form has no targets: its links are to be left out.
				require.Len(t, problems, 1)
				require.Equal(t, depotwire.ProblemLink, problems[0].Kind)
			} else {
				require.Empty(t, problems)
			}
			requireFiles(t, files, m)
			for _, file := range m.Files {
				require.Equal(t, depotwire.HashName(file.Name), file.NameSHA, file.Name)
			}
		})
	}
}

func TestSyntheticChunks(t *testing.T) {
	want := readExpected(t)
	key, err := depotwire.ParseKey(want.DepotKey)
	require.NoError(t, err)
	var decoder depotwire.Decoder
	seen := map[string]bool{}
	for _, file := range append(want.FilesV1, want.FilesV2...) {
		content := sha1.New()
		for _, c := range file.Entries {
			stored := readTestdata(t, "synthetic", "chunk", c.ID)
			require.Len(t, stored, int(c.Stored))
			container, err := depotwire.DecryptChunk(nil, stored, key)
			require.NoError(t, err)
			kinds := map[string]depotwire.Container{"zip": depotwire.ContainerZip, "vz": depotwire.ContainerVZ, "vsz": depotwire.ContainerVSZ}
			require.Equal(t, kinds[want.ChunkContainer[c.ID]], depotwire.ContainerOf(container))
			size, err := depotwire.PlainSize(container)
			require.NoError(t, err)
			require.Equal(t, c.Plain, size)
			dst := make([]byte, c.Plain)
			n, err := decoder.Decode(dst, container)
			require.NoError(t, err)
			require.Equal(t, int(c.Plain), n)
			id, err := depotwire.ParseChunkID(c.ID)
			require.NoError(t, err)
			chunk := depotwire.Chunk{ID: id, Adler: c.Adler, Size: c.Plain}
			require.NoError(t, chunk.Verify(dst))
			require.True(t, chunk.VerifyAdler(dst))
			_, err = decoder.Decode(dst[:n-1], container)
			require.ErrorIs(t, err, depotwire.ErrLimit, "no room")
			dst[0]++
			require.ErrorIs(t, chunk.Verify(dst), depotwire.ErrChecksum)
			require.False(t, chunk.VerifyAdler(dst))
			dst[0]--
			content.Write(dst)
			seen[c.ID] = true

			inPlace, err := depotwire.DecryptChunk(stored[:0], stored, key)
			require.NoError(t, err)
			require.Equal(t, container, inPlace)
			require.Same(t, &stored[16], &inPlace[0])
		}
		if len(file.Entries) > 0 {
			require.Equal(t, file.SHA1, hex.EncodeToString(content.Sum(nil)), file.Name)
		}
	}
	require.Len(t, seen, len(want.ChunkContainer))
}

func TestSyntheticPatch(t *testing.T) {
	want := readExpected(t)
	key, err := depotwire.ParseKey(want.DepotKey)
	require.NoError(t, err)
	plain := func(id string) []byte {
		container, err := depotwire.DecryptChunk(nil, readTestdata(t, "synthetic", "chunk", id), key)
		require.NoError(t, err)
		size, err := depotwire.PlainSize(container)
		require.NoError(t, err)
		dst := make([]byte, size)
		var decoder depotwire.Decoder
		_, err = decoder.Decode(dst, container)
		require.NoError(t, err)
		return dst
	}
	for _, name := range []string{"patch_v1_v2_inline.bin", "patch_v1_v2_after.bin"} {
		t.Run(name, func(t *testing.T) {
			b, err := depotwire.DecryptChunk(nil, readTestdata(t, "synthetic", name), key)
			require.NoError(t, err)
			p, err := depotwire.ParsePatch(b, depotwire.Limits{})
			require.NoError(t, err)
			require.Equal(t, b, p.Append(nil))
			require.Equal(t, want.DepotID, p.DepotID)
			require.Equal(t, want.ManifestV1, strconv.FormatUint(p.SourceManifest, 10))
			require.Equal(t, want.ManifestV2, strconv.FormatUint(p.TargetManifest, 10))
			require.Equal(t, name == "patch_v1_v2_after.bin", p.After)
			require.Len(t, p.Deltas, len(want.Deltas))
			for i, w := range want.Deltas {
				d := p.Deltas[i]
				require.Equal(t, w.SourceSHA1, d.Source.String())
				require.Equal(t, w.TargetSHA1, d.Target.String())
				require.Equal(t, w.TargetLen, int(d.Size))
				require.Equal(t, readTestdata(t, "synthetic", map[string]string{"vszd": "delta_0_vszd.bin", "vzd": "delta_1_vzd.bin"}[w.Container]), d.Data)
				var decoder depotwire.Decoder
				dst := make([]byte, d.Size)
				source := plain(w.SourceSHA1)
				n, err := decoder.DecodeDelta(dst, d.Data, source)
				require.NoError(t, err)
				require.Equal(t, w.TargetLen, n)
				require.Equal(t, d.Target, depotwire.IDOf(dst))

				source[len(source)/2] ^= 0xFF
				source[10] ^= 0xFF
				n, err = decoder.DecodeDelta(dst, d.Data, source)
				require.True(t, err != nil || depotwire.IDOf(dst[:n]) != d.Target, "wrong source")
				_, err = decoder.Decode(dst, d.Data)
				require.ErrorIs(t, err, depotwire.ErrContainer)
			}
			for n := range len(b) {
				_, err := depotwire.ParsePatch(b[:n], depotwire.Limits{})
				require.Error(t, err, n)
			}
		})
	}
}
