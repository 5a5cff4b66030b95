package lzma_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	peer "github.com/ulikunitz/xz/lzma"

	"github.com/relight-sdk/relight/internal/lzma"
)

// encode compresses with ulikunitz/xz and strips its header: property byte and data remain.
func encode(t testing.TB, plain []byte, properties peer.Properties) (byte, []byte) {
	t.Helper()
	var b bytes.Buffer
	w, err := peer.WriterConfig{Properties: &properties, DictCap: 1 << 20, Size: int64(len(plain)), SizeInHeader: true}.NewWriter(&b)
	require.NoError(t, err)
	_, err = w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()[0], b.Bytes()[13:]
}

// plainTexts are texts that use all kinds of symbols: literals, long and short matches, repeated distances near and far.
func plainTexts() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var words, records []byte
	for i := range 30_000 {
		words = fmt.Appendf(words, "%s ", []string{"depot", "chunk", "manifest", "key", "gap", "\n"}[random.IntN(6)])
		records = binary.LittleEndian.AppendUint32(records, uint32(i)*3)
		records = append(records, byte(random.IntN(4)), 0, 1, byte(i))
	}
	far := append(append(bytes.Clone(noise), make([]byte, 600_000)...), noise[:50_000]...)
	return map[string][]byte{
		"one": {42}, "two": {42, 42}, "zeros": make([]byte, 1<<20), "noise": noise, "words": words, "records": records, "far": far,
		"short": []byte("aaaaaaaaabaaaaaaab"),
	}
}

func TestDecodeWhatThePeerEncodes(t *testing.T) {
	var decoder lzma.Decoder // one for all: nothing may stay behind
	for _, properties := range []peer.Properties{{LC: 3, PB: 2}, {LC: 0, LP: 4, PB: 4}, {LC: 4, LP: 0, PB: 0}, {LC: 1, LP: 2, PB: 1}, {LC: 8, LP: 0, PB: 2}} {
		for name, plain := range plainTexts() {
			t.Run(fmt.Sprintf("%s lc%d lp%d pb%d", name, properties.LC, properties.LP, properties.PB), func(t *testing.T) {
				code, data := encode(t, plain, properties)
				dst := make([]byte, len(plain))
				n, err := decoder.Decode(dst, data, code, lzma.Options{})
				require.NoError(t, err)
				require.Equal(t, len(plain), n)
				require.True(t, bytes.Equal(plain, dst))

				// What follows the data does not matter, nor does a smaller output.
				clear(dst)
				_, err = decoder.Decode(dst, append(bytes.Clone(data), 0xFF, 0xFF, 0xFF), code, lzma.Options{})
				require.NoError(t, err)
				require.True(t, bytes.Equal(plain, dst))
			})
		}
	}
}

func TestTruncation(t *testing.T) {
	plain := plainTexts()["words"][:3000]
	code, data := encode(t, plain, peer.Properties{LC: 3, PB: 2})
	var decoder lzma.Decoder
	for n := range len(data) - 5 { // the encoder ends with five bytes that a decoder need not read
		dst := make([]byte, len(plain))
		got, err := decoder.Decode(dst, data[:n], code, lzma.Options{})
		require.ErrorIs(t, err, lzma.ErrTruncated, "%d of %d bytes", n, len(data))
		require.Less(t, got, len(plain))
	}
}

func TestCorrupt(t *testing.T) {
	var decoder lzma.Decoder
	plain := plainTexts()["words"][:3000]
	code, data := encode(t, plain, peer.Properties{LC: 3, PB: 2})
	dst := make([]byte, len(plain))

	for name, test := range map[string]struct {
		dst, src   []byte
		properties byte
		want       error
	}{
		"property byte 225":        {dst, data, 225, lzma.ErrProperties},
		"property byte 255":        {dst, data, 255, lzma.ErrProperties},
		"no source":                {dst, nil, code, lzma.ErrTruncated},
		"four bytes":               {dst, data[:4], code, lzma.ErrTruncated},
		"first byte not 0":         {dst, append([]byte{1}, data[1:]...), code, lzma.ErrCorrupt},
		"match before output":      {dst, bytes.Repeat([]byte{0, 0xFF, 0xFF, 0xFF, 0xFE}, 10), code, lzma.ErrCorrupt},
		"code not below the range": {dst, append([]byte{0, 0xFF, 0xFF, 0xFF, 0xFF}, data[5:]...), code, lzma.ErrCorrupt},
		"output too long":          {make([]byte, len(plain)*2), data, code, lzma.ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decoder.Decode(test.dst, test.src, test.properties, lzma.Options{})
			require.ErrorIs(t, err, test.want)
		})
	}
	n, err := decoder.Decode(nil, nil, code, lzma.Options{})
	require.NoError(t, err, "nothing to decode")
	require.Zero(t, n)
	for bit := range len(data) * 8 { // no panic, and never more than there is room for
		flipped := bytes.Clone(data)
		flipped[bit/8] ^= 1 << (bit % 8)
		n, err := decoder.Decode(dst, flipped, code, lzma.Options{})
		require.True(t, err != nil || n == len(dst))
	}
}

// The end marker of a stream with its size unknown is corrupt where it stands in the way, and not read where it does not.
func TestEndMarker(t *testing.T) {
	var b bytes.Buffer
	w, err := peer.WriterConfig{}.NewWriter(&b)
	require.NoError(t, err)
	_, err = io.WriteString(w, "with a marker")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var decoder lzma.Decoder
	dst := make([]byte, len("with a marker"))
	_, err = decoder.Decode(dst, b.Bytes()[13:], b.Bytes()[0], lzma.Options{})
	require.NoError(t, err)
	require.Equal(t, "with a marker", string(dst))
	_, err = decoder.Decode(make([]byte, len(dst)+1), b.Bytes()[13:], b.Bytes()[0], lzma.Options{})
	require.ErrorIs(t, err, lzma.ErrCorrupt)
}

func TestNoAllocation(t *testing.T) {
	plain := plainTexts()["records"]
	code, data := encode(t, plain, peer.Properties{LC: 3, PB: 2})
	dst := make([]byte, len(plain))
	decoder := &lzma.Decoder{}
	require.Zero(t, testing.AllocsPerRun(5, func() {
		_, err := decoder.Decode(dst, data, code, lzma.Options{})
		require.NoError(t, err)
	}))
}

// FuzzAgainstPeer decodes anything with both decoders: where the peer finds a text of the wanted length, so must ours.
func FuzzAgainstPeer(f *testing.F) {
	for _, name := range []string{"one", "short"} {
		code, data := encode(f, plainTexts()[name], peer.Properties{LC: 3, PB: 2})
		f.Add(data, code, uint16(len(plainTexts()[name])))
	}
	code, data := encode(f, plainTexts()["words"][:2000], peer.Properties{LC: 0, LP: 2, PB: 1})
	f.Add(data, code, uint16(2000))
	f.Fuzz(func(t *testing.T, data []byte, code byte, size uint16) {
		if code >= 225 || size == 0 {
			return
		}
		var decoder lzma.Decoder
		dst := make([]byte, size)
		_, err := decoder.Decode(dst, data, code, lzma.Options{})

		header := binary.LittleEndian.AppendUint64([]byte{code, 0, 0, 1, 0}, uint64(size))
		r, peerErr := peer.NewReader(bytes.NewReader(append(header, data...)))
		var want []byte
		if peerErr == nil {
			want, peerErr = io.ReadAll(r)
		}
		if peerErr == nil && len(want) == int(size) {
			require.NoError(t, err)
			require.Equal(t, want, dst)
		}
	})
}

// FuzzRoundTrip encodes anything with the peer.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("aaaaaaaaabaaaaaaab"), byte(93))
	f.Add([]byte{0}, byte(0))
	f.Fuzz(func(t *testing.T, plain []byte, code byte) {
		properties, err := peer.PropertiesForCode(code)
		if err != nil || len(plain) == 0 {
			return
		}
		_, data := encode(t, plain, properties)
		var decoder lzma.Decoder
		dst := make([]byte, len(plain))
		_, err = decoder.Decode(dst, data, code, lzma.Options{})
		require.NoError(t, err)
		require.Equal(t, plain, dst)
	})
}

// BenchmarkDecode decodes a mebibyte each of what depots are made of.
func BenchmarkDecode(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 4))
	program, err := os.Executable()
	require.NoError(b, err)
	code, err := os.ReadFile(program)
	require.NoError(b, err)
	var words, picture, noise []byte
	for len(words) < 1<<20 {
		words = fmt.Appendf(words, "%s %d ", []string{"depot", "chunk", "manifest", "key", "the", "of", "\n"}[random.IntN(7)], random.IntN(1000))
	}
	for i := 0; len(picture) < 1<<20; i++ {
		shade := byte(i%512/4+i/512/3) + byte(random.IntN(8))
		picture = append(picture, shade, 2*shade, shade/2, 255)
	}
	for len(noise) < 1<<20 {
		noise = binary.LittleEndian.AppendUint64(noise, random.Uint64())
	}
	for _, plain := range []struct {
		name string
		text []byte
	}{{"program", code[len(code)/4:]}, {"words", words}, {"picture", picture}, {"noise", noise}} {
		b.Run(plain.name, func(b *testing.B) {
			text := plain.text[:1<<20]
			properties, data := encode(b, text, peer.Properties{LC: 3, PB: 2})
			dst := make([]byte, len(text))
			var decoder lzma.Decoder
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decoder.Decode(dst, data, properties, lzma.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
