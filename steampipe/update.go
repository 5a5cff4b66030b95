package steampipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// key is a path as the folder's file system tells paths apart.
func (j *Job) key(name string) string {
	if j.folds {
		return strings.ToLower(strings.ToUpper(name))
	}
	return name
}

// claim notes that a path and the folders above it belong to the new version, or to another depot.
func (j *Job) claim(name string) {
	for key := j.key(name); key != "." && !j.claimed[key]; key = path.Dir(key) {
		j.claimed[key] = true
	}
}

// older gives the files of older versions that have no place in the new one.
func (j *Job) older(yield func(*Manifest, *File) bool) {
	for _, m := range j.previous {
		for i := range m.Files {
			if file := &m.Files[i]; !j.claimed[j.key(file.Path())] && !yield(m, file) {
				return
			}
		}
	}
}

// compareVersions finds out what the older versions mean for the new one's files.
func (j *Job) compareVersions() {
	j.claimed = make(map[string]bool, len(j.plan.manifest.Files))
	j.byKey = make(map[string]*entry, len(j.plan.entries))
	for i := range j.plan.manifest.Files {
		j.claim(j.plan.manifest.Files[i].Path())
	}
	for _, e := range j.plan.entries {
		j.byKey[j.key(e.path)] = e
	}
}

// noteChanged finds the player's own files that the depot has changed (spec steampipe.md §4.6, §7.2).
func (j *Job) noteChanged() {
	for _, m := range j.previous {
		for i := range m.Files {
			file := &m.Files[i]
			if e := j.byKey[j.key(file.Path())]; e != nil && file.Flags&kindFlags == 0 && !sameContents(file, e.file) {
				e.changed = true
			}
		}
	}
}

// inFolders says whether the folders above a path are real ones, so that nothing is moved or removed through a link.
func (j *Job) inFolders(name string) bool {
	for above := path.Dir(name); above != "."; above = path.Dir(above) {
		if info, err := j.root.Lstat(above); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// find gives the place of an older version's file: where it was laid down, or aside.
func (j *Job) find(file *File) (name string, info fs.FileInfo, ok bool) {
	name = file.Path()
	for _, name := range []string{name, j.plan.asideName(name)} {
		info, err := j.root.Lstat(name)
		if err == nil && info.Mode().IsRegular() && j.inFolders(name) {
			return name, info, true
		}
	}
	return name, nil, false
}

// clearWay puts files of older versions aside, or removes their links, where the new one wants a folder; and the other way round
// empties folders of older versions where the new one wants a file or link. What nobody laid down stays, and is in the way.
func (j *Job) clearWay(ctx context.Context) error {
	if len(j.previous) == 0 {
		return nil
	}
	wanted := make(map[string]bool) // folders
	for _, name := range j.plan.parents {
		wanted[j.key(name)] = true
	}
	things := make(map[string]bool) // files and links
	for _, e := range j.plan.entries {
		things[j.key(e.path)] = true
	}
	for _, l := range j.plan.links {
		things[j.key(l.path)] = true
	}
	folders := make(map[string]bool)
	for _, m := range j.previous {
		for i := range m.Files {
			file := &m.Files[i]
			if ctx.Err() != nil {
				return ended(ctx)
			}
			name := file.Path()
			isFolder := file.Flags&FlagDirectory != 0
			within := isFolder && things[j.key(name)] // a folder that gives way
			for above := path.Dir(name); above != "."; above = path.Dir(above) {
				within = within || things[j.key(above)]
			}
			if within {
				for above := path.Dir(name); above != "."; above = path.Dir(above) {
					if !wanted[j.key(above)] {
						folders[above] = true
					}
				}
			}
			switch {
			case isFolder && within:
				folders[name] = true
			case !isFolder && (within || wanted[j.key(name)]):
				if err := j.setAside(file); err != nil {
					return &Error{Step: StepPrepare, Path: file.Name, Err: err}
				}
			}
		}
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(folders))) {
		if info, err := j.root.Lstat(name); err == nil && info.IsDir() && j.inFolders(name) {
			_ = j.root.Remove(name) // if it is not empty, the check says that it is in the way
		}
	}
	return nil
}

// setAside takes an older version's file or link from its place.
func (j *Job) setAside(file *File) error {
	name := file.Path()
	info, err := j.root.Lstat(name)
	if err != nil || !j.inFolders(name) {
		return nil // not there
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0 && file.Flags&FlagSymlink != 0:
		return j.root.Remove(name)
	case !info.Mode().IsRegular() || file.Flags&(FlagSymlink|FlagUserConfig|FlagVersionedUserConfig) != 0:
		return nil
	}
	aside := j.plan.asideName(name)
	if err := j.root.Mkdir(path.Dir(aside), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	j.makeWritable(name)
	return j.root.Rename(name, aside)
}

// respell renames files and folders that the new version spells in another case, where the file system takes both for the
// same. Where it does not, they are moved as any others.
func (j *Job) respell() error {
	if !j.folds {
		return nil
	}
	names := make(map[string]string, len(j.plan.manifest.Files)) // the new spelling
	for _, e := range j.plan.entries {
		names[j.key(e.path)] = e.path
	}
	for _, f := range j.plan.folders {
		names[j.key(f.path)] = f.path
	}
	done := make(map[string]bool)
	for _, m := range j.previous {
		for i := range m.Files {
			was := m.Files[i].Path()
			is, ok := names[j.key(was)]
			if !ok || is == was {
				continue
			}
			for at := 0; at < len(is); {
				end := strings.IndexByte(is[at:], '/')
				if end < 0 {
					end = len(is) - at
				}
				end += at
				part := is[:end]
				if end > len(was) || done[j.key(part)] || part[at:] == was[at:end] {
					at = end + 1
					continue
				}
				done[j.key(part)] = true
				old := is[:at] + was[at:end]
				if info, err := j.root.Lstat(old); err == nil && info.Mode()&fs.ModeSymlink == 0 && j.inFolders(old) {
					if err := j.root.Rename(old, part); err != nil {
						return &Error{Step: StepPrepare, Path: m.Files[i].Name, Err: err}
					}
				}
				at = end + 1
			}
		}
	}
	return nil
}

// findMoved looks for files that only have another name in the new version: those are renamed.
func (j *Job) findMoved(ctx context.Context, readers *readers) error {
	if len(j.previous) == 0 {
		return nil
	}
	gone := make(map[[20]byte]*File)
	for _, file := range j.older {
		if file.Flags&(kindFlags|FlagUserConfig|FlagVersionedUserConfig) == 0 && file.Size > 0 && file.ContentSHA != [20]byte{} {
			if _, ok := gone[file.ContentSHA]; !ok {
				gone[file.ContentSHA] = file
			}
		}
	}
	for _, e := range j.plan.entries {
		old := gone[e.file.ContentSHA]
		if e.done.Load() || e.origin != atNone || old == nil || !sameContents(old, e.file) || !j.options.Filter.picks(old) {
			continue
		}
		name, info, ok := j.find(old)
		if !ok || info.Size() != int64(e.file.Size) {
			continue
		}
		have, err := readers.check(ctx, j.root, name, e)
		if err != nil {
			return err
		}
		if countBits(have) == len(e.regions()) {
			e.origin, e.have, e.from, e.takes = atOld, have, name, allocated(info)
			delete(gone, e.file.ContentSHA)
			j.moved[name] = true
		}
	}
	return nil
}

// findOld looks for wanted chunks in files of older versions, wherever they lie: those are copied. They are verified when they
// are read. A file that is to become a new one and has chunks that are wanted elsewhere stays whole until they are copied.
func (j *Job) findOld(wants func(c content) bool, take func(c content, at local)) {
	for _, m := range j.previous {
		for i := range m.Files {
			file := &m.Files[i]
			if file.Flags&(kindFlags|FlagUserConfig|FlagVersionedUserConfig) != 0 {
				continue
			}
			e := j.byKey[j.key(file.Path())]
			if e != nil && (e.done.Load() || e.origin == atOld) {
				continue // it is the new file by now
			}
			name, found, looked := "", false, false
			for n := range file.Chunks {
				chunk := &file.Chunks[n]
				c := content{chunk.ID, chunk.Size}
				if !wants(c) {
					continue
				}
				if !looked {
					looked = true
					if name, _, found = j.find(file); found && j.moved[name] {
						found = false // it is another new file's
					}
				}
				if !found {
					break
				}
				take(c, local{path: name, offset: int64(chunk.Offset), content: c})
				if e != nil && j.key(name) == j.key(e.path) {
					e.fresh = true
				}
			}
		}
	}
}

// removeOld removes what older versions laid down and the new one has no place for: files, links, then the folders that are
// empty. It gives the versions that have files left which the filter does not pick.
func (j *Job) removeOld(ctx context.Context) (left []ManifestID, err error) {
	if j.doubtful {
		for _, m := range j.previous {
			left = append(left, ManifestID(m.ManifestID))
		}
		return left, nil
	}
	folders := make(map[string]bool)
	for m, file := range j.older {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		name := file.Path()
		if !j.options.Filter.picks(file) {
			id := ManifestID(m.ManifestID)
			if slices.Contains(left, id) {
				continue
			}
			if _, err := j.root.Lstat(name); err == nil {
				left = append(left, id)
			}
			continue
		}
		if file.Flags&FlagDirectory != 0 {
			folders[name] = true
		} else if j.removable(file) {
			if !j.dry {
				j.makeWritable(name)
				if err := j.root.Remove(name); err != nil {
					j.problem(file.Name, fmt.Errorf("not removed, although the new version does not have it: %w", err))
					continue
				}
			}
			j.removed(file.Name)
		}
		for above := path.Dir(name); above != "." && !folders[above]; above = path.Dir(above) {
			folders[above] = true
		}
	}
	if j.dry {
		return left, nil
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(folders))) {
		if j.claimed[j.key(name)] || !j.inFolders(name) {
			continue
		}
		if info, err := j.root.Lstat(name); err == nil && info.IsDir() && j.root.Remove(name) == nil { // not if there is anything in it
			j.tally.foldersRemoved.Add(1)
		}
	}
	return left, nil
}

// removable says whether what lies in an older file's place is what was laid down there: neither the player's own nor anything
// that somebody put there instead.
func (j *Job) removable(file *File) bool {
	name := file.Path()
	if file.Flags&(FlagUserConfig|FlagVersionedUserConfig) != 0 || j.moved[name] {
		return false
	}
	info, err := j.root.Lstat(name)
	if err != nil || !j.inFolders(name) || j.renewed(info) {
		return false
	}
	if file.Flags&FlagSymlink != 0 {
		return info.Mode()&fs.ModeSymlink != 0
	}
	return info.Mode().IsRegular()
}

// removed counts a file that is gone.
func (j *Job) removed(name string) {
	j.tally.filesRemoved.Add(1)
	j.mu.Lock()
	if j.dry {
		j.removals = append(j.removals, name)
	}
	j.mu.Unlock()
	j.notifier.event(Event{Kind: EventRemove, Path: name})
}
