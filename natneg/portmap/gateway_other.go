//go:build !linux && !windows

package portmap

import (
	"net"
	"net/netip"
)

// defaultGateway guesses: the first address of the network that this machine is in, where nearly all home routers are. The
// standard library cannot tell the route on these systems; Config.Gateway and the search by UPnP do without it.
func defaultGateway() (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, addr := range addrs {
		prefix, err := netip.ParsePrefix(addr.String())
		if err == nil && prefix.Addr().Is4() && prefix.Addr().IsPrivate() && prefix.Bits() < 31 {
			return prefix.Masked().Addr().Next(), nil
		}
	}
	return netip.Addr{}, errNoRoute
}
