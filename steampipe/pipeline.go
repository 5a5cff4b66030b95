package steampipe

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
)

// content tells chunks apart. The id alone should do, but a manifest may lie about the size in one of a chunk's places;
// what is written there must not be longer than it says.
type content struct {
	id   ChunkID
	size uint32
}

// jobs lists the distinct chunks that are not in all of their places, in the order of files, so that few files are open at
// a time.
func (j *Job) jobs(ctx context.Context) ([]*job, error) {
	byID := make(map[content]*job)
	for _, e := range j.plan.entries {
		for i, region := range e.regions() {
			if !e.done.Load() && !e.have.get(i) && !e.stay.get(i) && !region.zero {
				key := content{region.chunk.ID, region.chunk.Size}
				if byID[key] == nil {
					byID[key] = &job{chunk: region.chunk}
				}
			}
		}
	}
	wants := func(c content) bool { return byID[c] != nil && byID[c].local == nil }
	take := func(c content, at local) { byID[c].local = &at }
	j.findLocal(wants, take)
	j.findOld(wants, take)
	if err := j.usePatch(ctx, byID); err != nil {
		return nil, err
	}

	var jobs []*job
	for _, e := range j.plan.entries {
		if e.done.Load() {
			continue
		}
		if e.fresh && e.origin == atFinal {
			e.origin, e.stay, e.have, e.takes = atNone, e.have, nil, 0
		}
		missing := int64(0)
		for i, region := range e.regions() {
			if e.have.get(i) {
				j.tally.chunksKept.Add(1)
				j.tally.bytesKept.Add(region.size)
				j.tally.bytesDone.Add(region.size)
				continue
			}
			if region.zero {
				j.tally.zeros.Add(1)
				j.tally.bytesDone.Add(region.size)
				continue
			}
			missing++
			key := content{region.chunk.ID, region.chunk.Size}
			wanted := byID[key]
			if wanted == nil {
				wanted = &job{chunk: region.chunk}
				byID[key] = wanted
			}
			if wanted.local == nil && e.stay.get(i) {
				wanted.local = &local{path: e.path, offset: region.offset, content: key}
			}
			if len(wanted.places) == 0 {
				jobs = append(jobs, wanted)
			}
			wanted.places = append(wanted.places, place{e, region.offset})
		}
		e.missing.Store(missing)
	}
	for _, wanted := range jobs {
		if wanted.local != nil {
			wanted.local.settle()
		} else {
			j.tally.bytesToFetch.Add(int64(wanted.chunk.StoredSize))
		}
	}
	j.tally.chunks.Store(int64(len(jobs)))
	return jobs, nil
}

// findLocal finds places on disk that have a wanted chunk: those are copied from rather than fetched.
func (j *Job) findLocal(wants func(c content) bool, take func(c content, at local)) {
	for _, e := range j.plan.entries {
		if e.file.Flags&(FlagUserConfig|FlagVersionedUserConfig) != 0 || !e.done.Load() && e.origin == atNone {
			continue
		}
		for i, region := range e.regions() {
			if region.chunk == nil || !e.done.Load() && !e.have.get(i) && !e.stay.get(i) {
				continue
			}
			key := content{region.chunk.ID, region.chunk.Size}
			if wants(key) {
				take(key, local{entry: e, region: i, offset: region.offset, content: key})
			}
		}
	}
}

// item is a chunk on its way from the fetchers to the decoders.
type item struct {
	job  *job
	body Body
}

// fetchAll is the pipeline: fetchers, bound by the network, hand chunks to decoders, bound by the processor, over a short
// queue. Its memory is bounded by their numbers, whatever the size of the depot (spec steampipe.md §7.1).
func (j *Job) fetchAll(ctx context.Context, jobs []*job) error {
	rest := jobs
	if j.borrows(jobs) {
		// What is wanted of files that will be replaced is copied before any is.
		var copies []*job
		rest = nil
		for _, wanted := range jobs {
			if wanted.local != nil {
				copies = append(copies, wanted)
			} else {
				rest = append(rest, wanted)
			}
		}
		if err := j.completeAll(ctx, func(e *entry) bool { return e.origin == atOld }); err != nil {
			return err
		}
		j.holding.Store(true)
		if err := j.pipe(ctx, copies); err != nil {
			return err
		}
		j.holding.Store(false)
	}
	if err := j.completeAll(ctx, func(*entry) bool { return true }); err != nil || len(rest) == 0 {
		return err
	}
	return j.pipe(ctx, rest)
}

// borrows says whether chunks are to be copied from files that will be replaced or removed.
func (j *Job) borrows(jobs []*job) bool {
	return slices.ContainsFunc(jobs, func(wanted *job) bool { return wanted.local != nil && wanted.local.entry == nil })
}

// completeAll finishes the files that miss nothing.
func (j *Job) completeAll(ctx context.Context, pick func(*entry) bool) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(j.options.Decoders)
	for _, e := range j.plan.entries {
		if !e.done.Load() && e.missing.Load() == 0 && pick(e) {
			group.Go(func() error {
				if inner.Err() != nil {
					return ended(inner)
				}
				return j.complete(inner, e)
			})
		}
	}
	return group.Wait()
}

func (j *Job) pipe(outer context.Context, jobs []*job) error {
	fetchers, decoders := min(j.options.Connections, len(jobs)), min(j.options.Decoders, len(jobs))
	queue := newQueue(jobs)
	fetched := make(chan item, decoders)
	free := make(chan []byte, fetchers+2*decoders)
	group, ctx := errgroup.WithContext(outer)
	fetching, fetchContext := errgroup.WithContext(ctx) // of its own: one that fails stops the others at once
	for range fetchers {
		fetching.Go(func() error { return j.fetcher(fetchContext, queue, fetched, free) })
	}
	group.Go(func() error {
		defer close(fetched)
		return fetching.Wait()
	})
	for range decoders {
		group.Go(func() error { return j.decoder(ctx, queue, fetched, free) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ended(outer)
}

// fetcher gets chunks from the source.
func (j *Job) fetcher(ctx context.Context, queue *queue, fetched chan<- item, free chan []byte) error {
	for {
		wanted := queue.take(ctx)
		if wanted == nil {
			return ended(ctx)
		}
		next := item{job: wanted}
		if wanted.local == nil {
			var buffer []byte
			select {
			case buffer = <-free:
			default:
			}
			body, err := j.source.Chunk(ctx, ChunkRequest{Depot: DepotID(j.plan.manifest.DepotID), Chunk: *wanted.chunk, Rejected: wanted.rejected, Buffer: buffer})
			if err != nil {
				if ctx.Err() != nil {
					return ended(ctx)
				}
				if err := j.lose(wanted, err); err != nil {
					return err
				}
				queue.settle()
				continue
			}
			next.body = body
		}
		select {
		case fetched <- next:
		case <-ctx.Done():
			return ended(ctx)
		}
	}
}

// lose gives a chunk up. The others go on if the reason lies in the chunk, within limits; if it lies in the servers or the
// network, the download ends.
func (j *Job) lose(wanted *job, err error) error {
	if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrChunkCorrupt) {
		return err
	}
	lost := j.lost.Add(1)
	if lost > maxLost || lost > maxLostWithoutAny && j.tally.chunksFetched.Load() == 0 && errors.Is(err, ErrChunkCorrupt) {
		return err
	}
	for _, p := range wanted.places {
		if !p.entry.lost.Swap(true) {
			j.tally.filesFailed.Add(1)
			j.problem(p.entry.file.Name, err)
		}
	}
	j.mu.Lock()
	j.failures = append(j.failures, err)
	j.mu.Unlock()
	return nil
}

// decoder decrypts, decompresses, checks and writes.
func (j *Job) decoder(ctx context.Context, queue *queue, fetched <-chan item, free chan<- []byte) error {
	decoder, err := newChunkDecoder(j.options.Key)
	if err != nil {
		return err
	}
	var plain, local []byte
	for next := range fetched {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		wanted := next.job
		var data []byte
		if wanted.local != nil {
			var right bool
			if right, local = j.readLocal(ctx, wanted, local); !right {
				if wanted.delta != nil {
					j.unpatched(queue, wanted, errors.New("the chunk that it goes from is not there any more"))
					continue
				}
				wanted.local = nil // changed meanwhile
				j.tally.bytesToFetch.Add(int64(wanted.chunk.StoredSize))
				queue.again(wanted)
				continue
			}
			data = local[:wanted.local.content.size]
			if wanted.delta != nil {
				var err error
				if plain, err = decoder.patch(plain, wanted.delta, data, wanted.chunk); err != nil {
					j.unpatched(queue, wanted, err)
					continue
				}
				j.tally.patched.Add(1)
				data = plain
			}
		} else {
			var err error
			plain, err = decoder.decode(plain, next.body.Bytes, wanted.chunk)
			compressed := len(next.body.Bytes)
			select {
			case free <- next.body.Bytes:
			default:
			}
			if err != nil {
				if err := j.rejected(queue, wanted, next.body.Server, err); err != nil {
					return err
				}
				continue
			}
			data = plain
			j.fetchedFrom(next.body.Server, compressed)
		}
		for _, p := range wanted.places {
			if err := j.write(ctx, p, data); err != nil {
				return err
			}
		}
		reused := len(wanted.places)
		if wanted.local == nil || wanted.delta != nil {
			reused--
		}
		j.tally.chunksReused.Add(int64(reused))
		j.tally.chunksDone.Add(1)
		queue.settle()
	}
	return nil
}

// readLocal reads a chunk from a place on disk that had it, and checks it once more.
func (j *Job) readLocal(ctx context.Context, wanted *job, buffer []byte) (bool, []byte) {
	name := wanted.local.path
	if e := wanted.local.entry; e != nil {
		name = e.path
		if !e.done.Load() {
			// It may be moved to its part while we look; then the chunk is fetched.
			name = e.part
			if _, err := j.root.Lstat(name); err != nil {
				name = e.path
			}
		}
	}
	file, err := j.root.Open(name)
	if err != nil {
		return false, buffer
	}
	defer file.Close()
	at := wanted.local
	return region{offset: at.offset, size: int64(at.content.size), chunk: &Chunk{ID: at.content.id, Size: at.content.size}}.matches(ctx, file, buffer)
}

// unpatched has a chunk fetched that a patch did not make.
func (j *Job) unpatched(queue *queue, wanted *job, err error) {
	j.tally.unpatched.Add(1)
	j.notifier.event(Event{Kind: EventPatch, Chunk: wanted.chunk.ID, Err: err})
	wanted.local, wanted.delta = nil, nil
	j.tally.bytesToFetch.Add(int64(wanted.chunk.StoredSize))
	queue.again(wanted)
}

// rejected deals with a chunk that came damaged: it is fetched again, and the source is told who sent it.
func (j *Job) rejected(queue *queue, wanted *job, server string, err error) error {
	failure := &Error{Step: StepDecode, Depot: DepotID(j.plan.manifest.DepotID), Chunk: wanted.chunk.ID, Server: server, Err: err}
	wanted.rejected = append(wanted.rejected, Rejection{server, err})
	j.tally.retries.Add(1)
	j.mu.Lock()
	report := j.servers[server]
	report.Damaged++
	j.servers[server] = report
	j.mu.Unlock()
	j.notifier.event(Event{Kind: EventRetry, Chunk: wanted.chunk.ID, Server: server, Err: err})
	if len(wanted.rejected) >= maxRejected {
		if err := j.lose(wanted, failure); err != nil {
			return err
		}
		queue.settle()
		return nil
	}
	queue.again(wanted)
	return nil
}

// fetchedFrom counts a good chunk.
func (j *Job) fetchedFrom(server string, compressed int) {
	j.tally.chunksFetched.Add(1)
	j.tally.bytesFetched.Add(int64(compressed))
	j.mu.Lock()
	defer j.mu.Unlock()
	report := j.servers[server]
	report.Chunks++
	report.Bytes += int64(compressed)
	j.servers[server] = report
}
