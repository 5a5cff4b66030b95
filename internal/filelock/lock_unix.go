//go:build linux || darwin || freebsd

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Lock locks a file for this handle alone, without waiting. errors.ErrUnsupported says that the system, or the file system, has
// no locks.
func Lock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		default:
			return err
		}
	}
}

// Unlock lets go of the lock at once. Closing the file is not enough: a process that is being started at that moment has a copy
// of it until it becomes another program, and the lock is everybody's who has one.
func Unlock(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
