package steampipe

import (
	"errors"
	"os"
	"syscall"
)

// preallocate takes the space of a file that is to be written. File systems that cannot do that write as they go.
func preallocate(file *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	err := syscall.Fallocate(int(file.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return nil
	}
	return err
}
