package depottest

import (
	"fmt"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// NewPatch makes the delta patch that turns chunks of one version of a depot into those of another one, as a server sends it: for
// each chunk that only the new version has, a delta from what lay in its place, or near it, in the file of that name. The
// deltas are VZd or VSZd, as the new version's chunks are VZ or VSZ, and both in turn if it has neither. They lie in the message, or after
// it; both layouts are in use (spec steampipe.md §6).
func NewPatch(from, to *Depot, after bool) ([]byte, error) {
	patch := &depotwire.Patch{DepotID: to.ID, SourceManifest: from.ManifestID, TargetManifest: to.ManifestID, After: after}
	old := make(map[string]int, len(from.Files))
	known := make(map[depotwire.ChunkID]bool)
	for i := range from.Manifest.Files {
		old[from.Manifest.Files[i].Name] = i
		for _, chunk := range from.Manifest.Files[i].Chunks {
			known[chunk.ID] = true
		}
	}
	for i := range to.Manifest.Files {
		n, ok := old[to.Manifest.Files[i].Name]
		if !ok || len(from.Manifest.Files[n].Chunks) == 0 {
			continue
		}
		sources := from.Manifest.Files[n].Chunks
		for at, chunk := range to.Manifest.Files[i].Chunks {
			if known[chunk.ID] {
				continue
			}
			known[chunk.ID] = true
			source := sources[min(at, len(sources)-1)]
			plain := to.Files[i].Data[chunk.Offset : chunk.Offset+uint64(chunk.Size)]
			data, err := encodeDelta(to.container, len(patch.Deltas), plain, from.Files[n].Data[source.Offset:source.Offset+uint64(source.Size)])
			if err != nil {
				return nil, fmt.Errorf("depottest: %w", err)
			}
			patch.Deltas = append(patch.Deltas, depotwire.Delta{Source: source.ID, Target: chunk.ID, Size: chunk.Size, Data: data})
		}
	}
	return EncryptPatch(to, patch)
}

// EncryptPatch makes what a server sends of a patch, right or wrong.
func EncryptPatch(d *Depot, patch *depotwire.Patch) ([]byte, error) {
	key, err := depotwire.NewKey(d.Key[:])
	if err != nil {
		return nil, fmt.Errorf("depottest: %w", err)
	}
	return depotwire.EncryptChunk(nil, patch.Append(nil), key, [16]byte{byte(d.ManifestID)}), nil
}

func encodeDelta(container Container, index int, plain, source []byte) ([]byte, error) {
	if container == VZ || container != VSZ && index%2 == 0 {
		return depotwire.EncodeVZDelta(nil, plain, func(b []byte) ([5]byte, []byte, error) {
			properties, data := compressLZMAAfter(source, b)
			return properties, data, nil
		})
	}
	return depotwire.EncodeVSZDelta(nil, plain, source)
}
