package steampipe

import (
	"fmt"
	"slices"
	"strings"
)

// ChangeKind says how a file differs between two manifests.
type ChangeKind int

// The kinds of changes.
const (
	Added      ChangeKind = iota + 1 // in the new one only, and not moved
	Changed                          // other contents, or a folder, link or file in each other's place
	Attributes                       // the same contents, other flags
	Moved                            // contents that a file had which is gone, under another name; or the same name in another case
	Removed                          // in the old one only, and not moved
)

// String says the kind in a word.
func (k ChangeKind) String() string {
	switch k {
	case Added:
		return "added"
	case Changed:
		return "changed"
	case Attributes:
		return "attributes"
	case Moved:
		return "moved"
	case Removed:
		return "removed"
	}
	return fmt.Sprintf("change %d", int(k))
}

// MarshalText gives the same word.
func (k ChangeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Change is a file, folder or link that is not the same in two manifests.
type Change struct {
	Kind ChangeKind
	Path string // with slashes; in the new manifest, if it is there
	From string // where Moved contents were; empty otherwise
	Size int64  // plain bytes in the new manifest; of what was Removed, in the old one
	// Fetch is the stored bytes of the chunks that no file of the old manifest has; a chunk that several files need is
	// counted for the first.
	Fetch int64
}

// Comparison is what it takes to go from one manifest to another.
type Comparison struct {
	Changes   []Change // by path; what was Removed at the end
	Unchanged int      // files, folders and links that are the same

	// Chunks of the new manifest, each counted once however often it occurs; those of zeros only are never fetched.
	ChunksAdded int   // in no file of the old manifest: to be fetched
	ChunksKept  int   // in the old manifest too
	Fetch       int64 // stored bytes of ChunksAdded
	FetchPlain  int64 // plain bytes of ChunksAdded

	ChunksRemoved int   // in the old manifest only
	SizeBefore    int64 // plain bytes of all files
	SizeAfter     int64
}

// Count is how many changes there are of a kind.
func (c *Comparison) Count(kind ChangeKind) (n int) {
	for i := range c.Changes {
		if c.Changes[i].Kind == kind {
			n++
		}
	}
	return n
}

// Compare says how the files and chunks of two manifests differ. Names are compared without case, as Steam does, unless one
// manifest has several that differ in case only. Both must have clear names; nil for old is an empty depot. It looks at
// manifests alone: what is on a disk, [Verify] says.
func Compare(old, new *Manifest) (*Comparison, error) {
	if old == nil {
		old = &Manifest{}
	}
	for _, m := range []*Manifest{old, new} {
		if m.NamesEncrypted {
			return nil, &Error{Step: StepPlan, Depot: DepotID(m.DepotID), Manifest: ManifestID(m.ManifestID), Err: ErrNamesEncrypted}
		}
	}
	c := &Comparison{}
	chunks := make(map[ChunkID]bool) // of the old manifest; true if the new one has it too
	for i := range old.Files {
		file := &old.Files[i]
		c.SizeBefore += int64(file.Size)
		for n := range file.Chunks {
			chunks[file.Chunks[n].ID] = false
		}
	}
	before, stays := pair(old, new)
	gone := make(map[[20]byte]int) // contents of old files that the new manifest does not have under that name
	for i := range old.Files {
		if file := &old.Files[i]; file.ContentSHA != [20]byte{} && !stays[i] {
			if _, ok := gone[file.ContentSHA]; !ok {
				gone[file.ContentSHA] = i
			}
		}
	}

	moved := make(map[int]bool)
	zeroIDs := zeroChunks(new)
	fetched := make(map[ChunkID]struct{})
	for i := range new.Files {
		file := &new.Files[i]
		c.SizeAfter += int64(file.Size)
		change := Change{Path: file.Path(), Size: int64(file.Size), Fetch: c.chunks(file, chunks, fetched, zeroIDs)}
		if before[i] >= 0 {
			was := &old.Files[before[i]]
			switch {
			case !sameContents(was, file):
				change.Kind = Changed
			case was.Path() != file.Path():
				change.Kind, change.From = Moved, was.Path()
			case was.Flags != file.Flags:
				change.Kind = Attributes
			default:
				c.Unchanged++
				continue
			}
		} else if n, ok := gone[file.ContentSHA]; ok && sameContents(&old.Files[n], file) {
			change.Kind, change.From = Moved, old.Files[n].Path()
			moved[n] = true
		} else {
			change.Kind = Added
		}
		c.Changes = append(c.Changes, change)
	}
	byPath := func(a, b Change) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(c.Changes, byPath)
	kept := len(c.Changes)
	for i := range old.Files {
		if file := &old.Files[i]; !moved[i] && !stays[i] {
			c.Changes = append(c.Changes, Change{Kind: Removed, Path: file.Path(), Size: int64(file.Size)})
		}
	}
	slices.SortFunc(c.Changes[kept:], byPath)
	for _, both := range chunks {
		if both {
			c.ChunksKept++
		} else {
			c.ChunksRemoved++
		}
	}
	return c, nil
}

// pair finds the old entry that each new one is compared with, -1 if there is none, and says which old ones have such a new one.
// The same spelling goes first: depots for systems that tell case apart have names that differ in nothing else.
func pair(old, new *Manifest) (before []int, stays []bool) {
	before, stays = make([]int, len(new.Files)), make([]bool, len(old.Files))
	spelled := make(map[string]int, len(old.Files))
	for n := range old.Files {
		spelled[old.Files[n].Path()] = n
	}
	for i := range new.Files {
		before[i] = -1
		if n, ok := spelled[new.Files[i].Path()]; ok && !stays[n] {
			before[i], stays[n] = n, true
		}
	}
	rest := make(map[string][]int)
	for n := range old.Files {
		if !stays[n] {
			folded := foldPath(&old.Files[n])
			rest[folded] = append(rest[folded], n)
		}
	}
	for i := range new.Files {
		if before[i] >= 0 {
			continue
		}
		folded := foldPath(&new.Files[i])
		if others := rest[folded]; len(others) > 0 {
			before[i], stays[others[0]], rest[folded] = others[0], true, others[1:]
		}
	}
	return before, stays
}

// chunks counts the chunks of a new file, and gives the stored bytes of those that nobody has had so far.
func (c *Comparison) chunks(file *File, old map[ChunkID]bool, fetched map[ChunkID]struct{}, zeroIDs map[uint32]ChunkID) (fetch int64) {
	for n := range file.Chunks {
		chunk := &file.Chunks[n]
		if _, ok := old[chunk.ID]; ok {
			old[chunk.ID] = true
			continue
		}
		if _, ok := fetched[chunk.ID]; ok || chunk.Adler == 0 && chunk.ID == zeroIDs[chunk.Size] {
			continue
		}
		fetched[chunk.ID] = struct{}{}
		c.ChunksAdded++
		c.FetchPlain += int64(chunk.Size)
		fetch += int64(chunk.StoredSize)
	}
	c.Fetch += fetch
	return fetch
}

// kindFlags are those that make an entry something else than a file.
const kindFlags = FlagDirectory | FlagSymlink

// sameContents says whether two entries of different manifests have the same bytes, or lead to the same place.
func sameContents(a, b *File) bool {
	switch {
	case a.Flags&kindFlags != b.Flags&kindFlags || a.Size != b.Size || a.LinkTarget != b.LinkTarget:
		return false
	case a.ContentSHA != [20]byte{} && b.ContentSHA != [20]byte{}:
		return a.ContentSHA == b.ContentSHA
	}
	// Old manifests do without the checksum of some files.
	return slices.EqualFunc(a.Chunks, b.Chunks, func(x, y Chunk) bool { return x.ID == y.ID && x.Offset == y.Offset })
}

// foldPath is a name as Steam compares it.
func foldPath(file *File) string { return strings.ToLower(file.Path()) }
