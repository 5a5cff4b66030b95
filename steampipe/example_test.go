package steampipe_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// A depot is downloaded, damaged, verified and repaired. The server is a made-up one; a program for the live network would
// use WebAPI as Directory.
func Example() {
	depot, err := depottest.NewDepot(depottest.DepotConfig{Files: []depottest.File{
		{Name: `bin\game`, Data: []byte("a program"), Flags: depottest.Executable},
		{Name: `maps\bay.map`, Data: make([]byte, 3_000_000)},
		{Name: `readme.txt`, Data: []byte("Have fun.\n")},
	}})
	if err != nil {
		log.Fatal(err)
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "depot")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	cdn, err := steampipe.NewCDN(steampipe.Config{Directory: steampipe.ServerList{Addresses: []string{server.Addr()}}})
	if err != nil {
		log.Fatal(err)
	}
	defer cdn.Close()
	manifest, err := steampipe.FetchManifest(ctx, cdn, steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID), depot.Key)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		report, err := steampipe.Download(ctx, cdn, manifest, dir, steampipe.Options{Key: depot.Key})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d files written, %d kept, %d chunks fetched\n", report.FilesNew, report.FilesKept, report.ChunksFetched)
		verdict, err := steampipe.Verify(ctx, manifest, dir, steampipe.VerifyOptions{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("all right:", verdict.OK())
		if err := os.Remove(filepath.Join(dir, "readme.txt")); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 3 files written, 0 kept, 2 chunks fetched
	// all right: true
	// 1 files written, 2 kept, 1 chunks fetched
	// all right: true
}
