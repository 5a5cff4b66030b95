package clientupdate

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// Options are the rarer wishes of [Install].
type Options struct {
	// Variants are operating systems and realms ("win10-64", "steamchina"), the most wanted first, that choose among what a
	// package offers. Nil takes the plain files.
	Variants []string
	// Parallel is how many packages are fetched at once. 0 means 4.
	Parallel int
	// MaxPackage is the largest package to take, in bytes, fetched and decompressed. 0 means 1 GiB. A package that is
	// compressed as VZ is held in memory in both forms while it is decoded.
	MaxPackage uint64
	// MaxUnpacked is the most that all packages together may unpack to, in bytes. 0 means 8 GiB.
	MaxUnpacked uint64
	// Progress is called with what has been done, never by two goroutines at once; it should return soon. Nil is fine.
	Progress func(Progress)
}

// Progress says how far an installation is.
type Progress struct {
	Step    Step
	Package string // that it is about
	Bytes   int64  // fetched or unpacked so far, in this step
	Total   int64  // to fetch in StepFetch; 0 in other steps
}

// Report says what an installation did.
type Report struct {
	Version  uint64
	Fetched  int   // packages
	Bytes    int64 // fetched
	Kept     int   // packages that were there already
	Files    int   // files, folders and links that were laid down; 0 if all were right
	Removed  []string
	Problems []error // what was left out: links that lead out of the folder
	Took     time.Duration
}

// chosen is a package and the form of it that is fetched.
type chosen struct {
	pack *Package
	file depotwire.ClientFile
	name string // of the fetched file
	size uint64 // of the fetched file; 0 if the manifest does not say
	vz   bool
}

// Install makes the folder dir hold the version of a manifest, whose text a [Result] has: fetches the packages that "package" below it does not have,
// unpacks all of them beside the target, and when each is right moves their files into place, the updater's own package last.
// What the list of installed files owned and the new one does not is removed. If the list says that this version is in place
// and a look at the sizes agrees, nothing is unpacked; [Verify] with Full looks closer.
//
// Stopped at any instant, it leaves old and new files, each of them whole, and the next run ends with the new version. The
// report is never nil. One installation at a time may work in a folder.
func Install(ctx context.Context, config Config, text []byte, dir string, options Options) (*Report, error) {
	started := time.Now()
	report := &Report{}
	defer func() { report.Took = time.Since(started) }()
	config, err := config.withDefaults()
	if err != nil {
		return report, err
	}
	manifest, err := ParseManifest(text)
	if err != nil {
		return report, &Error{Step: StepFetch, Err: fmt.Errorf("%w: %w", ErrNotManifest, err)}
	}
	report.Version = manifest.Version
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return report, &Error{Step: StepPlace, Path: dir, Err: err}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return report, &Error{Step: StepPlace, Path: dir, Err: err}
	}
	defer root.Close()
	if err := root.MkdirAll(packageFolder, 0o777); err != nil {
		return report, &Error{Step: StepPlace, Path: packageFolder, Err: err}
	}
	i := &installer{config: config, options: options, manifest: manifest, text: text, root: root, report: report, client: newClient(config)}
	defer i.client.done()
	if i.options.Parallel <= 0 {
		i.options.Parallel = 4
	}
	if i.options.MaxPackage == 0 {
		i.options.MaxPackage = 1 << 30
	}
	if i.options.MaxUnpacked == 0 {
		i.options.MaxUnpacked = 8 << 30
	}
	// One byte more is looked for; and a package may have to be held in memory.
	i.options.MaxPackage = min(i.options.MaxPackage, math.MaxInt-1)
	i.options.MaxUnpacked = min(i.options.MaxUnpacked, math.MaxInt64-1)
	return report, i.run(ctx)
}

// packageFolder is where packages and lists are kept.
const packageFolder = "package"

type installer struct {
	config   Config
	options  Options
	manifest *Manifest
	text     []byte
	root     *os.Root
	client   *client
	chosen   []chosen
	total    int64

	mu       sync.Mutex
	report   *Report
	fetching int64
}

func (i *installer) run(ctx context.Context) error {
	if err := i.choose(); err != nil {
		return err
	}
	if err := i.fetchAll(ctx); err != nil {
		return err
	}
	if installed, err := readInstalled(i.root, i.config.Product); err == nil && installed.Version == i.manifest.Version && !installed.Interrupted {
		if verdict, err := verify(ctx, i.root, installed, false); err == nil && verdict.OK() {
			return nil
		}
	}
	return i.unpackAndPlace(ctx)
}

// choose takes the compressed form of each package where there is one (spec steampipe.md §8.4).
func (i *installer) choose() error {
	for n := range i.manifest.Packages {
		pack := &i.manifest.Packages[n]
		file := pack.Select(i.options.Variants...)
		c := chosen{pack: pack, file: file, name: file.File, size: file.Size}
		if file.VZ != "" {
			c.name, c.size, c.vz = file.VZ, file.VZSize, true
		}
		fail := func(err error, format string, arguments ...any) error {
			return &Error{Step: StepFetch, Package: pack.Name, Err: fmt.Errorf("%w: "+format, append([]any{err}, arguments...)...)}
		}
		switch {
		case file.File == "":
			return fail(ErrPackageUnsafe, "only for other systems: name one in Variants")
		case file.SHA256 == [sha256.Size]byte{} && file.SHA1 == [sha1.Size]byte{}:
			return fail(ErrPackageUnsafe, "the manifest has no checksum for it")
		case max(file.Size, c.size) > i.options.MaxPackage:
			return fail(ErrPackageUnsafe, "%d bytes, MaxPackage is %d", max(file.Size, c.size), i.options.MaxPackage)
		}
		i.total += int64(c.size)
		i.chosen = append(i.chosen, c)
	}
	return nil
}

// fetchAll gets the packages that are not there. Two that are the same file are fetched once.
func (i *installer) fetchAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(i.options.Parallel)
	seen := make(map[string]bool)
	for _, c := range i.chosen {
		if seen[c.name] {
			continue
		}
		seen[c.name] = true
		group.Go(func() error { return i.fetch(ctx, &c) })
	}
	return group.Wait()
}

// fetch gets one package from the first host that has it right.
func (i *installer) fetch(ctx context.Context, c *chosen) error {
	name := path.Join(packageFolder, c.name)
	if i.right(ctx, c, name) == nil {
		i.mu.Lock()
		i.report.Kept++
		i.mu.Unlock()
		i.progress(StepFetch, c.pack.Name, int64(c.size))
		return nil
	}
	var failures []error
	for _, host := range i.config.Hosts {
		n, status, err := i.fetchFrom(ctx, host, c, name+"_")
		if err == nil {
			err = i.root.Rename(name+"_", name)
		}
		if err == nil {
			i.config.Logger.Info("clientupdate package", "package", c.pack.Name, "host", host, "bytes", n)
			i.mu.Lock()
			i.report.Fetched++
			i.report.Bytes += n
			i.mu.Unlock()
			return nil
		}
		_ = i.root.Remove(name + "_")
		i.progress(StepFetch, c.pack.Name, -n)
		failure := &Error{Step: StepFetch, Package: c.pack.Name, Host: host, Status: status, Err: err}
		if ctx.Err() != nil {
			failure.Err = backend.Ended(ctx, nil)
			return failure
		}
		i.config.Logger.Warn("clientupdate package failed", "package", c.pack.Name, "host", host, "error", err)
		failures = append(failures, failure)
	}
	return errors.Join(failures...)
}

// fetchFrom writes what a host sends to a file, and checks it.
func (i *installer) fetchFrom(ctx context.Context, host string, c *chosen, name string) (n int64, status int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	address := strings.TrimSuffix(host, "/") + "/" + c.name
	var response *http.Response
	for hops := 0; ; hops++ {
		if response, err = i.client.do(ctx, cancel, address, 0); err != nil {
			return 0, 0, err
		}
		if !isRedirect(response.StatusCode) {
			break
		}
		response.Body.Close()
		if hops == maxRedirects {
			return 0, response.StatusCode, ErrTooManyRedirects
		}
		if address, err = follow(address, response); err != nil {
			return 0, response.StatusCode, err
		}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, response.StatusCode, ErrStatus
	}
	limit := int64(i.options.MaxPackage)
	if c.size != 0 {
		limit = int64(c.size)
	}
	if response.ContentLength > limit || c.size != 0 && response.ContentLength >= 0 && response.ContentLength != limit {
		return 0, 0, fmt.Errorf("%w: host announces %d bytes, not %d", ErrPackageCorrupt, response.ContentLength, limit)
	}
	file, err := i.root.Create(name)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	body := newIdleReader(response.Body, i.config.IdleTimeout, cancel)
	defer body.watch.Stop()
	sum := c.newSum()
	counted := &countingWriter{func(written int) { i.progress(StepFetch, c.pack.Name, int64(written)) }}
	n, err = io.Copy(io.MultiWriter(file, sum, counted), io.LimitReader(body, limit+1))
	if err != nil {
		return n, 0, reason(ctx, err)
	}
	if n > limit || c.size != 0 && n != limit {
		return n, 0, fmt.Errorf("%w: %d bytes, not %d", ErrPackageCorrupt, n, limit)
	}
	if err := c.check(sum); err != nil {
		return n, 0, err
	}
	return n, 0, file.Close()
}

// right checks a package that is there already.
func (i *installer) right(ctx context.Context, c *chosen, name string) error {
	file, err := i.root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || c.size != 0 && uint64(info.Size()) != c.size {
		return ErrPackageCorrupt
	}
	sum := c.newSum()
	if _, err := io.Copy(sum, &contextReader{ctx, file}); err != nil {
		return err
	}
	return c.check(sum)
}

// newSum is the hash of the fetched form that the manifest has: SHA-256, or in the oldest ones SHA-1. A VZ file without one is
// checked when it is decoded.
func (c *chosen) newSum() hash.Hash {
	if c.file.SHA256 == [sha256.Size]byte{} && !c.vz {
		return sha1.New()
	}
	return sha256.New()
}

func (c *chosen) check(sum hash.Hash) error {
	want := c.file.SHA256[:]
	switch {
	case c.vz:
		want = c.file.VZSHA[:]
		if c.file.VZSHA == [sha256.Size]byte{} {
			return nil
		}
	case c.file.SHA256 == [sha256.Size]byte{}:
		want = c.file.SHA1[:]
	}
	if got := sum.Sum(nil); string(got) != string(want) {
		return fmt.Errorf("%w: checksum %s, the manifest says %s", ErrPackageCorrupt, hex.EncodeToString(got), hex.EncodeToString(want))
	}
	return nil
}

// progress adds to what has been fetched, and tells.
func (i *installer) progress(step Step, name string, bytes int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fetching += bytes
	if i.options.Progress != nil {
		p := Progress{Step: step, Package: name, Bytes: i.fetching}
		if step == StepFetch {
			p.Total = i.total
		}
		i.options.Progress(p)
	}
}

type countingWriter struct{ count func(int) }

func (w *countingWriter) Write(b []byte) (int, error) {
	w.count(len(b))
	return len(b), nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r *contextReader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, backend.Ended(r.ctx, nil)
	}
	return r.Reader.Read(b)
}

// writeFile replaces a file at once.
func writeFile(root *os.Root, name string, b []byte) error {
	if err := root.WriteFile(name+"_", b, 0o666); err != nil {
		return err
	}
	return root.Rename(name+"_", name)
}

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
