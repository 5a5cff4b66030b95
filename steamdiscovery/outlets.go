package steamdiscovery

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
)

// outlet is a socket, and whom it asks.
type outlet struct {
	*socket
	targets []netip.AddrPort
	bound   netip.Addr  // the address of an interface, or 0.0.0.0 for explicit targets
	broken  atomic.Bool // its reader has given up
}

// refresh opens a socket for each network that is new, and closes those of networks that have gone: cables are pulled,
// and laptops carried elsewhere. It returns the sockets that are new. It fails if there is no socket at all then.
func (d *Discoverer) refresh(ctx context.Context) ([]*outlet, error) {
	wanted, err := d.wanted()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.sockets = slices.DeleteFunc(d.sockets, func(o *outlet) bool {
		if _, there := wanted[o.bound]; there && !o.broken.Load() {
			delete(wanted, o.bound)
			return false
		}
		_ = o.Close()
		return true
	})
	d.mu.Unlock()

	var fresh []*outlet
	for _, address := range slices.SortedFunc(maps.Keys(wanted), netip.Addr.Compare) {
		socket, listenErr := listen(ctx, d.config.ListenPacket, listenOwn, netip.AddrPortFrom(address, 0).String())
		if listenErr != nil {
			err = listenErr
			continue
		}
		fresh = append(fresh, &outlet{socket: socket, bound: address, targets: wanted[address]})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sockets = append(d.sockets, fresh...)
	if len(d.sockets) > 0 {
		err = nil // one network that fails does not matter while another works
	}
	return fresh, err
}

// refreshPassive opens the socket that listens to broadcasts, if there shall be one and there is none that works.
func (d *Discoverer) refreshPassive(ctx context.Context) ([]*outlet, error) {
	d.mu.Lock()
	old := d.passive
	d.mu.Unlock()
	if !d.config.Passive || old != nil && !old.broken.Load() {
		return nil, nil
	}
	if old != nil {
		_ = old.Close()
	}
	socket, err := listen(ctx, d.config.ListenPacket, listenShared, d.config.PassiveAddr)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passive = &outlet{socket: socket}
	d.state.Passive = socket.local
	return []*outlet{d.passive}, nil
}

// wanted is whom to ask, by the address from which: one socket for each network, and one for the explicit targets.
func (d *Discoverer) wanted() (map[netip.Addr][]netip.AddrPort, error) {
	wanted := make(map[netip.Addr][]netip.AddrPort)
	if len(d.targets) > 0 {
		wanted[netip.IPv4Unspecified()] = d.targets
		if len(d.config.Interfaces) == 0 {
			return wanted, nil
		}
	}
	links, err := d.links()
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		// Bound to the address of the interface, the socket reaches that network whatever the routes say, and both kinds of
		// broadcast work (spec steamdiscovery.md §8).
		wanted[l.address] = []netip.AddrPort{
			netip.AddrPortFrom(l.broadcast, d.config.Port),
			netip.AddrPortFrom(limitedBroadcast, d.config.Port),
		}
	}
	return wanted, nil
}

// listenOwn opens a socket on a port that nobody else has.
func listenOwn(ctx context.Context, network, address string) (net.PacketConn, error) {
	var config net.ListenConfig
	return config.ListenPacket(ctx, network, address)
}

// read starts a reader for each socket.
func (d *Discoverer) read(sockets []*outlet) {
	for _, o := range sockets {
		d.readers.Go(func() {
			d.failed(o.socket, o.readLoop(d.handle, d.readFailed))
			o.broken.Store(true) // opened anew with the next poll, if it was not closed on purpose
			d.mu.Lock()
			defer d.mu.Unlock()
			if o == d.passive {
				d.state.Passive = netip.AddrPort{}
			}
		})
	}
}

// failed notes that a socket can no longer be read, unless we closed it.
func (d *Discoverer) failed(s *socket, err error) {
	if isClosed(err) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.LastError = err
	d.log.Warn("socket failed", "addr", s.local, "error", err)
}

func (d *Discoverer) closeSockets() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.sockets {
		_ = o.Close()
	}
	d.sockets = nil
	if d.passive != nil {
		_ = d.passive.Close()
	}
}
