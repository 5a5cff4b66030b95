package depotwire_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// realEntry is an entry of the index of real files.
type realEntry struct {
	File         string `json:"file"`
	Kind         string `json:"kind"`
	DepotKey     string `json:"depot_key"`
	Bytes        int    `json:"bytes"`
	CRCEncrypted uint32 `json:"crc_encrypted"`
	CRCClear     uint32 `json:"crc_clear"`
	Stored       int    `json:"comp"`
	DecryptedLen int    `json:"decrypted_len"`
	Plain        uint32 `json:"orig"`
	Adler        uint32 `json:"adler0"`
	SHA1         string `json:"sha1"`
	Expect       json.RawMessage
}

func realEntries(t *testing.T, prefix string) []realEntry {
	t.Helper()
	var index struct{ Entries []realEntry }
	require.NoError(t, json.Unmarshal(shared.Read(t, "vectors", "steampipe", "index.json"), &index))
	var entries []realEntry
	for _, entry := range index.Entries {
		if strings.HasPrefix(entry.File, prefix) {
			entries = append(entries, entry)
		}
	}
	require.NotEmpty(t, entries)
	return entries
}

func TestRealManifest(t *testing.T) {
	for _, entry := range realEntries(t, "real/") {
		if !strings.HasSuffix(entry.File, ".manifest") {
			continue
		}
		b := shared.Read(t, "vectors", "steampipe", entry.File)
		require.Len(t, b, entry.Bytes)
		m, err := depotwire.ParseManifest(b, depotwire.Limits{})
		require.NoError(t, err)
		require.Equal(t, b, m.Append(nil), "written again")
		require.True(t, m.NamesEncrypted)
		require.Equal(t, entry.CRCEncrypted, m.CRCEncrypted)
		require.Equal(t, entry.CRCClear, m.CRCClear)
		require.Len(t, m.Signature, 128)
		require.NoError(t, m.DecryptNames(rawKey(t, entry.DepotKey)))
		require.Empty(t, depotwire.Check(m, depotwire.Limits{}))
		var want struct {
			DepotID      uint32         `json:"depot_id"`
			ManifestID   string         `json:"manifest_gid"`
			Created      int64          `json:"creation_time"`
			Size         uint64         `json:"cb_disk_original"`
			Compressed   uint64         `json:"cb_disk_compressed"`
			UniqueChunks uint32         `json:"unique_chunks"`
			Files        []expectedFile `json:"files"`
		}
		require.NoError(t, json.Unmarshal(entry.Expect, &want))
		require.Equal(t, want.DepotID, m.DepotID)
		require.Equal(t, want.ManifestID, strconv.FormatUint(m.ManifestID, 10))
		require.Equal(t, time.Unix(want.Created, 0).UTC(), m.Created)
		require.Equal(t, want.Size, m.Size)
		require.Equal(t, want.Compressed, m.CompressedSize)
		require.Equal(t, want.UniqueChunks, m.UniqueChunks)
		requireFiles(t, want.Files, m)
		for _, file := range m.Files {
			require.Equal(t, depotwire.HashName(file.Name), file.NameSHA, file.Name)
		}
	}
}

func TestRealChunks(t *testing.T) {
	var decoder depotwire.Decoder
	for _, entry := range realEntries(t, "real/") {
		if !strings.HasPrefix(entry.Kind, "chunk") {
			continue
		}
		b := shared.Read(t, "vectors", "steampipe", entry.File)
		key, err := depotwire.ParseKey(entry.DepotKey)
		require.NoError(t, err)
		require.Len(t, b, entry.Stored)
		container, err := depotwire.DecryptChunk(nil, b, key)
		require.NoError(t, err)
		require.Len(t, container, entry.DecryptedLen)
		id, err := depotwire.ParseChunkID(entry.SHA1)
		require.NoError(t, err)
		chunk := depotwire.Chunk{ID: id, Adler: entry.Adler, Size: entry.Plain}
		dst := make([]byte, entry.Plain)
		_, err = decoder.Decode(dst, container)
		require.NoError(t, err)
		require.NoError(t, chunk.Verify(dst))
		require.True(t, chunk.VerifyAdler(dst))
		for n := range container {
			_, err := decoder.Decode(dst, container[:n])
			require.Error(t, err, "%s, %d bytes", entry.File, n)
		}
	}
}

func TestRealClientManifests(t *testing.T) {
	for _, entry := range realEntries(t, "bootstrap/") {
		t.Run(entry.File, func(t *testing.T) {
			b := shared.Read(t, "vectors", "steampipe", entry.File)
			var want struct {
				Platform, Version string
				InOrder           []string `json:"packages_in_order"`
				Packages          []string
				WithVZ            int `json:"with_zipvz"`
				Bootstrapper      []string
				TotalSize         uint64   `json:"total_size_zip"`
				Signatures        []string `json:"signature_blocks"`
				Select            map[string]string
				Pairs             [][2]string `json:"same_content_pairs"`
			}
			require.NoError(t, json.Unmarshal(entry.Expect, &want))
			m, err := depotwire.ParseClientManifest(b)
			require.NoError(t, err)
			require.Equal(t, want.Platform, m.Platform)
			require.Equal(t, want.Version, strconv.FormatUint(m.Version, 10))
			var names, bootstrappers, signatures []string
			var total uint64
			withVZ := 0
			for _, p := range m.Packages {
				names = append(names, p.Name)
				if p.Bootstrapper {
					bootstrappers = append(bootstrappers, p.Name)
				}
				total += p.Size
				if p.VZ != "" {
					withVZ++
					require.NotZero(t, p.VZSize)
					require.NotZero(t, p.VZSHA)
				}
				require.NotZero(t, p.SHA1)
			}
			for _, s := range m.Signatures {
				signatures = append(signatures, s.Kind)
				require.Equal(t, m.Platform, s.Platform)
				require.Contains(t, []int{64, 128}, len(s.Value))
			}
			require.Equal(t, append(want.InOrder, want.Packages...), names)
			if want.InOrder != nil {
				require.Equal(t, want.Bootstrapper, bootstrappers)
				require.Equal(t, want.TotalSize, total)
				require.Equal(t, want.WithVZ, withVZ)
				require.Equal(t, want.Signatures, signatures)
			}
			for name, file := range want.Select {
				require.Equal(t, file, m.Packages[0].Select("no such system", name).File)
			}
			for _, pair := range want.Pairs {
				require.Equal(t, m.Packages[0].Select(pair[0]).SHA256, m.Packages[0].Select(pair[1]).SHA256)
			}
		})
	}
}
