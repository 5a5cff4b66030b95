// Package gstatswire knows the messages of the statistics service, both directions (spec gstats.md; GameSpy SDK
// gstats/gstats.c and gpersist.c): pairs as in presence, hidden by one exclusive or, and ended by \final\ in clear.
package gstatswire
