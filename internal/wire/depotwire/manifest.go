package depotwire

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Magics of a manifest's sections (spec steampipe.md §4.2).
const (
	magicPayload   = 0x71F617D0
	magicMetadata  = 0x1F4812BE
	magicSignature = 0x1B81B817
	magicEnd       = 0x32C415AB
	magicV4        = 0x16349781
)

// ParseManifest reads a manifest, in sections or in the old binary form, which it tells by its magic. The bytes must be
// unwrapped (see [Unwrap]). Nothing of b is kept. The checksum over the payload is verified; names and numbers are what the
// manifest claims: use [Validate] when the names are clear.
func ParseManifest(b []byte, limits Limits) (*Manifest, error) {
	limits = limits.withDefaults()
	if len(b) > limits.MaxManifest {
		return nil, manifestError(ErrLimit, "", "%d bytes, the limit is %d", len(b), limits.MaxManifest)
	}
	if len(b) >= 4 && binary.LittleEndian.Uint32(b) == magicV4 {
		return parseV4(b, limits)
	}
	sections, err := splitSections(b)
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := m.parseMetadata(sections.metadata); err != nil {
		return nil, err
	}
	if err := m.checkCRC(sectionCRC(sections.payload)); err != nil {
		return nil, err
	}
	if err := m.parseSignature(sections.signature); err != nil {
		return nil, err
	}
	if err := m.parsePayload(sections.payload, limits); err != nil {
		return nil, err
	}
	m.sortChunks()
	return m, nil
}

// sections are the parts of a manifest; nil if missing.
type sections struct {
	payload, metadata, signature []byte
}

// splitSections finds the sections, in any order. Bytes after the end are ignored, as everyone does.
func splitSections(b []byte) (s sections, err error) {
	for {
		if len(b) < 4 {
			return s, manifestError(ErrTruncated, "", "no end section")
		}
		magic := binary.LittleEndian.Uint32(b)
		var part *[]byte
		var name string
		switch magic {
		case magicPayload:
			part, name = &s.payload, "payload"
		case magicMetadata:
			part, name = &s.metadata, "metadata"
		case magicSignature:
			part, name = &s.signature, "signature"
		case magicEnd:
			if s.payload == nil {
				return s, manifestError(ErrTruncated, "payload", "missing")
			}
			if s.metadata == nil {
				return s, manifestError(ErrTruncated, "metadata", "missing")
			}
			return s, nil
		default:
			return s, manifestError(ErrCorrupt, "section", "unknown magic 0x%08X", magic)
		}
		if *part != nil {
			return s, manifestError(ErrCorrupt, name, "section comes twice")
		}
		if len(b) < 8 {
			return s, manifestError(ErrTruncated, name, "no length")
		}
		n := uint64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if n > uint64(len(b)) {
			return s, manifestError(ErrTruncated, name, "claims %d bytes, %d are left", n, len(b))
		}
		*part, b = b[:n:n], b[n:]
	}
}

// sectionCRC is the checksum of a payload: over its length too.
func sectionCRC(payload []byte) uint32 {
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(payload)))
	return crc32.Update(crc32.ChecksumIEEE(length[:]), crc32.IEEETable, payload)
}

// checkCRC compares with the checksum for the state that the names are in; 0 means that there is none.
func (m *Manifest) checkCRC(crc uint32) error {
	want, name := m.CRCClear, "crc_clear"
	if m.NamesEncrypted {
		want, name = m.CRCEncrypted, "crc_encrypted"
	}
	if want != 0 && want != crc {
		return manifestError(ErrChecksum, name, "payload has %08x, want %08x", crc, want)
	}
	return nil
}

func (m *Manifest) parseMetadata(b []byte) error {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return manifestError(ErrCorrupt, "metadata", "malformed protobuf")
		}
		b = rest
		if f.kind != protowire.VarintType {
			continue
		}
		switch f.number {
		case 1:
			m.DepotID = uint32(f.value)
		case 2:
			m.ManifestID = f.value
		case 3:
			m.Created = time.Unix(int64(uint32(f.value)), 0).UTC()
		case 4:
			m.NamesEncrypted = f.value != 0
		case 5:
			m.Size = f.value
		case 6:
			m.CompressedSize = f.value
		case 7:
			m.UniqueChunks = uint32(f.value)
		case 8:
			m.CRCEncrypted = uint32(f.value)
		case 9:
			m.CRCClear = uint32(f.value)
		}
	}
	return nil
}

func (m *Manifest) parseSignature(b []byte) error {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return manifestError(ErrCorrupt, "signature", "malformed protobuf")
		}
		b = rest
		if f.number == 1 && f.kind == protowire.BytesType {
			if len(f.bytes) > 4096 {
				return manifestError(ErrLimit, "signature", "%d bytes", len(f.bytes))
			}
			m.Signature = append([]byte(nil), f.bytes...)
		}
	}
	return nil
}
