package qr2

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// numberLifetime is how long a number is good for at least; at most it is twice that (spec qr2.md §6.1 says 4 s).
const numberLifetime = 4 * time.Second

// numbers are the spoof protection: a client gets a number and must put it into its query.
//
// The original keeps a table of 200 numbers, of which fifty forged requests a second suffice to keep every honest client
// out. Here a number is computed from the client's address, the time and a secret, and computed again when it comes back:
// there is nothing to fill up. Two things differ for clients, both in their favour: a number may be used more than once
// while it is good, and a client may ask for it as often as it likes.
type numbers struct {
	secret [16]byte
}

func newNumbers() (n numbers) {
	_, _ = rand.Read(n.secret[:])
	return n
}

// give is the number for a client.
func (n *numbers) give(to netip.AddrPort, now time.Time) int32 { return n.number(to, period(now)) }

// take reports whether the client was given that number, and not too long ago.
func (n *numbers) take(from netip.AddrPort, number int32, now time.Time) bool {
	p := period(now)
	return number == n.number(from, p) || number == n.number(from, p-1)
}

func period(now time.Time) int64 { return now.UnixNano() / int64(numberLifetime) }

// number is a message authentication code: SHA-256 behind a secret prefix is one, because every message has the same
// length, and four bytes of the digest give nothing away. Unlike an hmac it needs neither memory nor a lock.
func (n *numbers) number(client netip.AddrPort, period int64) int32 {
	var message [16 + 16 + 2 + 8]byte
	ip := client.Addr().As16()
	b := append(message[:0], n.secret[:]...)
	b = append(b, ip[:]...)
	b = binary.BigEndian.AppendUint16(b, client.Port())
	binary.BigEndian.AppendUint64(b, uint64(period))
	digest := sha256.Sum256(message[:])
	number := int32(binary.BigEndian.Uint32(digest[:]))
	if number == 0 {
		return 1 // 0 tells the client that no number is needed
	}
	return number
}
