package depotwire

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// ChunkID names a chunk: the SHA-1 of its plain bytes.
type ChunkID [20]byte

// String is the id in lower-case hexadecimal, as in the chunk's URL.
func (id ChunkID) String() string { return hex.EncodeToString(id[:]) }

// ParseChunkID reads 40 hexadecimal digits.
func ParseChunkID(s string) (ChunkID, error) {
	var id ChunkID
	if len(s) != 2*len(id) {
		return id, chunkError(ErrCorrupt, "id", "%d digits, want %d", len(s), 2*len(id))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, chunkError(ErrCorrupt, "id", "not hexadecimal")
	}
	return id, nil
}

// Flags say what a file is (spec steampipe.md §4.6).
type Flags uint32

// The flags.
const (
	FlagUserConfig          Flags = 1 << iota // never overwritten by an update
	FlagVersionedUserConfig                   // overwritten only when the depot's copy changes
	FlagEncrypted
	FlagReadOnly
	FlagHidden
	FlagExecutable
	FlagDirectory
	FlagCustomExecutable
	FlagInstallScript
	FlagSymlink
)

// Has is true if any flag of mask is set.
func (f Flags) Has(mask Flags) bool { return f&mask != 0 }

var flagNames = [...]string{"UserConfig", "VersionedUserConfig", "Encrypted", "ReadOnly", "Hidden", "Executable", "Directory",
	"CustomExecutable", "InstallScript", "Symlink"}

// String names the flags that are set.
func (f Flags) String() string {
	var s strings.Builder
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			s.WriteString("|" + name)
		}
	}
	if rest := f &^ (1<<len(flagNames) - 1); rest != 0 {
		fmt.Fprintf(&s, "|%#x", uint32(rest))
	}
	if s.String() == "" {
		return "0"
	}
	return s.String()[1:]
}

// Chunk is a piece of a file.
type Chunk struct {
	ID         ChunkID
	Adler      uint32 // Adler-32 of the plain bytes, started from 0: see [Adler0]
	Offset     uint64 // in the file
	Size       uint32 // plain
	StoredSize uint32 // compressed and encrypted, as it is fetched
}

// File is an entry of a manifest: a file, a directory or a symbolic link.
type File struct {
	Name       string // with \ between the parts; in base64 while names are encrypted
	Size       uint64
	Flags      Flags
	ContentSHA [20]byte // SHA-1 of the contents; zero for empty files
	NameSHA    [20]byte // SHA-1 of the lower-case name; real manifests have wrong ones
	LinkTarget string   // of a symbolic link; \ or / between the parts; encrypted like the name
	Chunks     []Chunk  // ordered by offset
}

// Path is the name with / between the parts. It is not made safe: that is for [Validate] to say.
func (f *File) Path() string { return SlashPath(f.Name) }

// Manifest is one version of a depot: its files and the chunks that they are made of.
type Manifest struct {
	DepotID        uint32
	ManifestID     uint64
	Created        time.Time // UTC, whole seconds
	NamesEncrypted bool
	Size           uint64 // plain bytes of all files
	CompressedSize uint64 // stored bytes of the chunks, each counted once
	UniqueChunks   uint32
	Files          []File
	Signature      []byte // 128 bytes, or none; how to verify it is not public
	CRCEncrypted   uint32 // of the payload with encrypted names; 0 means not given
	CRCClear       uint32 // of the payload with clear names; 0 means not given
	V4             bool   // it came in the old binary form
}
