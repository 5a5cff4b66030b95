package gp

import (
	"bytes"
	"net"
	"testing"
)

// buddyMessage is the message that the original SDK was measured with: \bm\1 of 87 bytes on the wire.
var buddyMessage = []byte(`\bm\1\f\1234567\date\1200000000\msg\Are you there? We are waiting in the lobby;)\final\`)

// window is how many messages are on their way before the program has taken them, so that none is dropped: fewer than the
// event queue holds.
const window = 500

// take gives messages out in batches, as a program that looks once a frame does, and asks for the next when it has them all.
func take(b *testing.B, s *Session, ask func(n int)) {
	for left := b.N; left > 0; {
		batch := min(left, window)
		ask(batch)
		left -= batch
		for batch > 0 {
			for event := range s.Events(b.Context()) {
				if _, ok := event.(*Message); ok {
					batch--
				}
				if batch == 0 {
					break
				}
			}
		}
	}
	b.StopTimer()
	if lost := s.State().Counters.EventsLost; lost != 0 {
		b.Fatalf("%d lost", lost)
	}
}

// BenchmarkDelivery measures messages from the connection to the program: read, split, decoded, queued, taken. The connection
// is in memory, so it is the session alone.
func BenchmarkDelivery(b *testing.B) {
	b.SetBytes(int64(len(buddyMessage)))
	b.ReportAllocs()
	s := newSession(Config{})
	ready := make(chan int, 1)
	text := string(bytes.Repeat(buddyMessage, window))
	begin(s, &stream{next: func() string { return text[:<-ready*len(buddyMessage)] }})
	b.ResetTimer()
	take(b, s, func(n int) { ready <- n })
	ready <- 0 // the end of the connection
	_ = s.Close()
}

// BenchmarkDeliveryTCP is the same over loopback, with the server on the other core: what the original was measured with.
func BenchmarkDeliveryTCP(b *testing.B) {
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	s := newSession(Config{})
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	b.SetBytes(int64(len(buddyMessage)))
	b.ReportAllocs()
	batch := bytes.Repeat(buddyMessage, window)
	begin(s, conn)
	b.ResetTimer()
	take(b, s, func(n int) {
		if _, err := server.Write(batch[:n*len(buddyMessage)]); err != nil {
			b.Error(err)
		}
	})
	_ = s.Close()
}
