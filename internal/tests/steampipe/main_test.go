// Package steampipe tests steampipe against depottest, recorded data and third-party programs.
package steampipe

import (
	"context"
	"crypto/sha1"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// containers are the ways in which chunks are compressed.
var containers = []depottest.Container{depottest.Zip, depottest.VZ, depottest.VSZ, depottest.Mixed}

// files is a depot with a bit of everything, and some generated bulk.
func files() []depottest.File {
	big := make([]byte, 3<<20+17)
	for i := range big {
		big[i] = byte(i>>8) ^ byte(i*7) ^ byte(i>>20*31)
	}
	return []depottest.File{
		{Name: `bin`, Flags: depottest.Directory},
		{Name: `bin\server`, Data: big, Flags: depottest.Executable},
		{Name: `bin\copy of server`, Data: append(big[:1<<20:1<<20], "another end"...)},
		{Name: `data\zero.bin`, Data: make([]byte, 3<<20)},
		{Name: `data\zero tail.bin`, Data: append(big[:1<<20:1<<20], make([]byte, 1<<20+5)...)},
		{Name: `data\empty.txt`},
		{Name: `data\ünïcode ☃.txt`, Data: []byte("snow")},
		{Name: `cfg\readonly.cfg`, Data: []byte("ro"), Flags: depottest.ReadOnly | depottest.Hidden},
		{Name: `cfg\user.cfg`, Data: []byte("default"), Flags: depottest.UserConfig},
		{Name: `lib\libfoo.so`, Flags: depottest.Symlink, Link: "libfoo.so.1"},
		{Name: `lib\libfoo.so.1`, Data: []byte("library"), Flags: depottest.Executable},
		{Name: `empty folder\inner`, Flags: depottest.Directory},
	}
}

// newDepot builds a depot with everything.
func newDepot(t testing.TB, container depottest.Container) *depottest.Depot {
	t.Helper()
	depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 7, Container: container, Files: files(), Generate: 3 << 20})
	require.NoError(t, err)
	return depot
}

// buildSmall is built once: under the race detector a hundred tests would spend more on compressing it than on what they test.
var buildSmall = sync.OnceValues(func() (*depottest.Depot, error) {
	return depottest.NewDepot(depottest.DepotConfig{Seed: 3, Container: depottest.Zip, ChunkSize: 4 << 10, Generate: 256 << 10,
		Files: []depottest.File{{Name: "readme.txt", Data: []byte("hello")}}})
})

// smallDepot has many small chunks. All tests share it, so none changes it.
func smallDepot(t testing.TB) *depottest.Depot {
	t.Helper()
	depot, err := buildSmall()
	require.NoError(t, err)
	return depot
}

// serve starts a server for depots.
func serve(t testing.TB, config depottest.Config, depots ...*depottest.Depot) *depottest.Server {
	t.Helper()
	config.Depots = depots
	server, err := depottest.New(config)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

// newCDN makes a source that asks the given directory, quick to retry.
func newCDN(t testing.TB, config steampipe.Config) *steampipe.CDN {
	t.Helper()
	if config.CoolDown == 0 {
		config.CoolDown = 5 * time.Millisecond
	}
	cdn, err := steampipe.NewCDN(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cdn.Close()) })
	return cdn
}

// list is the directory of a test server.
func list(server *depottest.Server) steampipe.ServerList {
	return steampipe.ServerList{Addresses: []string{server.Addr()}}
}

// manifestOf gets a depot's manifest from a source.
func manifestOf(t testing.TB, source steampipe.Source, depot *depottest.Depot) *steampipe.Manifest {
	t.Helper()
	m, err := steampipe.FetchManifest(t.Context(), source, steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID), depot.Key)
	require.NoError(t, err)
	return m
}

// requireTree checks that a folder holds exactly the depot.
func requireTree(t testing.TB, depot *depottest.Depot, dir string) {
	t.Helper()
	want := map[string]bool{}
	for _, file := range depot.Files {
		name := strings.ReplaceAll(file.Name, `\`, "/")
		path := filepath.Join(dir, filepath.FromSlash(name))
		for parent := filepath.Dir(name); parent != "."; parent = filepath.Dir(parent) {
			want[filepath.ToSlash(parent)] = true
		}
		want[name] = true
		info, err := os.Lstat(path)
		require.NoError(t, err, name)
		switch {
		case file.Flags&depottest.Directory != 0:
			require.True(t, info.IsDir(), name)
		case file.Flags&depottest.Symlink != 0:
			target, err := os.Readlink(path)
			require.NoError(t, err, name)
			require.Equal(t, file.Link, target)
		default:
			b, err := os.ReadFile(path)
			require.NoError(t, err, name)
			require.Equal(t, sha1.Sum(file.Data), sha1.Sum(b), "%s: %d bytes, want %d", name, len(b), len(file.Data))
			if runtime.GOOS != "windows" {
				require.Equal(t, file.Flags&depottest.Executable != 0, info.Mode()&0o100 != 0, "%s: %v", name, info.Mode())
			}
			require.Equal(t, file.Flags&depottest.ReadOnly == 0, info.Mode()&0o200 != 0, "%s: %v", name, info.Mode())
		}
	}
	for _, name := range treeOf(t, dir) {
		require.True(t, want[name], "%s should not be there", name)
	}
}

// treeOf lists everything below a folder, except what downloads remember there.
func treeOf(t testing.TB, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if name == ".steampipe" {
			return fs.SkipDir
		}
		if name != "." {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}

// requireOK checks that Verify is content.
func requireOK(t testing.TB, manifest *steampipe.Manifest, dir string) {
	t.Helper()
	report, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{Extra: true})
	require.NoError(t, err)
	for _, file := range report.Files {
		require.Contains(t, []steampipe.FileStatus{steampipe.FileOK, steampipe.FileUsers}, file.Status, "%s: %v", file.Path, file.Status)
	}
	require.True(t, report.OK())
}

// requestCode gives the same request code always.
func requestCode(code uint64) func(context.Context, steampipe.DepotID, steampipe.ManifestID) (uint64, error) {
	return func(context.Context, steampipe.DepotID, steampipe.ManifestID) (uint64, error) { return code, nil }
}

// skipRace leaves a test out under the race detector, which makes it many times slower and has nothing to find there: no
// goroutines of ours share anything that other tests do not look at.
func skipRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("computes much and shares nothing: not under the race detector")
	}
}

// peerContainers are those to try with third-party programs: under the race detector the depot that has all kinds of chunks.
func peerContainers() []depottest.Container {
	if raceEnabled {
		return []depottest.Container{depottest.Mixed}
	}
	return containers
}
