package depotwire

import (
	"crypto/sha1"
	"hash/adler32"
	"hash/crc32"
	"slices"
)

// DecryptChunk undoes the encryption of a chunk or patch and appends the container for [Decoder.Decode] to dst. A dst of
// src[:0] decrypts in place: then the result is a part of src, not from its start. Any other dst must not overlap with src.
func DecryptChunk(dst, src []byte, key *Key) ([]byte, error) {
	if len(src) < 2*aesBlock || len(src)%aesBlock != 0 {
		return nil, chunkError(ErrCorrupt, "", "%d encrypted bytes, want a multiple of 16 from 32 on", len(src))
	}
	body := src[aesBlock:]
	start := len(dst)
	if start == 0 && cap(dst) > 0 && &dst[:1][0] == &src[0] {
		dst = body
	} else {
		dst = slices.Grow(dst, len(body))[:start+len(body)]
		body = dst[start:]
	}
	n, ok := key.open(body, src)
	if !ok {
		return nil, chunkError(ErrWrongKey, "padding", "wrong key or corrupt")
	}
	return dst[:start+n], nil
}

// EncryptChunk encrypts a container as [DecryptChunk] undoes it and appends it to dst, which must not overlap with plain.
// The initialisation vector should be random.
func EncryptChunk(dst, plain []byte, key *Key, iv [16]byte) []byte {
	return key.seal(dst, plain, iv)
}

// Verify compares plain bytes with what the manifest says of the chunk: length and SHA-1. The Adler-32 adds nothing to that;
// [Chunk.VerifyAdler] is the quick check for bytes that lie on disk.
func (c *Chunk) Verify(plain []byte) error {
	if uint64(len(plain)) != uint64(c.Size) {
		return chunkError(ErrChecksum, "size", "%d bytes, the manifest says %d", len(plain), c.Size)
	}
	if sum := ChunkID(sha1.Sum(plain)); sum != c.ID {
		return chunkError(ErrChecksum, "sha", "%v, the manifest says %v", sum, c.ID)
	}
	return nil
}

// VerifyAdler is true if length and Adler-32 are right.
func (c *Chunk) VerifyAdler(plain []byte) bool {
	return uint64(len(plain)) == uint64(c.Size) && Adler0(plain) == c.Adler
}

// IDOf is the id of a chunk with these plain bytes.
func IDOf(plain []byte) ChunkID { return sha1.Sum(plain) }

// Adler0 is Adler-32 started from 0, as manifests have it. The library's starts from 1, which adds 1 to the lower sum and,
// byte by byte, the length to the upper one (spec steampipe.md §5.3).
func Adler0(b []byte) uint32 {
	const modulus = 65521
	sum := adler32.Checksum(b)
	low, high := sum&0xFFFF, sum>>16
	low = (low + modulus - 1) % modulus
	high = (high + modulus - uint32(uint64(len(b))%modulus)) % modulus
	return high<<16 | low
}

func checkCRC32(plain []byte, sums ...uint32) error {
	have := crc32.ChecksumIEEE(plain)
	for _, want := range sums {
		if have != want {
			return chunkError(ErrChecksum, "crc", "%08x, the container says %08x", have, want)
		}
	}
	return nil
}
