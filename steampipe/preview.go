package steampipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Action is what a download would do with a file.
type Action int

// The actions.
const (
	ActionWrite  Action = iota + 1 // it is not there, or nothing of it is right
	ActionRepair                   // some of it is right and stays
	ActionMove                     // it has another name now, and nothing else is new
	ActionRemove                   // an older version laid it down
)

// String says the action in a word.
func (a Action) String() string {
	switch a {
	case ActionWrite:
		return "write"
	case ActionRepair:
		return "repair"
	case ActionMove:
		return "move"
	case ActionRemove:
		return "remove"
	}
	return fmt.Sprintf("action %d", int(a))
}

// MarshalText gives the same word.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// PlannedFile is a file that a download would touch.
type PlannedFile struct {
	Action Action
	Path   string // in the manifest's spelling
	From   string // with ActionMove, where it is, with slashes
	Size   int64  // when done; 0 for one that is removed
	Fetch  int64  // stored bytes to fetch; a chunk that several files need is counted for the first
}

// Preview is what a download would do.
type Preview struct {
	Depot    DepotID
	Manifest ManifestID
	Previous []ManifestID // older versions that are known to have files in the folder

	Files     []PlannedFile // that would be touched, in the order of the manifest; those removed at the end
	FilesKept int           // right already, or the player's own
	Links     int           // symbolic links to be made

	Bytes         int64 // plain bytes of the manifest's files that the filter picks
	BytesKept     int64 // of these right where they are
	BytesToFetch  int64 // stored bytes; a delta patch may make it less
	ChunksToFetch int64
	ChunksReused  int64 // to be copied from other places on disk

	SpaceNeeded    int64 // bytes on disk, beyond what the folder takes now
	SpaceAvailable int64 // -1 if the system does not say

	Problems []Problem
}

// Plan says what Run would do, and writes nothing. It reads and compares what is on disk, which takes as long as [Verify] does. Source is
// not asked and may be nil; a job that was planned cannot be run.
func (j *Job) Plan(ctx context.Context) (*Preview, error) {
	if j.started.Swap(true) {
		return nil, &Error{Step: StepIdle, Err: fmt.Errorf("job was run before: %w", os.ErrClosed)}
	}
	j.dry = true
	j.begin()
	preview, err := j.preview(ctx)
	return preview, j.end(ctx, err)
}

func (j *Job) preview(ctx context.Context) (*Preview, error) {
	j.enter(StepPrepare)
	for _, problem := range j.plan.problems {
		j.problem(problem.Path, problem.Err)
	}
	root, err := os.OpenRoot(j.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		j.options.Previous = nil // there is nothing of it
	case err != nil:
		return nil, err
	default:
		defer root.Close()
		j.root = root
		if err := j.prepare(ctx); err != nil {
			return nil, err
		}
		j.enter(StepCheck)
		if err := j.check(ctx); err != nil {
			return nil, err
		}
	}
	jobs, err := j.jobs(ctx)
	if err != nil {
		return nil, err
	}
	p := &Preview{Depot: DepotID(j.plan.manifest.DepotID), Manifest: ManifestID(j.plan.manifest.ManifestID), Bytes: j.plan.bytes,
		BytesToFetch: j.tally.bytesToFetch.Load(), BytesKept: j.tally.bytesKept.Load(), FilesKept: int(j.tally.filesKept.Load()), SpaceNeeded: j.spaceNeeded(), SpaceAvailable: -1}
	for _, m := range j.previous {
		p.Previous = append(p.Previous, ManifestID(m.ManifestID))
	}
	fetch := make(map[*entry]int64)
	for _, wanted := range jobs {
		p.ChunksReused += int64(len(wanted.places))
		if wanted.local == nil {
			p.ChunksReused--
			p.ChunksToFetch++
			fetch[wanted.places[0].entry] += int64(wanted.chunk.StoredSize)
		}
	}
	for _, e := range j.plan.entries {
		if e.done.Load() {
			continue
		}
		file := PlannedFile{Action: ActionWrite, Path: e.file.Name, Size: int64(e.file.Size), Fetch: fetch[e]}
		switch {
		case e.origin == atOld:
			file.Action, file.From = ActionMove, e.from
		case countBits(e.have)+countBits(e.stay) > 0:
			file.Action = ActionRepair
		}
		p.Files = append(p.Files, file)
	}
	for _, l := range j.plan.links {
		if j.root == nil || !l.right(j.root) {
			p.Links++
		}
	}
	if j.root != nil {
		if _, err := j.removeOld(ctx); err != nil {
			return nil, err
		}
	}
	for _, name := range j.removals {
		p.Files = append(p.Files, PlannedFile{Action: ActionRemove, Path: name})
	}
	if available, ok := freeSpace(existing(j.dir)); ok {
		p.SpaceAvailable = available
	}
	p.Problems = j.problems
	return p, nil
}

// lookForFolders refuses what makeFolders would, without making any. What an older version laid down gives way.
func (j *Job) lookForFolders(ctx context.Context) error {
	older := make(map[string]bool)
	for _, m := range j.previous {
		for i := range m.Files {
			if file := &m.Files[i]; file.Flags&(FlagDirectory|FlagUserConfig|FlagVersionedUserConfig) == 0 {
				older[j.key(file.Path())] = true
			}
		}
	}
	for _, name := range j.plan.parents {
		if err := ctx.Err(); err != nil {
			return ended(ctx)
		}
		info, err := j.root.Lstat(name)
		switch {
		case err != nil || info.IsDir():
		case older[j.key(name)]:
			j.yields = true
		default:
			return &Error{Step: StepPrepare, Path: name, Err: fmt.Errorf("there is a %s where the manifest wants a folder", kindOf(info.Mode()))}
		}
	}
	return nil
}

// existing is the folder, or the next one above that there is.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
