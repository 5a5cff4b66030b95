package depotwire

import (
	"encoding/binary"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/relight-sdk/relight/internal/lzma"
)

// Magics of a patch (spec steampipe.md §6; SteamKit, tek-steamclient).
const (
	magicPatch    = 0x502F15E5
	magicPatchEnd = 0xF3DEA982
)

// Patch turns chunks of one manifest into chunks of another one.
type Patch struct {
	DepotID        uint32
	SourceManifest uint64
	TargetManifest uint64
	Deltas         []Delta
	After          bool // the data follows the messages instead of lying in them; both forms are in use
}

// Delta makes one chunk out of another one: see [Decoder.DecodeDelta].
type Delta struct {
	Source, Target ChunkID
	Size           uint32 // plain size of the target
	Method         uint32 // unused here: the container's magic tells the same
	Data           []byte
}

// ParsePatch reads a patch; it must be decrypted already (see [DecryptChunk]). The deltas' data are parts of b.
func ParsePatch(b []byte, limits Limits) (*Patch, error) {
	limits = limits.withDefaults()
	le := binary.LittleEndian
	if len(b) < 8 {
		return nil, patchError(ErrTruncated, "header", "%d bytes", len(b))
	}
	if magic := le.Uint32(b); magic != magicPatch {
		return nil, patchError(ErrCorrupt, "header", "magic 0x%08X", magic)
	}
	n, rest := le.Uint32(b[4:]), b[8:]
	if uint64(n) > uint64(len(rest)) {
		return nil, patchError(ErrTruncated, "message", "claims %d bytes, %d are left", n, len(rest))
	}
	message, rest := rest[:n], rest[n:]
	p := &Patch{}
	sizes, err := p.parse(message, limits)
	if err != nil {
		return nil, err
	}
	if p.After {
		if rest, err = p.takeData(rest, sizes); err != nil {
			return nil, err
		}
	}
	if len(rest) < 4 {
		return nil, patchError(ErrTruncated, "end", "%d bytes", len(rest))
	}
	if magic := le.Uint32(rest); magic != magicPatchEnd {
		return nil, patchError(ErrCorrupt, "end", "magic 0x%08X", magic)
	}
	return p, nil
}

// parse reads the protobuf message. It gives the sizes of the data, for those that follow.
func (p *Patch) parse(b []byte, limits Limits) (sizes []uint32, err error) {
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return nil, patchError(ErrCorrupt, "message", "malformed protobuf")
		}
		b = rest
		switch {
		case f.kind == protowire.BytesType && f.number == 4:
			if len(p.Deltas) == limits.MaxChunks {
				return nil, patchError(ErrLimit, "message", "more than %d deltas", limits.MaxChunks)
			}
			var delta Delta
			size, err := delta.parse(f.bytes, len(p.Deltas))
			if err != nil {
				return nil, err
			}
			if delta.Size > limits.MaxChunk {
				return nil, patchError(ErrLimit, "size_original", "delta %d makes %d bytes, the limit is %d", len(p.Deltas), delta.Size, limits.MaxChunk)
			}
			p.Deltas, sizes = append(p.Deltas, delta), append(sizes, size)
		case f.kind != protowire.VarintType:
		case f.number == 1:
			p.DepotID = uint32(f.value)
		case f.number == 2:
			p.SourceManifest = f.value
		case f.number == 3:
			p.TargetManifest = f.value
		case f.number == 5:
			if f.value > 1 {
				return nil, patchError(ErrCorrupt, "chunk_data_location", "is %d", f.value)
			}
			p.After = f.value == 1
		}
	}
	return sizes, nil
}

func (d *Delta) parse(b []byte, index int) (size uint32, err error) {
	seen := 0
	for len(b) > 0 {
		f, rest, ok := nextField(b)
		if !ok {
			return 0, patchError(ErrCorrupt, "delta", "malformed protobuf in delta %d", index)
		}
		b = rest
		switch {
		case f.kind == protowire.BytesType && (f.number == 1 || f.number == 2):
			id := &d.Source
			if f.number == 2 {
				id = &d.Target
			}
			if len(f.bytes) != len(id) {
				return 0, patchError(ErrCorrupt, "sha", "delta %d has one of %d bytes", index, len(f.bytes))
			}
			copy(id[:], f.bytes)
			seen |= 1 << f.number
		case f.kind == protowire.BytesType && f.number == 5:
			d.Data = f.bytes
		case f.kind != protowire.VarintType:
		case f.number == 3:
			if f.value > 1<<32-1 {
				return 0, patchError(ErrLimit, "size_original", "delta %d makes %d bytes", index, f.value)
			}
			d.Size = uint32(f.value)
		case f.number == 4:
			d.Method = uint32(f.value)
		case f.number == 6:
			if f.value > 1<<32-1 {
				return 0, patchError(ErrLimit, "size_delta", "delta %d has %d bytes", index, f.value)
			}
			size = uint32(f.value)
		}
	}
	if seen != 1<<1|1<<2 {
		return 0, patchError(ErrCorrupt, "sha", "delta %d does not name source and target", index)
	}
	return size, nil
}

// takeData hands out the data that follows the message, in the order of the list.
func (p *Patch) takeData(b []byte, sizes []uint32) (rest []byte, err error) {
	if len(b) < 4 {
		return nil, patchError(ErrTruncated, "data", "no length")
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if uint64(n) > uint64(len(b)) {
		return nil, patchError(ErrTruncated, "data", "claims %d bytes, %d are left", n, len(b))
	}
	data, rest := b[:n], b[n:]
	for i, size := range sizes {
		if uint64(size) > uint64(len(data)) {
			return nil, patchError(ErrTruncated, "data", "delta %d claims %d bytes, %d are left", i, size, len(data))
		}
		p.Deltas[i].Data, data = data[:size:size], data[size:]
	}
	return rest, nil
}

// Append writes the patch, in the layout that After says. [EncryptChunk] encrypts it.
func (p *Patch) Append(b []byte) []byte {
	var message, inner, data []byte
	message = appendUint(message, 1, uint64(p.DepotID))
	message = appendUint(message, 2, p.SourceManifest)
	message = appendUint(message, 3, p.TargetManifest)
	for i := range p.Deltas {
		d := &p.Deltas[i]
		inner = appendBytes(inner[:0], 1, d.Source[:])
		inner = appendBytes(inner, 2, d.Target[:])
		inner = appendUint(inner, 3, uint64(d.Size))
		inner = appendUint(inner, 4, uint64(d.Method))
		if p.After {
			data = append(data, d.Data...)
		} else {
			inner = appendBytes(inner, 5, d.Data)
		}
		inner = appendUint(inner, 6, uint64(len(d.Data)))
		message = appendBytes(message, 4, inner)
	}
	if p.After {
		message = appendUint(message, 5, 1)
	}
	b = appendSection(b, magicPatch, message)
	if p.After {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		b = append(b, data...)
	}
	return binary.LittleEndian.AppendUint32(b, magicPatchEnd)
}

// DecodeDelta makes a chunk out of the plain bytes of its source and gives its length. dst has room for the plain size that
// the patch says and must not overlap with source. The container's checksums are verified; [Chunk.Verify] does the rest.
func (d *Decoder) DecodeDelta(dst, delta, source []byte) (n int, err error) {
	p, err := split(delta)
	if err != nil {
		return 0, err
	}
	if uint64(p.size) > uint64(len(dst)) {
		return 0, patchError(ErrLimit, "size", "%v container claims %d bytes, want %d at most", p.container, p.size, len(dst))
	}
	dst = dst[:p.size]
	switch p.container {
	case ContainerVZDelta:
		return len(dst), d.decodeLZMADelta(dst, p, source)
	case ContainerVSZDelta:
		// The dictionary is part of the decoder; patches are rare enough to make one each time.
		z, err := newZstd(zstd.WithDecoderDictRaw(0, source))
		if err != nil {
			return 0, patchError(ErrCorrupt, "VSZd", "dictionary of %d bytes: %v", len(source), err)
		}
		defer z.Close()
		if err := decodeZstd(z, dst, p); err != nil {
			return 0, err
		}
		return len(dst), checkCRC32(dst, p.crc, p.header)
	}
	return 0, patchError(ErrContainer, "", "%v holds whole chunks", p.container)
}

func (d *Decoder) decodeLZMADelta(dst []byte, p parts, source []byte) error {
	err := d.decodeLZMA(dst, p, lzma.Options{Dictionary: source})
	if err == nil {
		err = checkCRC32(dst, p.crc, p.header)
	}
	// The LZMA SDK counts positions from 0, liblzma from the start of the dictionary. Only the last bits count: with most
	// sources both come to the same. Nobody knows what Steam does with the others, so the checksum decides.
	if err != nil && len(source)%16 != 0 {
		if d.decodeLZMA(dst, p, lzma.Options{Dictionary: source, Position: uint32(len(source))}) == nil && checkCRC32(dst, p.crc, p.header) == nil {
			return nil
		}
	}
	return err
}
