package steampipe

import (
	"time"
)

// Options says how a [Download] is done. Only Key is required.
type Options struct {
	// Key is the depot's key. Required.
	Key Key
	// Connections is how many chunks are fetched at once, over all servers. 0 means 16.
	Connections int
	// Decoders is how many chunks are decrypted, decompressed and written at once. 0 means one for each CPU.
	Decoders int
	// HashFiles reads each new file once more and compares its SHA-1 with the manifest's. Every chunk is checked by its SHA-1
	// in any case.
	HashFiles bool
	// Limits bound what a manifest may ask for. Zero fields have usual values.
	Limits Limits
	// Previous is the version that was downloaded into the folder before. Its chunks are reused wherever they lie, files that
	// only have another name are renamed, and those that the new version does not have are removed, with the folders that
	// become empty; the player's own files and what is in no version are left. Nil uses what the folder remembers: a
	// download keeps a copy of its manifest there, in ".steampipe".
	Previous *Manifest
	// Stateless neither reads nor leaves a memory of versions in the folder. False does both.
	Stateless bool
	// MaxPatch is the longest delta patch to take, in bytes, if the source is a [Patcher] and an older version is known. One
	// that is longer than the chunks that it could save is not taken either. It is held in memory. 0 means 64 MiB, -1 asks for
	// none.
	MaxPatch int64
	// Filter picks what of the depot is downloaded; the rest is left as it is, there or not. Nil means everything.
	Filter Filter
	// SkipSpaceCheck begins even if the disk has less room than the files will take. False refuses that with a
	// [SpaceError] before any file is written.
	SkipSpaceCheck bool
	// Preallocate takes the whole space of each new file at once, where the system can. False leaves holes that fill up, and
	// stretches of zeros take no space at all.
	Preallocate bool
	// Progress is called with totals, at most once for each ProgressInterval and once at the end, by one goroutine at a
	// time. The download does not wait for it. Nil means none.
	Progress func(Progress)
	// ProgressInterval is the time between calls of Progress. 0 means 200 ms.
	ProgressInterval time.Duration
	// Event is called for what happens on the way, by the goroutine that calls Progress. Events that come faster than it
	// takes them, more than 1024 behind, are dropped and counted in [Progress]. Nil means none.
	Event func(Event)
}

// EventKind says what an [Event] is about.
type EventKind int

// The kinds of events.
const (
	// EventStep: the download went on to Step.
	EventStep EventKind = iota + 1
	// EventFile: the file at Path is complete and in its place.
	EventFile
	// EventRetry: Chunk came damaged from Server and is fetched again; Err says how.
	EventRetry
	// EventRemove: the file at Path, which an older version laid down and this one does not have, was removed.
	EventRemove
	// EventPatch: a delta patch came from Server; Err says why it cannot be used, if it cannot.
	EventPatch
	// EventProblem: Path will not be as the manifest says; Err says why. The download goes on.
	EventProblem
)

// String names the kind.
func (k EventKind) String() string {
	switch k {
	case EventStep:
		return "step"
	case EventFile:
		return "file"
	case EventRetry:
		return "retry"
	case EventRemove:
		return "remove"
	case EventPatch:
		return "patch"
	case EventProblem:
		return "problem"
	}
	return "event"
}

// Event is something that happened during a download.
type Event struct {
	Kind   EventKind
	Step   Step
	Path   string
	Chunk  ChunkID
	Server string
	Err    error
}

// Progress has the totals of a download so far.
type Progress struct {
	Step          Step
	Elapsed       time.Duration
	StepBytes     int64         // what the step has to read or fetch, in bytes: plain while files are checked, compressed while chunks are fetched
	StepBytesDone int64         // of these
	Rate          int64         // of StepBytesDone, bytes per second over the last seconds; 0 if not known
	Remaining     time.Duration // what the step still takes at this rate; 0 if not known
	Files         int64         // regular files of the manifest that the filter picks
	FilesDone     int64         // complete and in place
	Bytes         int64         // plain bytes of the manifest
	BytesDone     int64         // of these on disk and checked
	Chunks        int64         // distinct chunks to get; known once the files on disk were checked
	ChunksDone    int64
	BytesToFetch  int64 // compressed bytes to get, as the manifest has them
	BytesFetched  int64 // compressed bytes that came and were good
	Retries       int64 // chunks that came damaged
	EventsDropped int64
}

// Report says what a download did.
type Report struct {
	Depot    DepotID
	Manifest ManifestID

	Files       int // regular files of the manifest that the filter picks
	FilesKept   int // right on disk already, or the player's own
	FilesNew    int // written
	FilesFailed int // not complete: see Problems
	FilesMoved  int // of FilesNew, those that an older version had under another name
	Folders     int // folders that the manifest lists
	Links       int // symbolic links in place

	Previous       []ManifestID // older versions that were known to have files in the folder
	FilesRemoved   int          // files and links of these that this version does not have
	FoldersRemoved int          // that became empty by that

	Bytes        int64 // plain bytes of these files
	BytesKept    int64 // of these right on disk already
	BytesWritten int64 // of these written now
	BytesFetched int64 // compressed bytes that were fetched and good

	ChunksFetched int64 // distinct chunks fetched
	ChunksKept    int64 // places that had the right bytes already
	ChunksReused  int64 // places filled with a chunk that was fetched for, or found at, another place
	ChunksZero    int64 // places that are zero and need no fetch
	Retries       int64 // chunks that came damaged and were fetched again

	Patch *PatchReport // what came of a delta patch; nil if none was asked for

	Problems []Problem               // what is not as the manifest says
	Servers  map[string]ServerReport // by the server's name, what it did in this download

	Started  time.Time
	Duration time.Duration
	Checking time.Duration // of Duration: reading what was on disk
	Fetching time.Duration // of Duration: fetching, decoding and writing
}

// Problem is a file, folder or link that is not as the manifest says.
type Problem struct {
	Path string // in the manifest's spelling
	Err  error
}

// ServerReport has the chunks that a server sent in one download.
type ServerReport struct {
	Chunks  int64 // good ones
	Bytes   int64 // compressed bytes of these
	Damaged int64 // chunks that turned out wrong
}

// State is what a [Job] is doing.
type State struct {
	Step     Step
	Since    time.Time
	Progress Progress
	Err      error // why it failed; nil unless Step is StepFailed
}
