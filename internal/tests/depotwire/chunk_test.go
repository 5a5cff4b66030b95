package depotwire_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz/lzma"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// compressLZMA is the encoder that the SDK does without.
func compressLZMA(plain []byte) (properties [5]byte, data []byte, err error) {
	var b bytes.Buffer
	w, err := lzma.WriterConfig{Size: int64(len(plain)), SizeInHeader: true, DictCap: 1 << 20}.NewWriter(&b)
	if err != nil {
		return properties, nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return properties, nil, err
	}
	if err := w.Close(); err != nil {
		return properties, nil, err
	}
	copy(properties[:], b.Bytes())
	return properties, b.Bytes()[13:], nil
}

func encodeVZ(dst, plain []byte) ([]byte, error) {
	return depotwire.EncodeVZ(dst, plain, compressLZMA)
}

var encoders = map[string]func(dst, plain []byte) ([]byte, error){"zip": depotwire.EncodeZip, "VZ": encodeVZ, "VSZ": depotwire.EncodeVSZ}

func TestChunkRoundTrips(t *testing.T) {
	key, err := depotwire.NewKey(sampleKey)
	require.NoError(t, err)
	noise := make([]byte, 70_000)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	var decoder depotwire.Decoder
	for name, encode := range encoders {
		for _, plain := range [][]byte{{}, {1}, []byte("abc"), make([]byte, 1<<20), noise, bytes.Repeat(noise[:500], 2000)} {
			t.Run(fmt.Sprintf("%s of %d", name, len(plain)), func(t *testing.T) {
				container, err := encode(nil, plain)
				require.NoError(t, err)
				require.Equal(t, name, depotwire.ContainerOf(container).String())
				appended, err := encode([]byte("before"), plain)
				require.NoError(t, err)
				require.Equal(t, append([]byte("before"), container...), appended)

				stored := depotwire.EncryptChunk(nil, container, key, [16]byte{1, 2, 3})
				require.Zero(t, len(stored)%16)
				opened, err := depotwire.DecryptChunk(nil, stored, key)
				require.NoError(t, err)
				require.Equal(t, container, opened)
				dst := make([]byte, len(plain)+10)
				n, err := decoder.Decode(dst, opened)
				require.NoError(t, err)
				require.Equal(t, plain, dst[:n])
				require.Equal(t, make([]byte, 10), dst[n:], "nothing behind the end is touched")
				chunk := depotwire.Chunk{ID: depotwire.IDOf(plain), Adler: depotwire.Adler0(plain), Size: uint32(len(plain))}
				require.NoError(t, chunk.Verify(dst[:n]))
				require.True(t, chunk.VerifyAdler(dst[:n]))
				require.ErrorIs(t, chunk.Verify(dst), depotwire.ErrChecksum)
			})
		}
	}
}

func TestContainerTruncationAndFlips(t *testing.T) {
	plain := []byte("the contents of a chunk, the contents of a chunk, and the end")
	var decoder depotwire.Decoder
	for name, encode := range encoders {
		t.Run(name, func(t *testing.T) {
			container, err := encode(nil, plain)
			require.NoError(t, err)
			dst := make([]byte, len(plain))
			for n := range container {
				_, err := decoder.Decode(dst, container[:n])
				require.Error(t, err, n)
			}
			for bit := range len(container) * 8 {
				flipped := bytes.Clone(container)
				flipped[bit/8] ^= 1 << (bit % 8)
				n, err := decoder.Decode(dst, flipped)
				if err == nil { // the bit was a date, a spare byte or the size of a dictionary
					require.Equal(t, plain, dst[:n], "bit %d", bit)
				}
			}
			n, err := decoder.Decode(dst, container)
			require.NoError(t, err)
			require.Equal(t, plain, dst[:n])
		})
	}
}

func TestContainersThatLie(t *testing.T) {
	plain := []byte("the contents of a chunk")
	dst := make([]byte, 1000)
	var decoder depotwire.Decoder
	change := func(b []byte, fromEnd int, value uint32) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[len(b)-fromEnd:], value)
		return b
	}
	vz, err := encodeVZ(nil, plain)
	require.NoError(t, err)
	vsz, err := depotwire.EncodeVSZ(nil, plain)
	require.NoError(t, err)
	other := bytes.Clone(vz)
	binary.LittleEndian.PutUint32(other[3:], 1)
	size := uint32(len(plain))
	for name, test := range map[string]struct {
		b    []byte
		want error
	}{
		"VZ size above the room":   {change(vz, 6, 1001), depotwire.ErrLimit},
		"VZ size 4 GiB":            {change(vz, 6, 1<<32-1), depotwire.ErrLimit},
		"VZ size too large":        {change(vz, 6, size+50), depotwire.ErrCorrupt},
		"VZ size too small":        {change(vz, 6, size-1), depotwire.ErrChecksum},
		"VZ footer crc":            {change(vz, 10, 1), depotwire.ErrChecksum},
		"VZ header crc":            {other, depotwire.ErrChecksum},
		"VSZ size above the room":  {change(vsz, 11, 1001), depotwire.ErrLimit},
		"VSZ size beyond 4 GiB":    {change(vsz, 7, 1), depotwire.ErrLimit},
		"VSZ size too large":       {change(vsz, 11, size+1), depotwire.ErrCorrupt},
		"VSZ size too small":       {change(vsz, 11, size-1), depotwire.ErrCorrupt},
		"VSZ footer crc":           {change(vsz, 15, 1), depotwire.ErrChecksum},
		"frame with a huge window": {append([]byte("VSZa\x00\x00\x00\x00\x28\xB5\x2F\xFD\x00\xF8\x01\x00\x00"), vsz[len(vsz)-15:]...), depotwire.ErrCorrupt},
		"HTML":                     {[]byte("<html><body>Not found</body></html>"), depotwire.ErrContainer},
		"nothing":                  {nil, depotwire.ErrContainer},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decoder.Decode(dst, test.b)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, "depotwire: chunk")
		})
	}
}

func TestDecryptChunkErrors(t *testing.T) {
	key, err := depotwire.NewKey(sampleKey)
	require.NoError(t, err)
	for n := range 64 {
		_, err := depotwire.DecryptChunk(nil, make([]byte, n), key)
		require.Error(t, err, n)
	}
	wrong, err := depotwire.NewKey(make([]byte, 32))
	require.NoError(t, err)
	_, err = depotwire.DecryptChunk(nil, depotwire.EncryptChunk(nil, []byte("x"), key, [16]byte{}), wrong)
	require.ErrorIs(t, err, depotwire.ErrWrongKey)

	for _, digits := range []string{"", "00", "zz", string(bytes.Repeat([]byte{'z'}, 64))} {
		_, err := depotwire.ParseKey(digits)
		require.ErrorIs(t, err, depotwire.ErrWrongKey)
	}
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", key, key, key, key), "42")
}

func TestAdler0(t *testing.T) {
	slow := func(b []byte) uint32 {
		var low, high uint32
		for _, c := range b {
			low = (low + uint32(c)) % 65521
			high = (high + low) % 65521
		}
		return high<<16 | low
	}
	for _, n := range []int{0, 1, 2, 65520, 65521, 65522, 200_000} {
		b := bytes.Repeat([]byte{0xFF}, n)
		require.Equal(t, slow(b), depotwire.Adler0(b), n)
		require.Zero(t, depotwire.Adler0(make([]byte, n)))
	}
}

func TestParseChunkID(t *testing.T) {
	id, err := depotwire.ParseChunkID("3B71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3")
	require.NoError(t, err)
	require.Equal(t, "3b71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3", id.String())
	require.Equal(t, depotwire.IDOf(make([]byte, 1<<20)), id)
	for _, s := range []string{"", "3b", id.String() + "0", "x" + id.String()[1:]} {
		_, err := depotwire.ParseChunkID(s)
		require.Error(t, err)
	}
}

func TestDeltaRoundTrip(t *testing.T) {
	source := bytes.Repeat([]byte("what was there before, "), 1000)
	plain := append(append([]byte("new, then "), source...), "and the end"...)
	delta, err := depotwire.EncodeVSZDelta(nil, plain, source)
	require.NoError(t, err)
	require.Less(t, len(delta), 200)
	var decoder depotwire.Decoder
	dst := make([]byte, len(plain))
	n, err := decoder.DecodeDelta(dst, delta, source)
	require.NoError(t, err)
	require.Equal(t, plain, dst[:n])
	_, err = decoder.DecodeDelta(dst, delta, bytes.ToUpper(source))
	require.Error(t, err)
	_, err = decoder.DecodeDelta(dst, delta, nil)
	require.Error(t, err)
	_, err = decoder.DecodeDelta(dst[:10], delta, source)
	require.ErrorIs(t, err, depotwire.ErrLimit)
	whole, err := depotwire.EncodeVSZ(nil, plain)
	require.NoError(t, err)
	_, err = decoder.DecodeDelta(dst, whole, source)
	require.ErrorIs(t, err, depotwire.ErrContainer)
	for n := range delta {
		_, err := decoder.DecodeDelta(dst, delta[:n], source)
		require.Error(t, err)
	}
	// What whole chunks are made of, a delta without use of the source may be too.
	vz, err := encodeVZ(nil, plain)
	require.NoError(t, err)
	vz[2] = 'd'
	_, err = decoder.DecodeDelta(dst, vz, nil)
	require.NoError(t, err)
	require.Equal(t, plain, dst)
}

func TestPatchLimits(t *testing.T) {
	p := depotwire.Patch{Deltas: []depotwire.Delta{{Size: 100, Data: []byte("x")}, {Size: 100, Data: []byte("y")}}}
	for _, after := range []bool{false, true} {
		p.After = after
		b := p.Append(nil)
		_, err := depotwire.ParsePatch(b, depotwire.Limits{MaxChunks: 1})
		require.ErrorIs(t, err, depotwire.ErrLimit)
		_, err = depotwire.ParsePatch(b, depotwire.Limits{MaxChunk: 99})
		require.ErrorIs(t, err, depotwire.ErrLimit)
		got, err := depotwire.ParsePatch(b, depotwire.Limits{})
		require.NoError(t, err)
		require.Equal(t, "y", string(got.Deltas[1].Data))
	}
}

// smooth is data as games have it: some of it compresses.
func smooth(n int) []byte {
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 0, n+100)
	for len(b) < n {
		switch random.IntN(3) {
		case 0:
			b = fmt.Appendf(b, "texture_%d.vtf ", random.IntN(5000))
		case 1:
			b = binary.LittleEndian.AppendUint32(b, random.Uint32N(1<<20))
		default:
			if len(b) > 2000 {
				at := len(b) - 1 - random.IntN(2000)
				b = append(b, b[at:min(at+random.IntN(60), len(b))]...)
			}
		}
	}
	return b[:n]
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	key, err := depotwire.NewKey(sampleKey)
	require.NoError(t, err)
	plain := smooth(200_000)
	dst := make([]byte, len(plain))
	clear := make([]byte, 0, 2*len(plain))
	for name, encode := range encoders {
		container, err := encode(nil, plain)
		require.NoError(t, err)
		stored := depotwire.EncryptChunk(nil, container, key, [16]byte{})
		var decoder depotwire.Decoder
		allocations := testing.AllocsPerRun(10, func() {
			opened, err := depotwire.DecryptChunk(clear, stored, key)
			if err == nil {
				_, err = decoder.Decode(dst, opened)
			}
			if err != nil {
				t.Error(err)
			}
		})
		// The garbage collector may empty a pool meanwhile: that is a rare one, not one each.
		require.Less(t, allocations, 1.0, name)
	}
	require.Equal(t, crc32.ChecksumIEEE(plain), crc32.ChecksumIEEE(dst))
}

func BenchmarkDecode(b *testing.B) {
	plain := smooth(1 << 20)
	dst := make([]byte, len(plain))
	for _, name := range []string{"zip", "VZ", "VSZ"} {
		b.Run(name, func(b *testing.B) {
			container, err := encoders[name](nil, plain)
			require.NoError(b, err)
			var decoder depotwire.Decoder
			_, err = decoder.Decode(dst, container) // warm
			require.NoError(b, err)
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decoder.Decode(dst, container); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(container))/float64(len(plain)), "ratio")
		})
	}
}
