// Package filelock locks files against other programs, and other users of the same program. The system lets go of a lock when
// the process ends, however it ends: a lock left by one that was killed is none.
package filelock

import "errors"

// ErrHeld says that somebody else has the lock.
var ErrHeld = errors.New("file is locked by another")
