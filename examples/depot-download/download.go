package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/relight-sdk/relight/steampipe"
)

// download lays a depot down.
func download(ctx context.Context, o *options, p *printer) error {
	if o.Embedded {
		made, err := embed(o)
		if err != nil {
			return err
		}
		defer made.Close()
		if o.dir == "" {
			dir, err := os.MkdirTemp("", "relight-depot-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			o.dir = dir
		}
	}
	if o.diagnose {
		return diagnoseServers(ctx, o, p)
	}
	key, err := o.depotKey()
	if err != nil {
		return err
	}
	source, closeSource, err := o.source()
	if err != nil {
		return err
	}
	if o.manifestFile == "" { // servers that do not answer are asked again for a minute
		p.line("asking", facts{"depot": o.depot, "manifest": fmt.Sprint(o.manifest)}, "asking for manifest %d of depot %d", o.manifest, o.depot)
	}
	manifest, err := o.readManifest(ctx, func() (steampipe.Source, error) { return source, nil }, key)
	if err != nil {
		return errors.Join(err, closeSource())
	}
	return errors.Join(lay(ctx, o, p, source, manifest, key), closeSource())
}

// lay downloads what a manifest lists, and reports.
func lay(ctx context.Context, o *options, p *printer, source steampipe.Source, manifest *steampipe.Manifest, key steampipe.Key) error {
	filter, err := o.filter()
	if err != nil {
		return err
	}
	var previous *steampipe.Manifest
	if o.old != "" {
		if previous, err = oldManifest(ctx, o); err != nil {
			return err
		}
	}
	tellManifest(p, manifest)
	progress := &progress{printer: p}
	job, err := steampipe.NewJob(source, manifest, o.dir, steampipe.Options{
		Key: key, Connections: o.connections, Filter: filter, Previous: previous, SkipSpaceCheck: o.force,
		Progress: progress.tell, ProgressInterval: progress.interval(), Event: progress.event,
	})
	if err != nil {
		return err
	}
	if o.dryRun {
		preview, err := job.Plan(ctx)
		if preview != nil {
			tellPreview(p, preview)
		}
		return err
	}
	report, err := job.Run(ctx)
	progress.end()
	if report != nil {
		tellReport(p, report)
	}
	return err
}

func tellManifest(p *printer, m *steampipe.Manifest) {
	p.line("manifest", facts{"depot": m.DepotID, "manifest": fmt.Sprint(m.ManifestID), "created": m.Created, "files": len(m.Files), "bytes": m.Size, "compressed": m.CompressedSize},
		"depot %d, manifest %d of %s: %d files, %s, %s compressed", m.DepotID, m.ManifestID, m.Created.Format(time.DateOnly), len(m.Files), size(int64(m.Size)), size(int64(m.CompressedSize)))
}

// progress shows a bar on a terminal, and lines for machines.
type progress struct {
	printer *printer
	bar     *progressbar.ProgressBar
	step    steampipe.Step
}

// interval is how often progress is told: a bar is drawn more often than a machine wants to read.
func (p *progress) interval() time.Duration {
	if p.printer.json {
		return time.Second
	}
	return 100 * time.Millisecond
}

func (p *progress) tell(now steampipe.Progress) {
	if p.printer.json {
		p.printer.line("progress", facts{"step": now.Step.String(), "bytes": now.Bytes, "bytes_done": now.BytesDone, "step_bytes": now.StepBytes, "step_bytes_done": now.StepBytesDone,
			"rate": now.Rate, "remaining": now.Remaining.Seconds(), "files": now.Files, "files_done": now.FilesDone, "chunks": now.Chunks, "chunks_done": now.ChunksDone, "retries": now.Retries}, "")
		return
	}
	if now.Step != p.step {
		p.end()
		p.step, p.bar = now.Step, p.printer.bar(now.Step.String())
	}
	if p.bar == nil || now.StepBytes == 0 {
		return
	}
	// The download knows its own rate and time better than the bar can guess.
	p.bar.Describe(fmt.Sprintf("%-14s %8s/s %8s left", now.Step, size(now.Rate), now.Remaining.Round(time.Second)))
	if p.bar.GetMax64() != now.StepBytes {
		p.bar.ChangeMax64(now.StepBytes)
	}
	_ = p.bar.Set64(min(now.StepBytesDone, now.StepBytes))
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// event tells what goes wrong on the way; files that are complete are for machines.
func (p *progress) event(e steampipe.Event) {
	f := facts{"path": e.Path, "server": e.Server}
	if e.Err != nil {
		f["error"] = e.Err.Error()
	}
	switch {
	case e.Kind == steampipe.EventFile && p.printer.json:
		p.printer.line("file", f, "")
	case e.Kind == steampipe.EventRetry:
		p.printer.line("retry", f, "chunk %s came damaged from %s, fetching it again: %v", e.Chunk, e.Server, e.Err)
	case e.Kind == steampipe.EventProblem:
		p.printer.line("problem", f, "%s: %v", e.Path, e.Err)
	}
}

// tellPreview prints what a download would do.
func tellPreview(p *printer, r *steampipe.Preview) {
	for _, file := range r.Files {
		from := ""
		if file.From != "" {
			from = " from " + file.From
		}
		p.line("plan", facts{"action": file.Action, "path": file.Path, "from": file.From, "bytes": file.Size, "fetch": file.Fetch},
			"would %-7s %s%s, %s to fetch", file.Action, file.Path, from, size(file.Fetch))
	}
	for _, problem := range r.Problems {
		p.line("problem", facts{"path": problem.Path, "error": problem.Err.Error()}, "%s: %v", problem.Path, problem.Err)
	}
	p.line("report", facts{"files_kept": r.FilesKept, "files_touched": len(r.Files), "chunks_to_fetch": r.ChunksToFetch, "bytes_to_fetch": r.BytesToFetch, "space_needed": r.SpaceNeeded,
		"space_available": r.SpaceAvailable},
		"%d files are right, %d would be touched; %s to fetch in %d chunks; %s of %s on the disk", r.FilesKept, len(r.Files), size(r.BytesToFetch), r.ChunksToFetch, size(r.SpaceNeeded), size(r.SpaceAvailable))
}

// tellReport prints the report: the last line.
func tellReport(p *printer, r *steampipe.Report) {
	servers := facts{}
	for name, server := range r.Servers {
		servers[name] = facts{"chunks": server.Chunks, "bytes": server.Bytes}
	}
	p.line("report", facts{"files": r.Files, "files_kept": r.FilesKept, "files_new": r.FilesNew, "files_failed": r.FilesFailed, "files_moved": r.FilesMoved, "files_removed": r.FilesRemoved, "bytes": r.Bytes, "bytes_written": r.BytesWritten,
		"bytes_fetched": r.BytesFetched, "chunks_fetched": r.ChunksFetched, "chunks_reused": r.ChunksReused, "chunks_zero": r.ChunksZero, "retries": r.Retries, "problems": len(r.Problems),
		"seconds": r.Duration.Seconds(), "servers": servers},
		"%d files: %d were right, %d written, %d failed; fetched %s in %d chunks (%d used again, %d zero) in %v, %s/s of files",
		r.Files, r.FilesKept, r.FilesNew, r.FilesFailed, size(r.BytesFetched), r.ChunksFetched, r.ChunksReused, r.ChunksZero, r.Duration.Round(time.Millisecond),
		size(int64(float64(r.BytesWritten)/max(r.Duration.Seconds(), 1e-3))))
}
