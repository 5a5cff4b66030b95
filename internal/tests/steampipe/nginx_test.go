package steampipe

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// layOut writes a depot as a content server has it on its disk, which is what [steampipe.Folder] reads too.
func layOut(t testing.TB, depot *depottest.Depot, dir string) {
	t.Helper()
	base := filepath.Join(dir, "depot", strconv.Itoa(int(depot.ID)))
	manifest := filepath.Join(base, "manifest", strconv.FormatUint(depot.ManifestID, 10))
	require.NoError(t, os.MkdirAll(filepath.Join(base, "chunk"), 0o755))
	require.NoError(t, os.MkdirAll(manifest, 0o755))
	stored, err := depot.Stored()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(manifest, "5"), stored, 0o644))
	for _, id := range depot.Chunks() {
		chunk, _ := depot.Chunk(id)
		require.NoError(t, os.WriteFile(filepath.Join(base, "chunk", id.String()), chunk, 0o644))
	}
}

// nginx runs nginx with servers of its configuration on two free ports of loopback, and gives their addresses: a content server
// that serves a folder, and in front of it a cache that is set up as lancachenet/monolithic sets itself up, with "steam" and
// the path, cut into slices of 1 MiB, as the key.
func nginx(t *testing.T, content string) (origin, cache, log string) {
	t.Helper()
	program := peers.Program(t, "nginx")
	work := t.TempDir()
	require.NoError(t, os.Chmod(work, 0o755))
	ports := make([]string, 2)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ports[i] = listener.Addr().String()
		require.NoError(t, listener.Close())
	}
	origin, cache, log = ports[0], ports[1], filepath.Join(work, "cache.log")
	config := fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { }
http {
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	access_log off; default_type application/octet-stream;
	proxy_cache_path %[1]s/cache levels=2:2 keys_zone=generic:1m;
	log_format cachelog '$upstream_cache_status "$http_user_agent" $host $request_uri';
	server { listen %[2]s; server_name cache1.steamcontent.example; root %[4]s; }
	server { listen %[2]s default_server; return 421; }
	server {
		listen %[3]s;
		access_log %[1]s/cache.log cachelog;
		location = /lancache-heartbeat { access_log off; add_header X-LanCache-Processed-By relight-test always; return 204; }
		location / {
			slice 1m;
			proxy_cache generic; proxy_cache_key steam$uri$slice_range; proxy_cache_valid 200 206 1h;
			proxy_cache_bypass $arg_nocache; proxy_ignore_headers Expires Cache-Control;
			proxy_set_header Range $slice_range; proxy_set_header Host $host; proxy_http_version 1.1; proxy_set_header Connection "";
			proxy_pass http://%[2]s;
		}
	}
}
`, work, origin, cache, content)
	file := filepath.Join(work, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o644))
	command := exec.Command(program, "-p", work, "-c", file)
	var said bytes.Buffer
	command.Stderr = &said
	require.NoError(t, command.Start())
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGQUIT)
		if err := <-exited; err != nil || t.Failed() {
			t.Logf("nginx: %v %s", err, said.String())
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", cache)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond, "nginx does not listen: %s", &said)
	return origin, cache, log
}

// TestNginx downloads depots of every container from nginx as a content server, and through nginx as a LAN cache, found by the
// name service: the second download must be served from the cache alone.
func TestNginx(t *testing.T) {
	t.Parallel()
	for _, container := range peerContainers() {
		t.Run(fmt.Sprint(container), func(t *testing.T) {
			depot := newDepot(t, container)
			content := t.TempDir()
			require.NoError(t, os.Chmod(content, 0o755))
			layOut(t, depot, content)
			origin, cache, log := nginx(t, content)
			_, port, err := net.SplitHostPort(cache)
			require.NoError(t, err)
			servers := steampipe.Servers{{Type: steampipe.TypeSteamCache, Host: origin, VHost: "cache1.steamcontent.example"}}

			t.Run("as content server", func(t *testing.T) {
				cdn := newCDN(t, steampipe.Config{Directory: servers})
				dir := t.TempDir()
				report, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), dir, steampipe.Options{Key: depot.Key})
				require.NoError(t, err)
				require.Zero(t, report.Retries)
				requireTree(t, depot, dir)
			})
			t.Run("as LAN cache", func(t *testing.T) {
				by, err := steampipe.ProbeCache(t.Context(), "http://"+cache, nil)
				require.NoError(t, err)
				require.Equal(t, "relight-test", by)
				known := names{steampipe.CacheName: {netip.MustParseAddr("127.0.0.1")}}
				counts := make([]map[string]int, 2)
				chunks := int64(0)
				for i := range counts {
					require.NoError(t, os.Truncate(log, 0))
					cdn := newCDN(t, steampipe.Config{Directory: servers, DetectCache: true, Lookup: known.lookup, DialContext: towardPort("127.0.0.1:80", port)})
					dir := t.TempDir()
					report, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), dir, steampipe.Options{Key: depot.Key})
					require.NoError(t, err)
					requireTree(t, depot, dir)
					require.Contains(t, report.Servers, "LAN cache 127.0.0.1")
					chunks = report.ChunksFetched
					var b []byte // nginx logs a request when the answer has gone already
					require.Eventually(t, func() bool {
						b, err = os.ReadFile(log)
						return err == nil && bytes.Count(b, []byte("\n")) >= int(chunks)
					}, time.Minute, 5*time.Millisecond)
					counts[i] = make(map[string]int)
					for line := range strings.Lines(string(b)) {
						require.Contains(t, line, `"Valve/Steam HTTP Client 1.0" cache1.steamcontent.example /depot/`, "who asks, and for whom")
						counts[i][strings.Fields(line)[0]]++
					}
				}
				require.Equal(t, int(chunks), counts[0]["MISS"])
				require.Equal(t, map[string]int{"HIT": int(chunks)}, counts[1])
			})
		})
	}
}
