package steampipe

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	peer "github.com/ulikunitz/xz/lzma"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// What the test server compresses itself, another decoder than ours reads.
func TestPeerReadsLZMA(t *testing.T) {
	skipRace(t)
	t.Parallel()
	depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 8, Container: depottest.VZ, Files: files(), Generate: 2 << 20})
	require.NoError(t, err)
	key, err := depotwire.NewKey(depot.Key[:])
	require.NoError(t, err)
	for _, id := range depot.Chunks() {
		stored, _ := depot.Chunk(id)
		container, err := depotwire.DecryptChunk(nil, stored, key)
		require.NoError(t, err)
		size, err := depotwire.PlainSize(container)
		require.NoError(t, err)
		// The same in the layout of an .lzma file: properties, size, data.
		alone := binary.LittleEndian.AppendUint64(bytes.Clone(container[7:12]), uint64(size))
		reader, err := peer.NewReader(bytes.NewReader(append(alone, container[12:len(container)-10]...)))
		require.NoError(t, err)
		plain, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.Equal(t, [20]byte(id), sha1.Sum(plain))
	}
}
