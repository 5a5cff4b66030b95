package steamdiscovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
)

// Resolver finds addresses by name; *net.Resolver is one.
type Resolver = backend.Resolver

// defaultOpenTimeout bounds what happens before the first packet.
const defaultOpenTimeout = 5 * time.Second

// resolveTargets finds the IPv4 addresses of targets, which are names or addresses with or without a port.
func resolveTargets(ctx context.Context, resolver Resolver, targets []string, port uint16) ([]netip.AddrPort, error) {
	locator := backend.Locator{Resolver: resolver}
	var found []netip.AddrPort
	for _, target := range targets {
		hostPort := target
		if _, _, err := net.SplitHostPort(target); err != nil {
			hostPort = net.JoinHostPort(target, strconv.Itoa(int(port)))
		}
		addresses, err := locator.ResolveHostPort(ctx, hostPort)
		if err != nil {
			return nil, &Error{Op: "resolve", Addr: target, Err: err}
		}
		before := len(found)
		for _, address := range addresses {
			if address.Addr().Is4() {
				found = append(found, address)
			}
		}
		if len(found) == before {
			return nil, &Error{Op: "resolve", Addr: target, Err: errors.New("no IPv4 address, and discovery is IPv4 only")}
		}
	}
	return found, nil
}
