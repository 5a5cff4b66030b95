package steampipe_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// benchDepot is 64 MiB of generated files behind a server on loopback.
func benchDepot(b *testing.B, container depottest.Container) (*depottest.Depot, *steampipe.CDN, *steampipe.Manifest) {
	b.Helper()
	depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 1, Container: container, Generate: 64 << 20})
	if err != nil {
		b.Fatal(err)
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	cdn, err := steampipe.NewCDN(steampipe.Config{Directory: steampipe.ServerList{Addresses: []string{server.Addr()}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cdn.Close() })
	manifest, err := steampipe.FetchManifest(b.Context(), cdn, steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID), depot.Key)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(manifest.Size))
	return depot, cdn, manifest
}

// BenchmarkDownload is a fresh download over loopback; the server runs on the same processors.
func BenchmarkDownload(b *testing.B) {
	for _, container := range []depottest.Container{depottest.VZ, depottest.VSZ, depottest.Zip} {
		b.Run(container.String(), func(b *testing.B) {
			depot, cdn, manifest := benchDepot(b, container)
			root := b.TempDir()
			for b.Loop() {
				dir := filepath.Join(root, "game")
				if _, err := steampipe.Download(b.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkVerify reads a depot back that is in the system's cache.
func BenchmarkVerify(b *testing.B) {
	depot, cdn, manifest := benchDepot(b, depottest.VSZ)
	dir := b.TempDir()
	if _, err := steampipe.Download(b.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		report, err := steampipe.Verify(b.Context(), manifest, dir, steampipe.VerifyOptions{})
		if err != nil || !report.OK() {
			b.Fatal(report, err)
		}
	}
}

// BenchmarkUnchanged runs a download again that has nothing to do: 10,000 files of 4 KiB.
func BenchmarkUnchanged(b *testing.B) {
	var files []depottest.File
	for i := range 10_000 {
		data := make([]byte, 4<<10)
		copy(data, fmt.Sprint(i))
		files = append(files, depottest.File{Name: fmt.Sprintf(`folder%d\file%d`, i%100, i), Data: data})
	}
	depot, err := depottest.NewDepot(depottest.DepotConfig{Container: depottest.Zip, Files: files})
	if err != nil {
		b.Fatal(err)
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	cdn, err := steampipe.NewCDN(steampipe.Config{Directory: steampipe.ServerList{Addresses: []string{server.Addr()}}})
	if err != nil {
		b.Fatal(err)
	}
	defer cdn.Close()
	dir := b.TempDir()
	options := steampipe.Options{Key: depot.Key}
	if _, err := steampipe.Download(b.Context(), cdn, depot.Manifest, dir, options); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		report, err := steampipe.Download(b.Context(), cdn, depot.Manifest, dir, options)
		if err != nil || report.FilesKept != len(files) {
			b.Fatal(report, err)
		}
	}
}

// BenchmarkProgress is BenchmarkDownload of zstd with everything told, as often as it can be.
func BenchmarkProgress(b *testing.B) {
	depot, cdn, manifest := benchDepot(b, depottest.VSZ)
	for name, options := range map[string]steampipe.Options{
		"none":  {},
		"usual": {Progress: func(steampipe.Progress) {}, Event: func(steampipe.Event) {}},
		"1ms":   {Progress: func(steampipe.Progress) {}, Event: func(steampipe.Event) {}, ProgressInterval: time.Millisecond},
	} {
		b.Run(name, func(b *testing.B) {
			options.Key = depot.Key
			b.SetBytes(int64(manifest.Size))
			for i := 0; b.Loop(); i++ {
				if _, err := steampipe.Download(b.Context(), cdn, manifest, filepath.Join(b.TempDir(), fmt.Sprint(i)), options); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
