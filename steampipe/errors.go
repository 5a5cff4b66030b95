package steampipe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// What callers branch on. An [*Error] tells where and why; errors.Is finds these in it.
var (
	// ErrNoServers says that the directory named no server that can be used.
	ErrNoServers = errors.New("no usable content server")
	// ErrDeferred says that a server answered the request for a server list with "ask another one".
	ErrDeferred = errors.New("server list deferred to another server")
	// ErrUnauthorized is HTTP 401, which some hosts send where others send 403.
	ErrUnauthorized = errors.New("server wants a token (HTTP 401)")
	// ErrForbidden is HTTP 403: a token is missing, the request code has expired, or the server does not carry the depot.
	ErrForbidden = errors.New("server refuses (HTTP 403)")
	// ErrNotFound is HTTP 404, or a missing file in a [Folder].
	ErrNotFound = errors.New("not found")
	// ErrTooManyRequests is HTTP 429.
	ErrTooManyRequests = errors.New("too many requests (HTTP 429)")
	// ErrServerBroken is HTTP 408 or any 5xx.
	ErrServerBroken = errors.New("server is broken or overloaded")
	// ErrCacheLoop is HTTP 508: a LAN cache asks itself. Trying again cannot help.
	ErrCacheLoop = errors.New("LAN cache loops (HTTP 508)")
	// ErrTooManyRedirects says that a request was redirected more than ten times.
	ErrTooManyRedirects = errors.New("too many redirects")
	// ErrTimeout says that a server took longer than the time limits of [Config] allow.
	ErrTimeout = errors.New("time limit exceeded")
	// ErrBadLength says that a body was empty, cut short, too long or not of the length that the manifest gives.
	ErrBadLength = errors.New("body has the wrong length")
	// ErrBodyCorrupt says that a body does not fit the checksum that its server sent with it.
	ErrBodyCorrupt = errors.New("body does not match its checksum")
	// ErrManifestCorrupt says that a manifest cannot be read or is not the one that was asked for.
	ErrManifestCorrupt = errors.New("manifest is corrupt")
	// ErrManifestUnsafe says that a manifest cannot be laid down: names that leave the folder, chunks that overlap, sizes
	// over the limits. Nothing was written.
	ErrManifestUnsafe = errors.New("manifest is unsafe")
	// ErrNamesEncrypted says that a manifest's file names are still encrypted: read it with the depot's key.
	ErrNamesEncrypted = errors.New("file names are encrypted")
	// ErrChunkCorrupt says that a chunk did not decrypt or decompress to the bytes that its name stands for. A wrong depot
	// key looks the same.
	ErrChunkCorrupt = errors.New("chunk is corrupt, or the depot key is wrong")
	// ErrPatchCorrupt says that a delta patch cannot be read, or does not make the chunk that it says. Chunks are fetched then.
	ErrPatchCorrupt = errors.New("patch is corrupt")
	// ErrIncomplete says that a download ended with files missing; the report names them, and another run continues.
	ErrIncomplete = errors.New("download is incomplete")
)

// Step says what was being done when something failed or, in a state, what is being done.
type Step int

// The steps, roughly in the order in which they are met.
const (
	StepIdle Step = iota
	StepDirectory
	StepFetchManifest
	StepReadManifest
	StepPlan
	StepPrepare
	StepCheck
	StepFetchPatch
	StepFetch
	StepDecode
	StepWrite
	StepFinish
	StepDone
	StepFailed
)

// String says the step in words.
func (s Step) String() string {
	switch s {
	case StepIdle:
		return "idle"
	case StepDirectory:
		return "ask for servers"
	case StepFetchManifest:
		return "fetch manifest"
	case StepReadManifest:
		return "read manifest"
	case StepPlan:
		return "plan"
	case StepPrepare:
		return "prepare folder"
	case StepCheck:
		return "check files"
	case StepFetchPatch:
		return "fetch patch"
	case StepFetch:
		return "fetch chunk"
	case StepDecode:
		return "decode chunk"
	case StepWrite:
		return "write file"
	case StepFinish:
		return "finish files"
	case StepDone:
		return "done"
	case StepFailed:
		return "failed"
	}
	return "step " + strconv.Itoa(int(s))
}

// Error is the error of every operation of this package. Fields that do not apply are zero.
type Error struct {
	Step       Step
	Depot      DepotID
	Manifest   ManifestID
	Chunk      ChunkID
	Path       string        // the file in the manifest's spelling
	Server     string        // the host that was asked, with its vhost where that differs
	Status     int           // HTTP status, 0 if there was none
	RetryAfter time.Duration // what the server asked for, 0 if it did not
	Err        error         // the reason
}

// Error says step, object, server and reason.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("steampipe: ")
	b.WriteString(e.Step.String())
	if e.Chunk != (ChunkID{}) {
		b.WriteString(" " + e.Chunk.String())
	}
	if e.Manifest != 0 {
		b.WriteString(" " + e.Manifest.String())
	}
	if e.Depot != 0 {
		b.WriteString(" of depot " + e.Depot.String())
	}
	if e.Path != "" {
		b.WriteString(" " + strconv.Quote(e.Path))
	}
	if e.Server != "" {
		b.WriteString(" from " + e.Server)
	}
	if e.Status != 0 {
		b.WriteString(": HTTP " + strconv.Itoa(e.Status))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }

// copy is an error that can be changed without the other one. An error that two goroutines hold may be the cause with
// which one cancels the other; written into itself it would have no end.
func (e *Error) copy() *Error {
	other := *e
	return &other
}

// Timeout says whether a time limit was the reason, as net.Error has it.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, ErrTimeout) {
		return true
	}
	var timeout interface{ Timeout() bool }
	return errors.As(e.Err, &timeout) && timeout.Timeout()
}

// Temporary says whether the same request may work later: overload, a broken connection, a damaged body.
func (e *Error) Temporary() bool {
	for _, final := range []error{ErrUnauthorized, ErrForbidden, ErrNotFound, ErrCacheLoop, ErrManifestUnsafe, ErrNamesEncrypted, ErrNoServers} {
		if errors.Is(e.Err, final) {
			return false
		}
	}
	return true
}

// ended says why a context ended: its cause, and what ctx.Err says, so that errors.Is finds context.Canceled and
// context.DeadlineExceeded whatever the cause. Nil if it has not ended.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) || errors.Is(cause, net.ErrClosed) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
