package backoff

import (
	"math"
	"testing"
	"time"
)

func TestDelay(t *testing.T) {
	none := func() float64 { return 0 }
	for attempt, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 7: 64 * time.Second,
		8: 2 * time.Minute, 9: 2 * time.Minute, math.MaxInt: 2 * time.Minute,
	} {
		if got := (Policy{}).Delay(attempt, none); got != want {
			t.Errorf("attempt %d: %v, not %v", attempt, got, want)
		}
	}
	almost := func() float64 { return math.Nextafter(1, 0) }
	if got := (Policy{First: 4 * time.Second}).Delay(1, almost); got < 2*time.Second || got > 2*time.Second+time.Millisecond {
		t.Errorf("half of four seconds is left, not %v", got)
	}
	if got := (Policy{First: 4 * time.Second, Jitter: -1}).Delay(1, nil); got != 4*time.Second {
		t.Errorf("no jitter: %v", got)
	}
	if got := (Policy{First: time.Hour, Max: time.Minute, Jitter: -1}).Delay(1, nil); got != time.Minute {
		t.Errorf("Max bounds First: %v", got)
	}
	if got := (Policy{Max: math.MaxInt64, Jitter: -1}).Delay(1000, nil); got != math.MaxInt64 {
		t.Errorf("overflow: %v", got)
	}
}
