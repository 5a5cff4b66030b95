package qr2

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// defaultAnswerRate is what one address gets by default: a full split reply of eight datagrams every 0.7 s, for as long as it
// likes, and five of them at once. That is enough for the players behind one NAT, and little for who floods somebody.
const defaultAnswerRate = 16 << 10

// burst is how long a rate's worth may come at once.
const burst = 4 * time.Second

// limiterRows and limiterColumns are the size of a table: 128 KiB.
const (
	limiterRows    = 2
	limiterColumns = 8192
)

// limiter bounds the bytes that each address is sent in answers: a token bucket for each, in memory that does not grow. Who
// sends a query proves nothing about its address, so without a limit anybody could have a host flood anybody else.
//
// An address has one bucket in each row, found by a hash that nobody can predict, and shares it with others; the emptier of
// the two counts, so two addresses are in each other's way only if they meet in both rows. A bucket is the time at which it
// will be empty again. Addresses of one IPv6 network (/64) count as one: their owner has them all.
//
// It is safe for concurrent use and takes no lock.
type limiter struct {
	rate  int   // bytes a second; zero or negative: no limit
	most  int64 // what a bucket can hold at most, if the clock is not set back
	seeds [limiterRows]maphash.Seed
	table *[limiterRows][limiterColumns]atomic.Int64 // nanoseconds since 1970
}

func newLimiter(rate int) *limiter {
	l := &limiter{rate: rate}
	if rate > 0 {
		l.most = int64(burst) + l.cost(qr2wire.MaxSplit*qr2wire.MaxSize)
		l.table = new([limiterRows][limiterColumns]atomic.Int64)
		for i := range l.seeds {
			l.seeds[i] = maphash.MakeSeed()
		}
	}
	return l
}

// allow reports whether an address may be sent so many bytes more, and charges it for them if so.
func (l *limiter) allow(to netip.Addr, bytes int, now time.Time) bool {
	if l == nil || l.rate <= 0 {
		return true
	}
	ip := to.As16()
	who := ip[:]
	if to.Is6() && !to.Is4In6() {
		who = ip[:8]
	}
	var buckets [limiterRows]*atomic.Int64
	at := now.UnixNano()
	level := at + l.most
	for i, seed := range l.seeds {
		buckets[i] = &l.table[i][maphash.Bytes(seed, who)%limiterColumns]
		if has := buckets[i].Load(); has <= at+l.most {
			level = min(level, has)
		} else {
			level = at // the clock was set back
		}
	}
	// A single answer is never too large for an empty bucket, however low the rate is.
	if level > at && level+l.cost(bytes) > at+int64(burst) {
		return false
	}
	level = max(level, at) + l.cost(bytes)
	for _, bucket := range buckets {
		for {
			old := bucket.Load()
			// What others have used stays, unless it is from a time that the clock was set back from.
			if old >= level && old <= at+l.most || bucket.CompareAndSwap(old, level) {
				break
			}
		}
	}
	return true
}

// cost is how long it takes until the bytes are worked off.
func (l *limiter) cost(bytes int) int64 {
	return int64(time.Duration(bytes) * time.Second / time.Duration(l.rate))
}

// limits are the shares of those who have not verified their address, and of those who have: a flood from forged addresses
// can use up the former only.
type limits struct{ unverified, verified *limiter }

func newLimits(rate int) limits { return limits{newLimiter(rate), newLimiter(rate)} }

// mayAnswer decides about an answer of so many bytes to a question that came from there.
func (c *core) mayAnswer(to netip.AddrPort, bytes int, verified bool, now time.Time) bool {
	l := c.limits.unverified
	if verified {
		l = c.limits.verified
	}
	if l.allow(to.Addr(), bytes, now) {
		return true
	}
	c.counters.RateLimited++
	return false
}
