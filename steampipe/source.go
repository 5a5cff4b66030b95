package steampipe

import (
	"context"
	"errors"
)

// A Source is where manifests and chunks come from: a [CDN], a [Folder], or a program's own. Its methods are called from
// many goroutines at once.
type Source interface {
	// Manifest returns the manifest's bytes as they are stored, zipped or not. [FetchManifest] reads them.
	Manifest(ctx context.Context, depot DepotID, manifest ManifestID) ([]byte, error)
	// Chunk returns a chunk as it is stored, encrypted and compressed. The bytes are checked by the caller, who asks again
	// with a longer Rejected list if they were wrong.
	Chunk(ctx context.Context, request ChunkRequest) (Body, error)
}

// ChunkRequest names a chunk to fetch.
type ChunkRequest struct {
	Depot DepotID
	Chunk Chunk
	// Rejected has those that sent bytes for this chunk which turned out wrong, one entry for each time. A source that
	// cannot do better returns an error once it sees its own name often enough.
	Rejected []Rejection
	// Buffer may be used for the bytes if it is large enough.
	Buffer []byte
}

// Rejection says who sent a damaged chunk.
type Rejection struct {
	Server string
	Err    error
}

// Body is a chunk as it was stored.
type Body struct {
	Bytes  []byte
	Server string // who sent it, as in errors and counters
}

// FetchManifest gets a manifest from a source, and reads it with [ReadManifest].
func FetchManifest(ctx context.Context, source Source, depot DepotID, manifest ManifestID, key Key) (*Manifest, error) {
	b, err := source.Manifest(ctx, depot, manifest)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(b, key)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Depot, e.Manifest = depot, manifest
		}
		return nil, err
	}
	if err := checkIdentity(m, depot, manifest); err != nil {
		return nil, &Error{Step: StepReadManifest, Depot: depot, Manifest: manifest, Err: err}
	}
	return m, nil
}
