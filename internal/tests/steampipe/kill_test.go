package steampipe

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// killed, in the environment, tells a process of this test that it is the one to be killed: server, depot, manifest, key
// and folder, with | between them.
const killed = "RELIGHT_TEST_KILLED"

// However often the process is killed in the middle of a download, what is in its place is whole, old or new, and the next
// run goes on to an exact tree.
func TestKilled(t *testing.T) {
	if order := os.Getenv(killed); order != "" {
		downloadUntilKilled(t, strings.Split(order, "|"))
		return
	}
	if testing.Short() {
		t.Skip("starts a process ten times")
	}
	depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 4, Container: depottest.Zip, ChunkSize: 16 << 10, Generate: 3 << 20, Files: files()})
	require.NoError(t, err)
	server := serve(t, depottest.Config{}, depot)
	server.Fail(depottest.Fault{Kind: depottest.FaultSlow, Path: "/chunk/", Delay: time.Millisecond})
	program, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()

	// Some files are there in another version, and are taken to pieces where they lie.
	old := map[string][]byte{}
	for i, file := range depot.Files {
		if len(file.Data) < 100<<10 || i%2 == 0 {
			continue
		}
		b := append([]byte(nil), file.Data...)
		b[50<<10] ^= 1
		b = append(b, "longer"...)
		path := filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(file.Name, `\`, "/")))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b, 0o644))
		old[file.Name] = b
	}
	require.NotEmpty(t, old)

	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	poll := time.NewTicker(500 * time.Microsecond)
	defer poll.Stop()
	kills, limit := 0, time.After(time.Minute)
	for range 10 {
		server.Forget()
		child := exec.CommandContext(t.Context(), program, "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), killed+"="+strings.Join([]string{server.Addr(), strconv.FormatUint(uint64(depot.ID), 10),
			strconv.FormatUint(depot.ManifestID, 10), hex.EncodeToString(depot.Key[:]), dir}, "|"))
		var output strings.Builder
		child.Stdout, child.Stderr = &output, &output
		require.NoError(t, child.Start())
		ended := make(chan error, 1)
		go func() { ended <- child.Wait() }()
		for at, over := 1+random.IntN(30), false; !over && server.Count("/chunk/") < at; {
			select {
			case <-poll.C:
			case err := <-ended:
				require.NoError(t, err, output.String()) // it was done before
				over = true
				ended <- nil
			case <-limit:
				require.Fail(t, "took too long")
			}
		}
		if child.Process.Kill() == nil {
			kills++
		}
		<-ended

		verdict, err := steampipe.Verify(t.Context(), manifest, dir, steampipe.VerifyOptions{})
		require.NoError(t, err)
		for _, file := range verdict.Files {
			if b, ok := old[file.Path]; ok && file.Status != steampipe.FileOK && file.Status != steampipe.FileMissing {
				now, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(file.Path, `\`, "/"))))
				require.NoError(t, err)
				require.Equal(t, hex.EncodeToString(b), hex.EncodeToString(now), "%s is in its place, neither old nor new", file.Path)
				continue
			}
			require.Contains(t, []steampipe.FileStatus{steampipe.FileOK, steampipe.FileMissing, steampipe.FileUsers}, file.Status, "%s is in its place and wrong", file.Path)
		}
	}
	require.Positive(t, kills, "never killed in time")
	server.Heal()
	report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	t.Logf("%d kills; the last run kept %d of %d bytes", kills, report.BytesKept, report.Bytes)
	requireTree(t, depot, dir)
	requireOK(t, manifest, dir)
}

// downloadUntilKilled is what the process does that is killed.
func downloadUntilKilled(t *testing.T, order []string) {
	require.Len(t, order, 5)
	depot, err := strconv.ParseUint(order[1], 10, 32)
	require.NoError(t, err)
	id, err := strconv.ParseUint(order[2], 10, 64)
	require.NoError(t, err)
	key := sharedKey(t, order[3])
	cdn := newCDN(t, steampipe.Config{Directory: steampipe.ServerList{Addresses: []string{order[0]}}})
	manifest, err := steampipe.FetchManifest(t.Context(), cdn, steampipe.DepotID(depot), steampipe.ManifestID(id), key)
	require.NoError(t, err)
	_, err = steampipe.Download(t.Context(), cdn, manifest, order[4], steampipe.Options{Key: key, Connections: 4})
	require.NoError(t, err)
}
