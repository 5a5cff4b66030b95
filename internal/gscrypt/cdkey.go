package gscrypt

import (
	"encoding/hex"
	"strconv"
)

// CDKeyMethod is which way round a CD key is proved (spec cdkey.md §1).
type CDKeyMethod int

// The methods.
const (
	CDKeyNew   CDKeyMethod = 0 // to a game server that lets a player in
	CDKeyProof CDKeyMethod = 1 // to the validation server that asks again
)

// CDKeyResponseSize is the length of a response in characters: the key's hash, the random number, the digest.
const CDKeyResponseSize = 32 + 8 + 32

// cdKeyModulus is the original's slip: the random number is taken modulo 0xFFFF, not 0x10000.
const cdKeyModulus = 0xFFFF

// CDKeyHash stands for a CD key wherever it is told to others.
func CDKeyHash(key string) string { return hexMD5(key) }

// CDKeyResponse proves that a player has a CD key, without telling it (spec cdkey.md §1; GameSpy SDK gcdkey/gcdkeyc.c).
func CDKeyResponse(key, challenge string, random uint32, method CDKeyMethod) string {
	first, last := key, challenge
	if method == CDKeyProof {
		first, last = challenge, key
	}
	number := strconv.FormatUint(uint64(random%cdKeyModulus), 10)
	big := [4]byte{byte(random >> 24), byte(random >> 16), byte(random >> 8), byte(random)}
	return hexMD5(key) + hex.EncodeToString(big[:]) + hexMD5(first+number+last)
}

// CDKeyMatches is the validation server's side: whether a response was made from the key and the challenge.
func CDKeyMatches(key, challenge, response string, method CDKeyMethod) bool {
	if len(response) != CDKeyResponseSize {
		return false
	}
	random, err := strconv.ParseUint(response[32:40], 16, 32)
	return err == nil && response == CDKeyResponse(key, challenge, uint32(random), method)
}
