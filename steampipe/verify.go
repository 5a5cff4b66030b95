package steampipe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// FileStatus says how a file on disk compares with its manifest.
type FileStatus int

// The statuses.
const (
	FileOK        FileStatus = iota // as the manifest says
	FileMissing                     // not there
	FileWrongSize                   // there, with another size; BadChunks counts what is wrong within
	FileBadChunks                   // right size, wrong bytes
	FileWrongKind                   // a folder, link or special file in its place, or a link with another target
	FileUsers                       // differs or not, it is the player's own and was not read
	FileExtra                       // not in the manifest
)

// String says the status in words.
func (s FileStatus) String() string {
	switch s {
	case FileOK:
		return "ok"
	case FileMissing:
		return "missing"
	case FileWrongSize:
		return "wrong size"
	case FileBadChunks:
		return "bad chunks"
	case FileWrongKind:
		return "wrong kind"
	case FileUsers:
		return "player's own"
	case FileExtra:
		return "extra"
	}
	return "unknown"
}

// FileReport is the verdict on one file, folder or link.
type FileReport struct {
	Path      string // in the manifest's spelling; with slashes for extra files
	Status    FileStatus
	Size      int64 // on disk
	Want      int64 // in the manifest
	Chunks    int   // stretches of the file that are checked: chunks, and gaps, which must be zero
	BadChunks int   // of these wrong or missing
}

// VerifyReport is what [Verify] found. Files are in the order of the manifest, extra ones after them.
type VerifyReport struct {
	Files    []FileReport
	Bad      int // neither ok nor the player's own nor extra
	Extra    int
	Bytes    int64 // read and compared
	Duration time.Duration
}

// OK says whether everything is as the manifest says; extra files do not matter.
func (r *VerifyReport) OK() bool { return r.Bad == 0 }

// VerifyOptions says how to verify. The zero value is fine.
type VerifyOptions struct {
	// Readers is how many stretches of files are read and hashed at once. 0 means one for each CPU.
	Readers int
	// Extra also lists files that are not in the manifest.
	Extra bool
	// Limits bound the manifest, as in [Options].
	Limits Limits
	// Filter picks what is compared, and of extra files what is listed. Nil means everything.
	Filter Filter
	// Progress is called with the bytes compared so far and the bytes in all, at most once for each ProgressInterval and once at
	// the end. Nil means none.
	Progress func(done, total int64)
	// ProgressInterval is the time between calls of Progress. 0 means 200 ms.
	ProgressInterval time.Duration
}

// Verify compares a folder with a manifest and writes nothing. Each chunk is compared by its SHA-1.
func Verify(ctx context.Context, manifest *Manifest, dir string, options VerifyOptions) (*VerifyReport, error) {
	if options.Readers <= 0 {
		options.Readers = runtime.GOMAXPROCS(0)
	}
	p, err := newPlan(manifest, options.Limits, options.Filter)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	fail := func(err error) error {
		return asError(err, StepCheck, DepotID(manifest.DepotID))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fail(err)
	}
	defer root.Close()

	readers := newReaders(options.Readers)
	var done atomic.Int64
	readers.checked = func(n int64) { done.Add(n) }
	stop := watch(options, &done, p.bytes)
	report := &VerifyReport{Files: make([]FileReport, 0, len(p.entries)+len(p.folders)+len(p.links))}
	files := make([]FileReport, len(p.entries))
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(4 * options.Readers)
	for i, e := range p.entries {
		if groupContext.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			files[i], err = verifyEntry(groupContext, readers, root, e)
			return err
		})
	}
	err = group.Wait()
	stop()
	if err == nil && ctx.Err() != nil {
		err = ended(ctx)
	}
	if err != nil {
		return nil, fail(err)
	}
	report.Files = append(report.Files, files...)
	for _, f := range p.folders {
		report.Files = append(report.Files, verifyFolder(root, f))
	}
	for _, l := range p.links {
		report.Files = append(report.Files, verifyLink(root, l))
	}
	for _, problem := range p.problems {
		report.Files = append(report.Files, FileReport{Path: problem.Path, Status: FileMissing}) // a link that we do not make
	}
	if options.Extra {
		extra, err := findExtra(ctx, root, p, options.Filter)
		if err != nil {
			return nil, fail(err)
		}
		report.Files = append(report.Files, extra...)
		report.Extra = len(extra)
	}
	for _, file := range report.Files {
		if file.Status != FileOK && file.Status != FileUsers && file.Status != FileExtra {
			report.Bad++
		}
	}
	report.Bytes = done.Load()
	report.Duration = time.Since(begun)
	return report, nil
}

// watch calls the progress function now and then until it is stopped.
func watch(options VerifyOptions, done *atomic.Int64, total int64) (stop func()) {
	if options.Progress == nil {
		return func() {}
	}
	interval := options.ProgressInterval
	if interval <= 0 {
		interval = 200 * time.Millisecond
	}
	quit := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				options.Progress(done.Load(), total)
			case <-quit:
				options.Progress(done.Load(), total)
				return
			}
		}
	})
	return func() { close(quit); running.Wait() }
}

func verifyEntry(ctx context.Context, readers *readers, root *os.Root, e *entry) (FileReport, error) {
	regions := e.regions()
	report := FileReport{Path: e.file.Name, Want: int64(e.file.Size), Chunks: len(regions), BadChunks: len(regions), Status: FileMissing}
	info, err := root.Lstat(e.path)
	if err != nil {
		if ctx.Err() != nil {
			return report, ended(ctx)
		}
		return report, nil
	}
	if !info.Mode().IsRegular() {
		report.Status = FileWrongKind
		return report, nil
	}
	report.Size = info.Size()
	if e.keepUsers(info) {
		report.Status, report.BadChunks = FileUsers, 0
		return report, nil
	}
	have, err := readers.check(ctx, root, e.path, e)
	if err != nil {
		return report, err
	}
	report.BadChunks = len(regions) - countBits(have)
	switch {
	case report.Size != report.Want:
		report.Status = FileWrongSize
	case report.BadChunks > 0:
		report.Status = FileBadChunks
	default:
		report.Status = FileOK
	}
	return report, nil
}

func verifyFolder(root *os.Root, f *folder) FileReport {
	info, err := root.Lstat(f.path)
	switch {
	case err != nil:
		return FileReport{Path: f.file.Name, Status: FileMissing}
	case !info.IsDir():
		return FileReport{Path: f.file.Name, Status: FileWrongKind}
	}
	return FileReport{Path: f.file.Name}
}

func verifyLink(root *os.Root, l *link) FileReport {
	if _, err := root.Lstat(l.path); err != nil {
		return FileReport{Path: l.file.Name, Status: FileMissing}
	}
	if !l.right(root) {
		return FileReport{Path: l.file.Name, Status: FileWrongKind}
	}
	return FileReport{Path: l.file.Name}
}

// findExtra walks the folder for files that the manifest does not name. Folders are not reported, links are not followed.
func findExtra(ctx context.Context, root *os.Root, p *plan, filter Filter) ([]FileReport, error) {
	known := make(map[string]bool, len(p.entries)+len(p.links)) // true once it is met
	for _, e := range p.entries {
		known[e.path] = false
	}
	for _, l := range p.links {
		known[l.path] = false
	}
	for name := range p.skipped {
		known[name] = false
	}
	var extra []FileReport
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone meanwhile
			}
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if name == stateFolder {
				return fs.SkipDir
			}
			return nil
		}
		if _, ok := known[name]; ok {
			known[name] = true
			return nil
		}
		if strings.HasPrefix(name, stateFolder+"/") || !filter.picks(&File{Name: depotwire.ManifestName(name)}) {
			return nil
		}
		report := FileReport{Path: name, Status: FileExtra}
		if info, err := d.Info(); err == nil {
			report.Size = info.Size()
		}
		extra = append(extra, report)
		return nil
	})
	if err != nil || len(extra) == 0 {
		return extra, err
	}
	return leaveOutKnown(ctx, root, known, extra)
}

// leaveOutKnown leaves out the files of the manifest that were met under another name, which the file system takes for the same:
// in another case, or with an accent made of two characters. They can be found by their own name, although it was not met.
func leaveOutKnown(ctx context.Context, root *os.Root, known map[string]bool, extra []FileReport) ([]FileReport, error) {
	others := make(map[likeness][]fs.FileInfo)
	for name, met := range known {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		if met {
			continue
		}
		if info, err := root.Lstat(name); err == nil {
			others[likenessOf(info)] = append(others[likenessOf(info)], info)
		}
	}
	if len(others) == 0 {
		return extra, nil
	}
	return slices.DeleteFunc(extra, func(file FileReport) bool {
		info, err := root.Lstat(file.Path)
		return err == nil && slices.ContainsFunc(others[likenessOf(info)], func(other fs.FileInfo) bool { return os.SameFile(info, other) })
	}), nil
}
