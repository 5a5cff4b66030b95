package depotwire

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// InstalledList is what an update of the Steam client laid down: package/<name>.installed (spec steampipe.md §8.4). One public
// source describes it; its numbers are decimal.
type InstalledList struct {
	Files   []InstalledFile
	OSType  int // of the system that it was made on, in Valve's numbering
	Version int // of the list's form: 3
}

// InstalledFile is one line of an [InstalledList].
type InstalledFile struct {
	Path string // with slashes, whatever the list has
	Size int64  // InstalledDirectory and InstalledLink say that it is no file
	Time int64  // Unix time of the file in its package
	CRC  uint32 // CRC-32 (IEEE)
}

// Sizes that are none.
const (
	InstalledDirectory = -1
	InstalledLink      = -2
)

const (
	maxInstalled      = 64 << 20
	maxInstalledFiles = 1 << 19
)

func installedError(err error, line int, format string, arguments ...any) error {
	return &Error{Message: "installed list", Field: fmt.Sprintf("line %d", line), Reason: fmt.Sprintf(format, arguments...), Err: err}
}

// ParseInstalledList reads a list and checks its SHA-1. Paths are taken as they are, with backslashes turned round: whoever
// touches files by them must check them first.
func ParseInstalledList(b []byte) (*InstalledList, error) {
	if len(b) > maxInstalled {
		return nil, installedError(ErrLimit, 0, "more than %d bytes", maxInstalled)
	}
	l := &InstalledList{}
	rest := b
	for line := 1; len(rest) > 0; line++ {
		text, after, ended := bytes.Cut(rest, []byte{'\n'})
		if !ended {
			return nil, installedError(ErrTruncated, line, "does not end")
		}
		row := string(bytes.TrimSuffix(text, []byte{'\r'}))
		if digits, ok := strings.CutPrefix(row, "SHA1="); ok {
			want, err := hex.DecodeString(digits)
			if sum := sha1.Sum(b[:len(b)-len(rest)]); err != nil || !bytes.Equal(want, sum[:]) {
				return nil, installedError(ErrCorrupt, line, "checksum does not fit")
			}
			if len(bytes.TrimSpace(after)) > 0 {
				return nil, installedError(ErrCorrupt, line+1, "text after the checksum")
			}
			return l, nil
		}
		if err := l.parseRow(row, line); err != nil {
			return nil, err
		}
		rest = after
	}
	return nil, installedError(ErrTruncated, 0, "no checksum at the end")
}

func (l *InstalledList) parseRow(row string, line int) (err error) {
	for name, value := range map[string]*int{"OSVER=": &l.OSType, "VERSION=": &l.Version} {
		if digits, ok := strings.CutPrefix(row, name); ok {
			if *value, err = strconv.Atoi(digits); err != nil {
				return installedError(ErrCorrupt, line, "%s%.32q is not a number", name, digits)
			}
			return nil
		}
	}
	// A path may have commas and semicolons: the numbers are what comes last.
	comma := strings.LastIndexByte(row, ',')
	numbers := strings.Split(row[comma+1:], ";")
	if comma <= 0 || len(numbers) != 3 {
		return installedError(ErrCorrupt, line, "not path,size;time;checksum: %.128q", row)
	}
	if len(l.Files) == maxInstalledFiles {
		return installedError(ErrLimit, line, "more than %d files", maxInstalledFiles)
	}
	f := InstalledFile{Path: strings.ReplaceAll(row[:comma], "\\", "/")}
	if f.Size, err = strconv.ParseInt(numbers[0], 10, 64); err != nil || f.Size < InstalledLink {
		return installedError(ErrCorrupt, line, "size %.32q", numbers[0])
	}
	if f.Time, err = strconv.ParseInt(numbers[1], 10, 64); err != nil {
		return installedError(ErrCorrupt, line, "time %.32q", numbers[1])
	}
	crc, err := strconv.ParseUint(numbers[2], 10, 32)
	if err != nil {
		return installedError(ErrCorrupt, line, "checksum %.32q", numbers[2])
	}
	f.CRC = uint32(crc)
	l.Files = append(l.Files, f)
	return nil
}

// Append writes the list, with its checksum. Paths must have no line breaks, and keep their slashes.
func (l *InstalledList) Append(b []byte) []byte {
	start := len(b)
	for _, f := range l.Files {
		b = fmt.Appendf(b, "%s,%d;%d;%d\n", f.Path, f.Size, f.Time, f.CRC)
	}
	b = fmt.Appendf(b, "OSVER=%d\nVERSION=%d\n", l.OSType, l.Version)
	return fmt.Appendf(b, "SHA1=%X\n", sha1.Sum(b[start:]))
}
