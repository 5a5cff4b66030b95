package depotwire

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Append writes the manifest in sections, names as they are, clear or encrypted, with a checksum over the payload.
// It is not zipped: see [Wrap].
func (m *Manifest) Append(b []byte) []byte {
	b = slices.Grow(b, m.payloadBound()+1024+len(m.Signature))
	b = binary.LittleEndian.AppendUint32(b, magicPayload)
	b = binary.LittleEndian.AppendUint32(b, 0) // the length, when it is known
	start := len(b)
	b = m.appendPayload(b)
	payload := b[start:]
	binary.LittleEndian.PutUint32(b[start-4:], uint32(len(payload)))
	b = appendSection(b, magicMetadata, m.appendMetadata(nil, sectionCRC(payload)))
	var signature []byte
	if len(m.Signature) > 0 {
		signature = appendBytes(nil, 1, m.Signature)
	}
	b = appendSection(b, magicSignature, signature)
	return binary.LittleEndian.AppendUint32(b, magicEnd)
}

// payloadBound is as long as a payload can get: tags, lengths and numbers at their longest.
func (m *Manifest) payloadBound() int {
	const perFile, perChunk = 6 + 2*11 + 2*22 + 2*6, 6 + 22 + 5 + 11 + 2*6
	bound := 0
	for i := range m.Files {
		file := &m.Files[i]
		bound += perFile + len(file.Name) + len(file.LinkTarget) + perChunk*len(file.Chunks)
	}
	return bound
}

func appendSection(b []byte, magic uint32, section []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(section)))
	return append(b, section...)
}

func (m *Manifest) appendPayload(b []byte) []byte {
	var mapping, chunk []byte
	for i := range m.Files {
		file := &m.Files[i]
		mapping = appendBytes(mapping[:0], 1, file.Name)
		mapping = appendUint(mapping, 2, file.Size)
		mapping = appendUint(mapping, 3, uint64(file.Flags))
		mapping = appendBytes(mapping, 4, file.NameSHA[:])
		mapping = appendBytes(mapping, 5, file.ContentSHA[:])
		for j := range file.Chunks {
			c := &file.Chunks[j]
			chunk = appendBytes(chunk[:0], 1, c.ID[:])
			chunk = protowire.AppendFixed32(protowire.AppendTag(chunk, 2, protowire.Fixed32Type), c.Adler)
			chunk = appendUint(chunk, 3, c.Offset)
			chunk = appendUint(chunk, 4, uint64(c.Size))
			chunk = appendUint(chunk, 5, uint64(c.StoredSize))
			mapping = appendBytes(mapping, 6, chunk)
		}
		if file.LinkTarget != "" {
			mapping = appendBytes(mapping, 7, file.LinkTarget)
		}
		b = appendBytes(b, 1, mapping)
	}
	return b
}

func (m *Manifest) appendMetadata(b []byte, crc uint32) []byte {
	crcEncrypted, crcClear, encrypted := m.CRCEncrypted, crc, uint64(0)
	if m.NamesEncrypted {
		crcEncrypted, crcClear, encrypted = crc, m.CRCClear, 1
	}
	b = appendUint(b, 1, uint64(m.DepotID))
	b = appendUint(b, 2, m.ManifestID)
	b = appendUint(b, 3, uint64(m.unixCreated()))
	b = appendUint(b, 4, encrypted)
	b = appendUint(b, 5, m.Size)
	b = appendUint(b, 6, m.CompressedSize)
	b = appendUint(b, 7, uint64(m.UniqueChunks))
	b = appendUint(b, 8, uint64(crcEncrypted))
	return appendUint(b, 9, uint64(crcClear))
}
