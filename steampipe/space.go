package steampipe

import (
	"errors"
	"fmt"
)

// ErrNoSpace says that the disk is full, or has too little room for what is to be written. [SpaceError] says how much.
var ErrNoSpace = errors.New("not enough space on the disk")

// SpaceError is a download that was not begun because it would not fit.
type SpaceError struct {
	Needed    int64 // bytes to be written, beyond what lies there already
	Available int64 // bytes that this user may write
}

// Error says both numbers.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("%v: %d bytes are needed, %d are available", ErrNoSpace, e.Needed, e.Available)
}

// Unwrap gives [ErrNoSpace].
func (e *SpaceError) Unwrap() error { return ErrNoSpace }

// spaceNeeded is how many bytes the files to be written will take beyond what they do now. Zeros are left out, unless they are
// to be allocated; what is removed is, last of all, so nothing is taken off for it.
func (j *Job) spaceNeeded() (needed int64) {
	for _, e := range j.plan.entries {
		if e.done.Load() {
			continue
		}
		size := int64(0)
		for _, region := range e.regions() {
			if !region.zero || j.options.Preallocate {
				size += region.size
			}
		}
		needed += max(size-e.takes, 0)
	}
	return needed
}

// checkSpace refuses to begin what cannot end well (spec steampipe.md §7.1).
func (j *Job) checkSpace() error {
	needed := j.spaceNeeded()
	if j.options.SkipSpaceCheck || needed == 0 {
		return nil
	}
	if available, ok := freeSpace(j.dir); ok && needed > available {
		return &Error{Step: StepPrepare, Err: &SpaceError{Needed: needed, Available: available}}
	}
	return nil
}
