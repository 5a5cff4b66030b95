//go:build !nosteampipe

package engine

import (
	"context"
	"strings"
	"time"

	"github.com/relight-sdk/relight/steampipe"
)

// duration is like milliseconds, for what may be far away.
func duration(d time.Duration) string { return number(milliseconds(d)) }

func progress(now steampipe.Progress) Event {
	return Event{
		Type: EventDepotProgress, Status: int32(now.Step), Name: now.Step.String(),
		Number: now.BytesDone, Total: now.Bytes, ID: now.Rate, Time: milliseconds(now.Remaining),
		Fields: []Field{
			{"step_bytes", number(now.StepBytes)},
			{"step_bytes_done", number(now.StepBytesDone)},
			{"files", number(now.Files)},
			{"files_done", number(now.FilesDone)},
			{"chunks", number(now.Chunks)},
			{"chunks_done", number(now.ChunksDone)},
			{"bytes_to_fetch", number(now.BytesToFetch)},
			{"bytes_fetched", number(now.BytesFetched)},
			{"retries", number(now.Retries)},
			{"elapsed_ms", duration(now.Elapsed)},
		},
	}
}

// tell passes on what happens on the way.
func (d *Depot) tell(happened steampipe.Event) {
	event := Event{Name: slashes(happened.Path), Address: happened.Server}
	switch happened.Kind {
	case steampipe.EventFile:
		if d.config.Flags&DepotTellFiles == 0 {
			return
		}
		event.Type, event.Status = EventDepotFile, 1
	case steampipe.EventRemove:
		if d.config.Flags&DepotTellFiles == 0 {
			return
		}
		event.Type = EventDepotFile
	case steampipe.EventRetry:
		event.Type, event.Name = EventDepotRetry, happened.Chunk.String()
	case steampipe.EventProblem:
		event.Type = EventDepotProblem
	default:
		return
	}
	if happened.Err != nil {
		failure := describe(happened.Err, depotCode)
		event.Code, event.Native, event.Text = failure.Code, failure.Native, failure.Text
	}
	d.emit(event)
}

// slashes is a path of a manifest as every system takes it.
func slashes(path string) string { return strings.ReplaceAll(path, `\`, "/") }

func downloaded(r *steampipe.Report) Event {
	return Event{
		Type: EventDepotDone, Number: int64(r.FilesKept + r.FilesNew), Total: int64(r.Files), ID: r.BytesFetched, Status: int32(min(r.FilesFailed, 1<<30)),
		Time: milliseconds(r.Duration),
		Fields: []Field{
			{"files_kept", number(int64(r.FilesKept))},
			{"files_new", number(int64(r.FilesNew))},
			{"files_failed", number(int64(r.FilesFailed))},
			{"files_removed", number(int64(r.FilesRemoved))},
			{"bytes", number(r.Bytes)},
			{"bytes_kept", number(r.BytesKept)},
			{"bytes_written", number(r.BytesWritten)},
			{"bytes_fetched", number(r.BytesFetched)},
			{"chunks_fetched", number(r.ChunksFetched)},
			{"chunks_reused", number(r.ChunksReused)},
			{"retries", number(r.Retries)},
		},
	}
}

// verify compares the folder with the manifest, and tells of each file that is not right.
func (d *Depot) verify(ctx context.Context, manifest *steampipe.Manifest) error {
	found, err := steampipe.Verify(ctx, manifest, d.config.Dir, steampipe.VerifyOptions{
		Extra: d.config.Flags&DepotTellExtra != 0, Filter: d.filter, ProgressInterval: d.config.ProgressInterval, Readers: d.config.Decoders,
		Progress: func(done, total int64) {
			d.emit(Event{Type: EventDepotProgress, Status: int32(steampipe.StepCheck), Name: steampipe.StepCheck.String(), Number: done, Total: total})
		},
	})
	if err != nil {
		return err
	}
	for _, file := range found.Files {
		event := Event{Type: EventDepotEntry, Name: slashes(file.Path), Status: int32(file.Status), Text: file.Status.String(), Number: file.Size, Total: file.Want}
		if file.Status != steampipe.FileOK && !d.put(ctx, event) {
			return ctx.Err()
		}
	}
	d.put(ctx, Event{Type: EventDepotDone, Number: int64(len(found.Files) - found.Bad - found.Extra), Total: int64(len(found.Files) - found.Extra),
		Status: int32(found.Bad), Time: milliseconds(found.Duration),
		Fields: []Field{{"bytes", number(found.Bytes)}, {"extra", number(int64(found.Extra))}}})
	return nil
}

// plan tells of each file that a download would touch.
func (d *Depot) plan(ctx context.Context, job *steampipe.Job) error {
	preview, err := job.Plan(ctx)
	if err != nil {
		return err
	}
	for _, file := range preview.Files {
		event := Event{Type: EventDepotEntry, Name: slashes(file.Path), Status: entryPlanned + int32(file.Action), Text: file.Action.String(),
			Address: file.From, Number: file.Size, Total: file.Fetch}
		if !d.put(ctx, event) {
			return ctx.Err()
		}
	}
	d.put(ctx, Event{Type: EventDepotDone, Number: int64(preview.FilesKept), Total: int64(preview.FilesKept + len(preview.Files)), ID: preview.BytesToFetch,
		Fields: []Field{
			{"bytes", number(preview.Bytes)},
			{"bytes_kept", number(preview.BytesKept)},
			{"bytes_to_fetch", number(preview.BytesToFetch)},
			{"space_needed", number(preview.SpaceNeeded)},
			{"space_available", number(preview.SpaceAvailable)},
		}})
	return nil
}
