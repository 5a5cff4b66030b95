package steampipe

import (
	"os"
	"path/filepath"
	"syscall"
)

// hide sets the hidden attribute. The parents of the name were checked to be real folders.
func hide(root *os.Root, name string) error {
	path, err := syscall.UTF16PtrFromString(filepath.Join(root.Name(), filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	attributes, err := syscall.GetFileAttributes(path)
	if err != nil {
		return err
	}
	return syscall.SetFileAttributes(path, attributes|syscall.FILE_ATTRIBUTE_HIDDEN)
}
