package clientupdate

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// maxEntries is the most files, folders and links of one package.
const maxEntries = 1 << 17

// maxLink is the longest target of a link, in bytes.
const maxLink = 4096

// staging is where packages are unpacked.
const staging = packageFolder + "/.unpacked"

// laid is an entry of a package that has been unpacked.
type laid struct {
	depotwire.InstalledFile
	link         string // target of a link
	mode         fs.FileMode
	bootstrapper bool
}

// unpackAndPlace unpacks every package beside the target, then moves the files into place.
func (i *installer) unpackAndPlace(ctx context.Context) error {
	if err := i.root.RemoveAll(staging); err != nil {
		return &Error{Step: StepUnpack, Path: staging, Err: err}
	}
	defer func() { _ = i.root.RemoveAll(staging) }()
	if err := i.root.Mkdir(staging, 0o777); err != nil {
		return &Error{Step: StepUnpack, Path: staging, Err: err}
	}
	i.fetching = 0
	u := &unpacker{installer: i, at: make(map[string]int), left: i.options.MaxUnpacked}
	var decoder depotwire.Decoder
	for n := range i.chosen {
		c := &i.chosen[n]
		archive, closeArchive, err := i.open(&decoder, c)
		if err != nil {
			_ = i.root.Remove(path.Join(packageFolder, c.name)) // so that the next run fetches it again
			return err
		}
		err = u.unpack(ctx, archive, c.pack)
		closeArchive()
		if err != nil {
			return err
		}
	}
	return i.place(ctx, u.laid)
}

// open gives a package as a zip archive, checked.
func (i *installer) open(decoder *depotwire.Decoder, c *chosen) (*zip.Reader, func(), error) {
	fail := func(err error) (*zip.Reader, func(), error) {
		return nil, nil, &Error{Step: StepDecode, Package: c.pack.Name, Err: err}
	}
	name := path.Join(packageFolder, c.name)
	if !c.vz {
		file, err := i.root.Open(name)
		if err != nil {
			return fail(err)
		}
		info, err := file.Stat()
		if err == nil {
			var archive *zip.Reader
			if archive, err = zip.NewReader(file, info.Size()); err == nil {
				return archive, func() { file.Close() }, nil
			}
		}
		file.Close()
		return fail(fmt.Errorf("%w: %w", ErrPackageCorrupt, err))
	}
	b, err := i.root.ReadFile(name)
	if err != nil {
		return fail(err)
	}
	info, err := depotwire.ParsePackage(b)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", ErrPackageCorrupt, err))
	}
	if size := uint64(info.Size); size > i.options.MaxPackage || c.file.Size != 0 && size != c.file.Size {
		return fail(fmt.Errorf("%w: holds a zip of %d bytes, the manifest says %d, MaxPackage is %d", ErrPackageCorrupt, size, c.file.Size, i.options.MaxPackage))
	}
	plain := make([]byte, info.Size)
	if err := decoder.DecodePackage(plain, b); err != nil {
		return fail(fmt.Errorf("%w: %w", ErrPackageCorrupt, err))
	}
	right := sha256.Sum256(plain) == c.file.SHA256
	if c.file.SHA256 == [sha256.Size]byte{} {
		right = sha1.Sum(plain) == c.file.SHA1
	}
	if !right {
		return fail(fmt.Errorf("%w: the zip in it has another checksum than the manifest says", ErrPackageCorrupt))
	}
	archive, err := zip.NewReader(bytes.NewReader(plain), int64(len(plain)))
	if err != nil {
		return fail(fmt.Errorf("%w: %w", ErrPackageCorrupt, err))
	}
	return archive, func() {}, nil
}

// unpacker gathers what all packages lay down. Where two have the same path, the later one counts.
type unpacker struct {
	*installer
	laid []laid
	at   map[string]int // path, place in laid
	left uint64         // bytes that may still be unpacked
}

// unpack lays a package down beside the target.
func (u *unpacker) unpack(ctx context.Context, archive *zip.Reader, pack *Package) error {
	fail := func(name string, err error) error {
		return &Error{Step: StepUnpack, Package: pack.Name, Path: name, Err: err}
	}
	if len(archive.File) > maxEntries {
		return fail("", fmt.Errorf("%w: more than %d entries", ErrPackageUnsafe, maxEntries))
	}
	entries := make([]laid, len(archive.File))
	// The rules for names and links are those of a depot's manifest, so a manifest of the archive is checked.
	names := depotwire.Manifest{Files: make([]depotwire.File, len(archive.File))}
	for n, f := range archive.File {
		mode := f.ExternalAttrs >> 16 // of Unix, whatever system the archive says it is from (spec steampipe.md §8.4)
		name := strings.ReplaceAll(f.Name, "\\", "/")
		entry := laid{mode: 0o666, bootstrapper: pack.Bootstrapper}
		entry.Path, entry.Time, entry.CRC, entry.Size = strings.TrimSuffix(name, "/"), f.Modified.Unix(), f.CRC32, int64(f.UncompressedSize64)
		file := depotwire.File{Name: depotwire.ManifestName(entry.Path)}
		switch {
		case mode&0o170000 == 0o120000:
			target, err := readEntry(f, maxLink)
			if err != nil {
				return fail(name, err)
			}
			entry.link, entry.Size = string(target), depotwire.InstalledLink
			file.Flags, file.LinkTarget = depotwire.FlagSymlink, entry.link
		case strings.HasSuffix(name, "/") || mode&0o170000 == 0o040000:
			entry.Size, entry.CRC = depotwire.InstalledDirectory, 0
			file.Flags = depotwire.FlagDirectory
		default:
			if mode&0o111 != 0 {
				entry.mode = 0o777
			}
			if f.UncompressedSize64 > u.left {
				return fail(name, fmt.Errorf("%w: MaxUnpacked is %d bytes", ErrPackageUnsafe, u.options.MaxUnpacked))
			}
			u.left -= f.UncompressedSize64
			file.Size = f.UncompressedSize64
		}
		if strings.ContainsAny(entry.Path, "\r\n") {
			return fail(name, fmt.Errorf("%w: line break in a name", ErrPackageUnsafe))
		}
		if first, _, _ := strings.Cut(entry.Path, "/"); strings.EqualFold(first, packageFolder) {
			return fail(name, fmt.Errorf("%w: the folder %q is ours", ErrPackageUnsafe, packageFolder))
		}
		entries[n], names.Files[n] = entry, file
	}
	leftOut := make(map[int]bool)
	for problem := range depotwire.Problems(&names, depotwire.Limits{}) {
		switch {
		case problem.Kind.Fatal():
			return fail(problem.File, fmt.Errorf("%w: %s: %s", ErrPackageUnsafe, problem.Kind, problem.Reason))
		case problem.Kind == depotwire.ProblemLink:
			leftOut[problem.Index] = true
			u.report.Problems = append(u.report.Problems, fail(problem.File, fmt.Errorf("%w: %s", ErrPackageUnsafe, problem.Reason)))
		}
	}
	for n, f := range archive.File {
		if leftOut[n] {
			continue
		}
		if err := u.lay(ctx, f, &entries[n]); err != nil {
			return fail(entries[n].Path, err)
		}
		u.add(entries[n])
		u.progress(StepUnpack, pack.Name, max(entries[n].Size, 0))
	}
	return nil
}

// add notes an entry, in place of an older one with the same path.
func (u *unpacker) add(entry laid) {
	if n, ok := u.at[entry.Path]; ok {
		u.laid[n] = entry
		return
	}
	u.at[entry.Path] = len(u.laid)
	u.laid = append(u.laid, entry)
}

// lay writes a file or folder into the staging folder. Links come last of all, and never there.
func (u *unpacker) lay(ctx context.Context, f *zip.File, entry *laid) error {
	name := path.Join(staging, entry.Path)
	switch entry.Size {
	case depotwire.InstalledLink:
		return nil
	case depotwire.InstalledDirectory:
		return u.root.MkdirAll(name, 0o777)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	file, err := u.root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, entry.mode)
	if err != nil {
		return err
	}
	defer file.Close()
	source, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPackageCorrupt, err)
	}
	defer source.Close()
	// The reader checks size and CRC-32 at the end; one byte more than the directory of the archive says is enough to know.
	n, err := io.Copy(file, io.LimitReader(&contextReader{ctx, source}, entry.Size+1))
	if ctx.Err() != nil {
		return backend.Ended(ctx, nil)
	}
	if err != nil || n != entry.Size {
		return fmt.Errorf("%w: %d bytes of %d: %v", ErrPackageCorrupt, n, entry.Size, err)
	}
	return file.Close()
}

func readEntry(f *zip.File, limit int) ([]byte, error) {
	source, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPackageCorrupt, err)
	}
	defer source.Close()
	b, err := io.ReadAll(io.LimitReader(source, int64(limit)+1))
	if err != nil || len(b) > limit {
		return nil, fmt.Errorf("%w: target of a link", ErrPackageCorrupt)
	}
	return b, nil
}

// place moves everything from the staging folder to where it belongs, the updater's own package last, then makes links, removes
// what only the old version had, and writes the lists.
func (i *installer) place(ctx context.Context, entries []laid) error {
	fail := func(name string, err error) error { return &Error{Step: StepPlace, Path: name, Err: err} }
	old, err := readInstalled(i.root, i.config.Product)
	if err != nil && !notExist(err) {
		i.config.Logger.Warn("clientupdate old list is unusable, nothing of it will be removed", "error", err)
	}
	if err := i.root.WriteFile(markPath(i.config.Product), fmt.Appendf(nil, "%d\n", i.manifest.Version), 0o666); err != nil {
		return fail(markPath(i.config.Product), err)
	}
	order := func(e laid) int {
		switch {
		case e.Size == depotwire.InstalledDirectory:
			return 0
		case e.Size == depotwire.InstalledLink:
			return 3
		case e.bootstrapper:
			return 2
		}
		return 1
	}
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b laid) int { return order(a) - order(b) })
	for n := range sorted {
		if ctx.Err() != nil {
			return fail("", backend.Ended(ctx, nil))
		}
		if err := i.placeOne(&sorted[n]); err != nil {
			return fail(sorted[n].Path, err)
		}
		i.report.Files++
	}
	list := depotwire.InstalledList{OSType: i.config.OSType, Version: 3}
	keep := make(map[string]bool)
	for _, entry := range entries {
		list.Files = append(list.Files, entry.InstalledFile)
		keep[strings.ToLower(entry.Path)] = true
	}
	if old != nil {
		i.removeOld(old, keep)
	}
	if err := writeFile(i.root, installedPath(i.config.Product), list.Append(nil)); err != nil {
		return fail(installedPath(i.config.Product), err)
	}
	if err := writeFile(i.root, manifestPath(i.config.Product), i.text); err != nil {
		return fail(manifestPath(i.config.Product), err)
	}
	if err := i.root.Remove(markPath(i.config.Product)); err != nil {
		return fail(markPath(i.config.Product), err)
	}
	return nil
}

func (i *installer) placeOne(entry *laid) error {
	if err := i.clearParents(entry.Path); err != nil {
		return err
	}
	switch entry.Size {
	case depotwire.InstalledDirectory:
		return i.root.MkdirAll(entry.Path, 0o777)
	case depotwire.InstalledLink:
		if target, err := i.root.Readlink(entry.Path); err == nil && target == entry.link {
			return nil
		}
		if err := i.root.MkdirAll(path.Dir(entry.Path), 0o777); err != nil {
			return err
		}
		if err := i.root.Remove(entry.Path); err != nil && !notExist(err) {
			return err
		}
		return i.root.Symlink(entry.link, entry.Path)
	}
	if err := i.root.MkdirAll(path.Dir(entry.Path), 0o777); err != nil {
		return err
	}
	// A link of an older version must not be written through, nor stay in the way.
	if info, err := i.root.Lstat(entry.Path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := i.root.Remove(entry.Path); err != nil {
			return err
		}
	}
	return i.root.Rename(path.Join(staging, entry.Path), entry.Path)
}

// clearParents removes links that stand where the new version has folders: an older version's, through which nothing must be
// written.
func (i *installer) clearParents(name string) error {
	for at, c := range name {
		if c != '/' {
			continue
		}
		info, err := i.root.Lstat(name[:at])
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		if err := i.root.Remove(name[:at]); err != nil {
			return err
		}
	}
	return nil
}

// removeOld removes what the old list owned and the new one does not: files and links, then folders that have become empty.
func (i *installer) removeOld(old *Installed, keep map[string]bool) {
	var folders []string
	for _, f := range old.list.Files {
		if keep[strings.ToLower(f.Path)] || !fs.ValidPath(f.Path) || f.Path == "." {
			continue
		}
		if first, _, _ := strings.Cut(f.Path, "/"); strings.EqualFold(first, packageFolder) {
			continue
		}
		if f.Size == depotwire.InstalledDirectory {
			folders = append(folders, f.Path)
			continue
		}
		if info, err := i.root.Lstat(f.Path); err != nil || info.IsDir() {
			continue
		}
		if err := i.root.Remove(f.Path); err == nil {
			i.report.Removed = append(i.report.Removed, f.Path)
			for folder := path.Dir(f.Path); folder != "."; folder = path.Dir(folder) {
				folders = append(folders, folder)
			}
		}
	}
	// The deepest first; one that is not empty stays.
	slices.SortFunc(folders, func(a, b string) int {
		return cmp.Or(strings.Count(b, "/")-strings.Count(a, "/"), strings.Compare(a, b))
	})
	for _, folder := range slices.Compact(folders) {
		if !keep[strings.ToLower(folder)] {
			_ = i.root.Remove(folder)
		}
	}
}
