package steampipe

import (
	"fmt"
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// DepotID numbers a depot.
type DepotID uint32

// String is the number in decimal.
func (d DepotID) String() string { return strconv.FormatUint(uint64(d), 10) }

// ManifestID numbers a version of a depot; Steam calls it gid.
type ManifestID uint64

// String is the number in decimal.
func (m ManifestID) String() string { return strconv.FormatUint(uint64(m), 10) }

// Manifest is one version of a depot. Its fields:
//
//	DepotID        uint32
//	ManifestID     uint64
//	Created        time.Time // UTC, whole seconds
//	NamesEncrypted bool      // names are base64 of encrypted names: ReadManifest was given no key
//	Size           uint64    // plain bytes of all files, as the manifest says
//	CompressedSize uint64    // stored bytes of all chunks, each counted once, as the manifest says
//	UniqueChunks   uint32    // as the manifest says
//	Files          []File
//
// and others of the codec. [ReadManifest] and [FetchManifest] make it.
type Manifest = depotwire.Manifest

// File is an entry of a manifest: a file, a folder or a symbolic link. Its fields:
//
//	Name       string    // with \ between the parts
//	Size       uint64
//	Flags      Flags
//	ContentSHA [20]byte  // SHA-1 of the contents, zero for empty files
//	NameSHA    [20]byte  // SHA-1 of the name in lower case; real manifests have wrong ones
//	LinkTarget string    // of a symbolic link
//	Chunks     []Chunk   // by offset
//
// Path() is the name with slashes.
type File = depotwire.File

// Chunk is a piece of a file. Its fields:
//
//	ID         ChunkID
//	Adler      uint32 // Adler-32 of the plain bytes, started from 0 instead of 1
//	Offset     uint64 // in the file
//	Size       uint32 // plain bytes
//	StoredSize uint32 // bytes as fetched: compressed and encrypted
type Chunk = depotwire.Chunk

// ChunkID names a chunk: the SHA-1 of its plain bytes. String gives 40 hex digits, as in the chunk's address.
type ChunkID = depotwire.ChunkID

// Flags say what a file is; Has tests for any of several.
type Flags = depotwire.Flags

// Limits bound what a manifest may ask for; zero fields have usual values:
//
//	MaxManifest       int    // bytes of a manifest, unzipped; 1 GiB
//	MaxFiles          int    // 1,048,576
//	MaxChunks         int    // of all files; 4,194,304
//	MaxName           int    // bytes of a name or link target; 1024
//	MaxFileSize       uint64 // bytes; 1 TiB
//	MaxChunk          uint32 // plain bytes of a chunk; 16 MiB
//	RefuseWindowsNames bool  // refuse names that only Windows cannot hold on other systems too
type Limits = depotwire.Limits

// The flags of a [File].
const (
	FlagUserConfig          = depotwire.FlagUserConfig          // the player's: never overwritten
	FlagVersionedUserConfig = depotwire.FlagVersionedUserConfig // the player's until the depot's copy changes
	FlagEncrypted           = depotwire.FlagEncrypted
	FlagReadOnly            = depotwire.FlagReadOnly
	FlagHidden              = depotwire.FlagHidden
	FlagExecutable          = depotwire.FlagExecutable
	FlagDirectory           = depotwire.FlagDirectory
	FlagCustomExecutable    = depotwire.FlagCustomExecutable
	FlagInstallScript       = depotwire.FlagInstallScript
	FlagSymlink             = depotwire.FlagSymlink
)

// maxStoredChunk bounds a chunk's body where the manifest does not say how long it is.
var maxStoredChunk = int64(Limits{}.MaxStored())

// ParseChunkID reads 40 hex digits.
func ParseChunkID(s string) (ChunkID, error) { return depotwire.ParseChunkID(s) }

// ReadManifest reads a manifest as it is stored: zipped, as servers send it, or not, as Steam's depotcache has it; of the
// current form or of the old binary one. Encrypted names are decrypted with the depot's key; with a zero key they stay as
// they are, which is enough to look at but not to download.
func ReadManifest(b []byte, key Key) (*Manifest, error) {
	m, err := parseManifest(b)
	if err != nil {
		return nil, &Error{Step: StepReadManifest, Err: err}
	}
	if m.NamesEncrypted && key != (Key{}) {
		if err := m.DecryptNames(key[:]); err != nil {
			return nil, &Error{Step: StepReadManifest, Depot: DepotID(m.DepotID), Manifest: ManifestID(m.ManifestID), Err: fmt.Errorf("%w: %w", ErrManifestCorrupt, err)}
		}
	}
	return m, nil
}

// parseManifest unwraps and parses, without decrypting names.
func parseManifest(b []byte) (*Manifest, error) {
	unwrapped, err := depotwire.Unwrap(b, depotwire.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifestCorrupt, err)
	}
	m, err := depotwire.ParseManifest(unwrapped, depotwire.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifestCorrupt, err)
	}
	return m, nil
}

// checkIdentity compares a manifest with what was asked for.
func checkIdentity(m *Manifest, depot DepotID, manifest ManifestID) error {
	if DepotID(m.DepotID) != depot || ManifestID(m.ManifestID) != manifest {
		return fmt.Errorf("%w: it is manifest %d of depot %d, asked for was %d of depot %d", ErrManifestCorrupt, m.ManifestID, m.DepotID, manifest, depot)
	}
	return nil
}
