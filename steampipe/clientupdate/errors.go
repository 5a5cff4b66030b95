package clientupdate

import (
	"errors"
	"net"
	"strconv"
	"strings"
)

// What callers branch on. An [*Error] tells where and why; errors.Is finds these in it.
var (
	// ErrOffline says that no host gave a usable answer. A program goes on with the version that is installed.
	ErrOffline = errors.New("no update host gave a usable answer")
	// ErrNotManifest says that a host answered with something that is no manifest, such as a captive portal's page.
	ErrNotManifest = errors.New("answer is not a client manifest")
	// ErrStatus is an HTTP status other than 200, 304 and redirects; the error has the number.
	ErrStatus = errors.New("unexpected HTTP status")
	// ErrDowngrade says that a host redirected from https to http.
	ErrDowngrade = errors.New("redirect from https to http")
	// ErrTooManyRedirects says that a host redirected more than ten times.
	ErrTooManyRedirects = errors.New("too many redirects")
	// ErrTimeout says that a host took longer than the time limits of [Config] allow.
	ErrTimeout = errors.New("time limit exceeded")
	// ErrPackageCorrupt says that a package does not have the size or the checksum that the manifest says.
	ErrPackageCorrupt = errors.New("package is corrupt")
	// ErrPackageUnsafe says that a package cannot be unpacked: names that leave the folder, or more than the limits allow.
	ErrPackageUnsafe = errors.New("package is unsafe")
	// ErrNotInstalled says that a folder has no list of installed files.
	ErrNotInstalled = errors.New("nothing is installed here")
)

// Step says what was being done.
type Step int

// The steps, in the order in which they are met.
const (
	StepCheck  Step = iota + 1 // ask a host for the manifest
	StepFetch                  // fetch a package
	StepDecode                 // decompress a package
	StepUnpack                 // unpack a package beside the target
	StepPlace                  // move files into place
	StepVerify                 // compare files with the list
)

// String says the step in words.
func (s Step) String() string {
	switch s {
	case StepCheck:
		return "check for an update"
	case StepFetch:
		return "fetch package"
	case StepDecode:
		return "decode package"
	case StepUnpack:
		return "unpack package"
	case StepPlace:
		return "place files"
	case StepVerify:
		return "verify files"
	}
	return "step " + strconv.Itoa(int(s))
}

// Error is the error of every operation of this package. Fields that do not apply are empty.
type Error struct {
	Step    Step
	Host    string // address that was asked
	Package string
	Path    string // of a file
	Status  int    // HTTP status
	Err     error  // the reason
}

// Error says step, object, host and reason.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("clientupdate: " + e.Step.String())
	if e.Package != "" {
		b.WriteString(" " + e.Package)
	}
	if e.Path != "" {
		b.WriteString(" " + strconv.Quote(e.Path))
	}
	if e.Host != "" {
		b.WriteString(" from " + e.Host)
	}
	if e.Status != 0 {
		b.WriteString(": HTTP " + strconv.Itoa(e.Status))
	}
	b.WriteString(": " + e.Err.Error())
	return b.String()
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }

// Timeout says whether a time limit was the reason, as net.Error has it.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, ErrTimeout) {
		return true
	}
	network, ok := errors.AsType[net.Error](e.Err)
	return ok && network.Timeout()
}

// Temporary completes net.Error: trying again may help after anything but a program's own mistake.
func (e *Error) Temporary() bool { return e.Host != "" }
