package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// start runs the program and gives what it printed.
func start(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if status := run(t.Context(), args, &out, &err); status != want {
		t.Fatalf("%v: status %d, not %d\n%s%s", args, status, want, &out, &err)
	}
	return out.String(), err.String()
}

// last is the last line of JSON output, the report.
func last(t *testing.T, output string) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(output), "\n")
	var line map[string]any
	for _, text := range lines {
		line = nil
		if err := json.Unmarshal([]byte(text), &line); err != nil || line["event"] == nil {
			t.Fatalf("%v in %q", err, text)
		}
	}
	if line["event"] != "report" {
		t.Fatalf("the last line is no report: %v", line)
	}
	return line
}

func TestEmbedded(t *testing.T) {
	dir := t.TempDir()
	output, _ := start(t, 0, "-embedded", "-json", "-dir", dir)
	report := last(t, output)
	if report["files_failed"] != 0.0 || report["files_new"] != report["files"] || report["chunks_zero"].(float64) < 3 {
		t.Errorf("%v", report)
	}
	output, _ = start(t, 0, "download", "-embedded", "-json", "-dir", dir)
	if again := last(t, output); again["files_kept"] != report["files"] || again["chunks_fetched"] != 0.0 {
		t.Errorf("the second run: %v", again)
	}
	output, _ = start(t, 0, "-embedded")
	if !strings.Contains(output, "0 failed") {
		t.Error(output)
	}
	start(t, 0, "verify", "-embedded", "-dir", dir, "-server", "127.0.0.1:1", "-folder", "/nonexistent")
	start(t, 1, "verify", "-embedded", "-dir", dir, "-manifest", "1001")
	output, _ = start(t, 0, "-embedded", "-json", "-dir", dir, "-manifest", "1001")
	if older := last(t, output); older["files_removed"] != 1.0 || !exists(dir, "maps", "lost.bsp") {
		t.Errorf("back to the older version: %v", older)
	}
	start(t, 0, "verify", "-embedded", "-dir", dir, "-manifest", "1001")
	output, _ = start(t, 0, "compare", "-embedded", "-json")
	if report := last(t, output); report["changes"] != 2.0 {
		t.Errorf("%v", report)
	}
	output, _ = start(t, 0, "-embedded", "-diagnose")
	if !strings.Contains(output, "ok ") {
		t.Error(output)
	}
	output, stderr := start(t, 1, "-diagnose", "-json", "-server", "127.0.0.1:1")
	if report := last(t, output); report["diagnosis"] == nil || strings.Contains(stderr, "try:") {
		t.Errorf("%v %s", report, stderr)
	}
}

// With -embedded nothing leaves the machine, not even the question for a LAN cache.
func TestEmbeddedAsksNoNameServer(t *testing.T) {
	var o options
	server, err := embed(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	config, err := o.cdnConfig()
	if err != nil {
		t.Fatal(err)
	}
	if config.Lookup == nil {
		t.Fatal("it asks the system")
	}
	if addrs, err := config.Lookup(t.Context(), "localhost"); err == nil {
		t.Errorf("it found %v", addrs)
	}
	if addr, found, err := steampipe.FindCache(t.Context(), config.Lookup); found || err != nil {
		t.Errorf("it found %v: %v", addr, err)
	}
}

// depotServer is a small depot at a server, and the flags that name them.
func depotServer(t *testing.T, seed uint64, files ...depottest.File) (*depottest.Depot, *depottest.Server, []string) {
	t.Helper()
	depot, err := depottest.NewDepot(depottest.DepotConfig{ID: 440, Seed: seed, Files: append(files,
		depottest.File{Name: `bin\server`, Data: bytes.Repeat([]byte("server "), 5000), Flags: depottest.Executable},
		depottest.File{Name: `maps\dm_bay.bsp`, Data: bytes.Repeat([]byte("bay "), 9000)},
		depottest.File{Name: `maps\dm_bay.txt`, Data: []byte("a bay")},
	)})
	if err != nil {
		t.Fatal(err)
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}, AnyHost: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return depot, server, []string{"-depot", "440", "-manifest", strconv.FormatUint(depot.ManifestID, 10), "-key", hexKey(depot)}
}

func hexKey(depot *depottest.Depot) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range depot.Key {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func exists(dir string, names ...string) bool {
	_, err := os.Stat(filepath.Join(append([]string{dir}, names...)...))
	return err == nil
}

func TestDownloadVerifyCompare(t *testing.T) {
	depot, server, what := depotServer(t, 1)
	for name, source := range map[string][]string{"server": {"-server", server.Addr()}, "serverlist": {"-serverlist", server.Addr()}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := append(append([]string{"-json", "-dir", dir, "-connections", "2", "-limit", "50M"}, what...), source...)
			output, _ := start(t, 0, append(args, "-include", "maps/*,cfg", "-exclude", "*.txt")...)
			if report := last(t, output); report["files"] != 1.0 || !exists(dir, "maps", "dm_bay.bsp") || exists(dir, "maps", "dm_bay.txt") || exists(dir, "bin") {
				t.Errorf("filters: %v", report)
			}
			output, _ = start(t, 0, append(args, "-regexp", "^bin/")...)
			if report := last(t, output); report["files"] != 1.0 || !exists(dir, "bin", "server") {
				t.Errorf("expression: %v", report)
			}
			start(t, 0, args...)
			if err := os.WriteFile(filepath.Join(dir, "maps", "dm_bay.txt"), []byte("a cay"), 0o600); err != nil {
				t.Fatal(err)
			}
			verifyArgs := append(append([]string{"verify", "-json", "-dir", dir}, what...), source...)
			output, stderr := start(t, 1, verifyArgs...)
			if report := last(t, output); report["bad"] != 1.0 || !strings.Contains(output, "dm_bay.txt") || !strings.Contains(stderr, errDiffers.Error()) {
				t.Errorf("verify: %v\n%s", report, stderr)
			}
			output, _ = start(t, 0, append(args, "-dry-run")...)
			if report := last(t, output); report["files_touched"] != 1.0 || report["chunks_to_fetch"] != 1.0 || !strings.Contains(output, "dm_bay.txt") {
				t.Errorf("dry run: %s", output)
			}
			output, _ = start(t, 0, args...)
			if report := last(t, output); report["files_new"] != 1.0 {
				t.Errorf("repair: %v", report)
			}
			start(t, 0, verifyArgs...)
		})
	}
	stored, err := depot.Stored()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "440.manifest")
	if err := os.WriteFile(file, stored, 0o600); err != nil {
		t.Fatal(err)
	}
	output, _ := start(t, 0, "compare", "-json", "-manifest-file", file, "-key", hexKey(depot))
	if report := last(t, output); report["changes"] != 3.0 || report["chunks_kept"] != 0.0 {
		t.Errorf("compare with nothing: %v", report)
	}
	output, _ = start(t, 0, append([]string{"compare", "-json", "-old", file, "-server", server.Addr()}, what...)...)
	if report := last(t, output); report["changes"] != 0.0 || report["unchanged"] != 3.0 {
		t.Errorf("compare with itself: %v", report)
	}
	output, _ = start(t, 0, append([]string{"compare", "-old", strconv.FormatUint(depot.ManifestID, 10), "-server", server.Addr()}, what...)...)
	if !strings.Contains(output, "0 changes, 3 the same") {
		t.Error(output)
	}
}

func TestFolder(t *testing.T) {
	depot, _, what := depotServer(t, 2)
	mirror, dir := t.TempDir(), t.TempDir()
	base := filepath.Join(mirror, "depot", "440")
	manifest := filepath.Join(base, "manifest", strconv.FormatUint(depot.ManifestID, 10))
	stored, err := depot.Stored()
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{manifest, filepath.Join(base, "chunk")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(manifest, "5"), stored, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range depot.Chunks() {
		b, _ := depot.Chunk(id)
		if err := os.WriteFile(filepath.Join(base, "chunk", id.String()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output, _ := start(t, 0, append([]string{"-folder", mirror, "-dir", dir}, what...)...)
	if !strings.Contains(output, "3 written, 0 failed") {
		t.Error(output)
	}
}

func TestConfig(t *testing.T) {
	depot, server, what := depotServer(t, 3)
	file := filepath.Join(t.TempDir(), "config.vdf")
	text := `"InstallConfigStore" { "Software" { "Valve" { "Steam" { "CS" "` + server.Addr() + `" "depots" { "440" { "DecryptionKey" "` + hexKey(depot) + `" } } } } } }`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	output, _ := start(t, 0, "-config", file, "-depot", "440", "-manifest", what[3], "-dir", t.TempDir())
	if !strings.Contains(output, "3 written, 0 failed") || strings.Contains(output, hexKey(depot)) {
		t.Error(output)
	}
}

func TestBootstrap(t *testing.T) {
	dir := t.TempDir()
	output, _ := start(t, 0, "bootstrap", "-embedded", "-json", "-dir", dir)
	if report := last(t, output); report["packages_fetched"] != 2.0 || report["files"] != 2.0 || !exists(dir, "linux32", "steamcmd") {
		t.Errorf("%v", report)
	}
	output, _ = start(t, 0, "bootstrap", "-embedded", "-dir", dir)
	if !strings.Contains(output, "current: version") || !strings.Contains(output, "nothing to do") {
		t.Error(output)
	}
	if err := os.Remove(filepath.Join(dir, "linux32", "steamcmd")); err != nil {
		t.Fatal(err)
	}
	output, _ = start(t, 0, "bootstrap", "-embedded", "-dir", dir)
	if !strings.Contains(output, "missing") || !exists(dir, "linux32", "steamcmd") {
		t.Errorf("not repaired: %s", output)
	}
	output, _ = start(t, 0, "bootstrap", "-json", "-host", "http://127.0.0.1:1/", "-dir", dir)
	if report := last(t, output); report["status"] != "unknown" {
		t.Errorf("offline: %v", report)
	}
	_, stderr := start(t, 1, "bootstrap", "-host", "http://127.0.0.1:1/")
	if !strings.Contains(stderr, "no update host gave a usable answer") {
		t.Error(stderr)
	}
	output, _ = start(t, 1, "bootstrap", "-diagnose", "-host", "http://127.0.0.1:1/")
	if !strings.Contains(output, "try:") {
		t.Error(output)
	}
}

func TestUsage(t *testing.T) {
	help, _ := start(t, 0, "-h")
	for _, word := range []string{"download", "verify", "compare", "bootstrap", "-detect-cache", "-embedded", "-json"} {
		if !strings.Contains(help, word) {
			t.Errorf("no %s in -h", word)
		}
	}
	for want, args := range map[string][]string{
		"no command":            {"nonsense"},
		"unexpected argument":   {"download", "x"},
		"from where?":           {"-depot", "1", "-manifest", "2"},
		"which manifest?":       {"-server", "x"},
		"which folder?":         {"verify", "-server", "x", "-depot", "1", "-manifest", "2"},
		"where to?":             append([]string{"-server", "127.0.0.1:1"}, "-manifest-file", emptyManifest(t)),
		"want bytes per second": {"-limit", "fast"},
		"flag provided but not": {"-nonsense"},
	} {
		if _, stderr := start(t, 2, args...); !strings.Contains(stderr, want) {
			t.Errorf("%v: %s", args, stderr)
		}
	}
}

// emptyManifest is the file of a manifest without files.
func emptyManifest(t *testing.T) string {
	t.Helper()
	manifest := steampipe.Manifest{DepotID: 1, ManifestID: 2}
	file := filepath.Join(t.TempDir(), "empty.manifest")
	if err := os.WriteFile(file, manifest.Append(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
