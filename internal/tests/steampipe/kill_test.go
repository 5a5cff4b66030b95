package steampipe

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// kills, in the environment, is how often to kill. The usual number takes seconds, 200 take half a minute.
const kills = "RELIGHT_TEST_KILLS"

// killedVersions are three versions between which files are edited, shifted, renamed, swapped, dropped and added.
func killedVersions(t *testing.T) []*depottest.Depot {
	const size = 16 << 10
	config := depottest.DepotConfig{Seed: 4, ManifestID: 1, Container: depottest.Zip, ChunkSize: size, Generate: 2 << 20, Files: files()}
	first, err := depottest.NewDepot(config)
	require.NoError(t, err)
	versions := []*depottest.Depot{first}
	config.Generate, config.Key = 0, first.Key
	for number := 1; number < 3; number++ {
		config.ManifestID++
		config.Files = nil
		for i, file := range first.Files {
			plain := file.Flags&(depottest.Directory|depottest.Symlink|depottest.UserConfig) == 0
			switch kind := (i + number) % 6; {
			case !plain || len(file.Data) == 0 || kind == 0:
			case kind == 1:
				file.Data = append(bytes.Repeat([]byte{byte(number)}, size), file.Data...) // what follows lies elsewhere
			case kind == 2:
				file.Data = bytes.Clone(file.Data)
				for at := 5; at < len(file.Data); at += 3 * size {
					file.Data[at] ^= byte(number)
				}
			case kind == 3:
				file.Name = `renamed\` + file.Name
			case kind == 4:
				half := len(file.Data) / size / 2 * size // begins with what was the second half
				file.Data = append(bytes.Clone(file.Data[half:]), file.Data[:half]...)
			case kind == 5:
				continue
			}
			config.Files = append(config.Files, file)
		}
		version, err := depottest.NewDepot(config)
		require.NoError(t, err)
		versions = append(versions, version)
	}
	return versions
}

// However often the process is killed in the middle of a download or an update, what is in its place is whole, old or new,
// and the next run goes on to an exact tree.
func TestKilled(t *testing.T) {
	if order := os.Getenv(killed); order != "" {
		downloadUntilKilled(t, strings.Split(order, "|"))
		return
	}
	t.Parallel()
	if testing.Short() {
		t.Skip("starts many processes")
	}
	times := 6
	if raceEnabled {
		times = 3
	}
	if text := os.Getenv(kills); text != "" {
		var err error
		times, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	w := newWorld(t, depottest.Config{}, killedVersions(t)...)
	w.server.Fail(depottest.Fault{Kind: depottest.FaultSlow, Path: "/chunk/", Delay: time.Millisecond})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	killed, early, before := 0, 0, -1
	for turn := 0; killed < times && turn < 4*times; turn++ {
		target := random.IntN(len(w.depots))
		if turn%25 == 0 { // from nothing now and then
			w.dir, before = t.TempDir(), -1
		}
		ran := w.kill(t, target, random)
		if ran {
			killed++
		} else {
			early++
		}
		w.requireWhole(t, target, before)
		if random.IntN(4) == 0 {
			// Another one is killed before anybody goes on, on the way to a third version perhaps.
			next := random.IntN(len(w.depots))
			w.kill(t, next, random)
			w.requireWhole(t, next, before, target)
			target = next
		}
		w.to(t, target, steampipe.Options{HashFiles: true})
		before = target
	}
	t.Logf("%d killed, %d were done before", killed, early)
	if killed == 0 { // this machine is too slow to kill in time: one is held up until it is
		w.dir = t.TempDir()
		w.server.Heal()
		w.server.Fail(depottest.Fault{Kind: depottest.FaultStall, Path: "/chunk/", Skip: 30})
		require.True(t, w.kill(t, 0, random))
		w.server.Heal()
		w.requireWhole(t, 0)
		w.to(t, 0, steampipe.Options{HashFiles: true})
	}
}

// kill runs a download in another process and kills it after so many chunks, or some time after it asked for the manifest. It
// tells whether the process was still at it.
func (w *world) kill(t *testing.T, target int, random *rand.Rand) bool {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	depot := w.depots[target]
	w.server.Forget()
	child := exec.CommandContext(t.Context(), program, "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), killed+"="+strings.Join([]string{w.server.Addr(), strconv.FormatUint(uint64(depot.ID), 10),
		strconv.FormatUint(depot.ManifestID, 10), hex.EncodeToString(depot.Key[:]), w.dir}, "|"))
	var output strings.Builder
	child.Stdout, child.Stderr = &output, &output
	require.NoError(t, child.Start())
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	poll := time.NewTicker(500 * time.Microsecond)
	defer poll.Stop()
	limit := time.After(time.Minute)
	path, count := "/chunk/", 1+random.IntN(30)
	if random.IntN(2) == 0 {
		path, count = "/manifest/", 1
	}
	var instant <-chan time.Time
	for {
		select {
		case <-poll.C:
			if instant == nil && w.server.Count(path) >= count {
				instant = time.After(time.Duration(random.IntN(20_000)) * time.Microsecond)
			}
			continue
		case <-instant:
		case err := <-ended:
			require.NoError(t, err, output.String()) // it was done before
			return false
		case <-limit:
			require.Fail(t, "took too long")
		}
		if err := child.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
			require.NoError(t, err)
		}
		err := <-ended
		require.False(t, err != nil && runtime.GOOS != "windows" && child.ProcessState.Exited(), output.String()) // failed by itself
		return err != nil
	}
}

// requireWhole checks that each file in the folder is, as a whole, that of one of the versions.
func (w *world) requireWhole(t *testing.T, versions ...int) {
	t.Helper()
	may := map[string][][]byte{}
	for _, version := range versions {
		if version < 0 {
			continue
		}
		for _, file := range w.depots[version].Files {
			name := strings.ReplaceAll(file.Name, `\`, "/")
			may[name] = append(may[name], file.Data)
		}
	}
	require.NoError(t, filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(path, filepath.Join(w.dir, ".steampipe")) {
			return err
		}
		name, err := filepath.Rel(w.dir, path)
		require.NoError(t, err)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, want := range may[filepath.ToSlash(name)] {
			if bytes.Equal(b, want) {
				return nil
			}
		}
		require.Failf(t, "in its place, neither old nor new", "%s: %d bytes, versions %v", name, len(b), versions)
		return nil
	}))
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
