package sbwire

import (
	"encoding/binary"
	"iter"
)

// Values are strings in one piece of memory: each with its length in front, as a varint. A list of a hundred thousand
// servers has millions of values, and a string header for each would take more than most of them. The empty string has no
// values.
type Values string

// MakeValues packs strings.
func MakeValues(list ...string) Values {
	var b []byte
	for _, value := range list {
		b = AppendValue(b, value)
	}
	return Values(b)
}

// AppendValue appends one more value to packed ones.
func AppendValue(b []byte, value string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// Cut splits the first value off. Of no values it makes an empty one.
func (v Values) Cut() (value string, rest Values) {
	if len(v) == 0 {
		return "", ""
	}
	if n := int(v[0]); n < 0x80 && n < len(v) { // nearly always
		return string(v[1 : 1+n]), v[1+n:]
	}
	return v.cutLong()
}

func (v Values) cutLong() (value string, rest Values) {
	length, i := uint64(0), 0
	for shift := 0; i < len(v) && shift < 63; shift += 7 {
		c := v[i]
		i++
		length |= uint64(c&0x7F) << shift
		if c < 0x80 {
			break
		}
	}
	length = min(length, uint64(len(v)-i))
	end := i + int(length)
	return string(v[i:end]), v[end:]
}

// At is the value number i, or "" if there are fewer.
func (v Values) At(i int) string {
	for ; i > 0 && len(v) > 0; i-- {
		_, v = v.Cut()
	}
	value, _ := v.Cut()
	return value
}

// All yields the values and their numbers.
func (v Values) All() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for i := 0; len(v) > 0; i++ {
			var value string
			if value, v = v.Cut(); !yield(i, value) {
				return
			}
		}
	}
}

// Len is how many there are.
func (v Values) Len() int {
	n := 0
	for ; len(v) > 0; n++ {
		_, v = v.Cut()
	}
	return n
}
