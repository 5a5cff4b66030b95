package steampipe

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// Some file systems have more than one name for a folder: HFS+ and folders of ext4 that fold case leave zero-width characters out,
// Windows has short names. Here a bind mount, in a mount namespace of its own, is another name for the state folder: a manifest
// that writes there is refused before anything is.
func TestStateFolderByAnotherName(t *testing.T) {
	const alias = ".steam\u200bpipe"
	const inside = "RELIGHT_TEST_ALIAS"
	if dir := os.Getenv(inside); dir != "" {
		if err := syscall.Mount(filepath.Join(dir, ".steampipe"), filepath.Join(dir, alias), "", syscall.MS_BIND, ""); err != nil {
			t.Skip("no bind mounts here:", err)
		}
		depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: []depottest.File{{Name: alias + `\lock`, Data: []byte("lock")}}})
		require.NoError(t, err)
		cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
		_, err = steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), dir, steampipe.Options{Key: depot.Key})
		require.ErrorIs(t, err, steampipe.ErrManifestUnsafe)
		b, err := os.ReadFile(filepath.Join(dir, ".steampipe", "lock"))
		require.NoError(t, err)
		require.NotEqual(t, "lock", string(b))
		return
	}
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".steampipe"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, alias), 0o755))
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), inside+"="+dir)
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	out, err := again.CombinedOutput()
	if len(out) == 0 && err != nil {
		t.Skip("no namespaces here:", err)
	}
	require.NoError(t, err, string(out))
}
