package qr2

import "net/netip"

// batch collects packets to be sent after the lock is let go. It is used again and again, so that answering does not
// allocate.
type batch struct {
	arena   []byte
	packets []packet
}

type packet struct {
	start, end int // in the arena
	to         netip.AddrPort
}

// add takes the arena with one packet more at its end.
func (b *batch) add(arena []byte, to netip.AddrPort) {
	b.packets = append(b.packets, packet{len(b.arena), len(arena), to})
	b.arena = arena
}

func (b *batch) reset() {
	b.arena = b.arena[:0]
	b.packets = b.packets[:0]
}
