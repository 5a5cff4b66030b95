package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// depot downloads a depot from a content server in this process, twice, damages a file, and repairs it.
func depot(ctx context.Context, s *story) error {
	s.begin("A depot comes down the SteamPipe")
	made, err := depottest.NewDepot(depottest.DepotConfig{
		Seed:     1,
		Generate: 6 << 20,
		Files: []depottest.File{
			{Name: `bin\server`, Data: bytes.Repeat([]byte("game server "), 20_000), Flags: depottest.Executable},
			{Name: `cfg\motd.txt`, Data: []byte("Welcome back.\n")},
		},
	})
	if err != nil {
		return err
	}
	cache, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{made}})
	if err != nil {
		return err
	}
	defer cache.Close()
	return download(ctx, s, made, cache)
}

// download is what a launcher does.
func download(ctx context.Context, s *story, made *depottest.Depot, cache *depottest.Server) error {
	dir, err := os.MkdirTemp("", "relight-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	cdn, err := steampipe.NewCDN(steampipe.Config{Directory: steampipe.ServerList{Addresses: []string{cache.Addr()}}})
	if err != nil {
		return err
	}
	defer cdn.Close()
	began := time.Now()
	manifest, err := steampipe.FetchManifest(ctx, cdn, steampipe.DepotID(made.ID), steampipe.ManifestID(made.ManifestID), steampipe.Key(made.Key))
	if err != nil {
		return err
	}
	if len(manifest.Files) != len(made.Files) || manifest.Files[0].Name != made.Files[0].Name {
		return fmt.Errorf("the manifest lists %d files, the depot has %d", len(manifest.Files), len(made.Files))
	}
	s.tell("launcher", "content server", fmt.Sprintf("manifest of depot %d: %d files, %.1f MB, names decrypted", manifest.DepotID, len(manifest.Files), megabytes(int64(manifest.Size))),
		time.Since(began), facts{"depot": manifest.DepotID, "manifest": fmt.Sprint(manifest.ManifestID), "files": len(manifest.Files), "bytes": manifest.Size})

	options := steampipe.Options{Key: steampipe.Key(made.Key), HashFiles: true}
	report, err := steampipe.Download(ctx, cdn, manifest, dir, options)
	if err != nil {
		return err
	}
	if err := sameFiles(made.Files, dir); err != nil {
		return err
	}
	s.tell("launcher", "content server", fmt.Sprintf("%d chunks fetched, decrypted, decompressed; every byte compared on disk", report.ChunksFetched),
		report.Duration, facts{"chunks": report.ChunksFetched, "bytes_fetched": report.BytesFetched, "bytes_written": report.BytesWritten})

	requests := cache.Count("/chunk/")
	report, err = steampipe.Download(ctx, cdn, manifest, dir, options)
	if err != nil {
		return err
	}
	if again := cache.Count("/chunk/") - requests; again != 0 || report.FilesKept != report.Files {
		return fmt.Errorf("the second run fetched %d chunks and kept %d of %d files", again, report.FilesKept, report.Files)
	}
	s.tell("launcher", "disk", fmt.Sprintf("once more: all %d files are right, nothing to fetch", report.FilesKept), report.Duration, facts{"chunks": 0, "files_kept": report.FilesKept})

	if err := os.WriteFile(filepath.Join(dir, "cfg", "motd.txt"), []byte("Welcome hack.\n"), 0o600); err != nil {
		return err
	}
	verdict, err := steampipe.Verify(ctx, manifest, dir, steampipe.VerifyOptions{})
	if err != nil {
		return err
	}
	if verdict.Bad != 1 {
		return fmt.Errorf("one file was damaged, %d are found", verdict.Bad)
	}
	if report, err = steampipe.Download(ctx, cdn, manifest, dir, options); err != nil {
		return err
	}
	if err := sameFiles(made.Files, dir); err != nil {
		return err
	}
	if report.FilesNew != 1 || report.FilesKept != report.Files-1 {
		return fmt.Errorf("the repair wrote %d files and kept %d of %d", report.FilesNew, report.FilesKept, report.Files)
	}
	s.tell("launcher", "disk", fmt.Sprintf("cfg/motd.txt was damaged: found, and repaired; chunks fetched for that: %d", report.ChunksFetched), report.Duration,
		facts{"damaged": verdict.Bad, "chunks": report.ChunksFetched})
	return nil
}

// sameFiles compares what is on disk with what the depot was made of.
func sameFiles(want []depottest.File, dir string) error {
	for _, file := range want {
		if file.Flags&(depottest.Directory|depottest.Symlink) != 0 {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(file.Name, `\`, "/")))
		got, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, file.Data) {
			return fmt.Errorf("%s is not what the depot was made of", file.Name)
		}
	}
	return nil
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
