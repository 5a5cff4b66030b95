package steampipe

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// freeSpace is how many bytes this user may still write where the folder is; false if the system does not say.
func freeSpace(dir string) (int64, bool) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, false
	}
	return int64(min(free, 1<<62)), true
}

// allocated is what a file takes on disk.
func allocated(info fs.FileInfo) int64 { return info.Size() }

func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
