package qr2

import (
	"net/netip"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// batch collects packets to be sent after the lock is let go. It is used again and again, so that answering does not
// allocate.
type batch struct {
	arena   []byte
	packets []packet
	list    []udpmux.Packet // the same, when the arena does not move any more
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

// all are the packets. They are good until the next add or reset.
func (b *batch) all() []udpmux.Packet {
	b.list = b.list[:0]
	for _, p := range b.packets {
		b.list = append(b.list, udpmux.Packet{Data: b.arena[p.start:p.end:p.end], Addr: p.to})
	}
	return b.list
}

// maxArena is how much memory a batch keeps: sixteen of the longest answers, which come together at most.
const maxArena = 256 << 10

func (b *batch) reset() {
	if cap(b.arena) > maxArena {
		b.arena = nil
	}
	b.arena = b.arena[:0]
	b.packets = b.packets[:0]
}
