package qr2

import (
	"context"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
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
		if name, err := locator.HostPort(backend.Master, config.Game, addr); err == nil {
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
	for {
		addr, available, ok := h.findOnce(ctx, m, first)
		if !ok {
			return
		}
		h.mu.Lock()
		h.core.resolved(m, addr, available, time.Now())
		h.mu.Unlock()
		h.deliver()
		h.poke()
		select {
		case <-ctx.Done():
			return
		case <-again:
		}
	}
}

func (h *Host) findOnce(ctx context.Context, m *master, first bool) (addr, available netip.AddrPort, ok bool) {
	for backoff := time.Second; ; backoff = min(2*backoff, maxBackoff) {
		addr, err := h.resolve(ctx, m.state.Name)
		if ctx.Err() != nil {
			return addr, available, false
		}
		if err == nil {
			if first && !h.config.SkipAvailability {
				available = h.findAvailable(ctx)
			}
			return addr, available, ctx.Err() == nil
		}
		h.mu.Lock()
		h.core.unresolved(m, err, time.Now())
		h.mu.Unlock()
		h.deliver()
		if !wait(ctx, backoff) {
			return addr, available, false
		}
	}
}

// findAvailable is the availability service's address; invalid if there is none, which counts as "available".
func (h *Host) findAvailable(ctx context.Context) netip.AddrPort {
	address := h.config.AvailableAddr
	if address == "" && h.config.Domain == "" && h.config.Host == "" {
		address = h.config.Addr
	}
	name, err := h.config.locator().HostPort(backend.Available, h.config.Game, address)
	if err != nil {
		return netip.AddrPort{}
	}
	addr, err := h.resolve(ctx, name)
	if err != nil {
		h.config.Logger.Info("qr2: availability service not found, taken for available", "name", name, "error", err)
		return netip.AddrPort{}
	}
	return addr
}

func (h *Host) resolve(ctx context.Context, name string) (netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, h.config.ResolveTimeout)
	defer cancel()
	addrs, err := h.config.locator().ResolveHostPort(ctx, name)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return addrs[0], nil
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
