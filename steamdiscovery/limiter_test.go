package steamdiscovery

import (
	"net/netip"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	begin := time.Unix(1700000000, 0)
	l := newLimiter(begin)
	from := netip.MustParseAddrPort("192.0.2.1:1")
	ask := func(packet string, from netip.AddrPort, at time.Duration, want verdict) {
		t.Helper()
		if got := l.ask([]byte(packet), from, begin.Add(at)); got != want {
			t.Errorf("%q of %v at %v: %v, want %v", packet, from, at, got, want)
		}
	}
	ask("a", from, 0, answer)
	ask("a", from, 0, duplicate)
	ask("a", from, duplicateWindow, answer)
	ask("b", from, duplicateWindow, answer)
	ask("a", netip.MustParseAddrPort("192.0.2.1:2"), duplicateWindow, answer) // another socket of the same machine
	ask("c", from, duplicateWindow, tooMany)
	ask("c", netip.MustParseAddrPort("192.0.2.2:1"), duplicateWindow, answer) // another machine
	ask("c", from, duplicateWindow+limiterRefill, answer)
	ask("d", from, duplicateWindow+limiterRefill, tooMany)
	for n := range limiterBurst { // an hour of silence fills the allowance, and no more than that
		ask(string(rune('e'+n)), from, time.Hour, answer)
	}
	ask("z", from, time.Hour, tooMany)
}
