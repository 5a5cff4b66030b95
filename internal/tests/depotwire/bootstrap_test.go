package depotwire_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

var (
	someSHA1   = strings.Repeat("0f", 20)
	someSHA256 = strings.Repeat("a5", 32)
)

func clientManifest(body string) []byte {
	return []byte(`"win32" { "version" "1535576546" ` + body + ` } "kvsign2" { "win32" "00ff" }`)
}

func TestClientManifest(t *testing.T) {
	m, err := depotwire.ParseClientManifest(clientManifest(`"ostype" "win10"
		"bins_win32" {
			"win7" { "file" "bins_win32_win7.zip.` + someSHA1 + `" "size" "2" }
			"file" "bins_win32.zip.` + someSHA1 + `" "size" "1495546" "sha2" "` + someSHA256 + `"
			"zipvz" "bins_win32.zip.vz.` + someSHA1 + `_1095795" "sha2vz" "` + strings.ToUpper(someSHA256) + `"
		}
		"steam_win32" { "FILE" "steam_win32.zip" "checksum" "` + someSHA1 + `" "size" "1" "IsBootstrapperPackage" "1" }
		"china_win32" { "steamchina" { "file" "a" "size" "5" } }`))
	require.NoError(t, err)
	require.Equal(t, "win32", m.Platform)
	require.Equal(t, uint64(1535576546), m.Version)
	require.Equal(t, "win10", m.OSType)
	require.Equal(t, []depotwire.ClientSignature{{Kind: "kvsign2", Platform: "win32", Value: []byte{0, 0xFF}}}, m.Signatures)
	require.Len(t, m.Packages, 3)
	p := m.Packages[0]
	require.Equal(t, "bins_win32", p.Name)
	require.Equal(t, uint64(1495546), p.Size)
	require.Equal(t, uint64(1095795), p.VZSize)
	require.Equal(t, someSHA256, hex.EncodeToString(p.SHA256[:]))
	require.Equal(t, someSHA256, hex.EncodeToString(p.VZSHA[:]))
	require.Equal(t, someSHA1, hex.EncodeToString(p.SHA1[:]))
	require.False(t, p.Bootstrapper)
	require.Equal(t, p.ClientFile, p.Select())
	require.Equal(t, p.ClientFile, p.Select("win10-64"))
	require.Equal(t, uint64(2), p.Select("win10-64", "WIN7").Size)
	require.True(t, m.Packages[1].Bootstrapper)
	require.Equal(t, someSHA1, hex.EncodeToString(m.Packages[1].SHA1[:]))
	require.Empty(t, m.Packages[2].Select().File)
	require.Equal(t, "a", m.Packages[2].Select("steamrow", "steamchina").File)
}

func TestHostileClientManifests(t *testing.T) {
	var many strings.Builder
	for i := range 257 {
		fmt.Fprintf(&many, `"p%d" { "file" "f" } `, i)
	}
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"empty":                   {"", depotwire.ErrTruncated},
		"HTML":                    {"<html><body>Log in first</body></html>", depotwire.ErrCorrupt},
		"no version":              {`"win32" { }`, depotwire.ErrTruncated},
		"version in words":        {`"win32" { "version" "new" }`, depotwire.ErrCorrupt},
		"two versions":            {`"win32" { "version" "1" "Version" "2" }`, depotwire.ErrCorrupt},
		"two platforms":           {`"win32" { "version" "1" } "osx" { "version" "1" }`, depotwire.ErrCorrupt},
		"text at the top":         {`"win32" "1"`, depotwire.ErrCorrupt},
		"signature in words":      {`"win32" { "version" "1" } "kvsign2" { "win32" "signed" }`, depotwire.ErrCorrupt},
		"package twice":           {`"win32" { "version" "1" "a" { "file" "f" } "A" { "file" "f" } }`, depotwire.ErrCorrupt},
		"package without file":    {`"win32" { "version" "1" "a" { } }`, depotwire.ErrTruncated},
		"variant without file":    {`"win32" { "version" "1" "a" { "file" "f" "win7" { } } }`, depotwire.ErrTruncated},
		"package outside":         {`"win32" { "version" "1" "../a" { "file" "f" } }`, depotwire.ErrCorrupt},
		"file outside":            {`"win32" { "version" "1" "a" { "file" "../f" } }`, depotwire.ErrCorrupt},
		"file with a backslash":   {`"win32" { "version" "1" "a" { "file" "b\f" } }`, depotwire.ErrCorrupt},
		"file with a leading dot": {`"win32" { "version" "1" "a" { "file" ".f" } }`, depotwire.ErrCorrupt},
		"file with two dots":      {`"win32" { "version" "1" "a" { "file" "a..b" } }`, depotwire.ErrCorrupt},
		"URL as a file":           {`"win32" { "version" "1" "a" { "file" "http://example.org/a" } }`, depotwire.ErrCorrupt},
		"negative size":           {`"win32" { "version" "1" "a" { "file" "f" "size" "-1" } }`, depotwire.ErrCorrupt},
		"size of 2^63":            {`"win32" { "version" "1" "a" { "file" "f" "size" "9223372036854775808" } }`, depotwire.ErrCorrupt},
		"short hash":              {`"win32" { "version" "1" "a" { "file" "f" "sha2" "00" } }`, depotwire.ErrCorrupt},
		"vz without size":         {`"win32" { "version" "1" "a" { "file" "f" "zipvz" "f.zip.vz.00" } }`, depotwire.ErrCorrupt},
		"257 packages":            {`"win32" { "version" "1" ` + many.String() + `}`, depotwire.ErrLimit},
		"deep":                    {strings.Repeat(`"a" { `, 10) + strings.Repeat("} ", 10), depotwire.ErrCorrupt},
		"2 MiB":                   {strings.Repeat(" ", 2<<20), depotwire.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := depotwire.ParseClientManifest([]byte(test.text))
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, "client manifest")
		})
	}
	whole := clientManifest(`"a" { "file" "f" "size" "1" }`)
	for n := range len(whole) {
		if m, err := depotwire.ParseClientManifest(whole[:n]); err == nil {
			require.Empty(t, m.Signatures, "cut between the blocks")
		}
	}
}

func TestClientPackage(t *testing.T) {
	zip, err := depotwire.EncodeZip(nil, bytes.Repeat([]byte("an executable "), 10_000))
	require.NoError(t, err)
	b, err := depotwire.EncodePackageVZ(nil, zip, 1535576546, compressLZMA)
	require.NoError(t, err)
	info, err := depotwire.ParsePackage(b)
	require.NoError(t, err)
	require.Equal(t, depotwire.PackageInfo{Size: uint32(len(zip)), Created: 1535576546}, info)
	var decoder depotwire.Decoder
	dst := make([]byte, len(zip))
	require.NoError(t, decoder.DecodePackage(dst, b))
	require.Equal(t, sha256.Sum256(zip), sha256.Sum256(dst))
	require.Equal(t, sha1.Sum(zip), sha1.Sum(dst))

	_, err = decoder.Decode(dst, b)
	require.ErrorIs(t, err, depotwire.ErrChecksum, "no chunk: its header is a time")
	require.ErrorIs(t, decoder.DecodePackage(dst[:10], b), depotwire.ErrCorrupt)
	require.ErrorIs(t, decoder.DecodePackage(dst, zip), depotwire.ErrContainer)
	for n := range b {
		require.Error(t, decoder.DecodePackage(dst, b[:n]))
	}
	b[len(b)-7] ^= 1
	require.Error(t, decoder.DecodePackage(dst, b))
}
