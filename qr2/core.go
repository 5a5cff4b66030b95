package qr2

import (
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/availwire"
	"github.com/relight-sdk/relight/internal/wire/qr1wire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
)

// core decides what a host says and when. It does no I/O, starts no goroutine and asks no clock: its caller does, and
// holds a lock meanwhile.
type core struct {
	config    Config
	registry  *qr2wire.Registry
	localIPs  []netip.Addr
	localPort uint16

	masters   []*master
	snapshot  *encoded
	numbers   numbers
	limits    limits
	counters  Counters
	questions uint32 // of QR1, by number

	events  []Event         // to be told
	cookies []natneg.Cookie // negotiations to be started
	joins   map[natneg.Cookie]joinPhase
}

func (c *core) tell(event Event) { c.events = append(c.events, event) }

// update takes a new snapshot.
func (c *core) update(e *encoded) {
	changed := !sameServer(c.snapshot, e, c.config.QuietKeys)
	c.snapshot = e
	if changed {
		c.stateChanged()
	}
}

// takes reports whether a datagram is the host's: it starts with FE FD, or with a QR1 question (spec qr2.md §1).
func (c *core) takes(b []byte) bool {
	return qr2wire.IsToServer(b) || !c.config.NoQR1 && qr1wire.IsQuery(b)
}

// asksForData reports whether a datagram that is the host's is a query.
func (c *core) asksForData(b []byte) bool {
	return !qr2wire.IsToServer(b) || qr2wire.Type(b[2]) == qr2wire.TypeQuery
}

// handle takes a datagram that is the host's (spec qr2.md §1 and §2).
func (c *core) handle(b []byte, from netip.AddrPort, now time.Time, out *batch) {
	if !qr2wire.IsToServer(b) {
		c.onQR1(b, from, now, out)
		return
	}
	typ, key, body, err := qr2wire.ParseToServer(b)
	if err != nil {
		c.counters.Malformed++
		return
	}
	switch typ {
	case qr2wire.TypeQuery:
		c.onQuery(key, body, from, now, out)
	case qr2wire.TypeEcho:
		out.add(qr2wire.AppendEchoReply(out.arena, key, body), from)
		c.counters.Echoes++
	case qr2wire.TypePrequery:
		if m := c.checked(from); m != nil {
			if status, err := availwire.ParseReply(b); err == nil {
				c.onAvailability(m, status, now, out)
				return
			}
		}
		// Masters ask from other addresses (spec servers.md §3.3). The answer to a pre-query would be a question to the service,
		// whose answer is a pre-query again, for ever.
		if c.isService(from) {
			c.counters.Unexpected++
			return
		}
		c.onPrequery(key, from, now, out)
	default:
		c.fromMaster(typ, key, body, from, now, out)
	}
}

// queryChallenge reports whether clients must verify their address.
func (c *core) queryChallenge() bool {
	if c.config.RequireChallenge {
		return true
	}
	for _, m := range c.masters {
		if m.options&qr2wire.OptionQueryChallenge != 0 && !m.stopped {
			return true
		}
	}
	return false
}

func (c *core) onPrequery(key qr2wire.Key, from netip.AddrPort, now time.Time, out *batch) {
	var number int32
	if c.queryChallenge() {
		number = c.numbers.give(from, now)
	}
	c.probed(key, from, now)
	out.add(qr2wire.AppendPrequeryReply(out.arena, key, number), from)
	c.counters.Prequeries++
}

func (c *core) onQuery(key qr2wire.Key, body []byte, from netip.AddrPort, now time.Time, out *batch) {
	challenged := c.queryChallenge()
	q, rest, err := qr2wire.ParseQuery(key, body, challenged)
	if !challenged && (err != nil || rest > 0) {
		// Some clients send the number even if it is 0. Taken as sections, it asks for nothing and leaves a rest.
		if again, none, err2 := qr2wire.ParseQuery(key, body, true); err2 == nil && none == 0 {
			q, rest, err = again, none, nil
		}
	}
	switch {
	case err != nil:
		c.counters.Malformed++
		return
	case challenged && !c.numbers.take(from, q.Number, now):
		c.counters.WrongNumber++
		return
	case c.snapshot == nil:
		c.counters.NoSnapshot++
		return
	}
	c.probed(key, from, now)
	if q.Split {
		if !c.mayAnswer(from, c.snapshot.splitSize, challenged, now) {
			return
		}
		c.counters.Queries++
		c.counters.Split++
		for _, packet := range c.snapshot.split {
			out.add(append(qr2wire.AppendFromServer(out.arena, qr2wire.TypeQuery, key), packet...), from)
		}
		c.counters.Packets += len(c.snapshot.split)
		return
	}
	arena, left := c.snapshot.appendSingle(qr2wire.AppendFromServer(out.arena, qr2wire.TypeQuery, key), q, c.registry)
	if !c.mayAnswer(from, len(arena)-len(out.arena), challenged, now) {
		return
	}
	c.counters.Queries++
	if left > 0 {
		c.counters.Shortened++
	}
	c.counters.Packets++
	out.add(arena, from)
}
