package engine

import (
	"context"
	"net"
	"net/netip"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// The events of sockets: 200 and 201, for every subsystem that has one.
const (
	EventSend   EventType = 200
	EventPacket EventType = 201
)

// maxDatagram is the largest payload of UDP.
const maxDatagram = 65507

// SocketConfig says where the datagrams of a subsystem come from and go to.
type SocketConfig struct {
	// Bind is the address of the socket, "ip:port". Of a socket of its own, empty means any free port of 0.0.0.0. The engine's
	// has an address already, which must be told, with its port.
	Bind string
	// Engine means that the engine has the socket: it feeds what arrives, and sends what the events say. False: one of its own.
	Engine bool
}

// address is the address to bind to, or the one of the engine's socket.
func (c SocketConfig) address() (netip.AddrPort, error) {
	if c.Bind == "" && !c.Engine {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), 0), nil
	}
	addr, err := netip.ParseAddrPort(c.Bind)
	if err != nil {
		return addr, errorf(ErrInvalid, "relight: bind %q is not of the form ip:port", c.Bind)
	}
	if c.Engine && addr.Port() == 0 {
		return addr, errorf(ErrInvalid, "relight: bind %q: the engine's socket has a port, which is needed", c.Bind)
	}
	return addr, nil
}

// socket is where datagrams come and go: a part of the subsystems that have one.
type socket struct {
	owner *Object
	view  *udpmux.Conn                                    // the game's view: what no protocol takes comes from there
	feed  func(b []byte, from netip.AddrPort) (ours bool) // nil: the socket is its own

	release func() // nil if the view is all that holds it
}

// share makes a socket for protocols that attach themselves to its view.
func (c SocketConfig) share(o *Object) (*socket, error) {
	addr, err := c.address()
	if err != nil {
		return nil, err
	}
	if c.Engine {
		mux, release := udpmux.NewFed(addr, o.out)
		return &socket{owner: o, view: mux.Conn(), feed: mux.Feed, release: release}, nil
	}
	network := "udp"
	if addr.Addr().Is4() {
		network = "udp4" // else it would be a socket of IPv6, which speaks IPv4 too, but not everywhere
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, errorf(ErrNetwork, "relight: %v", err)
	}
	mux, release := udpmux.Attach(conn)
	return &socket{owner: o, view: mux.Conn(), release: release}, nil
}

func (s *socket) close() {
	_ = s.view.Close() // nothing is to be done about it
	if s.release != nil {
		s.release()
	}
}

// Datagrams is what handles with a socket can do.
type Datagrams interface {
	subsystem
	Feed(b []byte, from string) (ours bool, err error)
	Send(b []byte, to string) error
	Address() string
}

// Feed offers a datagram that the engine has received, and reports whether it was taken.
func (s *socket) Feed(b []byte, from string) (ours bool, err error) {
	addr, err := netip.ParseAddrPort(from)
	switch {
	case err != nil:
		return false, errorf(ErrInvalid, "relight: sender %q is not of the form ip:port", from)
	case s.feed == nil:
		return false, errorf(ErrState, "relight: handle %d reads a socket of its own", s.owner.handle)
	}
	return s.feed(b, addr), nil
}

// Send sends a datagram of the game's from the socket.
func (s *socket) Send(b []byte, to string) error {
	addr, err := netip.ParseAddrPort(to)
	switch {
	case err != nil || addr.Port() == 0:
		return errorf(ErrInvalid, "relight: receiver %q is not of the form ip:port", to)
	case len(b) > maxDatagram:
		return errorf(ErrInvalid, "relight: a datagram of %d bytes", len(b))
	case s.feed != nil:
		return errorf(ErrState, "relight: the socket of handle %d is the engine's, which sends its packets itself", s.owner.handle)
	}
	if _, err := s.view.WriteToUDPAddrPort(b, addr); err != nil {
		return errorf(ErrNetwork, "relight: %v", err)
	}
	return nil
}

// Address is the socket's address.
func (s *socket) Address() string { return s.view.LocalAddr().String() }

// out tells the engine to send a datagram from its socket. What finds no room is lost, as datagrams are.
func (o *Object) out(b []byte, to netip.AddrPort) error {
	o.emit(Event{Type: EventSend, Address: to.String(), Data: append([]byte(nil), b...), bulk: true})
	return nil
}

// serve hands the game what arrives for it, until the socket is closed. It waits while the engine does not poll: what
// comes meanwhile is lost in the socket, not in the queue, where more important things wait.
func (s *socket) serve(ctx context.Context) {
	if s.feed != nil {
		return
	}
	b := make([]byte, maxDatagram)
	for {
		n, from, err := s.view.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		packet := Event{Type: EventPacket, Address: from.String(), Data: append([]byte(nil), b[:n]...), bulk: true}
		if !s.owner.put(ctx, packet) {
			return
		}
	}
}
