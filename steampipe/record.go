package steampipe

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// record is what a folder remembers of a depot: <depot>.json in the state folder, beside the manifests that it names, which have
// the names that Steam's depotcache gives them. It is believed in what it says of owners only: which files an older version
// laid down. What is in them is read every time.
type record struct {
	Versions []ManifestID `json:"versions"`         // whose files may lie in the folder, the one that was complete last first
	Target   ManifestID   `json:"target,omitempty"` // being put in place; 0 once it is complete
}

// maxVersions is how many versions a folder remembers: one, two during an update, more when updates are given up half-way for
// others, or filters leave files of old versions.
const maxVersions = 8

// maxRecord bounds the file of a record.
const maxRecord = 64 << 10

func recordName(depot DepotID) string { return path.Join(stateFolder, depot.String()+".json") }

func manifestName(depot DepotID, manifest ManifestID) string {
	return path.Join(stateFolder, depot.String()+"_"+manifest.String()+".manifest")
}

// asideName is where a file of an older version waits whose place is wanted for a folder, or in a folder that gives way.
func (p *plan) asideName(name string) string {
	sum := sha1.Sum([]byte(name))
	return path.Join(stateFolder, strconv.FormatUint(uint64(p.manifest.DepotID), 10), hex.EncodeToString(sum[:])+".old")
}

// readState reads a file of the state folder, unless something else than a file has its name.
func readState(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is a %s of %d bytes", name, kindOf(info.Mode()), info.Size())
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit))
}

// writeState replaces a file of the state folder as a whole, on disk before it has its name.
func writeState(root *os.Root, name string, b []byte) error {
	fresh := name + ".new"
	if err := root.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := root.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return root.Rename(fresh, name)
}

// readRecord reads what a folder remembers of a depot: nothing if it cannot be read.
func readRecord(root *os.Root, depot DepotID) (record, error) {
	b, err := readState(root, recordName(depot), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, nil
	}
	var r record
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || len(r.Versions) > maxVersions {
		return record{}, errors.Join(errors.New("record of versions is damaged"), err)
	}
	return r, nil
}

// readVersion reads a manifest that a folder remembers.
func (j *Job) readVersion(depot DepotID, manifest ManifestID) (*Manifest, error) {
	b, err := readState(j.root, manifestName(depot, manifest), 1<<30)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(b)
	if err == nil {
		err = checkIdentity(m, depot, manifest)
	}
	if err == nil {
		err = checkVersion(m, j.options.Limits)
	}
	return m, err
}

// checkVersion refuses a manifest of an older version whose names are not safe. What it says that it laid down may be removed.
func checkVersion(m *Manifest, limits Limits) error {
	if m.NamesEncrypted {
		return ErrNamesEncrypted
	}
	if err := depotwire.Validate(m, limits); err != nil {
		return fmt.Errorf("%w: %w", ErrManifestUnsafe, err)
	}
	for i := range m.Files {
		if inState(m.Files[i].Path()) {
			return fmt.Errorf("%w: %q: %s is where downloads are put together", ErrManifestUnsafe, m.Files[i].Name, stateFolder)
		}
	}
	return nil
}

// recall finds the older versions whose files may lie in the folder: the one that the program names, then those that the
// folder remembers. Without them a download works all the same; it removes nothing then, and reuses less.
func (j *Job) recall(ctx context.Context) error {
	depot, target := DepotID(j.plan.manifest.DepotID), ManifestID(j.plan.manifest.ManifestID)
	known := map[ManifestID]bool{target: true}
	if m := j.options.Previous; m != nil && !known[ManifestID(m.ManifestID)] {
		known[ManifestID(m.ManifestID)] = true
		j.previous = append(j.previous, m)
	}
	if j.options.Stateless {
		return nil
	}
	r, err := readRecord(j.root, depot)
	if err != nil {
		j.problem(recordName(depot), err)
	}
	j.record = r
	for _, id := range r.Versions {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		if known[id] {
			continue
		}
		known[id] = true
		m, err := j.readVersion(depot, id)
		if err != nil {
			j.problem(manifestName(depot, id), fmt.Errorf("older version is not known any more: %w", err))
			continue
		}
		j.previous = append(j.previous, m)
	}
	if len(j.previous) > 0 {
		j.readOthers(depot)
	}
	return nil
}

// readOthers finds out which files in the folder are another depot's: several may be laid down in one folder, and a file that
// one of them drops may be the other's by now.
func (j *Job) readOthers(depot DepotID) {
	var names []string
	folder, err := j.root.Open(stateFolder)
	if err == nil {
		defer folder.Close()
		names, err = folder.Readdirnames(-1)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.doubt(stateFolder, err)
	}
	for _, name := range names {
		number, found := strings.CutSuffix(name, ".json")
		id, err := strconv.ParseUint(number, 10, 32)
		if !found || err != nil || DepotID(id) == depot {
			continue
		}
		r, err := readRecord(j.root, DepotID(id))
		if err != nil {
			j.doubt(recordName(DepotID(id)), err)
		}
		for _, version := range r.Versions {
			m, err := j.readVersion(DepotID(id), version)
			if err != nil {
				j.doubt(manifestName(DepotID(id), version), err)
				continue
			}
			for i := range m.Files {
				j.claim(m.Files[i].Path())
			}
		}
	}
	if j.doubtful {
		for _, m := range j.previous {
			for i := range m.Files {
				j.claim(m.Files[i].Path())
			}
		}
	}
}

// doubt notes that nobody knows what another depot has in the folder: nothing old is removed or moved then.
func (j *Job) doubt(name string, err error) {
	j.doubtful = true
	j.problem(name, fmt.Errorf("files of another depot are not known, so nothing old is removed: %w", err))
}

// mark remembers, before the first change, what is being made of what (spec steampipe.md §7.1).
func (j *Job) mark() error {
	depot, target := DepotID(j.plan.manifest.DepotID), ManifestID(j.plan.manifest.ManifestID)
	if j.options.Stateless || j.record.Target == 0 && slices.Equal(j.record.Versions, []ManifestID{target}) {
		return nil
	}
	var versions []ManifestID
	older := j.previous[:min(len(j.previous), maxVersions-1)]
	for _, m := range append(older[:len(older):len(older)], j.plan.manifest) {
		id := ManifestID(m.ManifestID)
		versions = append(versions, id)
		if _, err := j.root.Lstat(manifestName(depot, id)); err == nil && id != target {
			continue
		}
		if err := j.keepManifest(m); err != nil {
			return err
		}
	}
	return j.remember(record{Versions: versions, Target: target})
}

// keepManifest stores a copy of a manifest, with clear names.
func (j *Job) keepManifest(m *Manifest) error {
	b, err := depotwire.Wrap(m.Append(nil))
	if err != nil {
		return err
	}
	return writeState(j.root, manifestName(DepotID(m.DepotID), ManifestID(m.ManifestID)), b)
}

// remember writes the record, and removes the manifests of versions that it does not have any more.
func (j *Job) remember(r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	depot, before := DepotID(j.plan.manifest.DepotID), j.record.Versions
	j.record = r
	if err := writeState(j.root, recordName(depot), append(b, '\n')); err != nil {
		return err
	}
	for _, id := range before {
		if !slices.Contains(r.Versions, id) {
			_ = j.root.Remove(manifestName(depot, id)) // only takes space
		}
	}
	return nil
}

// conclude remembers that the version is complete, and forgets those that left nothing.
func (j *Job) conclude(left []ManifestID) error {
	target := ManifestID(j.plan.manifest.ManifestID)
	versions := append([]ManifestID{target}, left...)
	if j.options.Stateless || j.record.Target == 0 && slices.Equal(j.record.Versions, versions) {
		return nil
	}
	return j.remember(record{Versions: versions[:min(len(versions), maxVersions)]})
}
