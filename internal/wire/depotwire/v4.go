package depotwire

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
	"time"
)

// The old binary form, version 4 (spec steampipe.md §4.4).
const (
	v4Header     = 68
	v4FileFixed  = 8 + 4 + 20 + 20 + 4 // after the name
	v4ChunkFixed = 20 + 4 + 8 + 4 + 4
)

func parseV4(b []byte, limits Limits) (*Manifest, error) {
	if len(b) < v4Header {
		return nil, manifestError(ErrTruncated, "v4 header", "%d bytes, want %d", len(b), v4Header)
	}
	u32 := func(offset int) uint32 { return binary.LittleEndian.Uint32(b[offset:]) }
	if version := u32(4); version != 4 {
		return nil, manifestError(ErrCorrupt, "v4 header", "version %d", version)
	}
	m := &Manifest{
		V4:             true,
		DepotID:        u32(8),
		ManifestID:     binary.LittleEndian.Uint64(b[12:]),
		Created:        time.Unix(int64(u32(20)), 0).UTC(),
		NamesEncrypted: u32(24) != 0,
		Size:           binary.LittleEndian.Uint64(b[28:]),
		CompressedSize: binary.LittleEndian.Uint64(b[36:]),
		UniqueChunks:   u32(44),
		CRCEncrypted:   u32(56),
		CRCClear:       u32(60),
	}
	files, size := u32(48), u32(52)
	rest := b[v4Header:]
	if uint64(len(rest)) < uint64(size)+4 {
		return nil, manifestError(ErrTruncated, "v4 mappings", "claims %d bytes and an end, %d are left", size, len(rest))
	}
	if end := binary.LittleEndian.Uint32(rest[size:]); end != magicV4 {
		return nil, manifestError(ErrCorrupt, "v4 end", "magic 0x%08X", end)
	}
	mappings := rest[:size]
	if err := m.checkCRC(crc32.ChecksumIEEE(mappings)); err != nil {
		return nil, err
	}
	if uint64(files) > uint64(limits.MaxFiles) {
		return nil, manifestError(ErrLimit, "v4 header", "%d files, the limit is %d", files, limits.MaxFiles)
	}
	if err := m.parseV4Files(mappings, int(files), limits); err != nil {
		return nil, err
	}
	m.sortChunks()
	return m, nil
}

// parseV4Files reads the mappings: to count, then to fill.
func (m *Manifest) parseV4Files(b []byte, files int, limits Limits) error {
	if files > len(b)/(1+v4FileFixed) {
		return manifestError(ErrTruncated, "v4 mappings", "%d files claimed, %d bytes", files, len(b))
	}
	total, rest := census{}, b
	for ; total.files < files; total.files++ {
		name := bytes.IndexByte(rest, 0)
		if name < 0 || len(rest)-name-1 < v4FileFixed {
			return manifestError(ErrTruncated, "v4 mappings", "ends in file %d", total.files)
		}
		if name > 2*limits.MaxName {
			return manifestError(ErrLimit, "v4 filename", "file %d has one of %d bytes", total.files, name)
		}
		n := binary.LittleEndian.Uint32(rest[name+1+v4FileFixed-4:])
		rest = rest[name+1+v4FileFixed:]
		if uint64(n) > uint64(len(rest)/v4ChunkFixed) {
			return manifestError(ErrTruncated, "v4 mappings", "file %d claims %d chunks, %d bytes are left", total.files, n, len(rest))
		}
		rest = rest[int(n)*v4ChunkFixed:]
		total.text += name
		if total.chunks += int(n); total.chunks > limits.MaxChunks {
			return manifestError(ErrLimit, "v4 mappings", "more than %d chunks", limits.MaxChunks)
		}
	}
	if len(rest) > 0 {
		return manifestError(ErrCorrupt, "v4 mappings", "%d bytes behind %d files", len(rest), files)
	}
	m.Files = make([]File, files)
	chunks := make([]Chunk, 0, total.chunks)
	var text strings.Builder
	text.Grow(total.text)
	for i := range m.Files {
		file := &m.Files[i]
		name := bytes.IndexByte(b, 0)
		file.Name = take(&text, b[:name])
		b = b[name+1:]
		file.Size = binary.LittleEndian.Uint64(b)
		file.Flags = Flags(binary.LittleEndian.Uint32(b[8:]))
		copy(file.ContentSHA[:], b[12:])
		copy(file.NameSHA[:], b[32:])
		n := int(binary.LittleEndian.Uint32(b[52:]))
		b = b[v4FileFixed:]
		first := len(chunks)
		for range n {
			chunk := Chunk{
				Adler:      binary.LittleEndian.Uint32(b[20:]),
				Offset:     binary.LittleEndian.Uint64(b[24:]),
				Size:       binary.LittleEndian.Uint32(b[32:]),
				StoredSize: binary.LittleEndian.Uint32(b[36:]),
			}
			copy(chunk.ID[:], b)
			chunks = append(chunks, chunk)
			b = b[v4ChunkFixed:]
		}
		if n > 0 {
			file.Chunks = chunks[first:len(chunks):len(chunks)]
		}
	}
	return nil
}

// AppendV4 writes the old binary form, with a checksum. It has no room for link targets, and names end at a NUL.
func (m *Manifest) AppendV4(b []byte) []byte {
	start := len(b)
	le := binary.LittleEndian
	b = le.AppendUint32(b, magicV4)
	b = le.AppendUint32(b, 4)
	b = le.AppendUint32(b, m.DepotID)
	b = le.AppendUint64(b, m.ManifestID)
	b = le.AppendUint32(b, m.unixCreated())
	encrypted := uint32(0)
	if m.NamesEncrypted {
		encrypted = 1
	}
	b = le.AppendUint32(b, encrypted)
	b = le.AppendUint64(b, m.Size)
	b = le.AppendUint64(b, m.CompressedSize)
	b = le.AppendUint32(b, m.UniqueChunks)
	b = le.AppendUint32(b, uint32(len(m.Files)))
	b = append(b, make([]byte, v4Header-(len(b)-start))...)
	for i := range m.Files {
		file := &m.Files[i]
		b = append(append(b, file.Name...), 0)
		b = le.AppendUint64(b, file.Size)
		b = le.AppendUint32(b, uint32(file.Flags))
		b = append(b, file.ContentSHA[:]...)
		b = append(b, file.NameSHA[:]...)
		b = le.AppendUint32(b, uint32(len(file.Chunks)))
		for j := range file.Chunks {
			chunk := &file.Chunks[j]
			b = append(b, chunk.ID[:]...)
			b = le.AppendUint32(b, chunk.Adler)
			b = le.AppendUint64(b, chunk.Offset)
			b = le.AppendUint32(b, chunk.Size)
			b = le.AppendUint32(b, chunk.StoredSize)
		}
	}
	mappings := b[start+v4Header:]
	clear, crc := m.CRCClear, crc32.ChecksumIEEE(mappings)
	if m.NamesEncrypted {
		le.PutUint32(b[start+56:], crc)
	} else {
		clear = crc
	}
	le.PutUint32(b[start+52:], uint32(len(mappings)))
	le.PutUint32(b[start+60:], clear)
	return le.AppendUint32(b, magicV4)
}

// unixCreated is Created as manifests have it.
func (m *Manifest) unixCreated() uint32 {
	if m.Created.IsZero() {
		return 0
	}
	return uint32(min(max(m.Created.Unix(), 0), math.MaxUint32))
}
