package depotwire

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// census is what a payload needs room for.
type census struct {
	files, chunks, text int
}

// parsePayload reads the files. It goes over the payload twice: to count, and to fill one slab of files, one of chunks and
// one of text. A heap object for each chunk would cost several times the reading.
func (m *Manifest) parsePayload(b []byte, limits Limits) error {
	total, err := countPayload(b, limits)
	if err != nil {
		return err
	}
	m.Files = make([]File, 0, total.files)
	chunks := make([]Chunk, 0, total.chunks)
	var text strings.Builder
	text.Grow(total.text)
	for len(b) > 0 {
		mapping, rest, _ := nextField(b) // the first pass saw no error
		b = rest
		if mapping.number != 1 || mapping.kind != protowire.BytesType {
			continue
		}
		m.Files = append(m.Files, File{})
		file := &m.Files[len(m.Files)-1]
		first := len(chunks)
		if chunks, err = file.parse(mapping.bytes, len(m.Files)-1, chunks, &text); err != nil {
			return err
		}
		if first < len(chunks) {
			file.Chunks = chunks[first:len(chunks):len(chunks)]
		}
	}
	return nil
}

func countPayload(b []byte, limits Limits) (total census, err error) {
	for len(b) > 0 {
		mapping, rest, ok := nextField(b)
		if !ok {
			return total, manifestError(ErrCorrupt, "payload", "malformed protobuf at file %d", total.files)
		}
		b = rest
		if mapping.number != 1 || mapping.kind != protowire.BytesType {
			continue
		}
		if total.files++; total.files > limits.MaxFiles {
			return total, manifestError(ErrLimit, "payload", "more than %d files", limits.MaxFiles)
		}
		for inner := mapping.bytes; len(inner) > 0; {
			f, rest, ok := nextField(inner)
			if !ok {
				return total, manifestError(ErrCorrupt, "payload", "malformed protobuf in file %d", total.files-1)
			}
			inner = rest
			if f.kind != protowire.BytesType {
				continue
			}
			switch f.number {
			case 1, 7:
				// Encryption, base64 and its line ends make a name half as long again.
				if len(f.bytes) > 2*limits.MaxName {
					return total, manifestError(ErrLimit, "filename", "file %d has one of %d bytes", total.files-1, len(f.bytes))
				}
				total.text += len(f.bytes)
			case 6:
				if total.chunks++; total.chunks > limits.MaxChunks {
					return total, manifestError(ErrLimit, "payload", "more than %d chunks", limits.MaxChunks)
				}
			}
		}
	}
	return total, nil
}

// take appends to text and gives the part that was appended. Text has room, so what was given before stays where it is.
func take(text *strings.Builder, b []byte) string {
	start := text.Len()
	text.Write(b)
	return text.String()[start:]
}

func (file *File) parse(b []byte, index int, chunks []Chunk, text *strings.Builder) ([]Chunk, error) {
	for len(b) > 0 {
		f, rest, _ := nextField(b)
		b = rest
		switch {
		case f.kind == protowire.VarintType && f.number == 2:
			file.Size = f.value
		case f.kind == protowire.VarintType && f.number == 3:
			file.Flags = Flags(f.value)
		case f.kind != protowire.BytesType:
		case f.number == 1:
			file.Name = take(text, f.bytes)
		case f.number == 4:
			if !copyHash(&file.NameSHA, f.bytes) {
				return nil, manifestError(ErrCorrupt, "sha_filename", "file %d has one of %d bytes", index, len(f.bytes))
			}
		case f.number == 5:
			if !copyHash(&file.ContentSHA, f.bytes) {
				return nil, manifestError(ErrCorrupt, "sha_content", "file %d has one of %d bytes", index, len(f.bytes))
			}
		case f.number == 6:
			chunks = append(chunks, Chunk{})
			if err := chunks[len(chunks)-1].parse(f.bytes, index); err != nil {
				return nil, err
			}
		case f.number == 7:
			file.LinkTarget = take(text, f.bytes)
		}
	}
	return chunks, nil
}

func (c *Chunk) parse(b []byte, index int) error {
	named := false
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return manifestError(ErrCorrupt, "chunk", "malformed protobuf in a chunk of file %d", index)
		}
		b = rest
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			if named = len(f.bytes) == len(c.ID); !named {
				return manifestError(ErrCorrupt, "chunk sha", "file %d has one of %d bytes", index, len(f.bytes))
			}
			copy(c.ID[:], f.bytes)
		case f.number == 2 && f.kind == protowire.Fixed32Type:
			c.Adler = uint32(f.value)
		case f.kind != protowire.VarintType:
		case f.number == 3:
			c.Offset = f.value
		case f.number == 4:
			if f.value > 1<<32-1 {
				return manifestError(ErrCorrupt, "cb_original", "file %d has a chunk of %d bytes", index, f.value)
			}
			c.Size = uint32(f.value)
		case f.number == 5:
			if f.value > 1<<32-1 {
				return manifestError(ErrCorrupt, "cb_compressed", "file %d has a chunk of %d bytes", index, f.value)
			}
			c.StoredSize = uint32(f.value)
		}
	}
	if !named {
		return manifestError(ErrCorrupt, "chunk sha", "file %d has a chunk without one", index)
	}
	return nil
}

// copyHash takes a hash; none at all stands for zeros.
func copyHash(hash *[20]byte, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	return len(b) == len(hash) && copy(hash[:], b) > 0
}

func (m *Manifest) sortChunks() {
	byOffset := func(a, b Chunk) int { return cmp.Compare(a.Offset, b.Offset) }
	for i := range m.Files {
		if chunks := m.Files[i].Chunks; !slices.IsSortedFunc(chunks, byOffset) {
			slices.SortStableFunc(chunks, byOffset)
		}
	}
}
