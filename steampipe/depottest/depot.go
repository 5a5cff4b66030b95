package depottest

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// Container is how chunks are compressed.
type Container int

// The containers of the content network.
const (
	Mixed Container = iota // VZ, VSZ and zip in turn
	Zip                    // deflate in a zip, as in 2013
	VZ                     // LZMA
	VSZ                    // zstd, since 2025
)

// String names the container.
func (c Container) String() string {
	switch c {
	case Zip:
		return "zip"
	case VZ:
		return "VZ"
	case VSZ:
		return "VSZ"
	}
	return "mixed"
}

// Flags are those of steampipe.File.
type Flags = depotwire.Flags

// The flags that tests set most.
const (
	ReadOnly   = depotwire.FlagReadOnly
	Hidden     = depotwire.FlagHidden
	Executable = depotwire.FlagExecutable
	Directory  = depotwire.FlagDirectory
	Symlink    = depotwire.FlagSymlink
	UserConfig = depotwire.FlagUserConfig
)

// File is a file, folder (flag Directory) or symbolic link (flag Symlink) to put into a depot.
type File struct {
	Name  string // with \ between the parts, as manifests have it; not checked
	Data  []byte
	Flags Flags
	Link  string // target of a symbolic link
}

// DepotConfig says what is in a depot. The zero value is an empty depot.
type DepotConfig struct {
	ID         uint32   // 0 means 990135
	ManifestID uint64   // 0 means a number made from Seed
	Key        [32]byte // zero means a key made from Seed
	Seed       uint64   // for whatever is made up; the same seed makes the same depot
	Container  Container
	ChunkSize  int  // plain bytes; 0 means 1 MiB, as Steam has it
	ClearNames bool // file names are not encrypted
	Files      []File
	Generate   int64 // bytes of files to make up besides Files, in a tree of files of many sizes that share some chunks
}

// Depot is one version of a depot, built in memory.
type Depot struct {
	ID         uint32
	ManifestID uint64
	Key        [32]byte
	// Files is what was put in, generated ones included, in the order of the manifest.
	Files []File
	// Manifest, a steampipe.Manifest, has clear names. It may be changed before the depot is served, to make a hostile one.
	Manifest *depotwire.Manifest

	clear     bool
	container Container
	seed      uint64
	chunks    map[depotwire.ChunkID][]byte // as stored
}

// NewDepot builds a depot.
func NewDepot(config DepotConfig) (*Depot, error) {
	random := newRandom(config.Seed)
	d := &Depot{ID: config.ID, ManifestID: config.ManifestID, Key: config.Key, clear: config.ClearNames, container: config.Container, seed: config.Seed, chunks: map[depotwire.ChunkID][]byte{}}
	if d.ID == 0 {
		d.ID = 990135
	}
	if d.ManifestID == 0 {
		d.ManifestID = random.Uint64() | 1
	}
	if d.Key == ([32]byte{}) {
		for i := range 4 {
			binary.LittleEndian.PutUint64(d.Key[8*i:], random.Uint64())
		}
	}
	if config.ChunkSize <= 0 {
		config.ChunkSize = 1 << 20
	}
	d.Files = append(slices.Clone(config.Files), generate(random, config.Generate, config.ChunkSize)...)
	slices.SortStableFunc(d.Files, func(a, b File) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	if err := d.build(config); err != nil {
		return nil, err
	}
	return d, nil
}

// newRandom is a stream of numbers that a seed decides.
func newRandom(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x5EED))
}

// build cuts the files into chunks, and compresses and encrypts each distinct one.
func (d *Depot) build(config DepotConfig) error {
	m := &depotwire.Manifest{DepotID: d.ID, ManifestID: d.ManifestID, Created: time.Unix(1_700_000_000, 0).UTC()}
	plain := map[depotwire.ChunkID][]byte{}
	var order []depotwire.ChunkID
	for _, file := range d.Files {
		entry := depotwire.File{Name: file.Name, Size: uint64(len(file.Data)), Flags: file.Flags, LinkTarget: file.Link,
			NameSHA: sha1.Sum([]byte(strings.ToLower(file.Name)))}
		if len(file.Data) > 0 {
			entry.ContentSHA = sha1.Sum(file.Data)
		}
		for offset := 0; offset < len(file.Data); offset += config.ChunkSize {
			part := file.Data[offset:min(offset+config.ChunkSize, len(file.Data))]
			id := depotwire.IDOf(part)
			if _, ok := plain[id]; !ok {
				plain[id] = part
				order = append(order, id)
			}
			entry.Chunks = append(entry.Chunks, depotwire.Chunk{ID: id, Adler: depotwire.Adler0(part), Offset: uint64(offset), Size: uint32(len(part))})
		}
		m.Size += uint64(len(file.Data))
		m.Files = append(m.Files, entry)
	}
	stored, err := d.encodeAll(config.Container, order, plain)
	if err != nil {
		return err
	}
	for i, id := range order {
		d.chunks[id] = stored[i]
		m.CompressedSize += uint64(len(stored[i]))
	}
	m.UniqueChunks = uint32(len(order))
	for i := range m.Files {
		for j := range m.Files[i].Chunks {
			chunk := &m.Files[i].Chunks[j]
			chunk.StoredSize = uint32(len(d.chunks[chunk.ID]))
		}
	}
	d.Manifest = m
	return nil
}

// encodeAll makes the stored form of chunks, on all processors.
func (d *Depot) encodeAll(container Container, order []depotwire.ChunkID, plain map[depotwire.ChunkID][]byte) ([][]byte, error) {
	key, err := depotwire.NewKey(d.Key[:])
	if err != nil {
		return nil, fmt.Errorf("depottest: %w", err)
	}
	stored := make([][]byte, len(order))
	failures := make([]error, len(order))
	var workers sync.WaitGroup
	workerCount := runtime.GOMAXPROCS(0)
	for worker := range workerCount {
		workers.Go(func() {
			for i := worker; i < len(order); i += workerCount {
				kind := container
				if kind == Mixed {
					kind = []Container{VZ, VSZ, Zip}[i%3]
				}
				packed, err := encode(kind, plain[order[i]])
				if err != nil {
					failures[i] = err
					continue
				}
				var iv [16]byte
				copy(iv[:], order[i][:]) // decides the bytes; nothing here is secret
				stored[i] = depotwire.EncryptChunk(nil, packed, key, iv)
			}
		})
	}
	workers.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, fmt.Errorf("depottest: %w", err)
		}
	}
	return stored, nil
}

// Chunk is a chunk as it is stored and served; false if the depot has none of that id.
func (d *Depot) Chunk(id depotwire.ChunkID) ([]byte, bool) {
	b, ok := d.chunks[id]
	return b, ok
}

// Chunks lists the ids of all chunks, in order.
func (d *Depot) Chunks() []depotwire.ChunkID {
	ids := make([]depotwire.ChunkID, 0, len(d.chunks))
	for id := range d.chunks {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b depotwire.ChunkID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// SetChunk puts stored bytes under an id, right or wrong. It is for before the depot is served.
func (d *Depot) SetChunk(id depotwire.ChunkID, stored []byte) { d.chunks[id] = stored }

// Stored is the manifest as a server sends it: names encrypted unless ClearNames, in a zip.
func (d *Depot) Stored() ([]byte, error) {
	m := *d.Manifest
	if !d.clear && !m.NamesEncrypted {
		if err := m.EncryptNames(d.Key[:], randomReader{newRandom(d.seed + 1)}); err != nil {
			return nil, fmt.Errorf("depottest: %w", err)
		}
	}
	return depotwire.Wrap(m.Append(nil))
}

// randomReader makes a reader of a stream of numbers.
type randomReader struct{ *rand.Rand }

func (r randomReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}
