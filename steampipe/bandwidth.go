package steampipe

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// limit is a limit of bytes per second, for all connections together.
type limit struct {
	bucket *rate.Limiter
	most   int // bytes of one read
}

// newLimit makes a limit; nil, which limits nothing, for 0 or less.
func newLimit(bytesPerSecond int64) *limit {
	if bytesPerSecond <= 0 {
		return nil
	}
	// A tenth of a second at once: enough for few system calls, little enough to be even.
	most := int(min(max(bytesPerSecond/10, 1), 256<<10))
	return &limit{bucket: rate.NewLimiter(rate.Limit(bytesPerSecond), most), most: most}
}

// wait takes n bytes, and returns when they are due or ctx has ended; hold is called before it waits. It gives how long that took.
func (l *limit) wait(ctx context.Context, n int, hold func()) time.Duration {
	if l == nil || n <= 0 {
		return 0
	}
	begun := time.Now()
	delay := l.bucket.ReserveN(begun, n).DelayFrom(begun)
	if delay <= 0 {
		return 0
	}
	hold()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return time.Since(begun)
}
