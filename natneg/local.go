package natneg

import (
	"net"
	"net/netip"
)

// localIP is the address that INIT tells: the one that a socket is bound to; else the one from which this machine reaches
// the server. The original takes the first private address that it finds (spec natneg.md §3), which on a machine with
// virtual networks is often one that no partner can reach; that is the last resort here.
func localIP(server netip.AddrPort, conns ...net.PacketConn) netip.Addr {
	for _, conn := range conns {
		if addr := boundAddr(conn).Addr(); addr.Is4() && !addr.IsUnspecified() {
			return addr
		}
	}
	// Connecting a UDP socket sends nothing; it asks for the route.
	if probe, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server)); err == nil {
		addr := boundAddr(probe).Addr()
		_ = probe.Close()
		if addr.Is4() && !addr.IsUnspecified() {
			return addr
		}
	}
	return interfaceIP()
}

// interfaceIP is the first private address of this machine; else its last one that is not 127.0.0.1; else 0.0.0.0.
func interfaceIP() netip.Addr {
	last := netip.IPv4Unspecified()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return last
	}
	for _, addr := range addrs {
		prefix, err := netip.ParsePrefix(addr.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		switch {
		case !ip.Is4():
		case ip.IsPrivate():
			return ip
		case ip != netip.AddrFrom4([4]byte{127, 0, 0, 1}):
			last = ip
		}
	}
	return last
}

// boundAddr is the local address of a socket, unmapped; invalid if it has none.
func boundAddr(conn interface{ LocalAddr() net.Addr }) netip.AddrPort {
	local := conn.LocalAddr()
	if local == nil {
		return netip.AddrPort{}
	}
	if udp, ok := local.(*net.UDPAddr); ok {
		addr := udp.AddrPort()
		if !addr.Addr().IsValid() {
			return netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port())
		}
		return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	addr, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// broadcasts are the addresses that reach everybody on a network of this machine.
func broadcasts() (list []netip.Addr) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, addr := range addrs {
		prefix, err := netip.ParsePrefix(addr.String())
		if err != nil || !prefix.Addr().Unmap().Is4() || prefix.Bits() >= 31 {
			continue
		}
		ip := prefix.Addr().Unmap().As4()
		for bit := prefix.Bits(); bit < 32; bit++ {
			ip[bit/8] |= 0x80 >> (bit % 8)
		}
		list = append(list, netip.AddrFrom4(ip))
	}
	return list
}
