package depotwire

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// The part of the zip format that Steam uses: one entry, stored or deflated. archive/zip makes a dozen objects for each
// archive; chunks come by the thousand.
const (
	zipLocalMagic   = 0x04034b50
	zipCentralMagic = 0x02014b50
	zipEndMagic     = 0x06054b50
	zipLocalSize    = 30
	zipCentralSize  = 46
	zipEndSize      = 22
	zipStored       = 0
	zipDeflated     = 8
)

// zipEntry is the only entry of an archive. What it says of the plain size is a claim.
type zipEntry struct {
	method uint16
	crc    uint32
	plain  uint32
	body   []byte // a part of the archive
}

// parseZip finds the entry by the central directory, as the local header may leave sizes to a descriptor behind the data.
func parseZip(b []byte, message string) (e zipEntry, err error) {
	fail := func(class error, reason string) (zipEntry, error) {
		return e, &Error{Message: message, Field: "zip", Reason: reason, Err: class}
	}
	le := binary.LittleEndian
	end := -1
	for i := len(b) - zipEndSize; i >= max(0, len(b)-zipEndSize-0xFFFF); i-- {
		if le.Uint32(b[i:]) == zipEndMagic && i+zipEndSize+int(le.Uint16(b[i+20:])) == len(b) {
			end = i
			break
		}
	}
	if end < 0 {
		return fail(ErrTruncated, "no end of the central directory")
	}
	if n := le.Uint16(b[end+10:]); n != 1 {
		return fail(ErrCorrupt, "not exactly one entry")
	}
	at := uint64(le.Uint32(b[end+16:]))
	if at+zipCentralSize > uint64(end) || le.Uint32(b[at:]) != zipCentralMagic {
		return fail(ErrCorrupt, "no central directory")
	}
	central := b[at:end]
	if le.Uint16(central[8:])&1 != 0 {
		return fail(ErrCorrupt, "encrypted entry")
	}
	e.method, e.crc, e.plain = le.Uint16(central[10:]), le.Uint32(central[16:]), le.Uint32(central[24:])
	stored, local := uint64(le.Uint32(central[20:])), uint64(le.Uint32(central[42:]))
	if e.method != zipStored && e.method != zipDeflated {
		return fail(ErrCorrupt, "neither stored nor deflated")
	}
	if local+zipLocalSize > at || le.Uint32(b[local:]) != zipLocalMagic {
		return fail(ErrCorrupt, "no local header")
	}
	start := local + zipLocalSize + uint64(le.Uint16(b[local+26:])) + uint64(le.Uint16(b[local+28:]))
	if start+stored > at {
		return fail(ErrCorrupt, "entry longer than the archive")
	}
	if e.method == zipStored && stored != uint64(e.plain) {
		return fail(ErrCorrupt, "stored entry with two sizes")
	}
	e.body = b[start : start+stored]
	return e, nil
}

// inflater reads one entry after the other with the same window.
type inflater struct {
	source bytes.Reader
	reader io.ReadCloser
	one    [1]byte
}

// inflate fills dst, which must be what the entry holds, exactly.
func (i *inflater) inflate(dst []byte, e zipEntry, message string) error {
	if e.method == zipStored {
		if len(e.body) != len(dst) {
			return &Error{Message: message, Field: "zip", Reason: "size is not what it says", Err: ErrCorrupt}
		}
		copy(dst, e.body)
	} else {
		i.source.Reset(e.body)
		if i.reader == nil {
			i.reader = flate.NewReader(&i.source)
		} else if err := i.reader.(flate.Resetter).Reset(&i.source, nil); err != nil {
			return &Error{Message: message, Field: "zip", Reason: err.Error(), Err: ErrCorrupt}
		}
		if _, err := io.ReadFull(i.reader, dst); err != nil {
			return &Error{Message: message, Field: "zip", Reason: "deflated data: " + err.Error(), Err: ErrCorrupt}
		}
		n, err := i.reader.Read(i.one[:])
		for n == 0 && err == nil {
			n, err = i.reader.Read(i.one[:])
		}
		if n != 0 {
			return &Error{Message: message, Field: "zip", Reason: "entry goes on after the size it claims", Err: ErrCorrupt}
		}
		if err != io.EOF {
			return &Error{Message: message, Field: "zip", Reason: "deflated data: " + err.Error(), Err: ErrCorrupt}
		}
	}
	if crc32.ChecksumIEEE(dst) != e.crc {
		return &Error{Message: message, Field: "zip", Reason: "crc mismatch", Err: ErrChecksum}
	}
	return nil
}

// inflateGrowing inflates an entry whose size is only a claim: memory grows with what really comes out, up to the limit.
func (e zipEntry) inflateGrowing(limit int, message string) ([]byte, error) {
	if uint64(e.plain) > uint64(limit) {
		return nil, &Error{Message: message, Field: "zip", Reason: "entry claims more than the limit", Err: ErrLimit}
	}
	if e.method == zipStored {
		if crc32.ChecksumIEEE(e.body) != e.crc {
			return nil, &Error{Message: message, Field: "zip", Reason: "crc mismatch", Err: ErrChecksum}
		}
		return bytes.Clone(e.body), nil
	}
	var b bytes.Buffer
	// Deflate makes at most 1032 bytes out of one: a claim beyond that earns no memory in advance.
	b.Grow(int(min(uint64(e.plain), 1032*uint64(len(e.body)))) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(flate.NewReader(bytes.NewReader(e.body)), int64(e.plain)+1))
	switch {
	case err != nil:
		return nil, &Error{Message: message, Field: "zip", Reason: "deflated data: " + err.Error(), Err: ErrCorrupt}
	case n != int64(e.plain):
		return nil, &Error{Message: message, Field: "zip", Reason: "size is not what it says", Err: ErrCorrupt}
	case crc32.ChecksumIEEE(b.Bytes()) != e.crc:
		return nil, &Error{Message: message, Field: "zip", Reason: "crc mismatch", Err: ErrChecksum}
	}
	return b.Bytes(), nil
}

// appendZip writes an archive of one deflated entry, dated 1980-01-01 like Steam's.
func appendZip(b []byte, name string, plain []byte) ([]byte, error) {
	var body bytes.Buffer
	w, err := flate.NewWriter(&body, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	start := len(b)
	// The fields that the local header and the central directory share.
	common := func(b []byte) []byte {
		b = le.AppendUint16(b, 20) // version that can read it
		b = le.AppendUint16(b, 0)  // flags
		b = le.AppendUint16(b, zipDeflated)
		b = le.AppendUint16(b, 0)      // time
		b = le.AppendUint16(b, 1<<5|1) // date: 1980-01-01
		b = le.AppendUint32(b, crc32.ChecksumIEEE(plain))
		b = le.AppendUint32(b, uint32(body.Len()))
		b = le.AppendUint32(b, uint32(len(plain)))
		b = le.AppendUint16(b, uint16(len(name)))
		return le.AppendUint16(b, 0) // extra fields
	}
	b = append(common(le.AppendUint32(b, zipLocalMagic)), name...)
	b = append(b, body.Bytes()...)
	central := len(b)
	b = le.AppendUint16(le.AppendUint32(b, zipCentralMagic), 20)
	b = common(b)
	b = append(b, make([]byte, 2+2+2+4+4)...) // comment, disk, attributes, offset of the local header: all 0
	b = append(b, name...)
	size := len(b) - central
	b = le.AppendUint32(b, zipEndMagic)
	b = append(b, 0, 0, 0, 0, 1, 0, 1, 0)
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(central-start))
	return append(b, 0, 0), nil
}
