package depotwire

import (
	"errors"
	"fmt"
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
	for problem := range check(m, limits) {
		if problem.Kind.Fatal() {
			return &problem
		}
	}
	return nil
}

// Check looks at all names, links, sizes and chunks of a manifest with clear names and gives everything that is wrong (spec
// steampipe.md §7.5). Gaps between chunks are right: they read as zeros.
func Check(m *Manifest, limits Limits) []Problem {
	var problems []Problem
	for problem := range check(m, limits) {
		problems = append(problems, problem)
	}
	return problems
}

func check(m *Manifest, limits Limits) func(yield func(Problem) bool) {
	limits = limits.withDefaults()
	return func(yield func(Problem) bool) {
		for i := range m.Files {
			file := &m.Files[i]
			report := func(kind ProblemKind, format string, arguments ...any) bool {
				return yield(Problem{Kind: kind, Index: i, Other: -1, File: file.Name, Reason: fmt.Sprintf(format, arguments...)})
			}
			if fault := checkName(file.Name, limits.MaxName); fault.reason != "" && !(fault.windows && limits.AllowWindowsNames) {
				if !report(ProblemName, "%s", fault.reason) {
					return
				}
			}
			if file.Flags.Has(FlagSymlink) || file.LinkTarget != "" {
				if reason := checkLink(file.Path(), file.LinkTarget, limits.MaxName); reason != "" && !report(ProblemLink, "%s", reason) {
					return
				}
			}
			if !file.checkNumbers(limits, report) {
				return
			}
		}
		checkTree(m, yield)
	}
}

// checkNumbers looks at size and chunks.
func (file *File) checkNumbers(limits Limits, report func(kind ProblemKind, format string, arguments ...any) bool) bool {
	if file.Size > limits.MaxFileSize && !report(ProblemSize, "%d bytes, the limit is %d", file.Size, limits.MaxFileSize) {
		return false
	}
	if file.Flags.Has(FlagDirectory|FlagSymlink) && len(file.Chunks) > 0 && !report(ProblemSize, "a directory or link with contents") {
		return false
	}
	end, stored := uint64(0), limits.MaxStored()
	for i := range file.Chunks {
		chunk := &file.Chunks[i]
		switch {
		case chunk.Size > limits.MaxChunk:
			if !report(ProblemChunk, "chunk %d has %d bytes, the limit is %d", i, chunk.Size, limits.MaxChunk) {
				return false
			}
		case chunk.StoredSize > stored:
			if !report(ProblemChunk, "chunk %d has %d stored bytes, the limit is %d", i, chunk.StoredSize, stored) {
				return false
			}
		case chunk.Offset > file.Size || uint64(chunk.Size) > file.Size-chunk.Offset:
			if !report(ProblemChunk, "chunk %d at %d of %d bytes is not inside of the file of %d", i, chunk.Offset, chunk.Size, file.Size) {
				return false
			}
		case chunk.Offset < end:
			if !report(ProblemOverlap, "chunk %d at %d begins before %d, where an earlier one ends", i, chunk.Offset, end) {
				return false
			}
		default:
			end = chunk.Offset + uint64(chunk.Size)
		}
	}
	return true
}

// checkTree looks at the names together.
func checkTree(m *Manifest, yield func(Problem) bool) {
	folded := make([]string, len(m.Files))
	byName := make(map[string]int32, len(m.Files))
	for i := range m.Files {
		folded[i] = foldName(m.Files[i].Path())
		other, taken := byName[folded[i]]
		if !taken {
			byName[folded[i]] = int32(i)
			continue
		}
		file, first := &m.Files[i], &m.Files[other]
		problem := Problem{Kind: ProblemCaseCollision, Index: i, Other: int(other), File: file.Name, Reason: fmt.Sprintf("differs from %.256q in case only", first.Name)}
		if file.Path() == first.Path() {
			if file.Flags.Has(FlagDirectory) && first.Flags.Has(FlagDirectory) {
				continue // nothing is written twice
			}
			problem.Kind, problem.Reason = ProblemDuplicate, fmt.Sprintf("also file %d", other)
		}
		if !yield(problem) {
			return
		}
	}
	parent := "" // the last one that was looked at: neighbours share it
	for i, name := range folded {
		above := name
		for {
			slash := strings.LastIndexByte(above, '/')
			if slash < 0 {
				break
			}
			above = above[:slash]
			if above == parent || strings.HasPrefix(parent, above) && len(parent) > len(above) && parent[len(above)] == '/' {
				break
			}
			other, taken := byName[above]
			if taken && !m.Files[other].Flags.Has(FlagDirectory) {
				reason := "is inside of %.256q, which is a file"
				if m.Files[other].Flags.Has(FlagSymlink) {
					reason = "is inside of %.256q, which is a link"
				}
				if !yield(Problem{Kind: ProblemParent, Index: i, Other: int(other), File: m.Files[i].Name, Reason: fmt.Sprintf(reason, m.Files[other].Name)}) {
					return
				}
			}
		}
		if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
			parent = name[:slash]
		}
	}
}
