package steamdiscoverytest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// queueLength is how many datagrams wait at a socket; more are lost, as on a real one.
const queueLength = 1024

// firstPort is the first that is given to sockets that do not ask for one.
const firstPort = 49152

// LAN is a network in memory on which datagrams are delivered at once, in order and without loss, unless Drop says
// otherwise. Addresses that end in .255 are broadcast addresses. It is safe for concurrent use.
type LAN struct {
	mu      sync.Mutex
	sockets []*conn
	drop    func(from, to netip.AddrPort, packet []byte) bool
	port    uint16
}

// NewLAN makes an empty network. It needs no closing.
func NewLAN() *LAN { return new(LAN) }

// Drop sets a function that decides about every datagram: true loses it. Nil loses none. It must not use the network.
func (l *LAN) Drop(drop func(from, to netip.AddrPort, packet []byte) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop = drop
}

// Host is a machine on the network, named by its IPv4 address. As in net/netip, what is no address panics.
func (l *LAN) Host(ip string) *Host { return &Host{lan: l, ip: netip.MustParseAddr(ip)} }

// Host is a machine on a [LAN].
type Host struct {
	lan *LAN
	ip  netip.Addr
}

// ListenPacket opens a socket in the way that the Config structs of the SDK want it. Port 0 is any free port; a host of
// 0.0.0.0 is this machine. Several sockets may have one port: a broadcast reaches all of them, anything else the last.
func (h *Host) ListenPacket(_ context.Context, network, address string) (net.PacketConn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := net.LookupPort("udp", port)
	if err != nil {
		return nil, err
	}
	h.lan.mu.Lock()
	defer h.lan.mu.Unlock()
	if number == 0 {
		h.lan.port = max(h.lan.port+1, firstPort) // the last one is followed by the first
		number = int(h.lan.port)
	}
	c := &conn{
		lan: h.lan, local: netip.AddrPortFrom(h.ip, uint16(number)),
		queue: make(chan datagram, queueLength), closed: make(chan struct{}),
	}
	h.lan.sockets = append(h.lan.sockets, c)
	return c, nil
}

// Send injects a datagram, with whatever source address; to must be an IPv4 address.
func (l *LAN) Send(packet []byte, from, to netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drop != nil && l.drop(from, to, packet) {
		return
	}
	broadcast := to.Addr().As4()[3] == 255
	for i := len(l.sockets) - 1; i >= 0; i-- {
		c := l.sockets[i]
		if c.local.Port() != to.Port() || !broadcast && c.local.Addr() != to.Addr() {
			continue
		}
		select {
		case c.queue <- datagram{append([]byte(nil), packet...), from}:
		default:
		}
		if !broadcast {
			return
		}
	}
}

type datagram struct {
	packet []byte
	from   netip.AddrPort
}

// conn is a socket on a LAN.
type conn struct {
	lan    *LAN
	local  netip.AddrPort
	queue  chan datagram
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	deadline time.Time
}

func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.mu.Lock()
	deadline := c.deadline
	c.mu.Unlock()
	var expired <-chan time.Time
	if !deadline.IsZero() {
		expired = time.After(time.Until(deadline))
	}
	select {
	case <-c.closed:
		return 0, nil, c.failure("read", net.ErrClosed)
	default:
	}
	select {
	case <-c.closed:
		return 0, nil, c.failure("read", net.ErrClosed)
	case <-expired:
		return 0, nil, c.failure("read", os.ErrDeadlineExceeded)
	case d := <-c.queue:
		return copy(b, d.packet), net.UDPAddrFromAddrPort(d.from), nil
	}
}

func (c *conn) WriteTo(b []byte, to net.Addr) (int, error) {
	select {
	case <-c.closed:
		return 0, c.failure("write", net.ErrClosed)
	default:
	}
	address, ok := to.(*net.UDPAddr)
	if !ok || !address.AddrPort().Addr().Unmap().Is4() {
		return 0, c.failure("write", errors.New("not an IPv4 address of UDP"))
	}
	target := address.AddrPort()
	c.lan.Send(b, c.local, netip.AddrPortFrom(target.Addr().Unmap(), target.Port()))
	return len(b), nil
}

func (c *conn) Close() error {
	err := c.failure("close", net.ErrClosed)
	c.once.Do(func() {
		err = nil
		close(c.closed)
		c.lan.mu.Lock()
		defer c.lan.mu.Unlock()
		for i, other := range c.lan.sockets {
			if other == c {
				c.lan.sockets = append(c.lan.sockets[:i:i], c.lan.sockets[i+1:]...)
				break
			}
		}
	})
	return err
}

func (c *conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetDeadline concerns reads that begin later; writes never wait.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

func (c *conn) SetWriteDeadline(time.Time) error { return nil }

func (c *conn) failure(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Addr: c.LocalAddr(), Err: err}
}
