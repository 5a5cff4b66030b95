// Package lzma decodes LZMA1 data whose plain size is known, in memory: the chunks and packages of Steam's content network
// (spec steampipe.md §5.2). The output is the dictionary, so the dictionary size of the stream's header allocates nothing; a
// [Decoder] keeps its tables, so decoding allocates nothing at all once it is warm.
//
// It is not for .lzma or .xz files: there is no header, no end marker and no streaming.
package lzma
