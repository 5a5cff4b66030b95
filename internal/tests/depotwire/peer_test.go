package depotwire_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// steamUserScript lets npm steam-user read what we wrote: a manifest and chunks in a folder, with a key.
const steamUserScript = `
const fs = require('fs'), path = require('path'), crypto = require('crypto');
const [folder, hex] = process.argv.slice(-2), key = Buffer.from(hex, 'hex');
const compression = require('steam-user/components/cdn_compression.js');
const content = require('steam-user/components/content_manifest.js');
const steamCrypto = require('@doctormckay/steam-crypto');
(async () => {
  const manifest = content.parse(await compression.unzip(fs.readFileSync(path.join(folder, 'manifest'))));
  content.decryptFilenames(manifest, key);
  const result = {depot: manifest.depot_id, manifest: manifest.gid_manifest, created: manifest.creation_time, size: manifest.cb_disk_original, files: {}, chunks: {}};
  for (const f of manifest.files) {
    result.files[f.filename] = {size: f.size, flags: f.flags || 0, sha: f.sha_content,
      chunks: f.chunks.map(c => ({sha: c.sha, crc: c.crc, offset: c.offset, original: c.cb_original, compressed: c.cb_compressed}))};
  }
  for (const name of ['zip', 'VZ', 'VSZ']) {
    const plain = await compression.unzip(steamCrypto.symmetricDecrypt(fs.readFileSync(path.join(folder, name)), key));
    result.chunks[name] = crypto.createHash('sha1').update(plain).digest('hex');
  }
  process.stdout.write(JSON.stringify(result));
})().catch(e => { console.error(e); process.exit(1); });
`

func TestSteamUserReadsWhatWeWrite(t *testing.T) {
	folder := t.TempDir()
	command := peers.Node(t, "steam-user", steamUserScript, folder, hex.EncodeToString(sampleKey))

	m := sampleManifest()
	want := sampleManifest()
	require.NoError(t, m.EncryptNames(sampleKey, rand.Reader))
	wrapped, err := depotwire.Wrap(m.Append(nil))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "manifest"), wrapped, 0o600))
	key, err := depotwire.NewKey(sampleKey)
	require.NoError(t, err)
	plain := smooth(100_000)
	for name, encode := range encoders {
		container, err := encode(nil, plain)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), depotwire.EncryptChunk(nil, container, key, [16]byte{5}), 0o600))
	}

	command.Stderr = os.Stderr
	output, err := command.Output()
	require.NoError(t, err)
	type chunk struct {
		SHA        string
		CRC        uint32
		Offset     json.Number
		Original   uint32
		Compressed uint32
	}
	var got struct {
		Depot, Created uint32
		Manifest, Size json.Number
		Files          map[string]struct {
			Size   json.Number
			Flags  uint32
			SHA    string
			Chunks []chunk
		}
		Chunks map[string]string
	}
	require.NoError(t, json.Unmarshal(output, &got), string(output))
	require.Equal(t, want.DepotID, got.Depot)
	require.Equal(t, "9223372036854775808", got.Manifest.String())
	require.Equal(t, uint32(1700000000), got.Created)
	require.Len(t, got.Files, len(want.Files))
	for _, file := range want.Files {
		f, ok := got.Files[file.Name]
		require.True(t, ok, file.Name)
		require.Equal(t, uint32(file.Flags), f.Flags, file.Name)
		require.Equal(t, hex.EncodeToString(file.ContentSHA[:]), f.SHA, file.Name)
		require.Len(t, f.Chunks, len(file.Chunks), file.Name)
		for i, c := range file.Chunks {
			require.Equal(t, c.ID.String(), f.Chunks[i].SHA)
			require.Equal(t, []uint32{c.Adler, c.Size, c.StoredSize}, []uint32{f.Chunks[i].CRC, f.Chunks[i].Original, f.Chunks[i].Compressed})
		}
	}
	for name := range encoders {
		require.Equal(t, depotwire.IDOf(plain).String(), got.Chunks[name], name)
	}
}
