package depotwire

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// ProblemKind is what may be wrong with a file of a manifest.
type ProblemKind uint8

// The kinds. Those that [ProblemKind.Fatal] is true for must stop a download; the others are for a report.
const (
	ProblemName          ProblemKind = iota // the name is not a plain relative path, or not for Windows
	ProblemDuplicate                        // the name comes twice
	ProblemParent                           // the name is a folder above another and no directory
	ProblemSize                             // larger than the limit, or a directory or link with contents
	ProblemChunk                            // a chunk above the limit or outside of the file
	ProblemOverlap                          // chunks that overlap
	ProblemLink                             // the link's target is outside of the folder: leave the link out
	ProblemCaseCollision                    // two names that only case tells apart: one file where case does not count
)

var problemNames = [...]string{"name", "duplicate name", "file as folder", "size", "chunk", "chunk overlap", "link", "case collision"}

// String says what kind it is.
func (k ProblemKind) String() string {
	if int(k) < len(problemNames) {
		return problemNames[k]
	}
	return fmt.Sprintf("problem %d", uint8(k))
}

// Fatal is false for what concerns one file, which can be left out.
func (k ProblemKind) Fatal() bool { return k != ProblemLink && k != ProblemCaseCollision }

// Problem is something wrong with one file of a manifest. It is an error too.
type Problem struct {
	Kind   ProblemKind
	Index  int    // of the file in Manifest.Files
	Other  int    // of the other file, for duplicates, collisions and parents; else -1
	File   string // its name
	Reason string // in words
}

func (p *Problem) Error() string {
	return fmt.Sprintf("depotwire: manifest %v of %.256q: %s", p.Kind, p.File, p.Reason)
}

// Unwrap gives [ErrUnsafe].
func (p *Problem) Unwrap() error { return ErrUnsafe }

// ErrUnsafe is matched by every [Problem].
var ErrUnsafe = errors.New("depotwire: manifest is not safe to use")

// Validate gives the first [Problem] of [Check] that must stop a download, as an error; nil if there is none. Whoever writes
// files must leave out the links that Check reports, and be prepared for names that case alone tells apart.
func Validate(m *Manifest, limits Limits) error {
	if m.NamesEncrypted {
		return manifestError(ErrEncrypted, "", "names are encrypted")
	}
	for problem := range Problems(m, limits) {
		if problem.Kind.Fatal() {
			return &problem
		}
	}
	return nil
}

// Check gives all [Problems] of a manifest.
func Check(m *Manifest, limits Limits) []Problem {
	return slices.Collect(Problems(m, limits))
}

// Problems looks at all names, links, sizes and chunks of a manifest with clear names and gives everything that is wrong, as
// it is found (spec steampipe.md §7.5): a hostile manifest may have more that is wrong than fits into memory. Gaps between
// chunks are right: they read as zeros.
func Problems(m *Manifest, limits Limits) iter.Seq[Problem] {
	return func(yield func(Problem) bool) {
		c := checker{files: m.Files, limits: limits.withDefaults(), yield: yield}
		for i := range m.Files {
			if !c.checkFile(i) {
				return
			}
		}
		c.checkTree()
	}
}

// checker goes over the files; its methods return false when nobody listens any more.
type checker struct {
	files  []File
	limits Limits
	yield  func(Problem) bool
}

func (c *checker) report(kind ProblemKind, index, other int, format string, arguments ...any) bool {
	return c.yield(Problem{Kind: kind, Index: index, Other: other, File: c.files[index].Name, Reason: fmt.Sprintf(format, arguments...)})
}

// checkFile looks at a file by itself.
func (c *checker) checkFile(i int) bool {
	file := &c.files[i]
	if fault := checkName(file.Name, c.limits.MaxName); fault.reason != "" && (!fault.windows || c.limits.RefuseWindowsNames) {
		if !c.report(ProblemName, i, -1, "%s", fault.reason) {
			return false
		}
	}
	if file.Flags.Has(FlagSymlink) || file.LinkTarget != "" {
		if reason := checkLink(file.Path(), file.LinkTarget, c.limits.MaxName); reason != "" && !c.report(ProblemLink, i, -1, "%s", reason) {
			return false
		}
	}
	if size := file.Size; size > c.limits.MaxFileSize && !c.report(ProblemSize, i, -1, "%d bytes, the limit is %d", size, c.limits.MaxFileSize) {
		return false
	}
	if file.Flags.Has(FlagDirectory|FlagSymlink) && len(file.Chunks) > 0 && !c.report(ProblemSize, i, -1, "a directory or link with contents") {
		return false
	}
	return c.checkChunks(i)
}

func (c *checker) checkChunks(index int) bool {
	file := &c.files[index]
	end, stored := uint64(0), c.limits.MaxStored()
	for i := range file.Chunks {
		offset, size := file.Chunks[i].Offset, file.Chunks[i].Size
		heard := true
		switch {
		case size > c.limits.MaxChunk:
			heard = c.report(ProblemChunk, index, -1, "chunk %d has %d bytes, the limit is %d", i, size, c.limits.MaxChunk)
		case file.Chunks[i].StoredSize > stored:
			heard = c.report(ProblemChunk, index, -1, "chunk %d has %d stored bytes, the limit is %d", i, file.Chunks[i].StoredSize, stored)
		case offset > file.Size || uint64(size) > file.Size-offset:
			heard = c.report(ProblemChunk, index, -1, "chunk %d at %d of %d bytes is not inside of the file of %d", i, offset, size, file.Size)
		case offset < end:
			heard = c.report(ProblemOverlap, index, -1, "chunk %d at %d begins before %d, where an earlier one ends", i, offset, end)
		default:
			end = offset + uint64(size)
		}
		if !heard {
			return false
		}
	}
	return true
}

// foldNames gives each file's path with case folded, all in one slab.
func foldNames(files []File) []string {
	size := 0
	for i := range files {
		size += len(files[i].Name)
	}
	var slab strings.Builder
	slab.Grow(size)
	folded := make([]string, len(files))
	for i := range files {
		folded[i] = foldName(&slab, files[i].Name)
	}
	return folded
}

// checkTree looks at the names together.
func (c *checker) checkTree() {
	folded := foldNames(c.files)
	byName := make(map[string]int32, len(c.files))
	for i := range c.files {
		other, taken := byName[folded[i]]
		if !taken {
			byName[folded[i]] = int32(i)
			continue
		}
		file, first := &c.files[i], &c.files[other]
		if first.Flags.Has(FlagDirectory) {
			byName[folded[i]] = int32(i) // if it is none, nothing may lie below it, in either spelling
		}
		switch {
		case file.Path() != first.Path():
			if !c.report(ProblemCaseCollision, i, int(other), "differs from file %d in case only", other) {
				return
			}
		case file.Flags.Has(FlagDirectory) && first.Flags.Has(FlagDirectory): // nothing is written twice
		default:
			if !c.report(ProblemDuplicate, i, int(other), "also file %d", other) {
				return
			}
		}
	}
	parent := "" // of the file before: neighbours share most of it
	for i, name := range folded {
		if strings.Count(name, "/") >= maxParts {
			continue // refused for that
		}
		for above := parentOf(name); above != ""; above = parentOf(above) {
			if len(above) <= len(parent) && parent[:len(above)] == above && (len(above) == len(parent) || parent[len(above)] == '/') {
				break // seen, with all above it
			}
			other, taken := byName[above]
			if !taken || c.files[other].Flags.Has(FlagDirectory) {
				continue
			}
			what := "plain file"
			if c.files[other].Flags.Has(FlagSymlink) {
				what = "link"
			}
			if !c.report(ProblemParent, i, int(other), "is inside of file %d, which is a %s", other, what) {
				return
			}
		}
		parent = parentOf(name)
	}
}

func parentOf(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}
