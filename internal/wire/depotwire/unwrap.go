package depotwire

import (
	"encoding/binary"
)

// Unwrap takes a manifest out of the zip archive that content servers send it in. What is no archive comes back as it is:
// in Steam's depotcache manifests lie unzipped. An archive with more than one entry is refused.
func Unwrap(b []byte, limits Limits) ([]byte, error) {
	limits = limits.withDefaults()
	if len(b) < 4 || binary.LittleEndian.Uint32(b) != zipLocalMagic {
		return b, nil
	}
	if len(b) > limits.MaxManifest {
		return nil, manifestError(ErrLimit, "zip", "%d bytes, the limit is %d", len(b), limits.MaxManifest)
	}
	entry, err := parseZip(b, "manifest")
	if err != nil {
		return nil, err
	}
	return entry.inflateGrowing(limits.MaxManifest, "manifest")
}

// Wrap is the reverse of [Unwrap]: the archive with one entry "z" that content servers send.
func Wrap(manifest []byte) ([]byte, error) {
	return appendZip(nil, "z", manifest)
}
