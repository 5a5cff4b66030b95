package simnet

import (
	"errors"
	"net"
	"sync/atomic"
)

// conn says net.ErrClosed when it is closed, as the sockets of package net do; vnet has words of its own for it.
type conn struct {
	net.PacketConn
	closed atomic.Bool
}

// closedError makes net.ErrClosed the cause of an error that the closing brought.
func (c *conn) closedError(err error) error {
	var operation *net.OpError
	switch {
	case err == nil || !c.closed.Load():
		return err
	case errors.As(err, &operation):
		if operation.Timeout() {
			return err // a deadline that was over before
		}
		again := *operation
		again.Err = net.ErrClosed
		return &again
	}
	return &net.OpError{Op: "udp", Net: "udp", Source: c.LocalAddr(), Err: net.ErrClosed}
}

// ReadFrom implements net.PacketConn.
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	return n, from, c.closedError(err)
}

// WriteTo implements net.PacketConn.
func (c *conn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.closed.Load() { // vnet would send it all the same
		return 0, &net.OpError{Op: "write", Net: "udp", Source: c.LocalAddr(), Addr: to, Err: net.ErrClosed}
	}
	n, err := c.PacketConn.WriteTo(b, to)
	return n, c.closedError(err)
}

// Close implements net.PacketConn.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return &net.OpError{Op: "close", Net: "udp", Source: c.LocalAddr(), Err: net.ErrClosed}
	}
	return c.PacketConn.Close()
}
