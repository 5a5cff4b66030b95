package gscrypt

import (
	"fmt"
	"strconv"
)

// gstatsKey is what the bytes of every message are combined with (spec gstats.md §1).
const gstatsKey = "GameSpy3D"

// gstatsMask hides the number of a connection in its game challenge, and session keys in the original's disk log (spec
// gstats.md §3; GameSpy SDK gstats/gstats.c).
const gstatsMask = 0x38F371E6

// GStatsXOR hides a message of the statistics service in place, or uncovers it: a repeating key, which starts anew with
// each message.
func GStatsXOR(message []byte) {
	key := 0
	for i := range message {
		message[i] ^= gstatsKey[key]
		if key++; key == len(gstatsKey) {
			key = 0
		}
	}
}

// GStatsHash is the hash of the server's challenge. The original's source calls it a CRC-32, which it is not (spec
// gstats.md §2).
func GStatsHash(text string) int32 {
	const factor = -1664117991
	var hash int32
	for i := range len(text) {
		hash = hash*factor + int32(int8(text[i]))
	}
	return hash
}

// GStatsResponse proves to the statistics service that the client knows the game's secret.
func GStatsResponse(challenge, secret string) string {
	return hexMD5(strconv.FormatInt(int64(GStatsHash(challenge)), 10) + secret)
}

// GStatsChallenge is what players of a game prove their passwords or CD keys with: eight characters that both sides make
// of the number of the connection (spec gstats.md §3).
func GStatsChallenge(connection int32) string {
	text := fmt.Appendf(nil, "%08x", uint32(connection)^gstatsMask)
	for i := range text {
		text[i] += byte(17 + i)
	}
	return string(text)
}

// GStatsPlayerResponse proves that a player knows a password or owns a CD key.
func GStatsPlayerResponse(secret, challenge string) string { return hexMD5(secret + challenge) }

// GStatsKeyHash is what stands for a CD key.
func GStatsKeyHash(cdKey string) string { return hexMD5(cdKey) }
