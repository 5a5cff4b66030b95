package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/steampipe"
)

// errDiffers says that a folder is not as its manifest says.
var errDiffers = errors.New("the folder is not as the manifest says")

// manifestOnly gets a manifest for commands that need no chunks; a source is made only if it must be fetched.
func manifestOnly(ctx context.Context, o *options) (*steampipe.Manifest, error) {
	key, err := o.depotKey()
	if err != nil {
		return nil, err
	}
	closeSource := func() error { return nil }
	manifest, err := o.readManifest(ctx, func() (source steampipe.Source, err error) {
		source, closeSource, err = o.source()
		if err != nil {
			closeSource = func() error { return nil }
		}
		return source, err
	}, key)
	return manifest, errors.Join(err, closeSource())
}

// verify compares a folder with a manifest.
func verify(ctx context.Context, o *options, p *printer) error {
	if o.Embedded {
		made, err := embed(o)
		if err != nil {
			return err
		}
		defer made.Close()
	}
	manifest, err := manifestOnly(ctx, o)
	if err != nil {
		return err
	}
	filter, err := o.filter()
	if err != nil {
		return err
	}
	tellManifest(p, manifest)
	bar := p.bar("verify")
	report, err := steampipe.Verify(ctx, manifest, o.dir, steampipe.VerifyOptions{Extra: o.extra, Filter: filter, Progress: func(done, total int64) {
		if bar == nil {
			return
		}
		if bar.GetMax64() != total {
			bar.ChangeMax64(total)
		}
		_ = bar.Set64(done)
	}})
	if bar != nil {
		_ = bar.Clear()
	}
	if report == nil {
		return err
	}
	for _, file := range report.Files {
		if file.Status == steampipe.FileOK || file.Status == steampipe.FileUsers {
			continue
		}
		p.line("file", facts{"path": file.Path, "status": file.Status.String(), "bad_chunks": file.BadChunks, "chunks": file.Chunks, "bytes": file.Size, "want": file.Want},
			"%-14s %s (%d of %d pieces wrong)", file.Status, file.Path, file.BadChunks, file.Chunks)
	}
	p.line("report", facts{"files": len(report.Files), "bad": report.Bad, "extra": report.Extra, "bytes": report.Bytes, "seconds": report.Duration.Seconds()},
		"%d entries, %d wrong, %d extra; read %s in %v", len(report.Files), report.Bad, report.Extra, size(report.Bytes), report.Duration.Round(time.Millisecond))
	if err == nil && report.Bad > 0 {
		err = errDiffers
	}
	return err
}

// compare says what lies between two manifests.
func compare(ctx context.Context, o *options, p *printer) error {
	if o.Embedded {
		made, err := embed(o)
		if err != nil {
			return err
		}
		defer made.Close()
		if o.old == "" {
			o.old = strconv.Itoa(oldVersion)
		}
	}
	manifest, err := manifestOnly(ctx, o)
	if err != nil {
		return err
	}
	var old *steampipe.Manifest
	if o.old != "" {
		if old, err = oldManifest(ctx, o); err != nil {
			return err
		}
	}
	difference, err := steampipe.Compare(old, manifest)
	if err != nil {
		return err
	}
	for _, change := range difference.Changes {
		from := ""
		if change.From != "" {
			from = " from " + change.From
		}
		p.line("change", facts{"kind": change.Kind, "path": change.Path, "from": change.From, "bytes": change.Size, "fetch": change.Fetch},
			"%-10s %s%s, %s, %s to fetch", change.Kind, change.Path, from, size(change.Size), size(change.Fetch))
	}
	p.line("report", facts{"changes": len(difference.Changes), "unchanged": difference.Unchanged, "chunks_added": difference.ChunksAdded, "chunks_kept": difference.ChunksKept,
		"chunks_removed": difference.ChunksRemoved, "fetch": difference.Fetch, "bytes_before": difference.SizeBefore, "bytes_after": difference.SizeAfter},
		"%d changes, %d the same; %d chunks to fetch, %s; %d chunks stay", len(difference.Changes), difference.Unchanged, difference.ChunksAdded, size(difference.Fetch), difference.ChunksKept)
	return nil
}

// oldManifest is a file, or the number of a manifest of the same depot.
func oldManifest(ctx context.Context, o *options) (*steampipe.Manifest, error) {
	other := *o
	other.manifestFile = o.old
	if number, err := strconv.ParseUint(o.old, 10, 64); err == nil {
		if _, err := os.Stat(o.old); err != nil {
			other.manifestFile, other.manifest = "", cmp.Or(number, o.manifest)
		}
	}
	m, err := manifestOnly(ctx, &other)
	if err != nil {
		return nil, fmt.Errorf("-old: %w", err)
	}
	return m, nil
}
