package steampipe

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// checkBatch is how many bytes of a file one goroutine checks at a time; a larger file is shared out.
const checkBatch = 16 << 20

// check finds out what is right on disk already.
func (j *Job) check(ctx context.Context) error {
	readers := newReaders(j.options.Decoders)
	readers.checked = func(n int64) { j.tally.checked.Add(n) }
	j.parts = j.listParts()
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(4 * j.options.Decoders)
	for _, e := range j.plan.entries {
		if inner.Err() != nil {
			break
		}
		group.Go(func() error { return j.checkEntry(inner, readers, e) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := j.findMoved(ctx, readers); err != nil {
		return err
	}
	return ended(ctx)
}

// listParts gives the names of what an interrupted run left: usually nothing, and asking for each file by itself would take several
// system calls. Nil means that nobody knows.
func (j *Job) listParts() map[string]bool {
	folder, err := j.root.Open(path.Dir(j.plan.asideName("")))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]bool{}
	}
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return nil
	}
	parts := make(map[string]bool, len(names))
	for _, name := range names {
		parts[name] = true
	}
	return parts
}

// leftPart says whether an interrupted run may have left something of an entry.
func (j *Job) leftPart(e *entry) bool { return j.parts == nil || j.parts[path.Base(e.part)] }

// foldsCase says whether the folder's file system takes names for the same that differ in case only. The state folder is
// there by now.
func foldsCase(root *os.Root) bool {
	folder, err := root.Lstat(stateFolder)
	if err != nil {
		return false
	}
	other, err := root.Lstat(strings.ToUpper(stateFolder))
	return err == nil && os.SameFile(folder, other)
}

// dropShadowed leaves out files that another one, later in the manifest, would overwrite on a file system that folds case:
// the last one wins, and no file has two writers (spec steampipe.md §7.5). A link gives way to a file, as it is made last.
func (j *Job) dropShadowed() {
	taken := make(map[string]string, len(j.plan.entries))
	kept := make([]*entry, 0, len(j.plan.entries))
	for _, e := range slices.Backward(j.plan.entries) {
		key := strings.ToLower(strings.ToUpper(e.path))
		if other, ok := taken[key]; ok {
			j.problem(e.file.Name, fmt.Errorf("%q differs in case only, and this file system keeps one of them", other))
			continue
		}
		taken[key] = e.file.Name
		kept = append(kept, e)
	}
	slices.Reverse(kept)
	links := make([]*link, 0, len(j.plan.links))
	for _, l := range j.plan.links {
		key := strings.ToLower(strings.ToUpper(l.path))
		if other, ok := taken[key]; ok {
			j.problem(l.file.Name, fmt.Errorf("%q differs in case only, and this file system keeps one of them", other))
			continue
		}
		taken[key] = l.file.Name
		links = append(links, l)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.plan.entries, j.plan.links = kept, links
}

// makeFolders makes the folders that the manifest lists and those that its files need. Where something else than a folder
// is in the way, a link above all, the download is refused: nothing is written through links.
func (j *Job) makeFolders(ctx context.Context) error {
	for _, name := range j.plan.parents {
		if err := ctx.Err(); err != nil {
			return ended(ctx)
		}
		err := j.root.Mkdir(name, 0o777)
		if err == nil {
			continue
		}
		info, statErr := j.root.Lstat(name)
		if statErr != nil {
			return &Error{Step: StepPrepare, Path: name, Err: err}
		}
		if !info.IsDir() {
			return &Error{Step: StepPrepare, Path: name, Err: fmt.Errorf("there is a %s where the manifest wants a folder", kindOf(info.Mode()))}
		}
	}
	j.tally.folders.Store(int64(len(j.plan.folders)))
	return nil
}

// kindOf names what is in the way.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode.IsDir():
		return "folder"
	case mode.IsRegular():
		return "file"
	}
	return "special file"
}

// checkEntry looks for an entry's bytes in its place, then where an interrupted run left them.
func (j *Job) checkEntry(ctx context.Context, readers *readers, e *entry) error {
	if err := ctx.Err(); err != nil {
		return ended(ctx)
	}
	info, err := j.root.Lstat(e.path)
	if j.yields && !j.inFolders(e.path) {
		err = fs.ErrNotExist // its folder is still to be made
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &Error{Step: StepCheck, Path: e.file.Name, Err: err}
	}
	if err == nil {
		if info.IsDir() && j.dry {
			return nil // a download may find that it is an older version's, which gives way
		}
		if info.IsDir() {
			return &Error{Step: StepCheck, Path: e.file.Name, Err: errors.New("there is a folder where the manifest wants a file")}
		}
		if e.keepUsers(info) {
			j.keep(e, 0)
			return nil
		}
		if info.Mode().IsRegular() {
			have, err := readers.check(ctx, j.root, e.path, e)
			if err != nil {
				return err
			}
			regions := e.regions()
			right := countBits(have)
			if right == len(regions) && info.Size() == int64(e.file.Size) {
				if !j.dry {
					j.setMode(e, e.path, info.Mode())
					if j.leftPart(e) {
						_ = j.root.Remove(e.part)
					}
				}
				j.keep(e, right)
				return nil
			}
			e.origin, e.have, e.takes = atFinal, have, allocated(info)
		}
	}
	if !j.leftPart(e) {
		return nil
	}
	part, err := j.root.Lstat(e.part)
	if err != nil {
		return nil
	}
	if !part.Mode().IsRegular() {
		if j.dry {
			return nil
		}
		return j.root.RemoveAll(e.part)
	}
	have, err := readers.check(ctx, j.root, e.part, e)
	if err != nil {
		return err
	}
	if e.origin == atFinal {
		if have.within(e.have) {
			if j.dry {
				return nil
			}
			return j.root.Remove(e.part)
		}
		if !e.have.within(have) {
			e.fresh, e.stay = true, e.have // each has something that the other one lacks
		}
	}
	e.origin, e.have, e.takes = atPart, have, allocated(part)
	return nil
}

// keepUsers says whether the file on disk is the player's and stays as it is (spec steampipe.md §4.6, §7.2). Without the
// older manifest there is no telling whether the depot's copy of a versioned file changed, so that stays too.
func (e *entry) keepUsers(info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	return e.file.Flags&FlagUserConfig != 0 || e.file.Flags&FlagVersionedUserConfig != 0 && !e.changed
}

// keep counts a file that is right.
func (j *Job) keep(e *entry, regions int) {
	e.done.Store(true)
	j.tally.filesKept.Add(1)
	j.tally.filesDone.Add(1)
	j.tally.chunksKept.Add(int64(regions))
	j.tally.bytesKept.Add(int64(e.file.Size))
	j.tally.bytesDone.Add(int64(e.file.Size))
}

// readers checks files on disk, so many batches at once over all files.
type readers struct {
	slots   *semaphore.Weighted
	buffers chan []byte
	// checked, if set, is told how many bytes were read.
	checked func(n int64)
}

func newReaders(limit int) *readers {
	return &readers{slots: semaphore.NewWeighted(int64(limit)), buffers: make(chan []byte, limit)}
}

// check tells which regions of the entry a file has right. Bytes that cannot be read are not right.
func (r *readers) check(ctx context.Context, root *os.Root, name string, e *entry) (bitset, error) {
	regions := e.regions()
	have := newBitset(len(regions))
	file, err := root.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, &Error{Step: StepCheck, Path: e.file.Name, Err: err}
		}
		return have, nil
	}
	defer file.Close()

	type batch struct{ from, to int }
	var batches []batch
	size := int64(0)
	for i, region := range regions {
		// Batches begin at multiples of 64 regions, so that no two goroutines set bits of one word.
		if len(batches) == 0 || size >= checkBatch && i%64 == 0 {
			batches = append(batches, batch{i, i})
			size = 0
		}
		batches[len(batches)-1].to = i + 1
		size += region.size
	}
	work := func(b batch) error {
		if err := r.slots.Acquire(ctx, 1); err != nil {
			return ended(ctx)
		}
		defer r.slots.Release(1)
		var buffer []byte
		select {
		case buffer = <-r.buffers:
		default:
		}
		defer func() {
			select {
			case r.buffers <- buffer:
			default:
			}
		}()
		for i := b.from; i < b.to; i++ {
			if ctx.Err() != nil {
				return ended(ctx)
			}
			var right bool
			right, buffer = regions[i].matches(ctx, file, buffer)
			if right {
				have.set(i)
			}
			if r.checked != nil {
				r.checked(regions[i].size)
			}
		}
		return nil
	}
	if len(batches) == 1 {
		return have, work(batches[0])
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, b := range batches {
		group.Go(func() error { return work(b) })
	}
	return have, group.Wait()
}

// matches says whether a file has the region right, by SHA-1, or by its being zero.
func (r region) matches(ctx context.Context, file io.ReaderAt, buffer []byte) (bool, []byte) {
	if r.chunk == nil {
		if buffer == nil {
			buffer = make([]byte, 1<<20)
		}
		for at := int64(0); at < r.size; {
			part := buffer[:min(int64(len(buffer)), r.size-at)]
			if n, _ := file.ReadAt(part, r.offset+at); n < len(part) || ctx.Err() != nil {
				return false, buffer
			}
			if !allZero(part) {
				return false, buffer
			}
			at += int64(len(part))
		}
		return true, buffer
	}
	if int64(cap(buffer)) < r.size {
		buffer = make([]byte, max(r.size, 1<<20))
	}
	part := buffer[:r.size]
	if n, _ := file.ReadAt(part, r.offset); n < len(part) {
		return false, buffer
	}
	return ChunkID(sha1.Sum(part)) == r.chunk.ID, buffer
}

// allZero says whether all bytes are zero.
func allZero(b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), len(zeros))
		if !bytes.Equal(b[:n], zeros[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}
