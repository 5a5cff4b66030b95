package depotwire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// large is a manifest of 100,000 files and 300,000 chunks.
func large() *Manifest {
	m := &Manifest{DepotID: 7, ManifestID: 1, Created: time.Unix(1700000000, 0)}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		name := fmt.Sprintf(`game\content\models\group%03d\part%02d\model_%06d.vtf`, i/1000, i/100%10, i)
		file := File{Name: name, Size: 2<<20 + 1000, NameSHA: HashName(name)}
		for j := range 3 {
			chunk := Chunk{Adler: random.Uint32(), Offset: uint64(j) << 20, Size: 1 << 20, StoredSize: 700_000}
			if j == 2 {
				chunk.Size = 1000
			}
			binary.LittleEndian.PutUint64(chunk.ID[:], random.Uint64())
			binary.LittleEndian.PutUint64(chunk.ID[8:], random.Uint64())
			file.Chunks = append(file.Chunks, chunk)
		}
		m.Files = append(m.Files, file)
	}
	return m
}

func BenchmarkManifest(b *testing.B) {
	m := large()
	if err := m.EncryptNames(sampleKey(), rand.NewChaCha8([32]byte{})); err != nil {
		b.Fatal(err)
	}
	text := m.Append(nil)
	perFile := func(b *testing.B) {
		b.ReportMetric(float64(len(m.Files))*float64(b.N)/b.Elapsed().Seconds(), "files/s")
	}
	parse := func(b *testing.B) *Manifest {
		parsed, err := ParseManifest(text, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		return parsed
	}
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			parse(b)
		}
		perFile(b)
	})
	b.Run("parse and decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := parse(b).DecryptNames(sampleKey()); err != nil {
				b.Fatal(err)
			}
		}
		perFile(b)
	})
	clear := parse(b)
	if err := clear.DecryptNames(sampleKey()); err != nil {
		b.Fatal(err)
	}
	b.Run("validate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := Validate(clear, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
		perFile(b)
	})
	b.Run("append", func(b *testing.B) {
		var out []byte
		b.ReportAllocs()
		for b.Loop() {
			out = clear.Append(out[:0])
		}
		perFile(b)
	})
}

func BenchmarkDecryptChunk(b *testing.B) {
	key, err := NewKey(sampleKey())
	if err != nil {
		b.Fatal(err)
	}
	stored := EncryptChunk(nil, make([]byte, 1<<20), key, [16]byte{})
	dst := make([]byte, len(stored))
	b.SetBytes(int64(len(stored)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecryptChunk(dst[:0], stored, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	plain := make([]byte, 1<<20)
	chunk := Chunk{ID: IDOf(plain), Adler: Adler0(plain), Size: uint32(len(plain))}
	b.Run("SHA-1", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			if err := chunk.Verify(plain); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Adler-32", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			if !chunk.VerifyAdler(plain) {
				b.Fatal("wrong")
			}
		}
	})
}
