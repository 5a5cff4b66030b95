package depotwire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

type hostileIndex struct {
	DepotKey string `json:"depot_key"`
	Cases    []struct{ Expect, File, Why string }
}

// readManifest goes the whole way of a manifest.
func readManifest(b []byte, key []byte, limits depotwire.Limits) (*depotwire.Manifest, error) {
	b, err := depotwire.Unwrap(b, limits)
	if err != nil {
		return nil, err
	}
	m, err := depotwire.ParseManifest(b, limits)
	if err != nil {
		return nil, err
	}
	if err := m.DecryptNames(key); err != nil {
		return nil, err
	}
	return m, depotwire.Validate(m, limits)
}

// What each hostile file gives, where index.json leaves a choice or says just "error".
var hostileOutcomes = map[string]error{
	"bad_magic.manifest":          depotwire.ErrCorrupt,
	"chunk_off_overflow.manifest": depotwire.ErrUnsafe,
	"chunk_orig_huge.manifest":    depotwire.ErrUnsafe,
	"chunk_overlap.manifest":      depotwire.ErrUnsafe,
	"chunk_past_end.manifest":     depotwire.ErrUnsafe,
	"crc_clear_mismatch.manifest": depotwire.ErrChecksum,
	"dup_name.manifest":           depotwire.ErrUnsafe,
	"file_is_dir.manifest":        depotwire.ErrUnsafe,
	"len_huge.manifest":           depotwire.ErrTruncated,
	"link_then_file.manifest":     depotwire.ErrUnsafe, // nothing is written through a link, wherever it leads
	"size_huge.manifest":          depotwire.ErrUnsafe,
	"trunc_no_eof.manifest":       depotwire.ErrTruncated,
	"trunc_payload.manifest":      depotwire.ErrTruncated,
	"varint_long.manifest":        depotwire.ErrTruncated, // it is nothing but a payload; see TestLongVarint
	"zip_two_entries.zip":         depotwire.ErrCorrupt,

	"chunk_bad_padding.bin":    depotwire.ErrWrongKey,
	"chunk_len_16.bin":         depotwire.ErrCorrupt,
	"chunk_len_not_16.bin":     depotwire.ErrCorrupt,
	"chunk_too_short.bin":      depotwire.ErrContainer,
	"chunk_unknown.bin":        depotwire.ErrContainer,
	"chunk_vsz_bad_footer.bin": depotwire.ErrCorrupt,
	"chunk_vsz_frame_bad.bin":  depotwire.ErrCorrupt,
	"chunk_vsz_size_big.bin":   depotwire.ErrLimit,
	"chunk_vz_bad_crc.bin":     depotwire.ErrChecksum,
	"chunk_vz_bad_footer.bin":  depotwire.ErrCorrupt,
	"chunk_vz_bad_props.bin":   depotwire.ErrCorrupt,
	"chunk_vz_size_big.bin":    depotwire.ErrLimit,
	"chunk_vz_trunc.bin":       depotwire.ErrChecksum, // the footer is read as data
	"chunk_zip_bomb.bin":       depotwire.ErrLimit,
}

func TestHostile(t *testing.T) {
	var index hostileIndex
	require.NoError(t, json.Unmarshal(readTestdata(t, "synthetic", "hostile", "index.json"), &index))
	key, err := depotwire.ParseKey(index.DepotKey)
	require.NoError(t, err)
	for _, test := range index.Cases {
		t.Run(test.File, func(t *testing.T) {
			b := hostileFile(t, test.File)
			if strings.HasPrefix(test.File, "chunk_") && filepath.Ext(test.File) == ".bin" {
				plain, err := hostileChunk(b, key)
				if want := hostileOutcomes[test.File]; want != nil {
					require.ErrorIs(t, err, want)
					return
				}
				require.Contains(t, test.Expect, "accept")
				require.NoError(t, err)
				if strings.HasPrefix(test.Expect, "accept: ") {
					require.Equal(t, test.Expect, fmt.Sprintf("accept: len %d adler0 %d sha1 %v", len(plain), depotwire.Adler0(plain), depotwire.IDOf(plain)))
				}
				return
			}
			m, err := readManifest(b, rawKey(t, index.DepotKey), depotwire.Limits{RefuseWindowsNames: true})
			want := hostileOutcomes[test.File]
			switch {
			case want != nil:
				require.ErrorIs(t, err, want)
				return
			case strings.HasPrefix(test.File, "name_"):
				require.ErrorIs(t, err, depotwire.ErrUnsafe)
				var problem *depotwire.Problem
				require.ErrorAs(t, err, &problem)
				require.Equal(t, depotwire.ProblemName, problem.Kind)
				require.Equal(t, m.Files[problem.Index].Name, problem.File)
				require.NotEmpty(t, problem.Reason)
				return
			}
			require.NoError(t, err)
			kinds := map[depotwire.ProblemKind]int{}
			for _, problem := range depotwire.Check(m, depotwire.Limits{}) {
				kinds[problem.Kind]++
			}
			switch test.File {
			case "case_collision.manifest":
				require.Equal(t, map[depotwire.ProblemKind]int{depotwire.ProblemCaseCollision: 1}, kinds)
			case "link_abs.manifest", "link_escape.manifest":
				require.Equal(t, map[depotwire.ProblemKind]int{depotwire.ProblemLink: 1}, kinds)
			default:
				require.Contains(t, test.Expect, "accept")
				require.Empty(t, kinds)
			}
		})
	}
}

func hostileFile(t *testing.T, name string) []byte {
	if name != "chunk_zip_bomb.bin" {
		return readTestdata(t, "synthetic", "hostile", name)
	}
	return shared.Read(t, "vectors", "steampipe", "synthetic", "hostile", name)
}

// hostileChunk decodes a chunk that a manifest says is at most 1 MiB.
func hostileChunk(b []byte, key *depotwire.Key) ([]byte, error) {
	container, err := depotwire.DecryptChunk(nil, b, key)
	if err != nil {
		return nil, err
	}
	var decoder depotwire.Decoder
	dst := make([]byte, 1<<20)
	n, err := decoder.Decode(dst, container)
	return dst[:n], err
}

// A zip may lie about its size in both directions; neither costs memory.
func TestZipBomb(t *testing.T) {
	plain := make([]byte, 64<<20)
	bomb, err := depotwire.EncodeZip(nil, plain)
	require.NoError(t, err)
	require.Less(t, len(bomb), 100_000)
	var decoder depotwire.Decoder
	dst := make([]byte, 1<<20)
	_, err = decoder.Decode(dst, bomb)
	require.ErrorIs(t, err, depotwire.ErrLimit)

	central := bytes.LastIndex(bomb, []byte("PK\x01\x02"))
	require.Positive(t, central)
	lying := bytes.Clone(bomb)
	copy(lying[central+24:], []byte{0, 0, 16, 0}) // claims 1 MiB
	_, err = decoder.Decode(dst, lying)
	require.ErrorIs(t, err, depotwire.ErrCorrupt)
	require.ErrorContains(t, err, "goes on")
	_, err = depotwire.Unwrap(lying, depotwire.Limits{})
	require.ErrorIs(t, err, depotwire.ErrCorrupt)
	_, err = depotwire.Unwrap(bomb, depotwire.Limits{MaxManifest: 32 << 20})
	require.ErrorIs(t, err, depotwire.ErrLimit)

	// After a failure the decoder is good for the next one.
	good, err := depotwire.EncodeZip(nil, []byte("good"))
	require.NoError(t, err)
	n, err := decoder.Decode(dst, good)
	require.NoError(t, err)
	require.Equal(t, "good", string(dst[:n]))

	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, 9)
	require.NoError(t, err)
	_, err = w.Write(nil)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	claims := bytes.Clone(good)
	central = bytes.LastIndex(claims, []byte("PK\x01\x02"))
	copy(claims[central+24:], []byte{0xFF, 0xFF, 0xFF, 0x3F}) // claims nearly 1 GiB
	_, err = depotwire.Unwrap(claims, depotwire.Limits{})
	require.ErrorIs(t, err, depotwire.ErrCorrupt)
}
