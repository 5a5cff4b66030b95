package steamdiscovery

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// A host that answers every question can be turned against others by forging their address: 28 bytes make it send 180.
// So answers are limited by source address, in memory that does not grow: addresses are hashed into a fixed table, and
// those that fall into one slot share its allowance (spec steamdiscovery.md §8).
const (
	limiterSlots  = 4096
	limiterBurst  = 4                      // answers at once
	limiterRefill = 500 * time.Millisecond // for one more
	// A client that asks through both kinds of broadcast is heard twice.
	duplicateWindow = 250 * time.Millisecond
)

type limiter struct {
	seed  maphash.Seed
	start time.Time
	slots [limiterSlots]limiterSlot
}

type limiterSlot struct {
	spent time.Duration // since start: the allowance is full again then
	last  uint64        // hash of the last question that was answered
	at    time.Duration
}

type verdict int

const (
	answer verdict = iota
	duplicate
	tooMany
)

func newLimiter(now time.Time) *limiter { return &limiter{seed: maphash.MakeSeed(), start: now} }

// ask decides about a question.
func (l *limiter) ask(packet []byte, from netip.AddrPort, now time.Time) verdict {
	slot := &l.slots[maphash.Comparable(l.seed, from.Addr())%limiterSlots]
	question := maphash.Bytes(l.seed, packet) ^ maphash.Comparable(l.seed, from)
	elapsed := now.Sub(l.start)
	if slot.last == question && elapsed-slot.at < duplicateWindow {
		return duplicate
	}
	spent := max(slot.spent, elapsed)
	if spent-elapsed > (limiterBurst-1)*limiterRefill {
		return tooMany
	}
	slot.spent = spent + limiterRefill
	slot.last, slot.at = question, elapsed
	return answer
}
