package depotwire_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// build makes a manifest out of files, with what can be computed filled in.
func build(files ...depotwire.File) *depotwire.Manifest {
	m := &depotwire.Manifest{DepotID: 990135, ManifestID: 1 << 63, Created: time.Unix(1700000000, 0).UTC(), Files: files}
	for i := range files {
		files[i].NameSHA = depotwire.HashName(files[i].Name)
		m.Size += files[i].Size
		for _, c := range files[i].Chunks {
			m.CompressedSize += uint64(c.StoredSize)
			m.UniqueChunks++
		}
	}
	return m
}

func chunkAt(offset uint64, size uint32) depotwire.Chunk {
	return depotwire.Chunk{ID: depotwire.IDOf(fmt.Append(nil, offset, size)), Adler: size + 7, Offset: offset, Size: size, StoredSize: size + 64}
}

func sampleManifest() *depotwire.Manifest {
	m := build(
		depotwire.File{Name: "bin", Flags: depotwire.FlagDirectory},
		depotwire.File{Name: `bin\Server`, Size: 300, Flags: depotwire.FlagExecutable, ContentSHA: [20]byte{1, 2}, Chunks: []depotwire.Chunk{chunkAt(0, 100), chunkAt(100, 100), chunkAt(250, 50)}},
		depotwire.File{Name: "données\\日本語.txt", Size: 1, Chunks: []depotwire.Chunk{chunkAt(0, 1)}},
		depotwire.File{Name: "empty"},
		depotwire.File{Name: "link", Flags: depotwire.FlagSymlink, LinkTarget: "bin/Server"},
		depotwire.File{Name: strings.Repeat("long", 50)},
	)
	m.Signature = bytes.Repeat([]byte{9}, 128)
	return m
}

var sampleKey = bytes.Repeat([]byte{0x42}, depotwire.KeySize)

// sameFiles leaves out what the writer computes.
func sameFiles(t *testing.T, want, got *depotwire.Manifest) {
	t.Helper()
	require.Equal(t, want.Files, got.Files)
	require.Equal(t, []any{want.DepotID, want.ManifestID, want.Created, want.Size, want.CompressedSize, want.UniqueChunks},
		[]any{got.DepotID, got.ManifestID, got.Created, got.Size, got.CompressedSize, got.UniqueChunks})
}

func TestManifestRoundTrips(t *testing.T) {
	want := sampleManifest()
	for _, encrypt := range []bool{false, true} {
		t.Run(fmt.Sprintf("encrypted %v", encrypt), func(t *testing.T) {
			m := sampleManifest()
			if encrypt {
				require.NoError(t, m.EncryptNames(sampleKey, rand.Reader))
				require.NoError(t, m.EncryptNames(sampleKey, rand.Reader), "again: nothing happens")
				for i, file := range m.Files {
					require.NotContains(t, file.Name, want.Files[i].Name)
					require.True(t, strings.HasSuffix(file.Name, "\n"))
					for line := range strings.Lines(file.Name) {
						require.LessOrEqual(t, len(line), 73)
					}
				}
			}
			wrapped, err := depotwire.Wrap(m.Append(nil))
			require.NoError(t, err)
			got, err := readManifest(wrapped, sampleKey, depotwire.Limits{})
			require.NoError(t, err)
			sameFiles(t, want, got)
			require.Equal(t, want.Signature, got.Signature)
			require.NotZero(t, got.CRCClear, "known of clear and of encrypted ones")
			// Clear once more it has the checksum that was computed when it was encrypted.
			clear, err := depotwire.ParseManifest(got.Append(nil), depotwire.Limits{})
			require.NoError(t, err)
			require.Equal(t, got.CRCClear, clear.CRCClear)

			old, err := readManifest(m.AppendV4(nil), sampleKey, depotwire.Limits{})
			require.NoError(t, err)
			require.True(t, old.V4)
			withoutLinks := sampleManifest()
			withoutLinks.Files[4].LinkTarget = ""
			sameFiles(t, withoutLinks, old)
		})
	}
}

func TestManifestTruncationAndFlips(t *testing.T) {
	m := sampleManifest()
	m.Signature = m.Signature[:4]
	require.NoError(t, m.EncryptNames(sampleKey, rand.Reader))
	wrapped, err := depotwire.Wrap(m.Append(nil))
	require.NoError(t, err)
	for name, whole := range map[string][]byte{"sections": m.Append(nil), "v4": m.AppendV4(nil), "zip": wrapped} {
		t.Run(name, func(t *testing.T) {
			for n := range whole {
				_, err := readManifest(whole[:n], sampleKey, depotwire.Limits{})
				require.Error(t, err, "%d of %d bytes", n, len(whole))
				require.ErrorContains(t, err, "depotwire: manifest")
			}
			for bit := range len(whole) * 8 { // an error, or something that is not used; never a panic
				flipped := bytes.Clone(whole)
				flipped[bit/8] ^= 1 << (bit % 8)
				got, err := readManifest(flipped, sampleKey, depotwire.Limits{})
				if err == nil {
					require.Equal(t, len(m.Files), len(got.Files))
				}
			}
		})
	}
}

// section frames bytes.
func section(magic uint32, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
}

const (
	magicPayload   = 0x71F617D0
	magicMetadata  = 0x1F4812BE
	magicSignature = 0x1B81B817
)

var end = []byte{0xAB, 0x15, 0xC4, 0x32}

func TestSections(t *testing.T) {
	payload := section(magicPayload, []byte{0x0A, 0x03, 0x0A, 0x01, 'a'})
	metadata := section(magicMetadata, []byte{0x08, 0x07})
	signature := section(magicSignature, nil)
	for name, test := range map[string]struct {
		parts [][]byte
		want  error
	}{
		"usual order":        {[][]byte{payload, metadata, signature, end}, nil},
		"other order":        {[][]byte{signature, metadata, payload, end}, nil},
		"no signature":       {[][]byte{payload, metadata, end}, nil},
		"bytes after end":    {[][]byte{payload, metadata, end, payload, {1, 2, 3}}, nil},
		"no end":             {[][]byte{payload, metadata, signature}, depotwire.ErrTruncated},
		"no payload":         {[][]byte{metadata, signature, end}, depotwire.ErrTruncated},
		"no metadata":        {[][]byte{payload, signature, end}, depotwire.ErrTruncated},
		"nothing":            {nil, depotwire.ErrTruncated},
		"two payloads":       {[][]byte{payload, payload, metadata, end}, depotwire.ErrCorrupt},
		"two empty payloads": {[][]byte{section(magicPayload, nil), section(magicPayload, nil), metadata, end}, depotwire.ErrCorrupt},
		"two metadata":       {[][]byte{payload, metadata, metadata, end}, depotwire.ErrCorrupt},
		"two signatures":     {[][]byte{payload, metadata, signature, signature, end}, depotwire.ErrCorrupt},
		"unknown section":    {[][]byte{payload, section(0x1F4DB10B, nil), metadata, end}, depotwire.ErrCorrupt},
		"HTML":               {[][]byte{[]byte("<html>")}, depotwire.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := depotwire.ParseManifest(bytes.Join(test.parts, nil), depotwire.Limits{})
			require.ErrorIs(t, err, test.want)
			if err == nil {
				require.Equal(t, uint32(7), m.DepotID)
				require.Equal(t, "a", m.Files[0].Name)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	id := string(bytes.Repeat([]byte{1}, 20))
	for name, test := range map[string]struct {
		payload string
		want    error
	}{
		"unknown fields":     {"\x0A\x05\x0A\x01a\x78\x05" + "\x7A\x00", nil},
		"unknown group":      {"\x0B\x10\x01\x0C", nil},
		"open group":         {"\x0B\x10\x01", depotwire.ErrCorrupt},
		"field 0":            {"\x02\x00", depotwire.ErrCorrupt},
		"long varint":        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", depotwire.ErrCorrupt},
		"mapping too long":   {"\x0A\x02\x0A", depotwire.ErrCorrupt},
		"name too long":      {"\x0A\x02\x0A\x05", depotwire.ErrCorrupt},
		"chunk":              {"\x0A\x18\x32\x16\x0A\x14" + id, nil},
		"chunk without sha":  {"\x0A\x02\x32\x00", depotwire.ErrCorrupt},
		"sha of 19 bytes":    {"\x0A\x17\x32\x15\x0A\x13" + id[:19], depotwire.ErrCorrupt},
		"content of 1 byte":  {"\x0A\x03\x2A\x01\x00", depotwire.ErrCorrupt},
		"name sha of 1 byte": {"\x0A\x03\x22\x01\x00", depotwire.ErrCorrupt},
		"cb_original 2^32":   {"\x0A\x1E\x32\x1C\x0A\x14" + id + "\x20\x80\x80\x80\x80\x10", depotwire.ErrCorrupt},
		"cb_compressed 2^32": {"\x0A\x1E\x32\x1C\x0A\x14" + id + "\x28\x80\x80\x80\x80\x10", depotwire.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			b := bytes.Join([][]byte{section(magicPayload, []byte(test.payload)), section(magicMetadata, nil), end}, nil)
			_, err := depotwire.ParseManifest(b, depotwire.Limits{})
			require.ErrorIs(t, err, test.want)
		})
	}
}

// The hostile file of this name is cut as well; this one is not.
func TestLongVarint(t *testing.T) {
	b := bytes.Join([][]byte{section(magicPayload, append([]byte{0x08}, append(bytes.Repeat([]byte{0xFF}, 10), 0x7F)...)), section(magicMetadata, nil), end}, nil)
	_, err := depotwire.ParseManifest(b, depotwire.Limits{})
	require.ErrorIs(t, err, depotwire.ErrCorrupt)
}

func TestManifestLimits(t *testing.T) {
	m := sampleManifest()
	for name, limits := range map[string]depotwire.Limits{
		"bytes":      {MaxManifest: 100},
		"files":      {MaxFiles: 5},
		"chunks":     {MaxChunks: 3},
		"name":       {MaxName: 50},
		"file size":  {MaxFileSize: 299},
		"chunk size": {MaxChunk: 99},
	} {
		t.Run(name, func(t *testing.T) {
			for form, b := range map[string][]byte{"sections": m.Append(nil), "v4": m.AppendV4(nil)} {
				_, err := readManifest(b, nil, limits)
				require.Error(t, err, form)
				if name == "file size" || name == "chunk size" {
					require.ErrorIs(t, err, depotwire.ErrUnsafe, form)
				} else {
					require.ErrorIs(t, err, depotwire.ErrLimit, form)
				}
			}
		})
	}
	exact := depotwire.Limits{MaxManifest: 10_000, MaxFiles: 6, MaxChunks: 4, MaxName: 200, MaxFileSize: 300, MaxChunk: 100}
	_, err := readManifest(m.Append(nil), sampleKey, exact)
	require.NoError(t, err)
}

func TestChunksAreSorted(t *testing.T) {
	m := build(depotwire.File{Name: "a", Size: 300, Chunks: []depotwire.Chunk{chunkAt(200, 100), chunkAt(0, 100), chunkAt(100, 100)}})
	for _, b := range [][]byte{m.Append(nil), m.AppendV4(nil)} {
		got, err := readManifest(b, sampleKey, depotwire.Limits{})
		require.NoError(t, err)
		require.Equal(t, []depotwire.Chunk{chunkAt(0, 100), chunkAt(100, 100), chunkAt(200, 100)}, got.Files[0].Chunks)
	}
}

func TestSortFiles(t *testing.T) {
	m := build(depotwire.File{Name: "b"}, depotwire.File{Name: `a\z`}, depotwire.File{Name: "C"}, depotwire.File{Name: `A\b`})
	m.SortFiles()
	var names []string
	for _, file := range m.Files {
		names = append(names, file.Name)
	}
	require.Equal(t, []string{`A\b`, `a\z`, "b", "C"}, names)
}

// Others break lines elsewhere, end lines otherwise and forget the NUL.
func TestNamesAsOthersWriteThem(t *testing.T) {
	m := build(depotwire.File{Name: "directory/with/a/rather/long/name/so/that/there/is/more/than/one/line.txt"})
	want := m.Files[0].Name
	require.NoError(t, m.EncryptNames(sampleKey, rand.Reader))
	encrypted := strings.ReplaceAll(m.Files[0].Name, "\n", "")
	for _, variant := range []string{encrypted, encrypted + "\r\n", " " + encrypted[:10] + "\t\r\n " + encrypted[10:] + "\n\n"} {
		again := *m
		again.Files = []depotwire.File{{Name: variant}}
		require.NoError(t, again.DecryptNames(sampleKey))
		require.Equal(t, want, again.Files[0].Name)
	}
	for variant, err := range map[string]error{"": depotwire.ErrCorrupt, "AAAA": depotwire.ErrCorrupt, "not base64!": depotwire.ErrCorrupt, encrypted[:40]: depotwire.ErrCorrupt} {
		again := *m
		again.Files = []depotwire.File{{Name: variant}}
		require.ErrorIs(t, again.DecryptNames(sampleKey), err, variant)
	}
}
