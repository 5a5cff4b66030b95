package depotwire

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
)

// EncodeZip appends plain in a zip archive of one deflated entry.
func EncodeZip(dst, plain []byte) ([]byte, error) {
	return appendZip(dst, "z", plain)
}

// EncodeVZ appends plain in a VZ container. The LZMA encoder comes from outside: it gives the five bytes of properties and the
// data, without end marker.
func EncodeVZ(dst, plain []byte, compressLZMA func([]byte) (properties [5]byte, data []byte, err error)) ([]byte, error) {
	return appendVZ(dst, "VZa", crc32.ChecksumIEEE(plain), plain, compressLZMA)
}

// EncodePackageVZ is [EncodeVZ] for packages of the client, which have a Unix time where chunks have a checksum.
func EncodePackageVZ(dst, plain []byte, created uint32, compressLZMA func([]byte) (properties [5]byte, data []byte, err error)) ([]byte, error) {
	return appendVZ(dst, "VZa", created, plain, compressLZMA)
}

// EncodeVZDelta is [EncodeVZ] for patches: the encoder begins with the source chunk as what it has seen.
func EncodeVZDelta(dst, plain []byte, compressLZMA func([]byte) (properties [5]byte, data []byte, err error)) ([]byte, error) {
	return appendVZ(dst, "VZd", crc32.ChecksumIEEE(plain), plain, compressLZMA)
}

func appendVZ(dst []byte, magic string, header uint32, plain []byte, compressLZMA func([]byte) ([5]byte, []byte, error)) ([]byte, error) {
	properties, data, err := compressLZMA(plain)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	dst = le.AppendUint32(append(dst, magic...), header)
	dst = append(append(dst, properties[:]...), data...)
	dst = le.AppendUint32(dst, crc32.ChecksumIEEE(plain))
	dst = le.AppendUint32(dst, uint32(len(plain)))
	return append(dst, "zv"...), nil
}

// EncodeVSZ appends plain in a VSZ container.
func EncodeVSZ(dst, plain []byte) ([]byte, error) {
	return appendVSZ(dst, "VSZa", plain)
}

// EncodeVSZDelta appends plain in a VSZ container for patches, compressed with the source chunk as dictionary.
func EncodeVSZDelta(dst, plain, source []byte) ([]byte, error) {
	return appendVSZ(dst, "VSZd", plain, zstd.WithEncoderDictRaw(0, source))
}

func appendVSZ(dst []byte, magic string, plain []byte, options ...zstd.EOption) ([]byte, error) {
	options = append(options, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithZeroFrames(true))
	encoder, err := zstd.NewWriter(nil, options...)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	crc := crc32.ChecksumIEEE(plain)
	dst = le.AppendUint32(append(dst, magic...), crc)
	dst = encoder.EncodeAll(plain, dst)
	dst = le.AppendUint32(dst, crc)
	dst = le.AppendUint32(dst, uint32(len(plain)))
	return append(dst, "\x00\x00\x00\x00zsv"...), encoder.Close()
}
