package engine

import (
	"strconv"
	"time"
)

func number(n int64) string { return strconv.FormatInt(n, 10) }

// milliseconds are rounded up: what took time is not zero.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
