// Package gpwire is the codec of GameSpy Presence & Messaging: every message between a client and the connection manager
// (GPCM) and the search service (GPSP), in both directions.
//
// Each message is a struct whose Append method writes it with its \final\, keys in the order of the original SDK.
// [Decoder] reads a message that a [kv.Splitter] cut from the stream: what the server sent with [Decoder.FromServer],
// what a client sent with [Decoder.FromClient], a search request with [Decoder.SearchRequest] and its reply with the
// reply's own parse function. Key order does not matter in what is read, unknown keys are ignored, and of two equal keys
// the first wins.
//
// The direct link between players (spec gp.md §9) and file transfers over it (§10) are left out by design: the original
// never got them to work. Only the text of the extended info reply (§6.5) is here.
//
// Sources: spec gp.md; GameSpy SDK (2007 and 2012) GP/*; quirks of living servers from servers.md §5 and §6.
package gpwire
