package steampipe

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A file that is repaired gets no rights that it did not have: above all it is not writable for everybody afterwards.
func TestRepairKeepsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes on Windows")
	}
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{
		{Name: "plain", Data: []byte("plain")},
		{Name: "program", Data: []byte("program"), Flags: depottest.Executable},
		{Name: "fixed", Data: []byte("fixed"), Flags: depottest.ReadOnly},
	}})
	require.NoError(t, err)
	cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"plain": 0o640, "program": 0o700, "fixed": 0o440} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("wrong"), 0o600))
		require.NoError(t, os.Chmod(path, mode))
	}
	_, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	requireTree(t, depot, dir)
	for name, mode := range map[string]os.FileMode{"plain": 0o640, "program": 0o700, "fixed": 0o440} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
}

// mountTmpfs mounts a file system in memory, or skips the test.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("mounting takes root on Linux")
	}
	dir := t.TempDir()
	if b, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no mounting here: %v: %s", err, b)
	}
	t.Cleanup(func() { require.NoError(t, exec.Command("umount", dir).Run()) })
	return dir
}

// Too small a disk is said before anything is fetched. A disk that fills up all the same ends the download with an error that says so and names the file; with room the next run goes on.
func TestDiskFull(t *testing.T) {
	dir := mountTmpfs(t, "size=2m")
	depot := newDepot(t, depottest.Zip)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	_, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.ErrorIs(t, err, steampipe.ErrNoSpace)
	space, ok := errors.AsType[*steampipe.SpaceError](err)
	require.True(t, ok)
	require.Greater(t, space.Needed, int64(4<<20))
	require.LessOrEqual(t, space.Needed, int64(manifest.Size)-4<<20, "zeros take no space")
	require.Less(t, space.Available, int64(2<<20))
	require.Zero(t, server.Count("/chunk/"))
	_, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key, SkipSpaceCheck: true})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorIs(t, err, steampipe.ErrNoSpace)
	e, ok := errors.AsType[*steampipe.Error](err)
	require.True(t, ok)
	require.Equal(t, steampipe.StepWrite, e.Step)
	require.NotEmpty(t, e.Path)
	verdict, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{})
	require.NoError(t, err)
	for _, file := range verdict.Files {
		require.Contains(t, []steampipe.FileStatus{steampipe.FileOK, steampipe.FileMissing, steampipe.FileUsers}, file.Status, file.Path)
	}
	require.NoError(t, exec.CommandContext(t.Context(), "mount", "-o", "remount,size=64m", dir).Run())
	report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	require.Positive(t, report.BytesKept)
	requireTree(t, depot, dir)
}

// A target that cannot be written is an error at once, before anything is fetched.
func TestReadOnlyTarget(t *testing.T) {
	dir := mountTmpfs(t, "size=2m,ro")
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	_, err := steampipe.Download(t.Context(), cdn, manifest, filepath.Join(dir, "game"), steampipe.Options{Key: depot.Key})
	require.ErrorIs(t, err, syscall.EROFS)
	_, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.ErrorIs(t, err, syscall.EROFS)
	e, ok := errors.AsType[*steampipe.Error](err)
	require.True(t, ok)
	require.Equal(t, steampipe.StepPrepare, e.Step)
	require.Zero(t, server.Count("/chunk/"))
}
