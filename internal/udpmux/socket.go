package udpmux

import (
	"errors"
	"net"
	"syscall"
)

// SyscallConn gives the socket for its options, as [net.UDPConn.SyscallConn] does. Reading through it takes datagrams away
// from the protocols.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if raw, ok := c.mux.raw.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, c.opError("get", errors.ErrUnsupported)
}

// SetReadBuffer sets the size of the system's receive buffer, as [net.UDPConn.SetReadBuffer] does.
func (c *Conn) SetReadBuffer(bytes int) error {
	if raw, ok := c.mux.raw.(interface{ SetReadBuffer(int) error }); ok {
		return raw.SetReadBuffer(bytes)
	}
	return c.opError("set", errors.ErrUnsupported)
}

// SetWriteBuffer sets the size of the system's send buffer, as [net.UDPConn.SetWriteBuffer] does.
func (c *Conn) SetWriteBuffer(bytes int) error {
	if raw, ok := c.mux.raw.(interface{ SetWriteBuffer(int) error }); ok {
		return raw.SetWriteBuffer(bytes)
	}
	return c.opError("set", errors.ErrUnsupported)
}

var (
	_ net.PacketConn = (*Conn)(nil)
	_ syscall.Conn   = (*Conn)(nil)
)
