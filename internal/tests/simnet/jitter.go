package simnet

import (
	"bytes"
	"net"
	"time"
)

// jitterConn holds each datagram back for a while of its own before it enters the network, so that datagrams overtake
// each other. The router of vnet has a jitter, too, but delays the whole queue with it, and sleeps with its lock held,
// which stops the clock of a synctest bubble.
type jitterConn struct {
	*conn
	network *Network
}

// wrap makes a socket of vnet one that behaves like a real one on this network.
func (n *Network) wrap(socket net.PacketConn) net.PacketConn {
	c := &conn{PacketConn: socket}
	if n.options.Jitter <= 0 {
		return c
	}
	return &jitterConn{c, n}
}

// WriteTo implements net.PacketConn. What the network says of the datagram later is not known to the sender.
func (c *jitterConn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.network.mu.Lock()
	delay := time.Duration(c.network.random.Int64N(int64(c.network.options.Jitter)))
	c.network.mu.Unlock()
	if c.closed.Load() {
		return c.conn.WriteTo(b, to)
	}
	held := bytes.Clone(b)
	time.AfterFunc(delay, func() { _, _ = c.PacketConn.WriteTo(held, to) })
	return len(b), nil
}
