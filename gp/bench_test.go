package gp

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

// buddyMessage is the message that the original SDK was measured with: \bm\1 of 87 bytes on the wire.
var buddyMessage = []byte(`\bm\1\f\1234567\date\1200000000\msg\Are you there? We are waiting in the lobby;)\final\`)

// window is how many messages are on their way before the program has taken them, so that none is dropped: fewer than the
// event queue holds.
const window = 500

// benchmarkBurst measures what the server sends again and again, without a taker for the events.
func benchmarkBurst(b *testing.B, burst []byte, messages int) {
	s := newSession(Config{})
	left := b.N
	text := string(burst)
	b.ReportAllocs()
	b.ResetTimer()
	begin(s, &stream{next: func() string {
		if left <= 0 {
			return ""
		}
		left -= messages
		return text
	}})
	<-s.Done()
	b.StopTimer()
	_ = s.Close()
	if s.State().Counters.Malformed != 0 {
		b.Fatalf("%+v", s.State())
	}
}

// BenchmarkStatus measures statuses of two forms that change each time.
func BenchmarkStatus(b *testing.B) {
	benchmarkBurst(b, bytes.Repeat([]byte(`\bm\100\f\1234567\msg\|s|1|ss|In the lobby|ls|gmtest://192.0.2.1:6500|ip|3221225985|p|6500\final\`+
		`\bm\100\f\1234567\msg\|s|2|ss|Friday night|ls|gmtest://192.0.2.2:6500|ip|3221225985|p|6500\final\`), 250), 500)
}

// BenchmarkStatusInfo is the same in the newer form.
func BenchmarkStatusInfo(b *testing.B) {
	const one = `\bsi\\state\2\profile\1234567\bip\0\bport\0\hostip\3221225985\hprivip\0\qport\6500\hport\6501\sessflags\2\rstatus\in game\gameType\ctf\gameVnt\\gameMn\facing\product\1\qmodeflags\0\final\`
	benchmarkBurst(b, bytes.Repeat([]byte(one+strings.Replace(one, "facing", "dm_bay", 1)), 250), 500)
}

// BenchmarkStatusAgain measures statuses that say the same again, as DWC sends them with every reply.
func BenchmarkStatusAgain(b *testing.B) {
	benchmarkBurst(b, bytes.Repeat([]byte(`\bm\100\f\1234567\msg\|s|1|ss|In the lobby|ls|gmtest://192.0.2.1:6500\final\`), 500), 500)
}

// BenchmarkKeepAlive measures keep-alives of the server.
func BenchmarkKeepAlive(b *testing.B) {
	benchmarkBurst(b, bytes.Repeat([]byte(`\ka\\final\`), 500), 500)
}

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
