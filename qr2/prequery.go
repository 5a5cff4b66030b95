package qr2

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"time"
)

// Limits of the numbers that were given out and not used yet (spec qr2.md §6.1).
const (
	maxNumbers      = 200
	maxNumbersOfOne = 6
	numberLifetime  = 4 * time.Second
)

// numbers are the spoof protection: a client gets a number and must put it into its query.
type numbers struct {
	entries [maxNumbers]numberEntry
	random  [4]byte
}

type numberEntry struct {
	addr    netip.AddrPort
	number  int32
	expires time.Time // zero: free
}

// give makes a number for a client; ok is false if too many of its own are outstanding. In a full table it takes the place
// of the oldest: the original refuses, so that fifty forged requests a second keep every honest client out.
func (n *numbers) give(to netip.AddrPort, now time.Time) (number int32, ok bool) {
	free, same := 0, 0
	for i := range n.entries {
		e := &n.entries[i]
		if e.expires.Before(n.entries[free].expires) {
			free = i
		}
		if e.addr == to && now.Before(e.expires) {
			same++
		}
	}
	if same >= maxNumbersOfOne {
		return 0, false
	}
	// 0 would tell the client that no number is needed.
	for number == 0 {
		_, _ = rand.Read(n.random[:])
		number = int32(binary.BigEndian.Uint32(n.random[:]))
	}
	n.entries[free] = numberEntry{to, number, now.Add(numberLifetime)}
	return number, true
}

// take reports whether the client was given that number, and has not used it before.
func (n *numbers) take(from netip.AddrPort, number int32, now time.Time) bool {
	for i := range n.entries {
		e := &n.entries[i]
		if e.number == number && e.addr == from && now.Before(e.expires) {
			*e = numberEntry{}
			return true
		}
	}
	return false
}
