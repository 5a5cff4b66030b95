package qr2

import (
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr1wire"
)

// onQR1 answers a QR1 question, from the same snapshot.
//
// QR1 has no way to verify an address. Where clients must, nothing is answered: \status\ has eight bytes, and what it brings
// may have eleven thousand. A master's \secure\ gets no \validate\: this host reports to no QR1 master, and whoever else asks
// would have it compute the proof that makes a QR2 master list him as this game.
func (c *core) onQR1(b []byte, from netip.AddrPort, now time.Time, out *batch) {
	q, err := qr1wire.ParseQuery(b)
	switch {
	case err != nil:
		c.counters.Malformed++
		return
	case c.queryChallenge():
		c.counters.WrongNumber++
		return
	case c.snapshot == nil:
		c.counters.NoSnapshot++
		return
	}
	a := c.snapshot.oldAnswer(q.Sections)
	const end = len(`\echo\\queryid\4294967295.8\final\`)
	if !c.mayAnswer(from, a.size+len(a.bodies)*end+len(q.Echo), false, now) {
		return
	}
	// Readers tell by the number which datagrams belong together; qstat takes 0 for none.
	if c.questions++; c.questions == 0 {
		c.questions = 1
	}
	for i, body := range a.bodies {
		last := i == len(a.bodies)-1
		arena := append(out.arena, body...)
		if last && q.Echo != nil {
			arena = qr1wire.AppendEcho(arena, q.Echo)
		}
		out.add(qr1wire.AppendEnd(arena, c.questions, i+1, last), from)
	}
	c.counters.Queries++
	c.counters.QR1++
	c.counters.Packets += len(a.bodies)
	if a.left > 0 {
		c.counters.Shortened++
	}
}

// oldAnswer is an answer to a QR1 question; its datagrams lack their ends.
type oldAnswer struct {
	bodies [][]byte // nil until it is asked for
	size   int      // of all of them
	left   int      // players, teams and keys that did not fit
}

func (e *encoded) oldAnswer(sections qr1wire.Sections) *oldAnswer {
	a := &e.old[sections]
	if a.bodies == nil {
		a.bodies, a.left = qr1wire.Pack(&e.data, sections)
		for _, body := range a.bodies {
			a.size += len(body)
		}
	}
	return a
}
