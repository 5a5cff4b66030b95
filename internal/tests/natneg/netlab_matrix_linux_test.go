package natneg_test

import (
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// labs is how many work at a time: a trial mostly waits.
const labs = 6

// Every pair of NATs again, with the NAT of this kernel between real sockets. RELIGHT_NATNEG_LAB says how often each pair is
// tried, in both roles, at each loss; without it, each pair is tried once, without loss.
func TestMatrixInTheLab(t *testing.T) {
	needLab(t)
	t.Parallel() // it mostly waits
	trials, losses, full := 1, []float64{0}, false
	if text := os.Getenv("RELIGHT_NATNEG_LAB"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		trials, losses, full = n, []float64{0, 0.05, 0.2}, true
	}
	kinds := natKinds()
	pool := make(chan *netlab, labs)
	for i := range labs {
		lab := newNetlab(t, i)
		if !full {
			lab.patience = 2 * time.Second
		}
		pool <- lab
	}
	for _, loss := range losses {
		cells := make([]cell, len(kinds)*len(kinds))
		var wait sync.WaitGroup
		for i := range cells {
			guest, host := kinds[i/len(kinds)], kinds[i%len(kinds)]
			cells[i].guest, cells[i].host = guest.name, host.name
			// Without orders to do all, each pair has its roles as the fields of a draughts board fall; and what cannot work takes
			// long to fail, so that two such pairs stand for all.
			hopeless := !joins(guest, host)
			if a, b := i/len(kinds), i%len(kinds); !full && ((a < b) == ((a+b)%2 == 0) && a != b || hopeless && guest.name != "random") {
				continue
			}
			times := trials
			if hopeless {
				times = min(times, 2)
			}
			lab := <-pool
			wait.Go(func() {
				defer func() { pool <- lab }()
				lab.link.Store(&link{delay: 50 * time.Millisecond, loss: loss})
				for trial := range times {
					a := lab.trial(guest, host, trial%2 == 0)
					if !full && !hopeless && !a.ok {
						// Of those who count, one of a hundred goes wrong between this kernel's routers (see the package's documentation),
						// and on a busy machine somebody's packet may be too late.
						t.Logf("%s and %s, again after: %v", guest.name, host.name, a.err)
						a = lab.trial(guest, host, trial%2 == 0)
					}
					cells[i].attempts = append(cells[i].attempts, a)
				}
			})
		}
		wait.Wait()
		for i, c := range cells {
			for trial, a := range c.attempts {
				switch joins := joins(kinds[i/len(kinds)], kinds[i%len(kinds)]); {
				case joins && !a.ok:
					t.Errorf("%s and %s, loss %v, trial %d: %v", c.guest, c.host, loss, trial, a.err)
				case !joins && a.ok && a.path != natneg.PathPrediction:
					t.Errorf("%s and %s, loss %v, trial %d: worked by %v", c.guest, c.host, loss, trial, a.path)
				}
			}
		}
		t.Logf("loss %v %%, 50 ms one way: successes, median and 95th percentile until a game packet each way, packets\n%s", loss*100, table(cells))
	}
}

// Two players behind one router of this kernel.
func TestBehindOneNATInTheLab(t *testing.T) {
	needLab(t)
	t.Parallel() // it mostly waits
	l := newNetlab(t, labs)
	l.link.Store(&link{delay: 5 * time.Millisecond})
	l.patience = 2 * time.Second
	for _, test := range []struct {
		name    string
		kind    natnegtest.NATConfig
		hairpin bool
		public  bool // the servers name public addresses only
		works   bool
	}{
		{"local network", natnegtest.PortRestricted(), false, false, true},
		{"local network behind random ports", natnegtest.SymmetricRandom(), false, false, true},
		{"hairpin", natnegtest.FullCone(), true, true, true},
		{"no hairpin", natnegtest.FullCone(), false, true, false},
	} {
		test.kind.Hairpin = test.hairpin
		l.nat("ra", natKind{name: test.name, config: test.kind})
		guest, host := l.player("a1", true), l.player("a2", true)
		if test.public {
			// What the servers do not know they cannot tell.
			guest.config.LocalIP, host.config.LocalIP = mustAddr("198.51.100.11:1").Addr(), mustAddr("198.51.100.11:1").Addr()
		}
		a := l.attempt(guest, host)
		if test.works && !a.ok { // on a busy machine
			t.Logf("%s, again after: %v", test.name, a.err)
			a = l.attempt(l.player("a1", true), l.player("a2", true))
		}
		require.Equal(t, test.works, a.ok, "%s: %+v", test.name, a)
		t.Logf("%s: %v in %v", test.name, a.path, a.took.Round(time.Millisecond))
	}
}
