package steampipe

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
)

// acquire gives the open part file of an entry, making it first if need be. Few stay open at a time: the others are closed
// by release and opened again.
func (j *Job) acquire(e *entry) (*os.File, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle == nil {
		handle, err := j.open(e)
		if err != nil {
			return nil, &Error{Step: StepWrite, Path: e.file.Name, Err: err}
		}
		e.handle = handle
	}
	e.users++
	return e.handle, nil
}

// release lets go of a part file. It stays open if there is a slot for it.
func (j *Job) release(e *entry) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users--
	if e.users > 0 || e.slot {
		return nil
	}
	select {
	case j.slots <- struct{}{}:
		e.slot = true
		return nil
	default:
	}
	return e.close(j)
}

// close closes the handle; the entry's lock is held.
func (e *entry) close(j *Job) error {
	if e.handle == nil {
		return nil
	}
	err := e.handle.Close()
	e.handle = nil
	if e.slot {
		e.slot = false
		<-j.slots
	}
	return err
}

// closeHandles closes what is open when a run ends.
func (j *Job) closeHandles() {
	for _, e := range j.plan.entries {
		e.mu.Lock()
		_ = e.close(j)
		e.mu.Unlock()
	}
}

// open makes the part file the first time: out of what an interrupted run left, out of the wrong file, or new. It has its
// full size at once, as a hole; what is to be zero and is not is overwritten.
func (j *Job) open(e *entry) (*os.File, error) {
	if e.opened {
		return j.root.OpenFile(e.part, os.O_RDWR, 0)
	}
	flags := os.O_RDWR
	switch e.origin {
	case atNone:
		flags |= os.O_CREATE | os.O_TRUNC
	case atFinal:
		j.makeWritable(e.path) // a read-only file cannot be opened, nor on Windows moved
		if err := j.root.Rename(e.path, e.part); err != nil {
			return nil, err
		}
		e.origin = atPart
	case atPart:
		j.makeWritable(e.part)
	case atOld:
		j.makeWritable(e.from)
		if err := j.root.Rename(e.from, e.part); err != nil {
			return nil, err
		}
		e.origin = atPart
		j.tally.filesMoved.Add(1)
	}
	file, err := j.root.OpenFile(e.part, flags, 0o666)
	if err != nil {
		return nil, err
	}
	if err := j.shape(file, e); err != nil {
		file.Close()
		return nil, err
	}
	e.opened = true
	return file, nil
}

// makeWritable lets us write a file, without giving anybody else a right. If it does not work, the next step says so.
func (j *Job) makeWritable(name string) {
	info, err := j.root.Lstat(name)
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o600 != 0o600 {
		_ = j.root.Chmod(name, info.Mode().Perm()|0o600)
	}
}

// shape gives the part file its size and its zeros.
func (j *Job) shape(file *os.File, e *entry) error {
	if err := file.Truncate(int64(e.file.Size)); err != nil {
		return err
	}
	if j.options.Preallocate {
		if err := preallocate(file, int64(e.file.Size)); err != nil {
			return err
		}
	}
	if e.origin == atNone {
		return nil // new: everything reads as zero
	}
	for i, region := range e.regions() {
		if e.have.get(i) || !region.zero {
			continue
		}
		for at := int64(0); at < region.size; {
			part := zeros[:min(region.size-at, int64(len(zeros)))]
			if _, err := file.WriteAt(part, region.offset+at); err != nil {
				return err
			}
			at += int64(len(part))
		}
	}
	return nil
}

// write puts a chunk into one of its places.
func (j *Job) write(ctx context.Context, p place, b []byte) error {
	file, err := j.acquire(p.entry)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(b, p.offset)
	err = errors.Join(err, j.release(p.entry))
	if err != nil {
		return &Error{Step: StepWrite, Path: p.entry.file.Name, Err: err}
	}
	j.tally.bytesWritten.Add(int64(len(b)))
	j.tally.bytesDone.Add(int64(len(b)))
	if p.entry.missing.Add(-1) == 0 && !j.holding.Load() {
		return j.complete(ctx, p.entry)
	}
	return nil
}

// complete moves an entry whose bytes are all there to its place.
func (j *Job) complete(ctx context.Context, e *entry) error {
	err := func() error {
		file, err := j.acquire(e)
		if err != nil {
			return err
		}
		if j.options.HashFiles {
			err = hashFile(ctx, file, e)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.users--
		info, statErr := file.Stat()
		if e.file.Flags&(FlagUserConfig|FlagVersionedUserConfig) != 0 {
			// What a power cut left of any other file, the next run sees. The player's own are not read again.
			err = errors.Join(err, file.Sync())
		}
		if err := errors.Join(err, statErr, e.close(j)); err != nil {
			return err
		}
		mode := info.Mode()
		if was, err := j.root.Lstat(e.path); err == nil && e.stay != nil && was.Mode().IsRegular() && j.root.Chmod(e.part, was.Mode().Perm()|0o600) == nil {
			mode = was.Mode().Perm() | 0o600 // as if it had been changed where it was
		}
		j.setMode(e, e.part, mode)
		if runtime.GOOS == "windows" {
			j.makeWritable(e.path) // a read-only file cannot be replaced there
		}
		return j.root.Rename(e.part, e.path)
	}()
	if err != nil {
		if _, ok := err.(*Error); ok {
			return err
		}
		return &Error{Step: StepFinish, Path: e.file.Name, Err: err}
	}
	if e.file.Flags&FlagHidden != 0 {
		if err := hide(j.root, path.Clean(e.path)); err != nil {
			j.problem(e.file.Name, fmt.Errorf("hidden attribute: %w", err))
		}
	}
	e.done.Store(true)
	j.tally.filesNew.Add(1)
	j.tally.filesDone.Add(1)
	j.notifier.event(Event{Kind: EventFile, Path: e.file.Name})
	return nil
}

// hashFile compares the SHA-1 of the whole file with the manifest's.
func hashFile(ctx context.Context, file *os.File, e *entry) error {
	if e.file.Size == 0 || e.file.ContentSHA == ([20]byte{}) {
		return nil
	}
	h := sha1.New()
	if _, err := io.Copy(h, &contextReader{ctx, io.NewSectionReader(file, 0, int64(e.file.Size))}); err != nil {
		return err
	}
	if [20]byte(h.Sum(nil)) != e.file.ContentSHA {
		return fmt.Errorf("%w: every chunk is right, but the file's SHA-1 is not what the manifest says", ErrManifestCorrupt)
	}
	return nil
}

// contextReader ends reading when a context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, ended(c.ctx)
	}
	return c.r.Read(b)
}

// setMode sets the execute and write bits that the manifest asks for (spec steampipe.md §4.6). Who may execute is who may
// read. Where that does not work, on a disk formatted for Windows or in another user's file, the bytes are still right: it
// is reported, once rather than for every file.
func (j *Job) setMode(e *entry, name string, mode fs.FileMode) {
	want := mode.Perm()
	if e.file.Flags&(FlagExecutable|FlagCustomExecutable) != 0 {
		want |= want & 0o444 >> 2
	} else {
		want &^= 0o111
	}
	if e.file.Flags&FlagReadOnly != 0 {
		want &^= 0o222
	} else {
		want |= 0o200
	}
	if runtime.GOOS == "windows" {
		want = want&0o200 | 0o444 // only the write bit means something there
		if mode.Perm()&0o200 == want&0o200 {
			return
		}
	}
	if want == mode.Perm() {
		return
	}
	if err := j.root.Chmod(name, want); err != nil && !j.modeless.Swap(true) {
		j.problem(e.file.Name, fmt.Errorf("mode of this file, and maybe of others: %w", err))
	}
}

// finish makes the links, now that nothing is written any more, and removes what is left of files that were put together.
func (j *Job) finish(ctx context.Context) error {
	for _, l := range j.plan.links {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if err := j.link(l); err != nil {
			j.problem(l.file.Name, err) // one link must not sink the job; Windows often allows none
			continue
		}
		j.tally.links.Add(1)
	}
	for _, f := range j.plan.folders {
		if f.file.Flags&FlagHidden != 0 {
			if err := hide(j.root, f.path); err != nil {
				j.problem(f.file.Name, fmt.Errorf("hidden attribute: %w", err))
			}
		}
	}
	if j.tally.filesFailed.Load() > 0 {
		return nil
	}
	left, err := j.removeOld(ctx)
	if err != nil {
		return err
	}
	// Parts that no file of this manifest claims are left from another one.
	if err := j.root.RemoveAll(path.Dir(j.plan.asideName(""))); err != nil {
		return &Error{Step: StepFinish, Path: stateFolder, Err: err}
	}
	return j.conclude(left)
}

// right says whether the link is there and leads where it should.
func (l *link) right(root *os.Root) bool {
	target, err := root.Readlink(l.path)
	return err == nil && filepath.ToSlash(target) == l.target
}

// link makes one symbolic link, unless it is there.
func (j *Job) link(l *link) error {
	info, err := j.root.Lstat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("there is a folder where the manifest wants a link")
	default:
		if l.right(j.root) {
			return nil
		}
		if err := j.root.Remove(l.path); err != nil {
			return err
		}
	}
	return j.root.Symlink(l.target, l.path)
}
