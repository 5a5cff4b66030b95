package steampipe

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/bits"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// stateFolder is where files lie until they are complete. It is made in the folder of the download, so that moving a file to
// its place is a rename.
const stateFolder = ".steampipe"

// entry is a regular file of the manifest, on its way to disk.
type entry struct {
	file *File
	path string // slash separated, below the root
	part string // where it lies until it is complete

	origin  origin
	have    bitset      // regions that are right in the origin
	done    atomic.Bool // right and in place
	lost    atomic.Bool
	missing atomic.Int64 // places still to be written

	mu     sync.Mutex
	opened bool // the part file was made
	handle *os.File
	users  int
	slot   bool // the handle may stay open
}

// origin says where an entry's bytes are when a download begins.
type origin int

const (
	atNone  origin = iota
	atFinal        // in its place, wrong: an older version, or damaged
	atPart         // left by a run that was interrupted
)

// region is a stretch of a file: a chunk, or a gap between chunks, which reads as zero.
type region struct {
	offset int64
	size   int64
	chunk  *Chunk // nil for a gap
}

// zero says whether the region is all zero, so that nothing is to be fetched.
func (r region) zero() bool {
	// Adler-32 from 0 over zeros is 0; that saves hashing zeros for every other size of chunk.
	return r.chunk == nil || r.chunk.Adler == 0 && r.chunk.ID == zeroChunk(r.chunk.Size)
}

// zeroChunk is the id of a chunk of n zero bytes.
func zeroChunk(n uint32) ChunkID {
	if n == 1<<20 {
		return zeroMiB
	}
	h := sha1.New()
	for n > 0 {
		part := min(n, uint32(len(zeros)))
		h.Write(zeros[:part])
		n -= part
	}
	return ChunkID(h.Sum(nil))
}

var (
	zeros   [64 << 10]byte
	zeroMiB = ChunkID{0x3b, 0x71, 0xf4, 0x3f, 0xf3, 0x0f, 0x4b, 0x15, 0xb5, 0xcd, 0x85, 0xdd, 0x9e, 0x95, 0xeb, 0xc7, 0xe8, 0x4e, 0xb5, 0xa3}
)

// regions lists a file's chunks in order, with the gaps between them. The manifest was validated: nothing overlaps.
func (e *entry) regions() []region {
	list := make([]region, 0, len(e.file.Chunks))
	end := int64(0)
	for i := range e.file.Chunks {
		chunk := &e.file.Chunks[i]
		offset := int64(chunk.Offset)
		if offset > end {
			list = append(list, region{offset: end, size: offset - end})
		}
		if chunk.Size > 0 {
			list = append(list, region{offset: offset, size: int64(chunk.Size), chunk: chunk})
		}
		end = offset + int64(chunk.Size)
	}
	if size := int64(e.file.Size); size > end {
		list = append(list, region{offset: end, size: size - end})
	}
	return list
}

// bitset says which regions of an entry are right.
type bitset []uint64

func newBitset(n int) bitset    { return make(bitset, (n+63)/64) }
func (b bitset) get(i int) bool { return i/64 < len(b) && b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }

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
	local    *place
	rejected []Rejection
}

// plan is a manifest, checked and sorted out.
type plan struct {
	manifest *Manifest
	entries  []*entry
	folders  []*folder
	links    []*link
	problems []Problem
	bytes    int64
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

// newPlan validates a manifest as a whole and sorts it out; nothing is touched on disk.
func newPlan(m *Manifest, limits Limits) (*plan, error) {
	if err := validate(m, limits); err != nil {
		return nil, err
	}
	p := &plan{manifest: m}
	depot := strconv.FormatUint(uint64(m.DepotID), 10)
	for i := range m.Files {
		file := &m.Files[i]
		local := localPath(file.Name)
		if first, _, _ := strings.Cut(local, "/"); strings.EqualFold(first, stateFolder) {
			return nil, unsafeName(file.Name, fmt.Errorf("%s is where downloads are put together", stateFolder))
		}
		switch {
		case file.Flags&FlagDirectory != 0:
			p.folders = append(p.folders, &folder{file, local})
		case file.Flags&FlagSymlink != 0:
			target, err := linkTarget(local, file.LinkTarget)
			if err != nil {
				// One bad link must not sink the whole job (spec steampipe.md §7.5).
				p.problems = append(p.problems, Problem{file.Name, err})
				continue
			}
			p.links = append(p.links, &link{file, local, target})
		default:
			name := sha1.Sum([]byte(local))
			p.entries = append(p.entries, &entry{file: file, path: local, part: path.Join(stateFolder, depot, hex.EncodeToString(name[:])+".part")})
			p.bytes += int64(file.Size)
		}
		if file.Flags&(FlagDirectory|FlagSymlink) == 0 && !slices.IsSortedFunc(file.Chunks, byOffset) {
			slices.SortFunc(file.Chunks, byOffset)
		}
	}
	if err := p.checkParents(); err != nil {
		return nil, err
	}
	return p, nil
}

// checkParents refuses names below a file or a link: nothing is ever written through a link that a manifest made.
func (p *plan) checkParents() error {
	solid := make(map[string]string, len(p.entries)+len(p.links))
	for _, e := range p.entries {
		solid[e.path] = e.file.Name
	}
	for _, l := range p.links {
		solid[l.path] = l.file.Name
	}
	for _, problem := range p.problems {
		solid[localPath(problem.Path)] = problem.Path
	}
	check := func(name string) error {
		for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
			if other, ok := solid[parent]; ok {
				return unsafeName(name, fmt.Errorf("it lies below %q, which is no folder", other))
			}
		}
		return nil
	}
	for _, e := range p.entries {
		if err := check(e.path); err != nil {
			return err
		}
	}
	for _, f := range p.folders {
		if err := check(f.path); err != nil {
			return err
		}
	}
	for _, l := range p.links {
		if err := check(l.path); err != nil {
			return err
		}
	}
	return nil
}
