package steampipe_test

import (
	"os"
	"path/filepath"
	"testing"

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
