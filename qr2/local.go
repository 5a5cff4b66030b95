package qr2

import (
	"net"
	"net/netip"
	"slices"
)

// localAddr is the address of a connection; the zero value if it has none.
func localAddr(conn interface{ LocalAddr() net.Addr }) netip.AddrPort {
	local := conn.LocalAddr()
	if local == nil {
		return netip.AddrPort{}
	}
	addr, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// localIPs are what a heartbeat tells: the address that the connection is bound to, else this machine's IPv4 addresses.
func localIPs(bound netip.Addr) []netip.Addr {
	if bound.Is4() && !bound.IsUnspecified() {
		return []netip.Addr{bound}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var ips []netip.Addr
	for _, addr := range addrs {
		prefix, err := netip.ParsePrefix(addr.String())
		if err != nil {
			continue
		}
		if ip := prefix.Addr().Unmap(); ip.Is4() && !ip.IsLoopback() && !slices.Contains(ips, ip) {
			ips = append(ips, ip)
		}
	}
	return ips
}
