package gp

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// endless is a connection that delivers the same bytes over and over.
type endless struct {
	stream []byte
	rest   []byte
	left   int // bytes
}

func (c *endless) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	if len(c.rest) == 0 {
		c.rest = c.stream
	}
	n := copy(b, c.rest[:min(len(c.rest), c.left)])
	c.rest = c.rest[n:]
	c.left -= n
	return n, nil
}

func (c *endless) Write(b []byte) (int, error)      { return len(b), nil }
func (c *endless) Close() error                     { return nil }
func (c *endless) LocalAddr() net.Addr              { return nil }
func (c *endless) RemoteAddr() net.Addr             { return nil }
func (c *endless) SetDeadline(time.Time) error      { return nil }
func (c *endless) SetReadDeadline(time.Time) error  { return nil }
func (c *endless) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkDelivery measures messages from the connection to the program: read, split, decoded, queued, taken. The message
// is the one that the original SDK was measured with: \bm\1 of 87 bytes.
func BenchmarkDelivery(b *testing.B) {
	message := []byte(`\bm\1\f\1234567\date\1200000000\msg\Are you there? We are waiting in the lobby;)\final\`)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	s := newSession(Config{EventQueue: b.N + 16})
	s.state.Step = StepConnected
	s.conn = &endless{stream: bytes.Repeat(message, 50), left: len(message) * b.N}
	b.ResetTimer()
	s.start()
	count := 0
	for event := range s.Events(context.Background()) {
		switch e := event.(type) {
		case *Message:
			count++
		case *EventsLost:
			b.Fatalf("%d lost", e.Count)
		}
	}
	b.StopTimer()
	if count < b.N {
		b.Fatalf("%d of %d", count, b.N)
	}
	_ = s.Close()
}
