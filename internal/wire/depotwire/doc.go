// Package depotwire reads and writes what Steam's content network carries: manifests, chunks, patches and the manifests of
// the client's own updates (spec steampipe.md §4 to §8). It turns bytes into values and back, and does nothing else.
//
// A manifest goes through [Unwrap], [ParseManifest], [Manifest.DecryptNames] and [Validate]; a chunk through [DecryptChunk],
// [Decoder.Decode] and [Chunk.Verify].
package depotwire
