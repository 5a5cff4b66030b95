package steampipe

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// plainName says whether no file system takes a name, or the first part of one, for another that is plain and differs in more
// than case. HFS+ and folders of ext4 that fold case leave zero-width characters out, Windows has short names with a tilde.
func plainName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '~' || r > '~' })
}

// refuseAliases refuses a manifest that leads into the state folder by another name that the file system has for it. Names that
// are plain were looked at when the manifest was validated.
func (j *Job) refuseAliases() error {
	state, err := j.root.Lstat(stateFolder)
	if err != nil {
		return nil // a dry run in a new folder
	}
	looked := make(map[string]bool)
	for _, m := range append(j.previous[:len(j.previous):len(j.previous)], j.plan.manifest) {
		for i := range m.Files {
			first, _, _ := strings.Cut(m.Files[i].Path(), "/")
			if plainName(first) || looked[first] {
				continue
			}
			looked[first] = true
			if info, err := j.root.Lstat(first); err == nil && os.SameFile(state, info) {
				return &Error{Step: StepPrepare, Path: m.Files[i].Name,
					Err: fmt.Errorf("%w: the file system takes %q for %s, where downloads are put together", ErrManifestUnsafe, first, stateFolder)}
			}
		}
	}
	return nil
}

// newFiles looks up the new version's files that may have other names. They are told apart by size and time first: a
// manifest may name a million of them.
func (j *Job) newFiles() map[likeness][]fs.FileInfo {
	files := make(map[likeness][]fs.FileInfo)
	look := func(name string) {
		if plainName(name) {
			return
		}
		if info, err := j.root.Lstat(name); err == nil {
			files[likenessOf(info)] = append(files[likenessOf(info)], info)
		}
	}
	for _, e := range j.plan.entries {
		look(e.path)
	}
	for _, l := range j.plan.links {
		look(l.path)
	}
	return files
}

// likeness is what two names of one file have in common.
type likeness struct{ size, modified int64 }

func likenessOf(info fs.FileInfo) likeness { return likeness{info.Size(), info.ModTime().UnixNano()} }

// renewed says whether a file of an older version is one of the new version by now, whose name the file system takes for the
// same: macOS does with an accent that is a character of its own and one that is not.
func (j *Job) renewed(info fs.FileInfo) bool {
	if j.respelled == nil {
		j.respelled = j.newFiles()
	}
	for _, other := range j.respelled[likenessOf(info)] {
		if os.SameFile(info, other) {
			return true
		}
	}
	return false
}
