package qr2

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

func addrNumber(n int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n))))
}

// spent is how much an address gets at once.
func spent(l *limiter, to netip.Addr, piece int, now time.Time) (total int) {
	for l.allow(to, piece, now) {
		total += piece
	}
	return total
}

func TestLimiter(t *testing.T) {
	const rate = defaultAnswerRate
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	l := newLimiter(rate)
	if got := spent(l, a, 1024, epoch); got != 4*rate {
		t.Errorf("%d bytes at once, not four seconds' worth", got)
	}
	if got := spent(l, b, 1024, epoch); got != 4*rate {
		t.Errorf("another address got %d", got)
	}
	if got := spent(l, a, 1024, epoch.Add(time.Second)); got != rate {
		t.Errorf("%d bytes after a second", got)
	}
	if got := spent(l, a, 1024, epoch.Add(time.Hour)); got != 4*rate {
		t.Errorf("%d bytes after an hour", got)
	}
	// The clock is set back by an hour: nobody waits that long.
	if got := spent(l, a, 1024, epoch.Add(6*time.Second)); got != 4*rate {
		t.Error("a clock that was set back keeps an address out")
	}
	// One IPv6 network is one address, also with a zone; IPv4 in IPv6 is IPv4.
	spent(l, netip.MustParseAddr("2001:db8::1"), 1024, epoch)
	if l.allow(netip.MustParseAddr("2001:db8::ffff:2%eth0"), 1024, epoch) || !l.allow(netip.MustParseAddr("2001:db8:0:1::1"), 1024, epoch) {
		t.Error("networks of IPv6 are not told apart, or addresses are")
	}
	if l.allow(netip.MustParseAddr("::ffff:192.0.2.2"), 1024, epoch) {
		t.Error("IPv4 in IPv6 has a share of its own")
	}
	// However low the rate, one answer comes, and then as long none as it takes.
	l = newLimiter(100)
	if !l.allow(a, 1400, epoch) || l.allow(a, 1, epoch.Add(9*time.Second)) || !l.allow(a, 1, epoch.Add(14*time.Second)) {
		t.Error("a low rate")
	}
	if l = newLimiter(-1); !l.allow(a, 1<<30, epoch) || l.table != nil {
		t.Error("a negative rate limits")
	}
}

// A flood from forged addresses, a new one each time, neither grows nor keeps honest clients out.
func TestLimiterUnderForgedAddresses(t *testing.T) {
	l := newLimiter(defaultAnswerRate)
	now, refused := epoch, 0
	const seconds, perSecond, perClient = 20, 20_000, 200
	for i := range seconds * perSecond {
		now = epoch.Add(time.Duration(i) * time.Second / perSecond)
		l.allow(addrNumber(1<<24+i), 1400, now)
		if i%perClient == 0 && !l.allow(addrNumber(1000+i/perClient), 1400, now) {
			refused++
		}
	}
	if part := float64(refused) / (seconds * perSecond / perClient); part > 0.01 {
		t.Errorf("%.1f %% of the honest clients got no answer", 100*part)
	}
	addr := addrNumber(7)
	if allocations := testing.AllocsPerRun(100, func() { l.allow(addr, 1400, now) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestLimiterIsSafeForConcurrentUse(t *testing.T) {
	l := newLimiter(defaultAnswerRate)
	var workers sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 4 {
		workers.Go(func() {
			got := spent(l, addrNumber(1), 1024, epoch)
			mu.Lock()
			total += got
			mu.Unlock()
		})
	}
	workers.Wait()
	// Racing answers may each count once too little, never without end.
	if total < 4*defaultAnswerRate || total > 16*defaultAnswerRate {
		t.Errorf("%d bytes", total)
	}
}

func TestPrequeryNumbers(t *testing.T) {
	n := newNumbers()
	number := n.give(clientAddr, epoch)
	other := netip.AddrPortFrom(clientAddr.Addr(), clientAddr.Port()+1)
	for _, after := range []time.Duration{0, time.Second, numberLifetime} {
		if !n.take(clientAddr, number, epoch.Add(after)) {
			t.Errorf("a number must be accepted after %v", after)
		}
	}
	if n.take(clientAddr, number, epoch.Add(2*numberLifetime)) {
		t.Error("a number must expire")
	}
	if n.take(other, number, epoch) || n.take(masterAddr, number, epoch) {
		t.Error("a number must be accepted from its client alone")
	}
	if n.take(clientAddr, number+1, epoch) || n.take(clientAddr, 0, epoch) {
		t.Error("any number is accepted")
	}
	if m := newNumbers(); m.take(clientAddr, number, epoch) {
		t.Error("another host's number is accepted")
	}
	for i := range 100_000 {
		if n.give(netip.AddrPortFrom(addrNumber(i), 1), epoch) == 0 {
			t.Fatal("0 says that no number is needed")
		}
	}
	if allocations := testing.AllocsPerRun(100, func() { n.take(clientAddr, number, epoch) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// Without its number nobody gets more than it sends, apart from the number itself; with it, a share of its own.
func TestVerifiedAddressesHaveTheirOwnShare(t *testing.T) {
	b := newBench(t, Config{RequireChallenge: true, AnswerRate: 100})
	b.core.limits.unverified.allow(clientAddr.Addr(), 1<<20, b.now)
	q := qr2wire.FullQuery(qr2wire.Key{1})
	q.Challenged, q.Number = true, b.core.numbers.give(clientAddr, b.now)
	ask := func() (bytes int) {
		t.Helper()
		packet, err := q.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		b.core.handle(packet, clientAddr, b.now, &b.out)
		defer b.out.reset()
		return len(b.out.arena)
	}
	if ask() == 0 {
		t.Error("the share of forged packets counts for verified addresses")
	}
	for range 10 {
		ask()
	}
	if got := b.core.counters; got.RateLimited == 0 || got.Queries == 0 {
		t.Errorf("%+v", got)
	}
	q.Number++
	if ask() != 0 || b.core.counters.WrongNumber != 1 {
		t.Error("an answer without the number")
	}
}
