package steamdiscovery

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// maxDatagram is more than any datagram over IPv4 carries.
const maxDatagram = 65536

// ListenPacket opens a UDP socket; net.ListenConfig has a method of this kind.
type ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error)

// listenShared opens a socket whose port other programs, such as Steam itself, may have open too.
func listenShared(ctx context.Context, network, address string) (net.PacketConn, error) {
	config := net.ListenConfig{Control: shareAddress}
	return config.ListenPacket(ctx, network, address)
}

// listen opens a socket through the hook, or as instead does.
func listen(ctx context.Context, hook, instead ListenPacket, address string) (*socket, error) {
	if hook == nil {
		hook = instead
	}
	conn, err := hook(ctx, "udp4", address)
	if err != nil {
		return nil, &Error{Op: "listen", Addr: address, Err: err}
	}
	return newSocket(conn), nil
}

// addrPortConn is what *net.UDPConn and the SDK's own connections offer beyond net.PacketConn: no allocation per packet.
type addrPortConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// socket is a net.PacketConn that speaks netip.
type socket struct {
	net.PacketConn
	fast  addrPortConn // nil if the connection cannot
	local netip.AddrPort
}

// readBuffer is asked of the system for each socket: a whole house may answer within a millisecond, and what the usual
// buffer of 200 KB cannot hold is lost.
const readBuffer = 1 << 20

func newSocket(conn net.PacketConn) *socket {
	if sized, ok := conn.(interface{ SetReadBuffer(bytes int) error }); ok {
		_ = sized.SetReadBuffer(readBuffer) // the system gives what it will
	}
	fast, _ := conn.(addrPortConn)
	return &socket{PacketConn: conn, fast: fast, local: addrPortOf(conn.LocalAddr())}
}

func (s *socket) read(b []byte) (int, netip.AddrPort, error) {
	if s.fast != nil {
		n, from, err := s.fast.ReadFromUDPAddrPort(b)
		return n, unmap(from), err
	}
	n, from, err := s.ReadFrom(b)
	return n, addrPortOf(from), err
}

func (s *socket) write(b []byte, to netip.AddrPort) error {
	var err error
	if s.fast != nil {
		_, err = s.fast.WriteToUDPAddrPort(b, to)
	} else {
		_, err = s.WriteTo(b, net.UDPAddrFromAddrPort(to))
	}
	if err != nil {
		return &Error{Op: "send", Addr: to.String(), Err: err}
	}
	return nil
}

// readLoop calls handle for each datagram until the socket is closed or fails for good; it returns the last error. Some
// systems report on the socket that an earlier packet was not delivered: such an error is not the end.
func (s *socket) readLoop(handle func(packet []byte, from netip.AddrPort, now time.Time), failed func(error)) error {
	const patience = 16 // errors in a row
	buffer := make([]byte, maxDatagram)
	for errorsInRow := 0; ; {
		n, from, err := s.read(buffer)
		if err == nil {
			errorsInRow = 0
			handle(buffer[:n], from, time.Now())
			continue
		}
		if errorsInRow++; errorsInRow >= patience || isClosed(err) {
			return &Error{Op: "read", Addr: s.local.String(), Err: err}
		}
		failed(err)
	}
}

func addrPortOf(addr net.Addr) netip.AddrPort {
	switch addr := addr.(type) {
	case *net.UDPAddr:
		return unmap(addr.AddrPort())
	case nil:
		return netip.AddrPort{}
	default:
		parsed, _ := netip.ParseAddrPort(addr.String())
		return unmap(parsed)
	}
}

func unmap(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
