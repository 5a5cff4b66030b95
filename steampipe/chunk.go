package steampipe

import (
	"fmt"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// DecodeChunk decrypts and decompresses a chunk as it is stored, and checks it against its size and its name, the SHA-1 of
// its plain bytes. The result is in dst, if that is large enough; stored is left as it is.
func DecodeChunk(dst, stored []byte, chunk Chunk, key Key) ([]byte, error) {
	if limit := (Limits{}).MaxStored(); chunk.Size > limit {
		return nil, &Error{Step: StepDecode, Chunk: chunk.ID, Err: fmt.Errorf("%w: %d bytes, the limit is %d", ErrChunkCorrupt, chunk.Size, limit)}
	}
	decoder, err := newChunkDecoder(key)
	if err == nil {
		dst, err = decoder.decode(dst, stored, &chunk)
	}
	if err != nil {
		return nil, &Error{Step: StepDecode, Chunk: chunk.ID, Err: err}
	}
	return dst, nil
}

// chunkDecoder keeps what is used again from chunk to chunk. It serves one goroutine.
type chunkDecoder struct {
	key     *depotwire.Key
	clear   []byte
	decoder depotwire.Decoder
}

func newChunkDecoder(key Key) (*chunkDecoder, error) {
	k, err := depotwire.NewKey(key[:])
	if err != nil {
		return nil, err
	}
	return &chunkDecoder{key: k, clear: []byte{}}, nil
}

// decode gives the plain bytes of a chunk in dst, which grows as needed.
func (d *chunkDecoder) decode(dst, stored []byte, chunk *Chunk) ([]byte, error) {
	container, err := depotwire.DecryptChunk(d.clear[:0], stored, d.key)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrChunkCorrupt, err)
	}
	d.clear = container
	if uint64(cap(dst)) < uint64(chunk.Size) {
		dst = make([]byte, max(chunk.Size, 1<<20))
	}
	dst = dst[:chunk.Size]
	n, err := d.decoder.Decode(dst, container)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrChunkCorrupt, err)
	}
	dst = dst[:n]
	if err := chunk.Verify(dst); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrChunkCorrupt, err)
	}
	return dst, nil
}
