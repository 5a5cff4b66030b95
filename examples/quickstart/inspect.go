package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/relight-sdk/relight/steampipe"
)

// inspect tells what is in a real manifest, and decodes a real chunk of it.
func inspect(s *story, manifestFile, keyText, chunkFile string) error {
	s.begin("A manifest from a file")
	var key steampipe.Key
	if keyText != "" {
		var err error
		if key, err = steampipe.ParseKey(keyText); err != nil {
			return err
		}
	}
	b, err := os.ReadFile(manifestFile)
	if err != nil {
		return err
	}
	began := time.Now()
	manifest, err := steampipe.ReadManifest(b, key)
	if err != nil {
		return err
	}
	took := time.Since(began)
	chunks := 0
	for _, file := range manifest.Files {
		chunks += len(file.Chunks)
	}
	s.tell("manifest", fmt.Sprintf("depot %d", manifest.DepotID), fmt.Sprintf("%d, made %s: %d files, %d chunks, %d bytes, %d compressed",
		manifest.ManifestID, manifest.Created.Format(time.DateOnly), len(manifest.Files), chunks, manifest.Size, manifest.CompressedSize),
		took, facts{"depot": manifest.DepotID, "manifest": fmt.Sprint(manifest.ManifestID), "created": manifest.Created, "files": len(manifest.Files),
			"chunks": chunks, "bytes": manifest.Size, "compressed": manifest.CompressedSize, "names_encrypted": manifest.NamesEncrypted})
	if manifest.NamesEncrypted {
		s.tell("manifest", "", "the names are encrypted: give the depot's key with -key", 0, facts{"names_encrypted": true})
	}
	const shown = 20
	largest := slices.Clone(manifest.Files)
	slices.SortStableFunc(largest, func(a, b steampipe.File) int { return cmp.Compare(b.Size, a.Size) })
	for i, file := range largest {
		if i == shown && !s.json { // machines get them all
			s.tell("", "", fmt.Sprintf("and %d more", len(largest)-shown), 0, nil)
			break
		}
		s.tell("file", "", fmt.Sprintf("%10d bytes, %3d chunks  %s", file.Size, len(file.Chunks), strings.TrimSpace(file.Name)), 0,
			facts{"name": file.Name, "bytes": file.Size, "chunks": len(file.Chunks), "sha1": hex.EncodeToString(file.ContentSHA[:])})
	}
	if chunkFile == "" {
		return nil
	}
	return inspectChunk(s, manifest, key, chunkFile)
}

// inspectChunk finds the chunk by the 40 hex digits in the file's name, or by trying.
func inspectChunk(s *story, manifest *steampipe.Manifest, key steampipe.Key, chunkFile string) error {
	s.begin("A chunk from a file")
	stored, err := os.ReadFile(chunkFile)
	if err != nil {
		return err
	}
	base := filepath.Base(chunkFile)
	var failure error
	for _, file := range manifest.Files {
		for _, chunk := range file.Chunks {
			named := strings.Contains(strings.ToLower(base), chunk.ID.String())
			if !named && int(chunk.StoredSize) != len(stored) {
				continue
			}
			began := time.Now()
			plain, err := steampipe.DecodeChunk(nil, stored, chunk, key)
			if err != nil {
				failure = err
				continue
			}
			s.tell("chunk", "", fmt.Sprintf("%s: %d bytes stored, %d plain, its SHA-1 is right; at offset %d of %s",
				chunk.ID, len(stored), len(plain), chunk.Offset, file.Name), time.Since(began),
				facts{"chunk": chunk.ID.String(), "stored": len(stored), "plain": len(plain), "file": file.Name, "offset": chunk.Offset})
			return nil
		}
	}
	if failure != nil {
		return fmt.Errorf("%s: %w", base, failure)
	}
	return fmt.Errorf("%s is no chunk of this manifest", base)
}
