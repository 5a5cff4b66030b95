package steampipe

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m meter
	start := time.Unix(1_700_000_000, 0)
	if rate, remaining := m.measure(StepFetch, start, 0, 1000); rate != 0 || remaining != 0 {
		t.Fatal(rate, remaining)
	}
	if rate, remaining := m.measure(StepFetch, start.Add(time.Second), 100, 1000); rate != 100 || remaining != 9*time.Second {
		t.Fatal(rate, remaining)
	}
	// What was long ago does not count.
	done := int64(100)
	for second := 2; second <= 20; second++ {
		done += 10
		m.measure(StepFetch, start.Add(time.Duration(second)*time.Second), done, 1000)
	}
	if rate, _ := m.measure(StepFetch, start.Add(20*time.Second), done, 1000); rate != 10 {
		t.Fatal(rate)
	}
	// A new step begins anew; nothing is known of it yet.
	if rate, remaining := m.measure(StepCheck, start.Add(21*time.Second), 5, 10); rate != 0 || remaining != 0 {
		t.Fatal(rate, remaining)
	}
	for i := range 100_000 {
		m.measure(StepCheck, start.Add(30*time.Second+time.Duration(i)*time.Microsecond), int64(i), 1<<40)
	}
	if len(m.samples) > 60 {
		t.Fatal(len(m.samples), "samples are kept")
	}
}
