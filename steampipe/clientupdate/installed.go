package clientupdate

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// Installed is what a folder says of itself.
type Installed struct {
	Version     uint64 // of the manifest that was installed; 0 if the folder does not say
	Files       int    // files, folders and links in the list
	Interrupted bool   // an installation was begun and has not ended: install again
	list        *depotwire.InstalledList
}

// The files that Steam keeps below "package" (spec steampipe.md §8.4), and a mark of ours while files are being placed.
func installedPath(product string) string { return packageFolder + "/" + product + ".installed" }
func manifestPath(product string) string  { return packageFolder + "/" + product + ".manifest" }
func markPath(product string) string      { return packageFolder + "/" + product + ".installing" }

// ReadInstalled reads which version of a product a folder has, from the files that [Install] and Steam itself leave there. The
// error matches ErrNotInstalled if there is no list.
func ReadInstalled(dir, product string) (*Installed, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		if notExist(err) {
			err = fmt.Errorf("%w: %w", ErrNotInstalled, err)
		}
		return nil, &Error{Step: StepVerify, Path: dir, Err: err}
	}
	defer root.Close()
	installed, err := readInstalled(root, product)
	if err != nil {
		return nil, &Error{Step: StepVerify, Path: installedPath(product), Err: err}
	}
	return installed, nil
}

func readInstalled(root *os.Root, product string) (*Installed, error) {
	_, err := root.Stat(markPath(product))
	installed := &Installed{Interrupted: err == nil}
	b, err := readSmall(root, installedPath(product))
	if err != nil {
		if notExist(err) {
			err = fmt.Errorf("%w: %w", ErrNotInstalled, err)
		}
		return nil, err
	}
	if installed.list, err = depotwire.ParseInstalledList(b); err != nil {
		return nil, err
	}
	installed.Files = len(installed.list.Files)
	if b, err = readSmall(root, manifestPath(product)); err == nil {
		if manifest, err := ParseManifest(b); err == nil {
			installed.Version = manifest.Version
		}
	}
	return installed, nil
}

// readSmall reads a file of at most 64 MiB.
func readSmall(root *os.Root, name string) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, 64<<20+1))
}

// VerifyReport says how a folder compares with its list of installed files.
type VerifyReport struct {
	Version     uint64
	Interrupted bool
	Checked     int
	Bad         []BadFile
}

// OK says whether all is as it should be.
func (r *VerifyReport) OK() bool { return len(r.Bad) == 0 && !r.Interrupted }

// BadFile is a file that is not as the list says.
type BadFile struct {
	Path   string
	Reason string
}

// Verify compares a folder with its list of installed files, and writes nothing: by kind and size, or with full by CRC-32 too,
// as Steam does (spec steampipe.md §8.4).
func Verify(ctx context.Context, dir, product string, full bool) (*VerifyReport, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &Error{Step: StepVerify, Path: dir, Err: err}
	}
	defer root.Close()
	installed, err := readInstalled(root, product)
	if err != nil {
		return nil, &Error{Step: StepVerify, Path: installedPath(product), Err: err}
	}
	return verify(ctx, root, installed, full)
}

func verify(ctx context.Context, root *os.Root, installed *Installed, full bool) (*VerifyReport, error) {
	report := &VerifyReport{Version: installed.Version, Interrupted: installed.Interrupted}
	buffer := make([]byte, 128<<10)
	for _, f := range installed.list.Files {
		if ctx.Err() != nil {
			return report, &Error{Step: StepVerify, Path: f.Path, Err: backend.Ended(ctx, nil)}
		}
		report.Checked++
		bad := func(format string, arguments ...any) {
			report.Bad = append(report.Bad, BadFile{f.Path, fmt.Sprintf(format, arguments...)})
		}
		info, err := root.Lstat(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			bad("missing")
		case err != nil:
			bad("%v", err)
		case f.Size == depotwire.InstalledDirectory && !info.IsDir():
			bad("is no folder")
		case f.Size == depotwire.InstalledLink && info.Mode()&fs.ModeSymlink == 0:
			bad("is no link")
		case f.Size < 0:
		case !info.Mode().IsRegular():
			bad("is no file")
		case info.Size() != f.Size:
			bad("has %d bytes, not %d", info.Size(), f.Size)
		case full:
			crc, err := sumFile(ctx, root, f.Path, buffer)
			if ctx.Err() != nil {
				return report, &Error{Step: StepVerify, Path: f.Path, Err: backend.Ended(ctx, nil)}
			}
			if err != nil {
				bad("%v", err)
			} else if crc != f.CRC {
				bad("has other contents")
			}
		}
	}
	return report, nil
}

func sumFile(ctx context.Context, root *os.Root, name string, buffer []byte) (uint32, error) {
	file, err := root.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	sum := crc32.NewIEEE()
	// Without ReadFrom, so that the buffer is used.
	_, err = io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{&contextReader{ctx, file}}, buffer)
	return sum.Sum32(), err
}
