package steampipe

import (
	"context"
	"errors"
	"fmt"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// A Patcher is a [Source] that may have delta patches from one version of a depot to another: [CDN] and [Folder] are. They are
// rarely on offer; an update that is refused one, or gets one that is damaged, fetches chunks.
type Patcher interface {
	// Patch returns a patch as it is stored, encrypted. That there is none is [ErrNotFound].
	Patch(ctx context.Context, request PatchRequest) (Body, error)
}

// PatchRequest names a patch to fetch.
type PatchRequest struct {
	Depot    DepotID
	From, To ManifestID
	MaxSize  int64 // a longer one is of no use
}

// PatchReport says what came of a delta patch.
type PatchReport struct {
	From   ManifestID // the older version
	Server string     // who sent it
	Bytes  int64      // as it came
	Deltas int        // that it holds
	Used   int64      // chunks that were made with it, each checked by its SHA-1
	Failed int64      // chunks that could not be, and were fetched
	Err    error      // why there is none: [ErrNotFound] if the source has none, or what is wrong with it
}

// usualMaxPatch is how long a patch may be by default: it is held in memory.
const usualMaxPatch = 64 << 20

// fetchPatch asks for a patch from the last version, if it can save fetching something. Nil means that there is none.
func (j *Job) fetchPatch(ctx context.Context, toFetch int64) (*depotwire.Patch, error) {
	patcher, ok := j.source.(Patcher)
	if !ok || j.dry || len(j.previous) == 0 || j.options.MaxPatch < 0 || toFetch == 0 {
		return nil, nil
	}
	limit := j.options.MaxPatch
	if limit == 0 {
		limit = usualMaxPatch
	}
	j.enter(StepFetchPatch)
	defer j.enter(StepFetch)
	m, from := j.plan.manifest, j.previous[0]
	request := PatchRequest{DepotID(m.DepotID), ManifestID(from.ManifestID), ManifestID(m.ManifestID), min(limit, toFetch)}
	report := &PatchReport{From: request.From}
	body, err := patcher.Patch(ctx, request)
	var patch *depotwire.Patch
	if err == nil {
		report.Server, report.Bytes = body.Server, int64(len(body.Bytes))
		patch, err = j.readPatch(body.Bytes, request)
	}
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if err == nil {
		report.Deltas = len(patch.Deltas)
	}
	report.Err = err
	j.mu.Lock()
	j.patch = report
	j.mu.Unlock()
	if !errors.Is(err, ErrNotFound) {
		j.notifier.event(Event{Kind: EventPatch, Server: report.Server, Err: err})
	}
	return patch, nil
}

// readPatch decrypts a patch and checks that it is the one that was asked for.
func (j *Job) readPatch(b []byte, request PatchRequest) (*depotwire.Patch, error) {
	key, err := depotwire.NewKey(j.options.Key[:])
	if err != nil {
		return nil, err
	}
	clear, err := depotwire.DecryptChunk([]byte{}, b, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPatchCorrupt, err)
	}
	patch, err := depotwire.ParsePatch(clear, j.options.Limits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPatchCorrupt, err)
	}
	if DepotID(patch.DepotID) != request.Depot || ManifestID(patch.SourceManifest) != request.From || ManifestID(patch.TargetManifest) != request.To {
		return nil, fmt.Errorf("%w: it leads from manifest %d to %d of depot %d, asked for was %v to %v of %v", ErrPatchCorrupt,
			patch.SourceManifest, patch.TargetManifest, patch.DepotID, request.From, request.To, request.Depot)
	}
	return patch, nil
}

// usePatch makes wanted chunks out of others that are on disk, where a patch can.
func (j *Job) usePatch(ctx context.Context, wanted map[content]*job) error {
	toFetch := int64(0)
	for _, want := range wanted {
		if want.local == nil {
			toFetch += int64(want.chunk.StoredSize)
		}
	}
	patch, err := j.fetchPatch(ctx, toFetch)
	if patch == nil {
		return err
	}
	sources := make(map[ChunkID]*local)
	for i := range patch.Deltas {
		delta := &patch.Deltas[i]
		if want := wanted[content{delta.Target, delta.Size}]; want != nil && want.local == nil {
			sources[delta.Source] = nil
		}
	}
	wants := func(c content) bool { place, asked := sources[c.id]; return asked && place == nil }
	take := func(c content, at local) { sources[c.id] = &at }
	j.findLocal(wants, take)
	j.findOld(wants, take)
	for i := range patch.Deltas {
		delta := &patch.Deltas[i]
		want := wanted[content{delta.Target, delta.Size}]
		if source := sources[delta.Source]; source != nil && want != nil && want.local == nil {
			at := *source
			want.local, want.delta = &at, delta
		}
	}
	return nil
}

// patch makes a chunk out of another one.
func (d *chunkDecoder) patch(dst []byte, delta *depotwire.Delta, source []byte, chunk *Chunk) ([]byte, error) {
	if uint64(cap(dst)) < uint64(chunk.Size) {
		dst = make([]byte, max(chunk.Size, 1<<20))
	}
	dst = dst[:chunk.Size]
	n, err := d.decoder.DecodeDelta(dst, delta.Data, source)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrPatchCorrupt, err)
	}
	if err := chunk.Verify(dst[:n]); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrPatchCorrupt, err)
	}
	return dst[:n], nil
}
