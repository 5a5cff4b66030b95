package depotwire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// The form, the decimal numbers and the checksum over all lines before it are those of spec steampipe.md §8.4; the digest was
// computed with sha1sum.
const installedList = `linux32/steamcmd,7922313;1785787271;3735928559
public,-1;1785787271;0
linux32/libnewest.so,-2;1785787271;42
OSVER=-203
VERSION=3
SHA1=47D48478F82B060D666226635897DE554BD26EB8
`

func TestInstalledList(t *testing.T) {
	want := &depotwire.InstalledList{OSType: -203, Version: 3, Files: []depotwire.InstalledFile{
		{Path: "linux32/steamcmd", Size: 7922313, Time: 1785787271, CRC: 0xDEADBEEF},
		{Path: "public", Size: depotwire.InstalledDirectory, Time: 1785787271},
		{Path: "linux32/libnewest.so", Size: depotwire.InstalledLink, Time: 1785787271, CRC: 42},
	}}
	require.Equal(t, installedList, string(want.Append(nil)))
	got, err := depotwire.ParseInstalledList([]byte(installedList))
	require.NoError(t, err)
	require.Equal(t, want, got)
	for n := range installedList {
		if n == len(installedList)-1 {
			continue // the last line break
		}
		_, err := depotwire.ParseInstalledList([]byte(installedList[:n]))
		require.Error(t, err, "cut after %d bytes", n)
	}
	for name, text := range map[string]string{
		"a wrong checksum":        strings.Replace(installedList, "SHA1=", "SHA1=0", 1),
		"a changed line":          strings.Replace(installedList, "42", "43", 1),
		"text after the checksum": installedList + "x,1;2;3\n",
		"a size below -2":         strings.Replace(installedList, ",-2", ",-3", 1),
		"no numbers":              "path\n" + installedList,
		"a checksum of 33 bits":   strings.Replace(installedList, "3735928559", "4294967296", 1),
		"no number at all":        strings.Replace(installedList, "OSVER=-203", "OSVER=x", 1),
	} {
		_, err := depotwire.ParseInstalledList([]byte(text))
		require.ErrorContains(t, err, "installed list", name)
	}
}
