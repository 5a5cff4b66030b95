package sb

import "time"

// The pace of direct queries, in datagrams a second.
const (
	startingPace = 1000
	slowestPace  = 100
	fastestPace  = 50_000

	pacePeriod = 20 * time.Millisecond // the shortest time between two changes of the pace
	paceBursts = 200                   // so many bursts a second at most: what a router's queue takes at once
)

// pacer decides when datagrams of direct queries may go out. It starts slowly, doubles the pace in every round trip while
// answers come in, as TCP does, and gives way when answers are lost: then the path, a router or our own socket is full.
//
// A server that never answered says nothing about the path, since many listed servers are gone. Loss is only what we
// know of: a server had answered before, or answers a repetition.
type pacer struct {
	rate, limit float64
	tokens      float64
	filled      time.Time // when the tokens were counted
	careful     bool      // there was loss: grow in small steps

	since    time.Time // beginning of the period
	heldBack bool      // in this period there was more to send
	answered int
	lost     int
}

func newPacer(limit int, now time.Time) pacer {
	rate := min(startingPace, float64(limit))
	return pacer{rate: rate, limit: float64(limit), tokens: max(rate/paceBursts, 1), filled: now, since: now}
}

// take reports whether a datagram may be sent now; if not, wait is when to ask again.
func (p *pacer) take(now time.Time) (ok bool, wait time.Time) {
	p.tokens = min(p.tokens+now.Sub(p.filled).Seconds()*p.rate, max(p.rate/paceBursts, 1))
	p.filled = now
	if p.tokens >= 1 {
		p.tokens--
		return true, time.Time{}
	}
	p.heldBack = true
	return false, now.Add(time.Duration((1-p.tokens)/p.rate*float64(time.Second)) + 1)
}

// adapt changes the pace once in a round trip.
func (p *pacer) adapt(now time.Time, roundTrip time.Duration) {
	if now.Sub(p.since) < max(pacePeriod, roundTrip) {
		return
	}
	switch {
	case p.lost*20 > p.answered+p.lost: // more than 5 %
		p.rate = max(p.rate*0.6, min(slowestPace, p.limit))
		p.careful = true
	case p.heldBack && p.answered > 0 && p.lost*50 <= p.answered: // at most 2 %
		step := 2.0
		if p.careful {
			step = 1.1
		}
		p.rate = min(p.rate*step, p.limit)
	}
	p.since, p.heldBack, p.answered, p.lost = now, false, 0, 0
}

// roundTrips estimate how long an answer takes, as TCP does (RFC 6298).
type roundTrips struct {
	mean, deviation time.Duration
	known           bool
}

func (r *roundTrips) add(trip time.Duration) {
	if !r.known {
		r.mean, r.deviation, r.known = trip, trip/2, true
		return
	}
	r.deviation += ((trip - r.mean).Abs() - r.deviation) / 4
	r.mean += (trip - r.mean) / 8
}

// patience is how long an answer may take before the question is repeated: what round trips so far suggest, at most limit.
// Servers are not equally far away, so it is not less than a fifth of limit.
func (r *roundTrips) patience(limit time.Duration) time.Duration {
	if !r.known {
		return limit
	}
	return min(max(2*r.mean+4*r.deviation, limit/5), limit)
}
