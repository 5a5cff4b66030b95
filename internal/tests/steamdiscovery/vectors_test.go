package steamdiscovery_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

type vectorFile struct {
	Packets []struct {
		ID      string         `json:"id"`
		Source  string         `json:"source"`
		Valid   bool           `json:"valid"`
		Hex     string         `json:"hex"`
		Header  map[string]any `json:"header"`
		MsgType int            `json:"msg_type"`
		Body    map[string]any `json:"body"`
	} `json:"packets"`
	Crypto []struct {
		ID, Key, IV, Plain, Out string
		Valid                   *bool
	} `json:"crypto"`
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

func loadVectors(t testing.TB, b []byte) vectorFile {
	t.Helper()
	var file vectorFile
	decoder := json.NewDecoder(strings.NewReader(string(b)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&file))
	return file
}

func ownVectors(t testing.TB) vectorFile {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	return loadVectors(t, b)
}

func TestVectors(t *testing.T) { testVectors(t, ownVectors(t), 37, 9) }

// The same with the packets of a real Steam client, which are not ours to publish.
func TestVectorsWithSteamClient(t *testing.T) {
	testVectors(t, loadVectors(t, shared.Read(t, "vectors", "steamdiscovery.json")), 40, 9)
}

// No packet of a real Steam client is in this repository's test data, as a whole or by its body.
func TestNothingOfSteamIsCommitted(t *testing.T) {
	var foreign []string
	for _, v := range loadVectors(t, shared.Read(t, "vectors", "steamdiscovery.json")).Packets {
		if !strings.Contains(v.Source, "Steam client") {
			continue
		}
		foreign = append(foreign, v.Hex)
		headerLength := int(binary.LittleEndian.Uint32(unhex(t, v.Hex)[8:]))
		if body := v.Hex[2*(12+headerLength+4):]; len(body) > 32 {
			foreign = append(foreign, body)
		}
	}
	require.Len(t, foreign, 4, "three packets, and the body of the one that has much of it")
	files := 0
	require.NoError(t, filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for _, packet := range foreign {
			require.NotContains(t, string(b), packet, path)
			require.NotContains(t, string(b), string(unhex(t, packet)), path)
		}
		return err
	}))
	require.Positive(t, files)
}

// reencoded are the valid packets that are not in the form that we write: what they become.
var reencoded = map[string]string{
	// Repeated numbers one by one, as proto2 writes them.
	"made-discovery-packed": "ffffffff214c5fa00c0000000888ef99abc5e88c91111000070000000803100110ac02",
	// A field that came twice is written once.
	"made-last-one-wins": "ffffffff214c5fa00c0000000888ef99abc5e88c9111100102000000" + "0809",
}

func testVectors(t *testing.T, file vectorFile, packets, crypto int) {
	require.Len(t, file.Packets, packets)
	for _, v := range file.Packets {
		t.Run(v.ID, func(t *testing.T) {
			b := unhex(t, v.Hex)
			p, err := steamdiscoverywire.Parse(b)
			_, peekErr := steamdiscoverywire.Peek(b)
			require.Equal(t, err, peekErr)
			if !v.Valid {
				requireRefused(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, v.MsgType, int(p.Type()))
			require.Equal(t, v.Header, fields(p.Header.ProtoReflect()))
			if v.Body == nil {
				require.Nil(t, p.Body)
			} else {
				require.Equal(t, v.Body, fields(p.Body.ProtoReflect()))
			}
			want := v.Hex
			if other, ok := reencoded[v.ID]; ok {
				want = other
			}
			again, err := p.Append(nil)
			require.NoError(t, err)
			require.Equal(t, want, hex.EncodeToString(again))
		})
	}
	require.Len(t, file.Crypto, crypto)
	for _, v := range file.Crypto {
		t.Run(v.ID, func(t *testing.T) {
			key := [steamdiscoverywire.KeySize]byte(unhex(t, v.Key))
			plain, err := steamdiscoverywire.Unseal(key, unhex(t, v.Out))
			if v.ID == "sym-bad-3" {
				// The vector says that the padding is wrong. It is the one case in 256 where it is not: the damaged block
				// decrypts to bytes that end in 01. Without a code of authenticity nobody can tell.
				require.NoError(t, err)
				require.Len(t, plain, 47)
				return
			}
			if v.Valid != nil && !*v.Valid {
				require.ErrorIs(t, err, steamdiscoverywire.ErrSealed)
				return
			}
			require.NoError(t, err)
			require.Equal(t, v.Plain, hex.EncodeToString(plain))
			sealed := steamdiscoverywire.AppendSealed([]byte("before"), key, [16]byte(unhex(t, v.IV)), plain)
			require.Equal(t, "before", string(sealed[:6]))
			require.Equal(t, v.Out, hex.EncodeToString(sealed[6:]))
		})
	}
}

func TestDamagedSeal(t *testing.T) {
	key, other := [steamdiscoverywire.KeySize]byte{1}, [steamdiscoverywire.KeySize]byte{2}
	sealed := steamdiscoverywire.AppendSealed(nil, key, [16]byte{3}, []byte("sixteen byte key"))
	for n := range sealed {
		_, err := steamdiscoverywire.Unseal(key, sealed[:n])
		if n == 32 { // whole blocks; the text ends in 'y', which is no length of padding
			require.ErrorIs(t, err, steamdiscoverywire.ErrSealed)
		}
		require.Error(t, err, "cut to %d", n)
	}
	_, err := steamdiscoverywire.Unseal(other, sealed)
	require.ErrorIs(t, err, steamdiscoverywire.ErrSealed)

	// In CBC, a bit turned in a block turns the same bit in the next: so any padding can be made.
	for padding, valid := range map[byte]bool{16: true, 1: true, 0: false, 17: false, 15: false, 2: false} {
		bent := append([]byte(nil), sealed...)
		bent[len(bent)-17] ^= 16 ^ padding
		plain, err := steamdiscoverywire.Unseal(key, bent)
		require.Equal(t, valid, err == nil, "padding %d: %x", padding, plain)
	}
}

// fields is what is in a message, in the notation of the vectors.
func fields(m protoreflect.Message) map[string]any {
	out := make(map[string]any)
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !field.IsList() {
			out[string(field.Name())] = scalar(field, value)
			return true
		}
		list := []any{}
		for i := range value.List().Len() {
			list = append(list, scalar(field, value.List().Get(i)))
		}
		out[string(field.Name())] = list
		return true
	})
	return out
}

func scalar(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return fields(value.Message())
	case protoreflect.BytesKind:
		return "hex:" + hex.EncodeToString(value.Bytes())
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return value.String()
	case protoreflect.EnumKind:
		return json.Number(strconv.Itoa(int(value.Enum())))
	case protoreflect.FloatKind:
		text := strconv.FormatFloat(value.Float(), 'g', -1, 32)
		if value.Float() == math.Trunc(value.Float()) {
			text += ".0"
		}
		return json.Number(text)
	case protoreflect.BoolKind, protoreflect.StringKind:
		return value.Interface()
	default:
		return json.Number(fmt.Sprint(value.Interface()))
	}
}
