package udpmux

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// NewFed makes a Mux without a connection, for a game that reads its socket itself: what it reads comes in through [Mux.Feed],
// and what is to be sent goes out through send, which any goroutine may call. Protocols attach themselves to its view as to
// any other. It ends when everybody has released it, release included.
func NewFed(local netip.AddrPort, send func(b []byte, to netip.AddrPort) error) (m *Mux, release func()) {
	m = newMux(&fedConn{local: net.UDPAddrFromAddrPort(local), send: send, closed: make(chan struct{})}, maxDatagram)
	m.fed, m.refs = true, 1
	return m, sync.OnceFunc(m.release)
}

// Feed offers a datagram to the protocols and reports whether one took it. It may be called from several goroutines at the
// same time, so it is for handlers that allow that; it does not serve those of [Mux.HandleBatches].
func (m *Mux) Feed(b []byte, from netip.AddrPort) bool {
	for _, e := range *m.handlers.Load() {
		if e.flush == nil && e.handle(b, from) {
			m.stats.taken.Add(1)
			return true
		}
	}
	return false
}

// fedConn stands where others have a connection.
type fedConn struct {
	local  net.Addr
	send   func(b []byte, to netip.AddrPort) error
	once   sync.Once
	closed chan struct{}
}

func (c *fedConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if err := c.send(b, to); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *fedConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.WriteToUDPAddrPort(b, addrPort(to))
}

// ReadFromUDPAddrPort brings nothing: the owner reads.
func (c *fedConn) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	<-c.closed
	return 0, netip.AddrPort{}, net.ErrClosed
}

func (c *fedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	_, _, err := c.ReadFromUDPAddrPort(b)
	return 0, nil, err
}

func (c *fedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *fedConn) LocalAddr() net.Addr              { return c.local }
func (c *fedConn) SetDeadline(time.Time) error      { return nil }
func (c *fedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *fedConn) SetWriteDeadline(time.Time) error { return nil }
