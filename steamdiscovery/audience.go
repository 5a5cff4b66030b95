package steamdiscovery

import (
	"net/netip"
	"slices"
	"time"
)

// linkInterval is the time between two looks at the networks of this machine: those that are new hear of the announcer.
const linkInterval = 5 * time.Second

// lookForNetworks says when to look whether this machine has been attached to another network. Nobody looks where the
// broadcasts do not go to the networks of this machine.
func (a *Announcer) lookForNetworks() (<-chan time.Time, func()) {
	if a.config.Silent || len(a.targets) > 0 || a.socket.local.Addr().IsLoopback() {
		return nil, func() {}
	}
	ticker := time.NewTicker(linkInterval)
	return ticker.C, ticker.Stop
}

// newNetworks tells whether there is a network that was not there at the last look or broadcast.
func (a *Announcer) newNetworks() bool {
	targets, err := a.audience()
	if err != nil {
		return false // the next look may be luckier
	}
	known := a.networks
	a.networks = targets
	return slices.ContainsFunc(targets, func(target netip.AddrPort) bool { return !slices.Contains(known, target) })
}

// audience is everyone to broadcast to.
func (a *Announcer) audience() ([]netip.AddrPort, error) {
	switch {
	case a.config.Silent:
		return nil, nil
	case len(a.targets) > 0:
		return a.targets, nil
	case a.socket.local.Addr().IsLoopback():
		return []netip.AddrPort{netip.AddrPortFrom(loopbackBroadcast, a.config.Port)}, nil
	}
	links, err := a.links()
	var targets []netip.AddrPort
	for _, l := range links {
		targets = append(targets, netip.AddrPortFrom(l.broadcast, a.config.Port))
	}
	return targets, err
}
