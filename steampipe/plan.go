package steampipe

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"math/bits"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// stateFolder is where files lie until they are complete. It is made in the folder of the download, so that moving a file to
// its place is a rename.
const stateFolder = ".steampipe"

// inState says whether a path leads into the state folder, or may: Windows gives it a short name too, STEAMP~1, or, when many
// folders are called alike, one of two letters and four hex digits.
func inState(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	stem, _, short := strings.Cut(strings.ToUpper(first), "~")
	return strings.EqualFold(first, stateFolder) || short && (stem == "STEAMP" || len(stem) == 6 && strings.HasPrefix(stem, "ST") && strings.Trim(stem[2:], "0123456789ABCDEF") == "")
}

// entry is a regular file of the manifest, on its way to disk.
type entry struct {
	file *File
	path string // slash separated, below the root
	part string // where it lies until it is complete

	zeroIDs map[uint32]ChunkID // by size, shared by all entries

	origin  origin
	have    bitset      // regions that are right in the origin
	done    atomic.Bool // right and in place
	lost    atomic.Bool
	missing atomic.Int64 // places still to be written
	takes   int64        // bytes on disk that it has already, where it will be put together

	mu      sync.Mutex
	opened  bool   // the part file was made
	from    string // where it is moved from, with atOld
	stay    bitset // regions that are right in its place, while a part is put together beside it
	fresh   bool   // what is in its place stays there until the part is complete: others read from it
	changed bool   // the depot's copy is not what it was in an older version
	handle  *os.File
	users   int
	slot    bool // the handle may stay open
}

// origin says where an entry's bytes are when a download begins.
type origin int

const (
	atNone  origin = iota
	atFinal        // in its place, wrong: an older version, or damaged
	atPart         // left by a run that was interrupted
	atOld          // right, under the name that an older version had for it
)

// region is a stretch of a file: a chunk, or a gap between chunks, which reads as zero.
type region struct {
	offset int64
	size   int64
	chunk  *Chunk // nil for a gap
	zero   bool   // all zero, so that nothing is to be fetched
}

var zeros [64 << 10]byte

// zeroChunks gives the ids that chunks of zeros have, of all sizes that a manifest may have such chunks in. Adler-32 from 0
// over zeros is 0, which saves asking for all the others. One pass over the zeros serves all sizes: a manifest can claim
// millions of them.
func zeroChunks(m *Manifest) map[uint32]ChunkID {
	ids := make(map[uint32]ChunkID)
	for i := range m.Files {
		for _, chunk := range m.Files[i].Chunks {
			if chunk.Adler == 0 {
				ids[chunk.Size] = ChunkID{}
			}
		}
	}
	h, hashed := sha1.New(), uint32(0)
	for _, size := range slices.Sorted(maps.Keys(ids)) {
		for hashed < size {
			part := zeros[:min(size-hashed, uint32(len(zeros)))]
			h.Write(part)
			hashed += uint32(len(part))
		}
		ids[size] = ChunkID(h.Sum(nil))
	}
	return ids
}

// regions lists a file's chunks in order, with the gaps between them. The manifest was validated: nothing overlaps.
func (e *entry) regions() []region {
	list := make([]region, 0, len(e.file.Chunks))
	end := int64(0)
	for i := range e.file.Chunks {
		chunk := &e.file.Chunks[i]
		offset := int64(chunk.Offset)
		if offset > end {
			list = append(list, region{offset: end, size: offset - end, zero: true})
		}
		if chunk.Size > 0 {
			zero := chunk.Adler == 0 && chunk.ID == e.zeroIDs[chunk.Size]
			list = append(list, region{offset: offset, size: int64(chunk.Size), chunk: chunk, zero: zero})
		}
		end = offset + int64(chunk.Size)
	}
	if size := int64(e.file.Size); size > end {
		list = append(list, region{offset: end, size: size - end, zero: true})
	}
	return list
}

// bitset says which regions of an entry are right.
type bitset []uint64

func newBitset(n int) bitset    { return make(bitset, (n+63)/64) }
func (b bitset) get(i int) bool { return i/64 < len(b) && b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }

// within says whether all regions that are right here are right in the other one too.
func (b bitset) within(other bitset) bool {
	for i, word := range b {
		if i >= len(other) && word != 0 || i < len(other) && word&^other[i] != 0 {
			return false
		}
	}
	return true
}

// countBits says how many regions are right.
func countBits(b bitset) (total int) {
	for _, word := range b {
		total += bits.OnesCount64(word)
	}
	return total
}

// place is where a chunk goes.
type place struct {
	entry  *entry
	offset int64
}

// job is a distinct chunk that is to be fetched, or copied from a place on disk that has it.
type job struct {
	chunk    *Chunk
	places   []place
	local    *local           // nil if it is fetched
	delta    *depotwire.Delta // makes the chunk out of the local one; nil if that is it
	rejected []Rejection
}

// local is a place on disk that has a chunk.
type local struct {
	entry   *entry // nil for a file of an older version
	path    string // of such a file
	region  int    // of the entry
	offset  int64
	content content
}

// settle says which of two files has the chunk, while an entry's part is put together beside what is in its place.
func (l *local) settle() {
	if e := l.entry; e != nil && e.stay != nil && !e.done.Load() {
		l.entry, l.path = nil, e.path
		if e.have.get(l.region) {
			l.path = e.part
		}
	}
}

// plan is a manifest, checked and sorted out.
type plan struct {
	manifest *Manifest
	entries  []*entry
	folders  []*folder
	links    []*link
	parents  []string // all folders that are needed, listed or not, parents first
	problems []Problem
	bytes    int64
	skipped  map[string]bool // files and links that the filter does not pick
}

type folder struct {
	file *File
	path string
}

type link struct {
	file   *File
	path   string
	target string
}

// maxFolders bounds the folders of a manifest. A name of a few bytes can stand for a hundred of them.
const maxFolders = 1 << 20

// newPlan validates a manifest as a whole and sorts it out; nothing is touched on disk.
func newPlan(m *Manifest, limits Limits, filter Filter) (*plan, error) {
	refuse := func(err error) (*plan, error) {
		return nil, &Error{Step: StepPlan, Depot: DepotID(m.DepotID), Manifest: ManifestID(m.ManifestID), Err: err}
	}
	if m.NamesEncrypted {
		return refuse(ErrNamesEncrypted)
	}
	badLinks := make(map[int]error)
	for problem := range depotwire.Problems(m, limits) {
		err := fmt.Errorf("%w: %w", ErrManifestUnsafe, &problem)
		if problem.Kind.Fatal() {
			return refuse(err)
		}
		// One bad link must not sink the whole job (spec steampipe.md §7.5). Names that case alone tells apart are looked
		// at when it is known whether the folder's file system tells them apart.
		if problem.Kind == depotwire.ProblemLink {
			badLinks[problem.Index] = err
		}
	}
	p := &plan{manifest: m, skipped: map[string]bool{}}
	depot := strconv.FormatUint(uint64(m.DepotID), 10)
	zeroIDs := zeroChunks(m)
	for i := range m.Files {
		file := &m.Files[i]
		local := depotwire.SlashPath(file.Name)
		if inState(local) {
			return refuse(fmt.Errorf("%w: %q: %s is where downloads are put together", ErrManifestUnsafe, file.Name, stateFolder))
		}
		switch {
		case !filter.picks(file):
			p.skipped[local] = true
		case file.Flags&FlagDirectory != 0:
			p.folders = append(p.folders, &folder{file, local})
		case file.Flags&FlagSymlink != 0:
			if err := badLinks[i]; err != nil {
				p.problems = append(p.problems, Problem{file.Name, err})
				continue
			}
			p.links = append(p.links, &link{file, local, depotwire.SlashPath(file.LinkTarget)})
		default:
			name := sha1.Sum([]byte(local))
			p.entries = append(p.entries, &entry{file: file, path: local, zeroIDs: zeroIDs,
				part: path.Join(stateFolder, depot, hex.EncodeToString(name[:])+".part")})
			if p.bytes += int64(file.Size); p.bytes < 0 {
				return refuse(fmt.Errorf("%w: more than 2^63 bytes in all", ErrManifestUnsafe))
			}
		}
	}
	if !p.gatherParents() {
		return refuse(fmt.Errorf("%w: more than %d folders", ErrManifestUnsafe, maxFolders))
	}
	return p, nil
}

// gatherParents lists all folders that are needed, parents first; false if there are too many.
func (p *plan) gatherParents() bool {
	seen := make(map[string]bool)
	add := func(name string) {
		for ; name != "." && !seen[name] && len(seen) <= maxFolders; name = path.Dir(name) {
			seen[name] = true
		}
	}
	for _, f := range p.folders {
		add(f.path)
	}
	for _, e := range p.entries {
		add(path.Dir(e.path))
	}
	for _, l := range p.links {
		add(path.Dir(l.path))
	}
	if len(p.entries) > 0 {
		add(path.Dir(p.entries[0].part))
	}
	p.parents = slices.Sorted(maps.Keys(seen))
	return len(seen) <= maxFolders
}
