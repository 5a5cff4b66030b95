package steampipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/filelock"
)

// maxLost is how many chunks may be given up before a download stops instead of going on with the others.
const maxLost = 64

// maxLostWithoutAny is how many may be given up as damaged while none came good: then the key is wrong.
const maxLostWithoutAny = 4

// maxRejected is how often one chunk may come damaged from a source that does not give up by itself.
const maxRejected = 64

// Download lays the files of a manifest down in a folder, which is made if it is missing. What is right on disk already is
// kept: a second run fetches nothing, a damaged file is repaired, an interrupted run is continued. The manifest is
// validated as a whole before anything is written, and nothing is ever written outside the folder.
//
// Files are written under temporary names in the subfolder ".steampipe" and moved to their place when all their chunks
// were checked by SHA-1; a file that is found wrong is moved there too while it is repaired. So a file in its place is
// complete, whenever the program stops. One download at a time works in a folder; another one gets [ErrLocked]. Files that the
// manifest marks as the player's own are left alone if they exist.
//
// When the power fails, files that were written in the last half minute or so may be in their place with the right size and
// zeros in them, even after Download has returned: waiting for the disk after each file can make a download of many small
// ones several times slower. Another run, or [Verify], reads every byte and finds them. Only the player's own files, which
// are not read again, and what the folder remembers are on disk before they have their names.
//
// The report is never nil, unless the manifest was refused. Download returns when all its goroutines have ended.
func Download(ctx context.Context, source Source, manifest *Manifest, dir string, options Options) (*Report, error) {
	j, err := NewJob(source, manifest, dir, options)
	if err != nil {
		return nil, err
	}
	return j.Run(ctx)
}

// Job is a download whose state can be asked for while it runs. State may be called at any time, Run once.
type Job struct {
	source  Source
	dir     string
	options Options
	plan    *plan
	started atomic.Bool

	dry       bool        // nothing is written
	yields    bool        // in a dry run: something gives way for a folder
	folds     bool        // the file system does not tell case apart
	previous  []*Manifest // older versions, the last one first
	record    record
	patch     *PatchReport               // nil if none was asked for
	claimed   map[string]bool            // by key: paths of the new version, or of another depot, and the folders above
	doubtful  bool                       // what another depot has in the folder is not known
	byKey     map[string]*entry          // by key
	moved     map[string]bool            // places that new files were moved from
	respelled map[likeness][]fs.FileInfo // the new version's files whose names may have another spelling; nil until asked for
	removals  []string                   // of a dry run
	parts     map[string]bool            // names of what an interrupted run left; nil if not known
	holding   atomic.Bool                // files stay in their place until what is wanted of them is copied

	root  *os.Root
	tally tally
	lost  atomic.Int64
	// modeless: a mode could not be set, and that was reported.
	modeless atomic.Bool
	slots    chan struct{} // file handles that may stay open

	mu       sync.Mutex
	begun    time.Time
	step     Step
	since    time.Time
	err      error
	problems []Problem
	failures []error // of chunks that were given up
	servers  map[string]ServerReport
	notifier *notifier
	meter    meter
}

// tally has the counters of a job.
type tally struct {
	filesDone, filesKept, filesNew, filesFailed    atomic.Int64
	bytesDone, bytesKept, bytesWritten             atomic.Int64
	bytesFetched, bytesToFetch                     atomic.Int64
	chunks, chunksDone                             atomic.Int64
	chunksFetched, chunksKept, chunksReused, zeros atomic.Int64
	retries, dropped                               atomic.Int64
	links, folders                                 atomic.Int64
	checking, fetching                             atomic.Int64
	patched, unpatched                             atomic.Int64
	filesMoved, filesRemoved, foldersRemoved       atomic.Int64
	checked                                        atomic.Int64 // bytes read and compared
}

// NewJob validates a manifest and prepares its download, without touching the disk.
func NewJob(source Source, manifest *Manifest, dir string, options Options) (*Job, error) {
	if options.Connections <= 0 {
		options.Connections = 16
	}
	if options.Decoders <= 0 {
		options.Decoders = runtime.GOMAXPROCS(0)
	}
	if options.ProgressInterval <= 0 {
		options.ProgressInterval = 200 * time.Millisecond
	}
	p, err := newPlan(manifest, options.Limits, options.Filter)
	if err != nil {
		return nil, err
	}
	if m := options.Previous; m != nil {
		err := checkVersion(m, options.Limits)
		if err == nil && m.DepotID != manifest.DepotID {
			err = fmt.Errorf("it is of depot %d", m.DepotID)
		}
		if err != nil {
			return nil, &Error{Step: StepPlan, Depot: DepotID(m.DepotID), Manifest: ManifestID(m.ManifestID), Err: fmt.Errorf("Options.Previous: %w", err)}
		}
	}
	if options.Key == (Key{}) && len(p.entries) > 0 {
		return nil, &Error{Step: StepPlan, Depot: DepotID(manifest.DepotID), Manifest: ManifestID(manifest.ManifestID), Err: errors.New("Options.Key is not set")}
	}
	return &Job{source: source, dir: dir, options: options, plan: p, since: time.Now(), servers: map[string]ServerReport{},
		moved: map[string]bool{}, slots: make(chan struct{}, 64)}, nil
}

// State tells what the job is doing.
func (j *Job) State() State {
	j.mu.Lock()
	defer j.mu.Unlock()
	return State{Step: j.step, Since: j.since, Progress: j.progress(), Err: j.err}
}

// progress reads the counters; the lock is held.
func (j *Job) progress() Progress {
	t := &j.tally
	progress := Progress{
		Step: j.step, Files: int64(len(j.plan.entries)), FilesDone: t.filesDone.Load(), Bytes: j.plan.bytes, BytesDone: t.bytesDone.Load(),
		Chunks: t.chunks.Load(), ChunksDone: t.chunksDone.Load(), BytesToFetch: t.bytesToFetch.Load(), BytesFetched: t.bytesFetched.Load(),
		Retries: t.retries.Load(), EventsDropped: t.dropped.Load(),
	}
	if !j.begun.IsZero() {
		progress.Elapsed = time.Since(j.begun)
	}
	switch j.step {
	case StepCheck:
		progress.StepBytes, progress.StepBytesDone = j.plan.bytes, t.checked.Load()
	case StepFetch:
		progress.StepBytes, progress.StepBytesDone = progress.BytesToFetch, progress.BytesFetched
	}
	progress.Rate, progress.Remaining = j.meter.measure(j.step, time.Now(), progress.StepBytesDone, progress.StepBytes)
	return progress
}

// Run does the download; see [Download].
func (j *Job) Run(ctx context.Context) (*Report, error) {
	if j.started.Swap(true) {
		return nil, &Error{Step: StepIdle, Err: fmt.Errorf("job was run before: %w", os.ErrClosed)}
	}
	j.begin()
	err := j.end(ctx, j.run(ctx))
	return j.report(), err
}

func (j *Job) begin() {
	j.mu.Lock()
	j.begun = time.Now()
	j.mu.Unlock()
	j.notifier = newNotifier(j)
}

// end tells how it ended, and waits until the program's functions have heard it.
func (j *Job) end(ctx context.Context, err error) error {
	if err != nil {
		err = j.explain(ctx, err)
	}
	j.mu.Lock()
	if err != nil {
		j.err = err
	}
	j.mu.Unlock()
	if err != nil {
		j.enter(StepFailed)
	} else {
		j.enter(StepDone)
	}
	j.notifier.close()
	return err
}

// explain makes an *Error of whatever ended the run.
func (j *Job) explain(ctx context.Context, err error) error {
	m := j.plan.manifest
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = ended(ctx) // what failed because of it says nothing more
	}
	if diskFull(err) {
		if e, ok := err.(*Error); ok {
			e.Err = fmt.Errorf("%w: %w", ErrNoSpace, e.Err)
		} else {
			err = fmt.Errorf("%w: %w", ErrNoSpace, err)
		}
	}
	if e, ok := err.(*Error); ok {
		if e.Depot == 0 {
			e.Depot = DepotID(m.DepotID)
		}
		return e
	}
	j.mu.Lock()
	step := j.step
	j.mu.Unlock()
	return &Error{Step: step, Depot: DepotID(m.DepotID), Manifest: ManifestID(m.ManifestID), Err: err}
}

// enter goes to a step and says so.
func (j *Job) enter(step Step) {
	j.mu.Lock()
	j.step, j.since = step, time.Now()
	j.mu.Unlock()
	j.notifier.event(Event{Kind: EventStep, Step: step})
}

// problem remembers what will not be as the manifest says.
func (j *Job) problem(name string, err error) {
	j.mu.Lock()
	j.problems = append(j.problems, Problem{name, err})
	j.mu.Unlock()
	j.notifier.event(Event{Kind: EventProblem, Path: name, Err: err})
}

// run goes through the steps.
func (j *Job) run(ctx context.Context) error {
	j.enter(StepPrepare)
	for _, problem := range j.plan.problems {
		j.problem(problem.Path, problem.Err)
	}
	if err := os.MkdirAll(j.dir, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(j.dir)
	if err != nil {
		return err
	}
	j.root = root
	defer root.Close()
	if err := root.Mkdir(stateFolder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	lock, err := j.lock()
	if err != nil {
		return err
	}
	defer func() { filelock.Unlock(lock); lock.Close() }()
	defer j.closeHandles()

	if err := j.prepare(ctx); err != nil {
		return err
	}

	j.enter(StepCheck)
	begun := time.Now()
	if err := j.check(ctx); err != nil {
		return err
	}
	j.tally.checking.Store(int64(time.Since(begun)))

	j.enter(StepFetch)
	begun = time.Now()
	jobs, err := j.jobs(ctx)
	if err != nil {
		return err
	}
	if err := j.checkSpace(); err != nil {
		return err
	}
	err = j.fetchAll(ctx, jobs)
	j.tally.fetching.Store(int64(time.Since(begun)))
	if err != nil {
		return err
	}

	j.enter(StepFinish)
	if err := j.finish(ctx); err != nil {
		return err
	}
	if n := j.tally.filesFailed.Load(); n > 0 {
		j.mu.Lock()
		defer j.mu.Unlock()
		failures := j.failures[:min(len(j.failures), 4)]
		return fmt.Errorf("%w: %d of %d files: %w", ErrIncomplete, n, len(j.plan.entries), errors.Join(failures...))
	}
	return nil
}

// prepare finds out what older versions have to do with the folder, and makes room for the new one's files and folders.
func (j *Job) prepare(ctx context.Context) error {
	j.folds = foldsCase(j.root)
	if j.folds {
		j.dropShadowed()
	}
	j.compareVersions()
	if err := j.recall(ctx); err != nil {
		return err
	}
	if err := j.refuseAliases(); err != nil {
		return err
	}
	j.noteChanged()
	if j.dry {
		return j.lookForFolders(ctx)
	}
	if err := j.mark(); err != nil {
		return err
	}
	if err := j.clearWay(ctx); err != nil {
		return err
	}
	if err := j.respell(); err != nil {
		return err
	}
	return j.makeFolders(ctx)
}

// report sums up.
func (j *Job) report() *Report {
	j.mu.Lock()
	defer j.mu.Unlock()
	t, m := &j.tally, j.plan.manifest
	r := &Report{
		Depot: DepotID(m.DepotID), Manifest: ManifestID(m.ManifestID),
		Files: len(j.plan.entries), FilesKept: int(t.filesKept.Load()), FilesNew: int(t.filesNew.Load()),
		FilesMoved: int(t.filesMoved.Load()), FilesRemoved: int(t.filesRemoved.Load()), FoldersRemoved: int(t.foldersRemoved.Load()),
		Folders: int(t.folders.Load()), Links: int(t.links.Load()),
		Bytes: j.plan.bytes, BytesKept: t.bytesKept.Load(), BytesWritten: t.bytesWritten.Load(), BytesFetched: t.bytesFetched.Load(),
		ChunksFetched: t.chunksFetched.Load(), ChunksKept: t.chunksKept.Load(), ChunksReused: t.chunksReused.Load(), ChunksZero: t.zeros.Load(),
		Patch: j.patch, Retries: t.retries.Load(), Problems: j.problems, Servers: j.servers, Started: j.begun, Duration: time.Since(j.begun),
		Checking: time.Duration(t.checking.Load()), Fetching: time.Duration(t.fetching.Load()),
	}
	for _, m := range j.previous {
		r.Previous = append(r.Previous, ManifestID(m.ManifestID))
	}
	if r.Patch != nil {
		r.Patch.Used, r.Patch.Failed = t.patched.Load(), t.unpatched.Load()
	}
	r.FilesFailed = r.Files - r.FilesKept - r.FilesNew
	return r
}
