package qr2

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/backoff"
)

// lingerTime is a little more than a negotiation works on behind its success.
const lingerTime = 6 * time.Second

// maxBackoff is the longest wait between look-ups.
const maxBackoff = time.Minute

// masterNames are the masters, by "host:port".
func masterNames(config Config) []string {
	var names []string
	locator := config.locator()
	if name, err := locator.HostPort(backend.Master, config.Game, config.Addr); err == nil {
		names = append(names, name)
	}
	for _, addr := range config.Masters {
		// A master that is named twice would see two game servers fight for one address.
		if name, err := locator.HostPort(backend.Master, config.Game, addr); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (c Config) locator() backend.Locator {
	return backend.Locator{Domain: c.Domain, Host: c.Host, Resolver: c.Resolver}
}

// find looks for a master until it is found, and once more whenever it should be found anew. The first master has the
// availability service beside it.
func (h *Host) find(ctx context.Context, m *master, first bool, again <-chan struct{}) {
	check := first && !h.config.SkipAvailability
	for {
		addrs, ok := h.findOnce(ctx, m)
		if !ok {
			return
		}
		var out batch
		h.mu.Lock()
		h.core.resolved(m, addrs, time.Now(), &out)
		h.mu.Unlock()
		h.flush(&out)
		h.deliver()
		h.poke()
		if check {
			check = false
			h.startCheck(ctx, m)
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
		}
	}
}

func (h *Host) findOnce(ctx context.Context, m *master) (addrs []netip.AddrPort, ok bool) {
	for attempt := 1; ; attempt++ {
		addrs, err := h.config.resolve(ctx, m.state.Name)
		if ctx.Err() != nil {
			return nil, false
		}
		if err == nil {
			return addrs, true
		}
		again := backoff.Policy{Max: maxBackoff}.Delay(attempt, nil)
		h.config.Logger.Debug("qr2: look-up failed", "name", m.state.Name, "error", err, "again", again)
		h.mu.Lock()
		h.core.unresolved(m, err, time.Now())
		h.mu.Unlock()
		h.deliver()
		if !wait(ctx, again) {
			return nil, false
		}
	}
}

// startCheck begins the availability check, if there is somebody to ask.
func (h *Host) startCheck(ctx context.Context, m *master) {
	available := h.config.findAvailable(ctx)
	if !available.IsValid() {
		return
	}
	h.mu.Lock()
	h.core.check(m, available, time.Now())
	h.mu.Unlock()
	h.poke()
}

// findAvailable is the availability service's address; invalid if there is none, which counts as "available".
func (c Config) findAvailable(ctx context.Context) netip.AddrPort {
	address := c.AvailableAddr
	if address == "" && c.Domain == "" && c.Host == "" {
		address = c.Addr
	}
	name, err := c.locator().HostPort(backend.Available, c.Game, address)
	if err != nil {
		return netip.AddrPort{}
	}
	addrs, err := c.resolve(ctx, name)
	if err != nil {
		c.Logger.Info("qr2: availability service not found, taken for available", "name", name, "error", err)
		return netip.AddrPort{}
	}
	return addrs[0]
}

func (c Config) resolve(ctx context.Context, name string) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, c.ResolveTimeout)
	defer cancel()
	return c.locator().ResolveHostPort(ctx, name)
}

// wait reports whether the time went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
