package sb

import (
	"testing"
	"time"
)

// path is a network with a bottleneck: so many datagrams in each millisecond get through, and answers take a round trip.
type path struct {
	perMillisecond int
	trip           time.Duration
}

// drive sends as fast as a pacer allows for some time, and tells it what becomes of that.
func (n path) drive(p *pacer, start time.Time, duration time.Duration) (sent, lost int) {
	type event struct {
		at   time.Time
		lost bool
	}
	var events []event
	for now := start; now.Sub(start) < duration; now = now.Add(time.Millisecond) {
		for len(events) > 0 && !events[0].at.After(now) {
			if events[0].lost {
				p.lost++
			} else {
				p.answered++
			}
			events = events[1:]
		}
		p.adapt(now, n.trip)
		for passed := 0; ; passed++ {
			ok, _ := p.take(now)
			if !ok {
				break
			}
			sent++
			if passed >= n.perMillisecond {
				lost++
			}
			events = append(events, event{now.Add(n.trip), passed >= n.perMillisecond})
		}
	}
	return sent, lost
}

func TestPaceGrows(t *testing.T) {
	start := time.Unix(1000, 0)
	p := newPacer(fastestPace, start)
	sent, lost := path{1000, time.Millisecond}.drive(&p, start, time.Second)
	if sent < 35_000 || lost > 0 || p.rate != fastestPace {
		t.Errorf("%d sent, %d lost, %.0f a second", sent, lost, p.rate)
	}
	// Over a long way it takes longer, and is not faster than what is asked for.
	p = newPacer(5000, start)
	sent, _ = path{1000, 150 * time.Millisecond}.drive(&p, start, time.Second)
	if p.rate != 5000 || sent > 5000 || sent < 2500 {
		t.Errorf("%d sent, %.0f a second", sent, p.rate)
	}
}

func TestPaceGivesWay(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, trip := range []time.Duration{time.Millisecond, 100 * time.Millisecond} {
		p := newPacer(fastestPace, start)
		sent, lost := path{4, trip}.drive(&p, start, 20*time.Second) // 4000 a second
		if share := float64(lost) / float64(sent); share > 0.15 || sent-lost < 40_000 {
			t.Errorf("%v: %d sent, %d lost, %.0f a second", trip, sent, lost, p.rate)
		}
		t.Logf("%v: %d sent, %d lost, %.0f a second", trip, sent, lost, p.rate)
	}
}

func TestPaceWithoutAnswers(t *testing.T) {
	start := time.Unix(1000, 0)
	p := newPacer(fastestPace, start)
	for now := start; now.Sub(start) < 10*time.Second; now = now.Add(time.Millisecond) {
		p.adapt(now, 0)
		for {
			if ok, wake := p.take(now); !ok {
				if !wake.After(now) {
					t.Fatal("asked to wait, but not for long")
				}
				break
			}
		}
	}
	if p.rate != startingPace {
		t.Errorf("%.0f a second", p.rate)
	}
}

func TestPatience(t *testing.T) {
	var trips roundTrips
	if got := trips.patience(time.Second); got != time.Second {
		t.Error(got)
	}
	for range 100 {
		trips.add(time.Millisecond)
	}
	if got := trips.patience(time.Second); got != 200*time.Millisecond {
		t.Error(got)
	}
	for range 100 {
		trips.add(150 * time.Millisecond)
	}
	if got := trips.patience(time.Second); got < 300*time.Millisecond || got > 400*time.Millisecond {
		t.Error(got)
	}
	trips.add(time.Minute)
	if got := trips.patience(time.Second); got != time.Second {
		t.Error(got)
	}
}
