package natneg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/relight-sdk/relight/internal/backend"
)

const serverCount = 3

// servers are the matchup servers as they were found.
type servers struct {
	state   []ServerState
	trusted []netip.Addr // every address that their names have
}

// at is where packets for server i go. A port type whose server does not exist goes to the last one before it that
// does (or the first one after it): the servers wait for all port types of both sides, and services with a single
// address get them all anyway (spec servers.md §7).
func (s servers) at(i int) netip.AddrPort {
	for j := i; j >= 0; j-- {
		if s.state[j].Addr.IsValid() {
			return s.state[j].Addr
		}
	}
	for j := i + 1; j < len(s.state); j++ {
		if s.state[j].Addr.IsValid() {
			return s.state[j].Addr
		}
	}
	return netip.AddrPort{}
}

// findServers looks all three up at once. One that is missing is tolerated; none is an error.
func findServers(ctx context.Context, config Config) (servers, error) {
	ctx, cancel := context.WithTimeout(ctx, config.ResolveTimeout)
	defer cancel()
	locator := backend.Locator{Domain: config.Domain, Host: config.Host, Resolver: config.Resolver}
	found := servers{state: make([]ServerState, serverCount)}
	addrs := make([][]netip.Addr, serverCount)
	var wait sync.WaitGroup
	for i := range serverCount {
		var override string
		if i < len(config.Servers) {
			override = config.Servers[i]
		}
		wait.Go(func() {
			list, err := locator.Resolve(ctx, backend.NatNeg1+backend.Service(i), config.Game, override)
			if err != nil {
				found.state[i].Err = err
				return
			}
			for _, addr := range list {
				if !addr.Addr().Is4() || addr.Port() == 0 {
					continue
				}
				if !found.state[i].Addr.IsValid() {
					found.state[i].Addr = addr
				}
				addrs[i] = append(addrs[i], addr.Addr())
			}
			if !found.state[i].Addr.IsValid() {
				found.state[i].Err = fmt.Errorf("%s has no IPv4 address, which NatNeg needs", backend.NatNeg1+backend.Service(i))
			}
		})
	}
	wait.Wait()
	for _, list := range addrs {
		found.trusted = append(found.trusted, list...)
	}
	if len(found.trusted) == 0 {
		errs := make([]error, 0, serverCount)
		for _, server := range found.state {
			errs = append(errs, server.Err)
		}
		return found, errors.Join(errs...)
	}
	return found, nil
}
