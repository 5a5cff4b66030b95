// Package backoff says how long to wait before the next try: capped exponential growth with jitter, so that ten thousand
// clients of a server that comes back do not all knock in the same second.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Policy is how the waits grow. The zero value starts at a second and ends at two minutes.
type Policy struct {
	// First is the wait before the second try. 0: one second.
	First time.Duration
	// Max is the longest wait. 0: two minutes.
	Max time.Duration
	// Jitter is the part of a wait that is left to chance: a wait is drawn from [d×(1-Jitter), d]. 0: a half. Negative: none.
	Jitter float64
}

// Delay is the wait after the attempt that failed, counted from 1: First, then twice as long each time, up to Max, less the
// jitter. random is from [0, 1); nil: the system's.
func (p Policy) Delay(attempt int, random func() float64) time.Duration {
	first, longest, jitter := p.First, p.Max, p.Jitter
	if first <= 0 {
		first = time.Second
	}
	if longest <= 0 {
		longest = 2 * time.Minute
	}
	if jitter == 0 {
		jitter = 0.5
	}
	delay := min(first, longest)
	for range attempt - 1 {
		if delay >= longest/2 {
			delay = longest
			break
		}
		delay *= 2
	}
	if jitter < 0 {
		return delay
	}
	if random == nil {
		random = rand.Float64
	}
	return delay - time.Duration(min(jitter, 1)*random()*float64(delay))
}
