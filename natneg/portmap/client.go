package portmap

import (
	"context"
	"net/netip"
	"time"
)

// client is a router that answered, and a way to ask it. One goroutine uses it at a time.
type client interface {
	protocol() Protocol
	router() netip.Addr

	// add makes a mapping or renews it.
	add(ctx context.Context, want request) (grant, error)

	// check looks whether the router still has what it granted, and from which address.
	check(ctx context.Context, g grant) (finding, error)

	// remove deletes the mapping. One that is gone is no error.
	remove(ctx context.Context, g grant) error

	// sweep deletes what earlier runs left, as far as the protocol shows it, but for one mapping; it says how many they were.
	sweep(ctx context.Context, keep grant) (int, error)
}

// request is what is asked of a router.
type request struct {
	internal uint16
	external uint16
	lease    time.Duration
	exact    bool // not another external port
}

// grant is what the router gave.
type grant struct {
	internal netip.AddrPort
	external netip.AddrPort
	lease    time.Duration // 0: for ever
}

// finding is what a check found.
type finding struct {
	lost     bool       // the mapping is gone, or the router has restarted and may have forgotten it
	external netip.Addr // the router's outside address; invalid if the protocol does not tell
}

// isPublic reports whether an address can be reached from everywhere, as far as the number tells.
func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.Is4() || !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	for _, prefix := range [...]string{
		"0.0.0.0/8",
		"100.64.0.0/10",   // carrier-grade NAT, RFC 6598
		"192.0.0.0/24",    // DS-Lite among others, RFC 6333
		"192.0.2.0/24",    // documentation
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"240.0.0.0/4",
	} {
		if netip.MustParsePrefix(prefix).Contains(addr) {
			return false
		}
	}
	return true
}

// seconds is a duration as the protocols write it.
func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

// duration is the way back. Hardly any router means 136 years.
func duration(seconds uint32) time.Duration { return min(time.Duration(seconds)*time.Second, maxLease) }
