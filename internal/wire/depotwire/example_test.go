package depotwire

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"
)

func Example() {
	// A depot as a test server would make it.
	key := bytes.Repeat([]byte{1}, KeySize)
	content := []byte("hello, depot")
	manifest := &Manifest{DepotID: 990135, ManifestID: 5349102826739666225, Created: time.Unix(1700000000, 0), Files: []File{{
		Name: `docs\hello.txt`, Size: uint64(len(content)), NameSHA: HashName(`docs\hello.txt`), ContentSHA: IDOf(content),
		Chunks: []Chunk{{ID: IDOf(content), Adler: Adler0(content), Size: uint32(len(content))}},
	}}}
	container, err := EncodeVSZ(nil, content)
	if err != nil {
		fmt.Println(err)
		return
	}
	depotKey, err := NewKey(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	var iv [16]byte
	_, _ = rand.Read(iv[:])
	stored := EncryptChunk(nil, container, depotKey, iv)
	manifest.Files[0].Chunks[0].StoredSize = uint32(len(stored))
	if err := manifest.EncryptNames(key, rand.Reader); err != nil {
		fmt.Println(err)
		return
	}
	sent, err := Wrap(manifest.Append(nil))
	if err != nil {
		fmt.Println(err)
		return
	}

	// What a client does with it.
	unwrapped, err := Unwrap(sent, Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	received, err := ParseManifest(unwrapped, Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := received.DecryptNames(key); err != nil {
		fmt.Println(err)
		return
	}
	if err := Validate(received, Limits{}); err != nil {
		fmt.Println(err)
		return
	}
	file := &received.Files[0]
	chunk := &file.Chunks[0]
	opened, err := DecryptChunk(stored[:0], stored, depotKey) // in place
	if err != nil {
		fmt.Println(err)
		return
	}
	var decoder Decoder
	plain := make([]byte, chunk.Size)
	if _, err := decoder.Decode(plain, opened); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s, %v\n", file.Path(), plain, chunk.Verify(plain))
	// Output: docs/hello.txt: hello, depot, <nil>
}
