package cdkey

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
)

const (
	lookupAgain = time.Minute // at most so often
	lookupLimit = 5 * time.Second
)

// lookAgain has the validation server's name looked up again, for it is silent: game servers run for months, and back ends move.
// The lock is held; it is the clock's goroutine that calls, and ctx ends with that.
func (c *Checker) lookAgain(ctx context.Context, now time.Time) {
	if now.Before(c.lookedUp.Add(lookupAgain)) || c.err != nil {
		return
	}
	c.lookedUp = now
	c.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, lookupLimit)
		defer cancel()
		locator := backend.Locator{Domain: c.config.Domain, Host: c.config.Host, Resolver: c.config.Resolver}
		addrs, err := locator.Resolve(ctx, backend.CDKey, "", c.config.Addr)
		if err != nil {
			c.log.Info("cdkey: the validation server is silent, and its name is not found", "error", err)
			return
		}
		c.mu.Lock()
		defer c.unlock()
		if next := nextServer(c.server, addrs); next != c.server {
			c.log.Info("cdkey: the validation server is elsewhere", "from", c.server, "to", next)
			c.server = next
			c.counters.Moved++
		}
	})
}

// nextServer is where to ask instead of a silent server: the address behind it, if its name has several.
func nextServer(silent netip.AddrPort, addrs []netip.AddrPort) netip.AddrPort {
	return addrs[(slices.Index(addrs, silent)+1)%len(addrs)]
}
