package qr2

import (
	"context"
	"sync"

	"github.com/relight-sdk/relight/natneg"
)

// maxJoins is how many negotiations are under way at most; each has a socket. maxLingering is how many there are with those
// that have succeeded and still answer late pings.
const (
	maxJoins     = 32
	maxLingering = 128
)

// joinPhase is how far a negotiation is.
type joinPhase uint8

const (
	joinUnderWay  joinPhase = iota
	joinLingering           // the path is open
)

// joining is how many negotiations are under way.
func (c *core) joining() (n int) {
	for _, phase := range c.joins {
		if phase == joinUnderWay {
			n++
		}
	}
	return n
}

// onCookie decides about a player who wants in. A master that did not get our acknowledgement in time, or a player who
// asks twice, may send a cookie again under another message key: two negotiations would steal each other's packets.
func (c *core) onCookie(m *master, cookie natneg.Cookie) {
	if _, known := c.joins[cookie]; known {
		c.counters.Repeated++
		return
	}
	c.tell(&JoinStarted{Master: m.state.Name, Cookie: cookie})
	if c.joining() >= maxJoins || len(c.joins) >= maxLingering {
		c.counters.JoinsRefused++
		c.tell(&JoinEnded{Cookie: cookie, Err: &Error{Op: "join", Err: ErrTooManyJoins}})
		return
	}
	c.joins[cookie] = joinUnderWay
	c.cookies = append(c.cookies, cookie)
}

// dropCookies ends the joins that nobody has begun with, at the end of a run.
func (c *core) dropCookies() {
	for _, cookie := range c.cookies {
		delete(c.joins, cookie)
		c.tell(&JoinEnded{Cookie: cookie, Err: &Error{Op: "join", Reason: "the run has ended", Err: context.Canceled}})
	}
	c.cookies = nil
}

// join lets a player in.
func (h *Host) join(ctx context.Context, workers *sync.WaitGroup, cookie natneg.Cookie) {
	workers.Go(func() {
		negotiation := natneg.Start(ctx, h.GameConn(), h.config.natNeg(), cookie, natneg.Host)
		result, err := negotiation.Wait()
		h.mu.Lock()
		h.core.joins[cookie] = joinLingering
		h.core.tell(&JoinEnded{Cookie: cookie, Result: result, Err: err})
		h.mu.Unlock()
		h.deliver()
		if err == nil {
			// Behind the open path the negotiation still answers the player's late pings; it ends by itself, or with Run.
			stop := context.AfterFunc(ctx, func() { _ = negotiation.Close() })
			defer stop()
			wait(ctx, lingerTime)
		}
		_ = negotiation.Close()
		h.mu.Lock()
		delete(h.core.joins, cookie)
		h.mu.Unlock()
	})
}
