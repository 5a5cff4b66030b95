package faulty

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestWriter(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults Faults
		want   string
		usable bool
	}{
		{"nothing wrong", Faults{}, "hello world", true},
		{"in pieces", Faults{Segment: 2}, "hello world", true},
		{"closed before the first byte", Faults{CloseAt: 1}, "", false},
		{"closed in the middle", Faults{CloseAt: 4}, "hel", false},
		{"stalled in the second message", Faults{StallAt: 8}, "hello w", true},
		{"garbage", Faults{GarbageAt: 3, Garbage: []byte("!?")}, "he!?", true},
		{"the first of two", Faults{StallAt: 5, CloseAt: 3}, "he", false},
		{"never reached", Faults{CloseAt: 100}, "hello world", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got bytes.Buffer
			w := NewWriter(&got, test.faults, nil)
			usable := w.Write([]byte("hello")) && w.Write([]byte(" world"))
			if got.String() != test.want || usable != test.usable {
				t.Errorf("wrote %q, %v; want %q, %v", &got, usable, test.want, test.usable)
			}
		})
	}
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var got bytes.Buffer
		if !NewWriter(&got, Faults{Segment: 1, Pause: time.Second}, nil).Write([]byte("abcd")) || time.Since(start) != 3*time.Second {
			t.Errorf("%q after %v", &got, time.Since(start))
		}
		gone := make(chan struct{})
		close(gone)
		if NewWriter(&got, Faults{Segment: 1, Pause: time.Second}, gone).Write([]byte("abcd")) {
			t.Error("a pause outlives the connection")
		}
	})
}
