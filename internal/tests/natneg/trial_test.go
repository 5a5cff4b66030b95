package natneg_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
)

// player is one side of a trial.
type player struct {
	conn   net.PacketConn // nil: without a game's own socket
	config natneg.Config
}

// attempt is how a trial ended.
type attempt struct {
	ok       bool
	half     bool          // one side succeeded and the other did not
	took     time.Duration // until each side has had a game packet from the other
	sent     int           // packets of both negotiations until then
	path     natneg.PathKind
	err      error
	failedIn time.Duration
}

// try negotiates as both sides at once and sends a game packet each way, again and again until it is there.
func try(ctx context.Context, cookie natneg.Cookie, guest, host player) (a attempt) {
	start := time.Now()
	var results [2]*natneg.Result
	var errs [2]error
	var wait sync.WaitGroup
	heard := make(chan struct{}, 2)
	done := make(chan struct{})
	for i, side := range []player{guest, host} {
		wait.Go(func() {
			result, err := natneg.Negotiate(ctx, side.conn, side.config, cookie, natneg.Role(i))
			results[i], errs[i] = result, err
			if err != nil {
				heard <- struct{}{}
				return
			}
			wait.Go(func() { listen1(result.Conn, heard) })
			wait.Go(func() { speak(result, done) })
		})
	}
	for range 2 {
		select {
		case <-heard:
		case <-ctx.Done():
		}
	}
	elapsed := time.Since(start)
	a.ok = ctx.Err() == nil
	for i, result := range results {
		// Both have heard or failed, so nobody writes these any more; if time is up, they may be there or not.
		if errs[i] != nil {
			a.ok, a.err, a.failedIn = false, errors.Join(a.err, errs[i]), elapsed
		}
		if result != nil {
			a.sent += result.State().Counters.Sent
			a.path = max(a.path, result.Path)
		}
	}
	a.half = (results[0] == nil) != (results[1] == nil)
	if a.ok {
		a.took = elapsed
	}
	close(done)
	for _, result := range results {
		if result != nil {
			_ = result.Close()
			_ = result.Conn.Close()
		}
	}
	wait.Wait()
	return a
}

func listen1(conn net.PacketConn, heard chan<- struct{}) {
	buf := make([]byte, 1500)
	told := false
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if !natnegwire.Is(buf[:n]) && !told {
			told = true
			heard <- struct{}{}
		}
	}
}

func speak(result *natneg.Result, done <-chan struct{}) {
	for {
		_, _ = result.Conn.WriteTo([]byte("game packet"), net.UDPAddrFromAddrPort(result.Remote))
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// cell is what the trials of one pair of NATs gave.
type cell struct {
	guest, host string
	attempts    []attempt
}

func (c cell) successes() (n int) {
	for _, a := range c.attempts {
		if a.ok {
			n++
		}
	}
	return n
}

// quantile is the time of the trials that succeeded; 0.5 is the median.
func (c cell) quantile(q float64) time.Duration {
	var times []time.Duration
	for _, a := range c.attempts {
		if a.ok {
			times = append(times, a.took)
		}
	}
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(int(q*float64(len(times))), len(times)-1)]
}

func (c cell) packets() int {
	var counts []int
	for _, a := range c.attempts {
		if a.ok {
			counts = append(counts, a.sent)
		}
	}
	if len(counts) == 0 {
		return 0
	}
	slices.Sort(counts)
	return counts[len(counts)/2]
}

// String is the cell in the table: successes, median and 95th percentile of the time, packets.
func (c cell) String() string {
	if c.successes() == 0 {
		return fmt.Sprintf("0/%d", len(c.attempts))
	}
	return fmt.Sprintf("%d/%d %3d %4d ms %2d", c.successes(), len(c.attempts),
		c.quantile(0.5).Milliseconds(), c.quantile(0.95).Milliseconds(), c.packets())
}

// table prints cells, guests as rows.
func table(cells []cell) string {
	var guests, hosts []string
	byPair := make(map[string]cell)
	for _, c := range cells {
		if !slices.Contains(guests, c.guest) {
			guests = append(guests, c.guest)
		}
		if !slices.Contains(hosts, c.host) {
			hosts = append(hosts, c.host)
		}
		byPair[c.guest+"/"+c.host] = c
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s", "guest \\ host")
	for _, host := range hosts {
		fmt.Fprintf(&b, " | %-22s", host)
	}
	for _, guest := range guests {
		fmt.Fprintf(&b, "\n%-20s", guest)
		for _, host := range hosts {
			c, ok := byPair[guest+"/"+host]
			fmt.Fprintf(&b, " | %-22s", cmp.Or(map[bool]string{true: c.String()}[ok], "-"))
		}
	}
	return b.String()
}
