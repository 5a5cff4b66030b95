package depotwire

import "runtime"

// Limits bound what manifests may claim. Zero means the default of each field.
type Limits struct {
	MaxManifest int    // bytes of an unwrapped manifest; 1 GiB
	MaxFiles    int    // entries; 1,048,576
	MaxChunks   int    // of all files together; 4,194,304
	MaxName     int    // bytes of a clear name or link target; 1024
	MaxFileSize uint64 // bytes; 1 TiB. Never more than 2^62
	MaxChunk    uint32 // plain bytes of a chunk; 16 MiB. Steam's have 1 MiB at most

	// RefuseWindowsNames refuses names that only Windows cannot hold or takes for something else: reserved device names,
	// trailing dots and spaces, and the characters : * ? " < > |. On Windows they are always refused; elsewhere they are
	// plain names, and real depots have them. For who passes the files on to Windows.
	RefuseWindowsNames bool
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.MaxManifest, 1<<30)
	setDefault(&l.MaxFiles, 1<<20)
	setDefault(&l.MaxChunks, 1<<22)
	setDefault(&l.MaxName, 1024)
	if l.MaxFileSize == 0 {
		l.MaxFileSize = 1 << 40
	}
	l.MaxFileSize = min(l.MaxFileSize, 1<<62)
	if l.MaxChunk == 0 {
		l.MaxChunk = 16 << 20
	}
	l.RefuseWindowsNames = l.RefuseWindowsNames || runtime.GOOS == "windows"
	return l
}

func setDefault(field *int, value int) {
	if *field <= 0 {
		*field = value
	}
}

// MaxStored is the most bytes that a chunk may have as it is stored: compression that fails costs a little, and encryption
// up to 32 bytes.
func (l Limits) MaxStored() uint32 {
	most := uint64(l.withDefaults().MaxChunk)
	return uint32(min(most+most/8+4096, 1<<31-1))
}
