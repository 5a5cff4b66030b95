package lzma

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
)

// Computed with liblzma: "a chunk, a chunk, a chunk of a depot", lc=3 lp=0 pb=2.
const example = "0030880866c461b4cd122b6050c6cbd64bc5d4e3a1f4173115c62cffe8026000"

func ExampleDecoder_Decode() {
	data, _ := hex.DecodeString(example)
	var decoder Decoder
	plain := make([]byte, 36)
	n, err := decoder.Decode(plain, data, 0x5D, Options{})
	fmt.Println(string(plain[:n]), err)
	// Output: a chunk, a chunk, a chunk of a depot <nil>
}

func FuzzDecode(f *testing.F) {
	data, _ := hex.DecodeString(example)
	f.Add(data, byte(0x5D), uint16(36), []byte{}, uint32(0))
	f.Add(data, byte(0x5D), uint16(400), []byte("dictionary"), uint32(3))
	f.Add(bytes.Repeat([]byte{0, 0xFF}, 40), byte(224), uint16(300), []byte{1}, uint32(1))
	f.Add([]byte{0, 0, 0, 0, 0}, byte(0), uint16(1), []byte{}, uint32(0))
	f.Fuzz(func(t *testing.T, src []byte, properties byte, size uint16, dictionary []byte, position uint32) {
		var decoder Decoder
		options := Options{Dictionary: dictionary, Position: position}
		dst := make([]byte, size)
		n, err := decoder.Decode(dst, src, properties, options)
		if n > len(dst) || err == nil && n < len(dst) {
			t.Fatalf("%d of %d bytes, error %v", n, size, err)
		}
		if err != nil {
			return
		}
		// A used decoder, and a source that goes on, give the same.
		again := make([]byte, size)
		if _, err := decoder.Decode(again, append(bytes.Clone(src), 0xFF), properties, options); err != nil || !bytes.Equal(dst, again) {
			t.Fatalf("the second time: %v", err)
		}
	})
}

func BenchmarkDecodeSmall(b *testing.B) {
	data, _ := hex.DecodeString(example)
	var decoder Decoder
	plain := make([]byte, 36)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decoder.Decode(plain, data, 0x5D, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
