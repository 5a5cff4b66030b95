//go:build !linux && !darwin && !freebsd && !windows

package filelock

import (
	"errors"
	"os"
)

// Lock says that it cannot.
func Lock(*os.File) error { return errors.ErrUnsupported }

// Unlock has nothing to do.
func Unlock(*os.File) {}
