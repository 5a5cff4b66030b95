// Package natnegwire is the codec of NatNeg, GameSpy's NAT negotiation (spec natneg.md §2; GameSpy SDK
// natneg/nninternal.h): bytes to values and back, for the client and for the matchup server alike. It knows nothing of
// sockets, time or state.
//
// Every datagram starts with a header of twelve bytes: the magic, a version, a type and the cookie. What follows depends
// on the type; numbers are big-endian, except for two in REPORT that a PC of 2005 copied out of its memory.
package natnegwire
