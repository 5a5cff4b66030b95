// Package kv reads and builds the \key\value\ text messages that GameSpy's TCP services, and some of its UDP ones, are
// made of.
//
// A message is a flat run of \key\value pairs. On a stream it is ended by \final\; [Splitter] cuts a stream into
// messages, however it was segmented. [Scanner] walks the pairs of one message without allocating, and [Builder] builds
// one, refusing what would let a value turn into keys: the format has no escapes, so a value cannot hold a backslash.
//
// Sources: spec gp.md §1; GameSpy SDK GP/gpiUtility.c; what living servers send is in servers.md §5.1.
package kv
