package gscrypt

import "crypto/rand"

// ClientChallenge makes the eight printable characters of a list request. Each one's lowest bit depends on its
// predecessors, as in those of the original SDK, which the original master could tell from a foreign client's (spec sb.md
// A.2; GameSpy SDK serverbrowsing/sb_serverlist.c).
func ClientChallenge() (challenge [8]byte) {
	challenge[0] = printable()
	parity := byte(0)
	for i := 1; i < len(challenge); i++ {
		parity = challengeParity(challenge, i, parity)
		challenge[i] = printable()
		if challenge[i]&1 != parity {
			challenge[i]++
		}
	}
	return challenge
}

// ValidClientChallenge reports whether a challenge obeys the rule of [ClientChallenge].
func ValidClientChallenge(challenge [8]byte) bool {
	if challenge[0] < 33 || challenge[0] > 125 {
		return false
	}
	parity := byte(0)
	for i := 1; i < len(challenge); i++ {
		parity = challengeParity(challenge, i, parity)
		if challenge[i] < 33 || challenge[i] > 126 || challenge[i]&1 != parity {
			return false
		}
	}
	return true
}

// challengeParity is the lowest bit that character i must have.
func challengeParity(c [8]byte, i int, previous byte) byte {
	return c[i-1]&1 ^ byte(i)&1 ^ previous ^ c[0]&1 ^ bit(c[0] < 79) ^ bit(c[i-1] < c[0])
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// printable is a random character from 33 to 125.
func printable() byte {
	const span = 93
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: see crypto/rand
		if b[0] < 2*span {     // every character equally often
			return 33 + b[0]%span
		}
	}
}
