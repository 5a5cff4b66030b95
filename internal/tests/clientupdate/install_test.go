package clientupdate_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe/clientupdate"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

func noise(seed uint64, size int) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed)})
	b := make([]byte, size)
	_, _ = source.Read(b)
	return b
}

// packages are a version of a small SteamCMD.
func packages(version int) []depottest.UpdatePackage {
	text := fmt.Appendf(nil, "strings of version %d\n", version)
	packs := []depottest.UpdatePackage{
		{Name: "steamcmd_public_all", Files: []depottest.UpdateFile{{Name: `public\`}, {Name: `public\strings.txt`, Data: bytes.Repeat(text, 1000)}, {Name: `empty.txt`}}},
		{Name: "steamcmd_bins_linux", Compressed: true, Files: []depottest.UpdateFile{
			{Name: `linux32\steamclient.so`, Data: append(noise(uint64(version), 20_000), bytes.Repeat([]byte{0}, 60_000)...), Executable: true},
			{Name: `linux32\libnewest.so`, Link: "steamclient.so"},
			{Name: fmt.Sprintf(`linux32\only%d.so`, version), Data: noise(9, 1000)},
		}},
		{Name: "steamcmd_linux", Bootstrapper: true, Compressed: true, Files: []depottest.UpdateFile{{Name: `steamcmd.sh`, Data: text, Executable: true}}},
	}
	if version == 1 {
		packs = append(packs, depottest.UpdatePackage{Name: "old_only", SHA1Only: true, Files: []depottest.UpdateFile{{Name: `old\deep\gone.txt`, Data: text}}})
	}
	return packs
}

// tree is what is in a folder, without what the package keeps for itself.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		relative, err := filepath.Rel(dir, name)
		require.NoError(t, err)
		relative = filepath.ToSlash(relative)
		switch {
		case relative == "package":
			return fs.SkipDir
		case entry.IsDir():
			found[relative] = "folder"
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			require.NoError(t, err)
			found[relative] = "link to " + target
		default:
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			info, err := entry.Info()
			require.NoError(t, err)
			found[relative] = string(b)
			if info.Mode()&0o100 != 0 && runtime.GOOS != "windows" {
				found[relative] += "!"
			}
		}
		return nil
	}))
	return found
}

// want is what packages lay down.
func want(packs []depottest.UpdatePackage) map[string]string {
	found := map[string]string{".": "folder"}
	for _, pack := range packs {
		for _, file := range pack.Files {
			name := strings.ReplaceAll(file.Name, `\`, "/")
			for at, c := range name {
				if c == '/' {
					found[name[:at]] = "folder"
				}
			}
			switch {
			case strings.HasSuffix(name, "/"):
			case file.Link != "":
				found[name] = "link to " + file.Link
			case file.Executable:
				found[name] = string(file.Data) + "!"
			default:
				found[name] = string(file.Data)
			}
		}
	}
	return found
}

func TestInstall(t *testing.T) {
	first := serve(t, depottest.UpdateConfig{Version: 1, Packages: packages(1)})
	second := serve(t, depottest.UpdateConfig{Version: 2, Packages: packages(2)})
	dir := filepath.Join(t.TempDir(), "steamcmd")
	config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{first.URL()}}

	_, err := clientupdate.ReadInstalled(dir, config.Product)
	require.ErrorIs(t, err, clientupdate.ErrNotInstalled)

	var last clientupdate.Progress
	report, err := clientupdate.Install(t.Context(), config, first.Manifest(), dir, clientupdate.Options{Progress: func(p clientupdate.Progress) {
		if p.Step == clientupdate.StepFetch {
			last = p
		}
	}})
	require.NoError(t, err)
	require.Equal(t, want(packages(1)), tree(t, dir))
	require.Equal(t, 4, report.Fetched)
	require.Zero(t, report.Kept)
	require.Equal(t, report.Bytes, last.Bytes, "progress ends with what was fetched")
	require.Equal(t, last.Total, last.Bytes)
	installed, err := clientupdate.ReadInstalled(dir, config.Product)
	require.NoError(t, err)
	require.Equal(t, uint64(1), installed.Version)
	require.False(t, installed.Interrupted)
	require.Equal(t, report.Files, installed.Files)
	text, err := os.ReadFile(filepath.Join(dir, "package", "steam_cmd_linux.manifest"))
	require.NoError(t, err)
	require.Equal(t, first.Manifest(), text, "the manifest is kept as it came")

	t.Run("again", func(t *testing.T) {
		before := len(first.Requests())
		report, err := clientupdate.Install(t.Context(), config, first.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		require.Equal(t, 4, report.Kept)
		require.Zero(t, report.Files+report.Fetched)
		require.Len(t, first.Requests(), before, "nothing is asked for")
	})
	t.Run("damaged", func(t *testing.T) {
		program := filepath.Join(dir, "linux32", "steamclient.so")
		b, err := os.ReadFile(program)
		require.NoError(t, err)
		b[1000] ^= 1
		require.NoError(t, os.WriteFile(program, b, 0o777))
		require.NoError(t, os.Remove(filepath.Join(dir, "empty.txt")))
		verdict, err := clientupdate.Verify(t.Context(), dir, config.Product, false)
		require.NoError(t, err)
		require.Equal(t, []clientupdate.BadFile{{Path: "empty.txt", Reason: "missing"}}, verdict.Bad, "sizes alone do not tell")
		verdict, err = clientupdate.Verify(t.Context(), dir, config.Product, true)
		require.NoError(t, err)
		require.ElementsMatch(t, []clientupdate.BadFile{{Path: "empty.txt", Reason: "missing"}, {Path: "linux32/steamclient.so", Reason: "has other contents"}}, verdict.Bad)
		report, err := clientupdate.Install(t.Context(), config, first.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		require.Zero(t, report.Fetched, "the packages are still there")
		require.Equal(t, want(packages(1)), tree(t, dir))
	})
	t.Run("package damaged", func(t *testing.T) {
		names, err := filepath.Glob(filepath.Join(dir, "package", "steamcmd_linux.zip.vz.*"))
		require.NoError(t, err)
		require.Len(t, names, 1)
		require.NoError(t, os.WriteFile(names[0], []byte("garbage"), 0o666))
		report, err := clientupdate.Install(t.Context(), config, first.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		require.Equal(t, 1, report.Fetched)
	})
	t.Run("the next version", func(t *testing.T) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "old", "mine.txt"), []byte("the player's"), 0o666))
		config.Hosts = []string{second.URL()}
		report, err := clientupdate.Install(t.Context(), config, second.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"old/deep/gone.txt", "linux32/only1.so"}, report.Removed)
		expected := want(packages(2))
		expected["old"], expected["old/mine.txt"] = "folder", "the player's"
		require.Equal(t, expected, tree(t, dir), "only what the old list owned is removed")
	})
}

// TestInterrupted stops an update at many places, and looks at what is left: whole files, and a next run that ends well.
func TestInterrupted(t *testing.T) {
	first := serve(t, depottest.UpdateConfig{Version: 1, Packages: packages(1)})
	second := serve(t, depottest.UpdateConfig{Version: 2, Packages: packages(2)})
	old, new := want(packages(1)), want(packages(2))
	random := rand.New(rand.NewPCG(1, 2))
	for stop := range 20 {
		dir := t.TempDir()
		config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{first.URL()}}
		_, err := clientupdate.Install(t.Context(), config, first.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		config.Hosts = []string{second.URL()}
		ctx, cancel := context.WithCancel(t.Context())
		left := random.IntN(25)
		_, err = clientupdate.Install(ctx, config, second.Manifest(), dir, clientupdate.Options{Parallel: 1, Progress: func(clientupdate.Progress) {
			if left--; left == 0 {
				cancel()
			}
		}})
		cancel()
		if err != nil {
			require.ErrorIs(t, err, context.Canceled, "stop %d", stop)
			for name, b := range tree(t, dir) {
				require.True(t, b == old[name] || b == new[name], "stop %d: %s is neither old nor new", stop, name)
			}
		}
		_, err = clientupdate.Install(t.Context(), config, second.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		require.Equal(t, new, tree(t, dir), "stop %d", stop)
	}
}

func TestPackagesFail(t *testing.T) {
	good := serve(t, depottest.UpdateConfig{Version: 1, Packages: packages(1)})
	for name, test := range map[string]struct {
		fault depottest.UpdateFault
		want  error
	}{
		"damaged": {depottest.PackageDamaged, clientupdate.ErrPackageCorrupt},
		"cut":     {depottest.PackageCut, nil},
		"stalls":  {depottest.PackageStalls, clientupdate.ErrTimeout},
		"missing": {depottest.UpdateMissing, clientupdate.ErrStatus},
		"portal":  {depottest.CaptivePortal, clientupdate.ErrPackageCorrupt},
		"loop":    {depottest.RedirectLoop, clientupdate.ErrTooManyRedirects},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := serve(t, depottest.UpdateConfig{Version: 1, Packages: packages(1)})
			bad.Fail(test.fault)
			dir := t.TempDir()
			config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{bad.URL()}}
			if test.fault == depottest.PackageStalls {
				config.IdleTimeout = 2 * time.Second // for the good host too, however slow this machine is
			}
			report, err := clientupdate.Install(t.Context(), config, good.Manifest(), dir, clientupdate.Options{})
			require.Error(t, err)
			require.Zero(t, report.Fetched+report.Files)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			require.ErrorContains(t, err, bad.URL())
			require.Equal(t, map[string]string{".": "folder"}, tree(t, dir), "nothing is laid down")
			left, err := filepath.Glob(filepath.Join(dir, "package", "*"))
			require.NoError(t, err)
			require.Empty(t, left, "nothing half is kept")

			config.Hosts = []string{bad.URL(), good.URL()}
			_, err = clientupdate.Install(t.Context(), config, good.Manifest(), dir, clientupdate.Options{})
			require.NoError(t, err, "the next host has them")
			require.Equal(t, want(packages(1)), tree(t, dir))
		})
	}
}

func TestHostilePackages(t *testing.T) {
	file := func(name string) []depottest.UpdateFile {
		return []depottest.UpdateFile{{Name: name, Data: []byte("evil")}}
	}
	for name, files := range map[string][]depottest.UpdateFile{
		"up":                  file(`..\evil`),
		"up within":           file(`a\..\..\evil`),
		"absolute":            file(`\evil`),
		"absolute, slash":     file(`/evil`),
		"drive":               file(`C:\evil`),
		"nul":                 file("a\x00b"),
		"line break":          file("a\nSHA1=0"),
		"our own folder":      file(`package\steam_cmd_linux.installed`),
		"our own, other case": file(`PACKAGE\x`),
		"file as folder":      {{Name: "a", Data: []byte("x")}, {Name: `a\b`, Data: []byte("x")}},
		"through a link":      {{Name: "a", Link: "b"}, {Name: `a\c`, Data: []byte("x")}},
		"twice":               {{Name: "a", Data: []byte("x")}, {Name: "a", Data: []byte("y")}},
		"link of 5,000 bytes": {{Name: "a", Link: strings.Repeat("x", 5000)}},
	} {
		for _, compressed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s compressed %v", name, compressed), func(t *testing.T) {
				server := serve(t, depottest.UpdateConfig{Packages: []depottest.UpdatePackage{{Name: "evil_all", Files: files, Compressed: compressed}}})
				parent := t.TempDir()
				dir := filepath.Join(parent, "target")
				config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{server.URL()}}
				_, err := clientupdate.Install(t.Context(), config, server.Manifest(), dir, clientupdate.Options{})
				require.Error(t, err)
				require.ErrorContains(t, err, "evil_all")
				require.Equal(t, map[string]string{".": "folder"}, tree(t, dir))
				entries, err := os.ReadDir(parent)
				require.NoError(t, err)
				require.Len(t, entries, 1, "nothing outside")
			})
		}
	}
	t.Run("a link that leads out is left out", func(t *testing.T) {
		server := serve(t, depottest.UpdateConfig{Packages: []depottest.UpdatePackage{{Name: "p_all", Files: []depottest.UpdateFile{
			{Name: "out", Link: "../../etc/passwd"}, {Name: "good", Data: []byte("x")},
		}}}})
		dir := t.TempDir()
		report, err := clientupdate.Install(t.Context(), clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{server.URL()}}, server.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		require.Len(t, report.Problems, 1)
		require.ErrorIs(t, report.Problems[0], clientupdate.ErrPackageUnsafe)
		require.Equal(t, map[string]string{".": "folder", "good": "x"}, tree(t, dir))
	})
	t.Run("a link of an older version is not written through", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "other"), 0o777))
		require.NoError(t, os.Symlink("other", filepath.Join(dir, "lib")))
		require.NoError(t, os.Symlink("other/y", filepath.Join(dir, "file")))
		server := serve(t, depottest.UpdateConfig{Packages: []depottest.UpdatePackage{{Name: "p_all", Files: []depottest.UpdateFile{{Name: `lib\x`, Data: []byte("x")}, {Name: "file", Data: []byte("y")}}}}})
		_, err := clientupdate.Install(t.Context(), clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{server.URL()}}, server.Manifest(), dir, clientupdate.Options{})
		require.NoError(t, err)
		require.Equal(t, map[string]string{".": "folder", "lib": "folder", "lib/x": "x", "file": "y", "other": "folder"}, tree(t, dir))
	})
	t.Run("too much", func(t *testing.T) {
		server := serve(t, depottest.UpdateConfig{Packages: []depottest.UpdatePackage{{Name: "bomb_all", Files: []depottest.UpdateFile{{Name: "zeros", Data: make([]byte, 2<<20)}}, Compressed: true}}})
		config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{server.URL()}}
		_, err := clientupdate.Install(t.Context(), config, server.Manifest(), t.TempDir(), clientupdate.Options{MaxUnpacked: 1 << 20})
		require.ErrorContains(t, err, "MaxUnpacked is 1048576")
		_, err = clientupdate.Install(t.Context(), config, server.Manifest(), t.TempDir(), clientupdate.Options{MaxPackage: 100})
		require.ErrorContains(t, err, "MaxPackage is 100")
	})
}

func TestInstallRefuses(t *testing.T) {
	config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{deadHost}}
	_, err := clientupdate.Install(t.Context(), config, []byte("<html>"), t.TempDir(), clientupdate.Options{})
	require.ErrorIs(t, err, clientupdate.ErrNotManifest)
	_, err = clientupdate.Install(t.Context(), config, []byte(`"linux" { "version" "1" "p" { "file" "p.zip" "size" "3" } }`), t.TempDir(), clientupdate.Options{})
	require.ErrorContains(t, err, "no checksum")
	_, err = clientupdate.Install(t.Context(), config, []byte(`"win32" { "version" "1" "p" { "win7" { "file" "p.zip.0000000000000000000000000000000000000001" "size" "3" } } }`), t.TempDir(), clientupdate.Options{})
	require.ErrorContains(t, err, "Variants")
}

// The largest number is how a program says that it wants no limit; and a manifest need not have sizes.
func TestInstallWithoutLimits(t *testing.T) {
	server := serve(t, depottest.UpdateConfig{Packages: []depottest.UpdatePackage{{Name: "p_all", Files: []depottest.UpdateFile{{Name: "x", Data: []byte("x")}}}}})
	text := regexp.MustCompile(`(?m)^\s*"size".*\n`).ReplaceAll(server.Manifest(), nil)
	require.NotEqual(t, server.Manifest(), text)
	config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{server.URL()}}
	_, err := clientupdate.Install(t.Context(), config, text, t.TempDir(), clientupdate.Options{MaxPackage: math.MaxUint64, MaxUnpacked: math.MaxUint64})
	require.NoError(t, err)
}
