// Package cdkeywire is the codec of the protocol in which game servers have CD keys checked: datagrams of \key\value text,
// XOR-ed with a repeating word, one message in each, without \final\ (spec cdkey.md §2; GameSpy SDK gcdkey/gcdkeys.c).
package cdkeywire
