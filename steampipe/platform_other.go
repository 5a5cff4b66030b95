//go:build !linux && !darwin && !freebsd && !windows

package steampipe

import (
	"errors"
	"io/fs"
	"os"
)

func lockFile(*os.File) error { return errors.ErrUnsupported }

func unlockFile(*os.File) {}

func freeSpace(string) (int64, bool) { return 0, false }

func allocated(info fs.FileInfo) int64 { return info.Size() }

func diskFull(error) bool { return false }
