package depotwire

import (
	"encoding/binary"

	"github.com/klauspost/compress/zstd"

	"github.com/relight-sdk/relight/internal/lzma"
)

// Container is how a chunk is compressed.
type Container uint8

// The containers (spec steampipe.md §5.2).
const (
	ContainerUnknown  Container = iota
	ContainerZip                // one deflated entry
	ContainerVZ                 // LZMA1
	ContainerVSZ                // zstd, since 2025
	ContainerVZDelta            // LZMA1 after the source chunk, in patches
	ContainerVSZDelta           // zstd with the source chunk as dictionary, in patches
)

// String is the container's name.
func (c Container) String() string {
	switch c {
	case ContainerZip:
		return "zip"
	case ContainerVZ:
		return "VZ"
	case ContainerVSZ:
		return "VSZ"
	case ContainerVZDelta:
		return "VZd"
	case ContainerVSZDelta:
		return "VSZd"
	}
	return "unknown"
}

// ContainerOf tells the container by its magic.
func ContainerOf(b []byte) Container {
	if len(b) >= 4 {
		switch string(b[:4]) {
		case "PK\x03\x04":
			return ContainerZip
		case "VSZa":
			return ContainerVSZ
		case "VSZd":
			return ContainerVSZDelta
		}
		switch string(b[:3]) {
		case "VZa":
			return ContainerVZ
		case "VZd":
			return ContainerVZDelta
		}
	}
	return ContainerUnknown
}

// Overheads of the containers: VZ is magic 3, CRC or time 4, LZMA properties 5; then CRC 4, size 4, magic 2. VSZ is magic 4,
// CRC 4; then CRC 4, size 4, zero 4, magic 3.
const (
	vzHeader  = 12
	vzFooter  = 10
	vszHeader = 8
	vszFooter = 15
)

// parts are a container taken apart; sizes and sums are claims.
type parts struct {
	container Container
	header    uint32 // CRC-32, or the creation time of a client package
	crc       uint32
	size      uint32
	property  byte   // of LZMA
	data      []byte // LZMA: with the footer behind it, for the range coder to look into
	zip       zipEntry
}

func split(b []byte) (p parts, err error) {
	le := binary.LittleEndian
	p.container = ContainerOf(b)
	switch p.container {
	case ContainerZip:
		p.zip, err = parseZip(b, "chunk")
		p.crc, p.size = p.zip.crc, p.zip.plain
	case ContainerVZ, ContainerVZDelta:
		if len(b) < vzHeader+vzFooter {
			return p, chunkError(ErrTruncated, "VZ", "%d bytes", len(b))
		}
		footer := b[len(b)-vzFooter:]
		if string(footer[8:]) != "zv" {
			return p, chunkError(ErrCorrupt, "VZ footer", "magic %q", footer[8:])
		}
		p.header, p.property = le.Uint32(b[3:]), b[7]
		p.crc, p.size = le.Uint32(footer), le.Uint32(footer[4:])
		p.data = b[vzHeader:]
	case ContainerVSZ, ContainerVSZDelta:
		if len(b) < vszHeader+vszFooter {
			return p, chunkError(ErrTruncated, "VSZ", "%d bytes", len(b))
		}
		footer := b[len(b)-vszFooter:]
		if string(footer[12:]) != "zsv" {
			return p, chunkError(ErrCorrupt, "VSZ footer", "magic %q", footer[12:])
		}
		// Read by some as one number of 64 bits: then the upper half of the size is what must be 0.
		if high := le.Uint32(footer[8:]); high != 0 {
			return p, chunkError(ErrLimit, "VSZ footer", "size above 4 GiB")
		}
		p.header, p.crc, p.size = le.Uint32(b[4:]), le.Uint32(footer), le.Uint32(footer[4:])
		p.data = b[vszHeader : len(b)-vszFooter]
	default:
		return p, chunkError(ErrContainer, "", "unknown container, magic %x", b[:min(len(b), 4)])
	}
	return p, err
}

// PlainSize is the plain size that a container claims.
func PlainSize(container []byte) (uint32, error) {
	p, err := split(container)
	return p.size, err
}

// Decoder undoes the containers' compression. It keeps tables and windows from one chunk to the next, so that decoding
// allocates nothing once it is warm. The zero value is ready for use, by one goroutine at a time.
type Decoder struct {
	lzma    lzma.Decoder
	zstd    *zstd.Decoder
	inflate inflater
}

// Decode undoes the compression of a chunk into dst and gives the number of plain bytes. dst has room for what the manifest
// says that the chunk is; a container that claims more is refused before anything is done. The container's own checksums
// are verified; that it is the right chunk is for [Chunk.Verify] to say.
func (d *Decoder) Decode(dst []byte, container []byte) (n int, err error) {
	p, err := split(container)
	if err != nil {
		return 0, err
	}
	if uint64(p.size) > uint64(len(dst)) {
		return 0, chunkError(ErrLimit, "size", "%v container claims %d bytes, want %d at most", p.container, p.size, len(dst))
	}
	dst = dst[:p.size]
	switch p.container {
	case ContainerZip:
		return len(dst), d.inflate.inflate(dst, p.zip, "chunk")
	case ContainerVZ:
		err = d.decodeLZMA(dst, p, lzma.Options{})
	case ContainerVSZ:
		if err = d.openZstd(); err == nil {
			err = decodeZstd(d.zstd, dst, p)
		}
	default:
		return 0, chunkError(ErrContainer, "", "%v is for patches", p.container)
	}
	if err != nil {
		return 0, err
	}
	return len(dst), checkCRC32(dst, p.crc, p.header)
}

func (d *Decoder) decodeLZMA(dst []byte, p parts, options lzma.Options) error {
	n, err := d.lzma.Decode(dst, p.data, p.property, options)
	if err != nil {
		return chunkError(ErrCorrupt, "VZ", "at plain byte %d of %d: %v", n, len(dst), err)
	}
	return nil
}

func (d *Decoder) openZstd() (err error) {
	if d.zstd == nil {
		d.zstd, err = newZstd()
	}
	return err
}

// newZstd makes a decoder that works in the caller's goroutine and in the caller's memory only.
func newZstd(options ...zstd.DOption) (*zstd.Decoder, error) {
	options = append(options,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxWindow(64<<20),
		zstd.WithDecodeAllCapLimit(true))
	return zstd.NewReader(nil, options...)
}

func decodeZstd(z *zstd.Decoder, dst []byte, p parts) error {
	plain, err := z.DecodeAll(p.data, dst[:0:len(dst)])
	if err != nil {
		return chunkError(ErrCorrupt, "VSZ", "%v", err)
	}
	if len(plain) != len(dst) {
		return chunkError(ErrCorrupt, "VSZ", "%d plain bytes, the footer says %d", len(plain), len(dst))
	}
	if len(plain) > 0 && &plain[0] != &dst[0] {
		copy(dst, plain)
	}
	return nil
}
