package gstats

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/relight-sdk/relight/internal/filelock"
)

// Spool is a folder that keeps snapshots until they can be sent: see Config.Spool. It survives a crash of the program and of the
// machine: a snapshot that was kept is there again when the folder is opened the next time, whole or not at all, and is taken
// away only when it was sent. One that was sent at the moment of a crash, or of [Spool.Close], is sent again, and so is one of
// which [SnapshotKept] says that it may have arrived. It is safe for concurrent use.
//
// Whoever can write into the folder can forge results: the original warned of the same for its disk log.
type Spool struct {
	config SpoolConfig
	root   *os.Root
	lock   *os.File
	turn   chan struct{} // has room for who sends
	number atomic.Int32  // of the next game: sessions that share a spool send each other's games

	mu      sync.Mutex
	entries []*entry // oldest first
	bytes   int64
	next    uint64
	damaged int
	closed  bool
	changed chan struct{} // closed, and made anew, when there is something new to send
}

// SpoolConfig bounds a spool. The zero value works.
type SpoolConfig struct {
	// MaxSnapshots is how many snapshots are kept; one more fails with [ErrSpoolFull]. Those of a game that tell everything
	// replace each other, and count as one. Zero means 256.
	MaxSnapshots int
	// MaxBytes is how much they take on disk together. Zero means 16 MiB.
	MaxBytes int64
}

// entry is one file of a spool.
type entry struct {
	name    string
	size    int64
	game    string
	key     int32
	sending bool
	unfit   bool // the program that tried to send it cannot; nothing of its game overtakes it
}

// kept is what a file holds.
type kept struct {
	Game       string `json:"game"` // the name that the game has at GameSpy
	Key        int32  `json:"key"`
	Connection int32  `json:"connection"`
	Logged     bool   `json:"logged"` // the game began without a connection
	Done       bool   `json:"done"`
	Data       []byte `json:"data"`
}

const (
	spoolLock    = "lock"
	spoolSuffix  = ".snapshot"
	spoolPartial = ".partial" // not whole yet
	spoolDamaged = ".damaged" // kept for a person to look at
	// maxSpoolFiles bounds how many files of a folder are looked at.
	maxSpoolFiles = 65536
)

// OpenSpool opens the spool in a folder, which is made if there is none, and looks at what is in it. One program at a time can:
// others get [ErrSpoolInUse].
func OpenSpool(folder string, config SpoolConfig) (*Spool, error) {
	if config.MaxSnapshots <= 0 {
		config.MaxSnapshots = 256
	}
	if config.MaxBytes <= 0 {
		config.MaxBytes = 16 << 20
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, spoolError(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, spoolError(err)
	}
	syncFolder(os.Open(filepath.Dir(filepath.Clean(folder)))) // or a crash of the machine takes all of a new one
	p := &Spool{config: config, root: root, turn: make(chan struct{}, 1), changed: make(chan struct{})}
	p.number.Store(firstGameKey())
	if err := p.open(); err != nil {
		_ = p.Close()
		return nil, spoolError(err)
	}
	return p, nil
}

func spoolError(err error) error { return fmt.Errorf("gstats: spool: %w", err) }

func (p *Spool) open() (err error) {
	if p.lock, err = p.root.OpenFile(spoolLock, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	switch err := filelock.Lock(p.lock); {
	case errors.Is(err, filelock.ErrHeld):
		return ErrSpoolInUse
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		return err
	}
	return p.load()
}

// load looks at every file. What was cut off by a crash was never whole, and goes; what is damaged is put aside.
func (p *Spool) load() error {
	folder, err := p.root.Open(".")
	if err != nil {
		return err
	}
	files, err := folder.ReadDir(maxSpoolFiles)
	_ = folder.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(files) == maxSpoolFiles {
		return fmt.Errorf("%w: the folder has more than %d files", ErrSpoolFull, maxSpoolFiles)
	}
	for _, file := range files {
		name := file.Name()
		if strings.HasSuffix(name, spoolPartial) {
			if err := p.root.Remove(name); err != nil {
				return err
			}
			continue
		}
		whole, damaged := strings.CutSuffix(name, spoolDamaged)
		number, ok := strings.CutSuffix(whole, spoolSuffix)
		order, err := strconv.ParseUint(number, 10, 63)
		if !ok || err != nil || whole != fileName(order) || !file.Type().IsRegular() {
			continue
		}
		p.next = max(p.next, order+1)
		if damaged {
			continue
		}
		k, size, err := p.read(name)
		if err != nil && !isDamage(err) {
			return err
		}
		if err != nil {
			if err := p.putAside(name); err != nil {
				return err
			}
			continue
		}
		p.entries = append(p.entries, &entry{name: name, size: size, game: k.Game, key: k.Key})
		p.bytes += size
	}
	slices.SortFunc(p.entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return nil
}

func fileName(order uint64) string { return fmt.Sprintf("%019d%s", order, spoolSuffix) }

func (p *Spool) putAside(name string) error {
	p.damaged++
	return p.root.Rename(name, name+spoolDamaged)
}

// Close lets go of the folder. What is in it stays. A session that uses the spool loses what it cannot send from then on.
func (p *Spool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	close(p.changed)
	if p.lock != nil {
		filelock.Unlock(p.lock)
		_ = p.lock.Close()
	}
	return p.root.Close()
}

// Len is how many snapshots are kept.
func (p *Spool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.entries)
}

// Damaged is how many files were not what the spool had written, since it was opened. They stay in the folder under another
// name, and are not sent.
func (p *Spool) Damaged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.damaged
}

// count is how many snapshots of a game by its name are kept.
func (p *Spool) count(game string) (count int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		if e.game == game {
			count++
		}
	}
	return count
}

// holds reports whether snapshots of one game wait.
func (p *Spool) holds(game string, key int32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.entries, func(e *entry) bool { return e.game == game && e.key == key })
}

// keep writes a snapshot, which replaces others of the same game, and says by which name it is known.
func (p *Spool) keep(k kept, replaced []string) (name string, err error) {
	b, err := encode(k)
	if err != nil {
		return "", spoolError(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return "", ErrSpoolClosed
	}
	count, bytes := len(p.entries)+1, p.bytes+int64(len(b))
	var old []*entry
	for _, e := range p.entries {
		if slices.Contains(replaced, e.name) && !e.sending {
			old = append(old, e)
			count, bytes = count-1, bytes-e.size
		}
	}
	if count > p.config.MaxSnapshots || bytes > p.config.MaxBytes {
		return "", fmt.Errorf("%w: %d snapshots with %d bytes", ErrSpoolFull, len(p.entries), p.bytes)
	}
	name = fileName(p.next)
	if err := p.write(name, b); err != nil {
		return "", spoolError(err)
	}
	p.next++
	p.entries = append(p.entries, &entry{name: name, size: int64(len(b)), game: k.Game, key: k.Key})
	p.bytes += int64(len(b))
	for _, e := range old {
		if err := p.root.Remove(e.name); err == nil || errors.Is(err, fs.ErrNotExist) {
			p.forget(e)
		} // it says less than the new one, and is sent before it if it stays
	}
	close(p.changed)
	p.changed = make(chan struct{})
	return name, nil
}

// write makes a file that is there whole or not at all, whatever happens meanwhile.
func (p *Spool) write(name string, b []byte) error {
	partial := name + spoolPartial
	file, err := p.root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = p.root.Rename(partial, name)
	}
	if err != nil {
		_ = p.root.Remove(partial)
		return err
	}
	syncFolder(p.root.Open("."))
	return nil
}

// syncFolder has the names in a folder written to the disk. Not every system can, or needs to.
func syncFolder(folder *os.File, err error) {
	if err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}

// forget leaves a snapshot out from now on. The caller holds Spool.mu.
func (p *Spool) forget(e *entry) {
	p.entries = slices.DeleteFunc(p.entries, func(other *entry) bool { return other == e })
	p.bytes -= e.size
}

// gameKey numbers a game.
func (p *Spool) gameKey() int32 { return (p.number.Add(1) - 1) & maxGameKey }

// oldest gives the oldest snapshot of a game by its name, which is not replaced until sent or unsent is called. Without one,
// changed is closed when there may be. An error is [isDamage] of a file that was put aside; what cannot be read for another
// reason, such as too many open files, stays where it is.
func (p *Spool) oldest(game string) (e *entry, k kept, changed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, kept{}, nil, nil
	}
	if e = p.first(game); e == nil {
		return nil, kept{}, p.changed, nil
	}
	k, _, err = p.read(e.name)
	switch {
	case isDamage(err):
		p.forget(e)
		return nil, kept{}, p.changed, spoolError(errors.Join(err, p.putAside(e.name)))
	case err != nil:
		return nil, kept{}, p.changed, spoolError(err)
	}
	e.sending = true
	return e, k, nil, nil
}

// first is the oldest snapshot of a game by its name with nothing unfit in front of it. The caller holds Spool.mu.
func (p *Spool) first(game string) *entry {
	unfit := make(map[int32]bool)
	for _, e := range p.entries {
		switch {
		case e.game != game:
		case e.unfit:
			unfit[e.key] = true
		case !unfit[e.key]:
			return e
		}
	}
	return nil
}

// sent takes a snapshot away that was sent.
func (p *Spool) sent(e *entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(e)
	if err := p.root.Remove(e.name); err != nil && !p.closed {
		return spoolError(err)
	}
	return nil
}

// unsent leaves a snapshot for another try: of this program, or, if it is unfit for it, of another.
func (p *Spool) unsent(e *entry, unfit bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.sending, e.unfit = false, unfit
}

// A file is a line with the format, a line with the CRC-32 of the rest, and the rest as JSON.
const spoolFormat = "relight gstats snapshot 1"

var errDamaged = errors.New("the file is damaged")

// isDamage tells a file that is of no use from one that cannot be read at the moment.
func isDamage(err error) bool { return errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist) }

func encode(k kept) ([]byte, error) {
	body, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, "%s\n%08x\n", spoolFormat, crc32.ChecksumIEEE(body)), body...), nil
}

func decode(b []byte) (k kept, err error) {
	format, rest, _ := strings.Cut(string(b), "\n")
	sum, body, ok := strings.Cut(rest, "\n")
	if !ok || format != spoolFormat || sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) {
		return kept{}, errDamaged
	}
	if err := json.Unmarshal([]byte(body), &k); err != nil {
		return kept{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return k, nil
}

// read reads a file, which may be anything.
func (p *Spool) read(name string) (kept, int64, error) {
	file, err := p.root.Open(name)
	if err != nil {
		return kept{}, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errDamaged
	}
	if err != nil {
		return kept{}, 0, err
	}
	b, err := io.ReadAll(io.LimitReader(file, p.config.MaxBytes+1))
	if err == nil && int64(len(b)) > p.config.MaxBytes {
		err = errDamaged
	}
	if err != nil {
		return kept{}, 0, err
	}
	k, err := decode(b)
	return k, int64(len(b)), err
}
