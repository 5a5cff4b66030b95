package sb

import (
	"net"
	"net/netip"
)

// socket is one that direct queries go out from.
type socket struct {
	conn net.PacketConn
	udp  *net.UDPConn // conn, if it is one: its own methods do not allocate
}

// networkOf is the network of the socket for an address.
func networkOf(addr netip.AddrPort) string {
	if addr.Addr().Unmap().Is6() {
		return "udp6"
	}
	return "udp4"
}

// readFrom reads a datagram; ok is false if its sender has no address that we could ask.
func (s *socket) readFrom(buf []byte) (n int, from netip.AddrPort, ok bool, err error) {
	if s.udp != nil {
		n, from, err = s.udp.ReadFromUDPAddrPort(buf)
		return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), true, err
	}
	n, addr, err := s.conn.ReadFrom(buf)
	if err != nil {
		return 0, netip.AddrPort{}, false, err
	}
	from, ok = addrPortOf(addr)
	return n, from, ok, nil
}

func (s *socket) writeTo(b []byte, to netip.AddrPort) error {
	if s.udp != nil {
		_, err := s.udp.WriteToUDPAddrPort(b, to)
		return err
	}
	_, err := s.conn.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

func addrPortOf(addr net.Addr) (netip.AddrPort, bool) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	from := udp.AddrPort()
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), true
}
