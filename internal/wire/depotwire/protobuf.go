package depotwire

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message. Which of number and bytes counts depends on the type.
type field struct {
	number protowire.Number
	kind   protowire.Type
	value  uint64
	bytes  []byte // a part of the message
}

// nextField splits the first field off a message. protowire's own functions do the same, but this loop runs once for each of
// a million fields, nearly all with a tag of one byte.
func nextField(b []byte) (f field, rest []byte, ok bool) {
	tag, b, ok := nextVarint(b)
	if !ok || tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
		return f, nil, false
	}
	f.number, f.kind = protowire.Number(tag>>3), protowire.Type(tag&7)
	switch f.kind {
	case protowire.VarintType:
		f.value, b, ok = nextVarint(b)
		return f, b, ok
	case protowire.BytesType:
		var n uint64
		n, b, ok = nextVarint(b)
		if !ok || n > uint64(len(b)) {
			return f, nil, false
		}
		f.bytes = b[:n]
		return f, b[n:], true
	case protowire.Fixed32Type:
		if len(b) < 4 {
			return f, nil, false
		}
		f.value = uint64(binary.LittleEndian.Uint32(b))
		return f, b[4:], true
	case protowire.Fixed64Type:
		if len(b) < 8 {
			return f, nil, false
		}
		f.value = binary.LittleEndian.Uint64(b)
		return f, b[8:], true
	}
	// Groups: nothing here has them, but an unknown field may.
	n := protowire.ConsumeFieldValue(f.number, f.kind, b)
	if n < 0 {
		return f, nil, false
	}
	return f, b[n:], true
}

func nextVarint(b []byte) (v uint64, rest []byte, ok bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), b[1:], true
	}
	v, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

func appendUint(b []byte, number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), value)
}

func appendBytes[T string | []byte](b []byte, number protowire.Number, value T) []byte {
	b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.BytesType), uint64(len(value)))
	return append(b, value...)
}
