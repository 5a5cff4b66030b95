package qr2

import (
	"context"
	"sync"

	"github.com/relight-sdk/relight/natneg"
)

// maxJoins is how many negotiations are under way at most; each has a socket.
const maxJoins = 32

// join lets a player in.
func (h *Host) join(ctx context.Context, workers *sync.WaitGroup, cookie natneg.Cookie) {
	h.mu.Lock()
	if h.joins >= maxJoins {
		h.core.counters.JoinsRefused++
		h.core.tell(&JoinEnded{Cookie: cookie, Err: &Error{Op: "join", Err: ErrTooManyJoins}})
		h.mu.Unlock()
		h.deliver()
		return
	}
	h.joins++
	h.mu.Unlock()
	workers.Go(func() {
		negotiation := natneg.Start(ctx, h.GameConn(), h.config.natNeg(), cookie, natneg.Host)
		result, err := negotiation.Wait()
		h.mu.Lock()
		h.core.tell(&JoinEnded{Cookie: cookie, Result: result, Err: err})
		h.joins--
		h.mu.Unlock()
		h.deliver()
		if err == nil {
			// Behind the open path the negotiation still answers the player's late pings; it ends by itself, or with Run.
			stop := context.AfterFunc(ctx, func() { _ = negotiation.Close() })
			defer stop()
			wait(ctx, lingerTime)
		}
		_ = negotiation.Close()
	})
}
