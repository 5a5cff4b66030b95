package depottest

import (
	"bytes"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// What is encoded is decoded to the same bytes, of every size at which an encoder may stumble.
func TestEncode(t *testing.T) {
	count := 120
	if raceEnabled { // nothing is shared here
		count = 50
	}
	random := newRandom(5)
	var decoder depotwire.Decoder
	for _, container := range []Container{Zip, VZ, VSZ} {
		for n := range count {
			size := n
			if n > 40 {
				size = random.IntN(100_000)
			}
			plain := fill(random, size)
			if n%3 == 1 { // few symbols, many matches
				for i := range plain {
					plain[i] &= 3
				}
			}
			packed, err := encode(container, plain)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size)
			if _, err := decoder.Decode(got, packed); err != nil {
				t.Fatalf("%v of %d bytes: %v", container, size, err)
			}
			if !bytes.Equal(got, plain) {
				t.Fatalf("%v of %d bytes: other bytes", container, size)
			}
		}
	}
}

// The same seed makes the same depot.
func TestSeed(t *testing.T) {
	stored := func() []byte {
		depot, err := NewDepot(DepotConfig{Seed: 9, Generate: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		b, err := depot.Stored()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(stored(), stored()) {
		t.Fatal("two depots")
	}
}

func BenchmarkCompressLZMA(b *testing.B) {
	plain := fill(newRandom(1), 1<<20)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		compressLZMA(plain)
	}
}
