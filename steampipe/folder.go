package steampipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Folder is a [Source] that reads files laid out as a content server lays them out:
//
//	depot/<depot>/manifest/<manifest>/5     or  <depot>_<manifest>.manifest, as Steam's depotcache has them
//	depot/<depot>/chunk/<id>
//	depot/<depot>/patch/<from>/<to>         if there are any
//
// A mirror made with a downloader, a prefilled cache or a backup on a disk serves depots without a network. It is safe for
// concurrent use.
type Folder struct {
	FS fs.FS // such as os.DirFS(path)
}

// NewFolder opens a folder on disk.
func NewFolder(dir string) Folder { return Folder{os.DirFS(dir)} }

// Manifest reads a manifest.
func (f Folder) Manifest(ctx context.Context, depot DepotID, manifest ManifestID) ([]byte, error) {
	names := []string{
		fmt.Sprintf("depot/%v/manifest/%v/5", depot, manifest),
		fmt.Sprintf("depot/%v/manifest/%v", depot, manifest),
		fmt.Sprintf("%v_%v.manifest", depot, manifest),
	}
	var b []byte
	err := error(fs.ErrNotExist)
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, &Error{Step: StepFetchManifest, Depot: depot, Manifest: manifest, Err: ended(ctx)}
		}
		if b, err = f.read(name, 256<<20, nil); err == nil {
			return b, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break // it is there: that it cannot be read is the news
		}
	}
	return nil, &Error{Step: StepFetchManifest, Depot: depot, Manifest: manifest, Server: "folder", Err: missing(err)}
}

// Chunk reads a chunk. One that was rejected is given up: it will not be any better the second time.
func (f Folder) Chunk(ctx context.Context, r ChunkRequest) (Body, error) {
	fail := func(err error) (Body, error) {
		return Body{}, &Error{Step: StepFetch, Depot: r.Depot, Chunk: r.Chunk.ID, Server: "folder", Err: err}
	}
	if ctx.Err() != nil {
		return fail(ended(ctx))
	}
	if len(r.Rejected) > 0 {
		return fail(r.Rejected[0].Err)
	}
	limit := maxStoredChunk
	if r.Chunk.StoredSize > 0 {
		limit = int64(r.Chunk.StoredSize)
	}
	b, err := f.read(fmt.Sprintf("depot/%v/chunk/%v", r.Depot, r.Chunk.ID), limit, r.Buffer)
	if errors.Is(err, ErrBadLength) {
		err = fmt.Errorf("%w: %w", ErrChunkCorrupt, err) // a damaged file, which must not stop the others
	}
	if err != nil {
		return fail(missing(err))
	}
	return Body{Bytes: b, Server: "folder"}, nil
}

// Patch reads a delta patch.
func (f Folder) Patch(ctx context.Context, r PatchRequest) (Body, error) {
	if ctx.Err() != nil {
		return Body{}, &Error{Step: StepFetchPatch, Depot: r.Depot, Manifest: r.To, Err: ended(ctx)}
	}
	b, err := f.read(fmt.Sprintf("depot/%v/patch/%v/%v", r.Depot, r.From, r.To), r.MaxSize, nil)
	if err != nil {
		return Body{}, &Error{Step: StepFetchPatch, Depot: r.Depot, Manifest: r.To, Server: "folder", Err: missing(err)}
	}
	return Body{Bytes: b, Server: "folder"}, nil
}

// missing says ErrNotFound for a file that is not there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// read reads a whole file of limited length into a buffer.
func (f Folder) read(name string, limit int64, buffer []byte) ([]byte, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fs.ErrNotExist
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrBadLength, info.Size(), limit)
	}
	if int64(cap(buffer)) < info.Size() {
		buffer = make([]byte, info.Size())
	}
	buffer = buffer[:info.Size()]
	if _, err := io.ReadFull(file, buffer); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadLength, err)
	}
	return buffer, nil
}
