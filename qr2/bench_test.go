package qr2

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/udpmux"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// memoryConn takes what is written to it; it is there so that a test measures the host and not the system.
type memoryConn struct {
	in     chan []byte
	out    chan int // bytes written
	closed chan struct{}
}

func newMemoryConn() *memoryConn {
	return &memoryConn{in: make(chan []byte), out: make(chan int, 16), closed: make(chan struct{})}
}

func (m *memoryConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case packet := <-m.in:
		return copy(b, packet), clientAddr, nil
	case <-m.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (m *memoryConn) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	m.out <- len(b)
	return len(b), nil
}

func (m *memoryConn) ReadFrom([]byte) (int, net.Addr, error)    { return 0, nil, net.ErrClosed }
func (m *memoryConn) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (m *memoryConn) LocalAddr() net.Addr {
	return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 6500}
}
func (m *memoryConn) SetDeadline(time.Time) error      { return nil }
func (m *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (m *memoryConn) Close() error                     { close(m.closed); return nil }

// SetReadDeadline ends the reader, as the host does when it lets go.
func (m *memoryConn) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		return m.Close()
	}
	return nil
}

// figures is the snapshot of the figures: 20 server keys, 16 players with 4 keys, 2 teams with 2.
func figures() (s Snapshot) {
	for id := range 20 {
		s.Server = append(s.Server, Field{qr2wire.KeyName(qr2wire.KeyID(id + 1)), fmt.Sprintf("value %d", id)})
	}
	for i := range 16 {
		s.Players = append(s.Players, Fields{{"player_", fmt.Sprintf("Player%02d", i)}, {"score_", fmt.Sprint(i)}, {"ping_", fmt.Sprint(20 + i)}, {"team_", fmt.Sprint(i % 2)}})
	}
	s.Teams = []Fields{{{"team_t", "Red"}, {"score_t", "10"}}, {{"team_t", "Blue"}, {"score_t", "15"}}}
	return s
}

// queries are the kinds of question.
func queries(t testing.TB) map[string][]byte {
	basic := qr2wire.BasicQuery(qr2wire.Key{1, 2, 3, 4}, 1, 8, 10, 5, 6, 11, 19, 3)
	all := qr2wire.FullQuery(qr2wire.Key{1, 2, 3, 4})
	all.Split = false
	made := make(map[string][]byte)
	for name, q := range map[string]qr2wire.Query{"basic": basic, "full": all, "split": qr2wire.FullQuery(qr2wire.Key{1, 2, 3, 4})} {
		b, err := q.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		made[name] = b
	}
	dear := qr2wire.Query{Server: qr2wire.Selection{IDs: make([]byte, 254)}}
	for i := range dear.Server.IDs {
		dear.Server.IDs[i] = byte(i)
	}
	dear.Players, dear.Teams = dear.Server, dear.Server
	b, err := dear.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	made["dearest"] = b
	made["pre-query"] = qr2wire.AppendPrequery(nil, qr2wire.Key{1, 2, 3, 4})
	made["echo"] = qr2wire.AppendEcho(nil, qr2wire.Key{1, 2, 3, 4}, []byte("hello"))
	return made
}

// An unchanged snapshot is answered without allocation, whatever is asked.
func TestAnswersDoNotAllocate(t *testing.T) {
	conn := newMemoryConn()
	host, err := NewHost(conn, Config{Game: "gmtest", NotPublic: true, AnswerRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.Update(figures()); err != nil {
		t.Fatal(err)
	}
	for name, query := range queries(t) {
		ask := func() {
			conn.in <- query
			<-conn.out
		}
		ask()
		if allocs := testing.AllocsPerRun(200, ask); allocs != 0 {
			t.Errorf("%s: %v allocations an answer", name, allocs)
		}
	}
}

// Nor does a socket of the system's, alone or with a game that reads it.
func TestAnswersOverUDPDoNotAllocate(t *testing.T) {
	for _, withGame := range []bool{false, true} {
		conn, client := listenUDP(t), listenUDP(t)
		host, err := NewHost(conn, Config{Game: "gmtest", NotPublic: true, AnswerRate: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer host.Close()
		if err := host.Update(figures()); err != nil {
			t.Fatal(err)
		}
		if withGame {
			game := host.GameConn()
			done := make(chan struct{})
			go func() {
				defer close(done)
				buf := make([]byte, 2048)
				for {
					if _, _, err := game.ReadFromUDPAddrPort(buf); err != nil {
						return
					}
				}
			}()
			defer func() { _ = game.Close(); <-done }()
		}
		buf, to := make([]byte, 2048), conn.LocalAddr().(*net.UDPAddr).AddrPort()
		for name, query := range queries(t) {
			ask := func() {
				if _, err := client.WriteToUDPAddrPort(query, to); err != nil {
					t.Fatal(err)
				}
				if _, _, err := client.ReadFromUDPAddrPort(buf); err != nil {
					t.Fatal(err)
				}
			}
			ask()
			if allocs := testing.AllocsPerRun(200, ask); allocs != 0 {
				t.Errorf("%s, game %t: %v allocations an answer", name, withGame, allocs)
			}
		}
	}
}

// A stranger who asks for keys in ever new combinations takes no memory, and the answers to others allocate as little as
// before. BenchmarkAnswer tells what the dearest question costs.
func TestOddQuestionsCostLittle(t *testing.T) {
	registry, err := qr2wire.NewRegistry(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := core{config: Config{Game: "gmtest"}, registry: registry}
	s := figures()
	for i := range 230 {
		s.Players = append(s.Players, Fields{{"player_", fmt.Sprint(i)}, {"score_", "1"}})
	}
	e, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	c.update(e)
	var out batch
	var packet []byte
	ask := func(q qr2wire.Query) {
		if packet, err = q.Append(packet[:0]); err != nil {
			t.Fatal(err)
		}
		c.handle(packet, clientAddr, epoch, &out)
		if len(out.packets) != 1 || len(out.arena) > qr2wire.MaxSize {
			t.Fatalf("%d packets, %d bytes", len(out.packets), len(out.arena))
		}
		out.reset()
	}
	dear := qr2wire.Query{Server: qr2wire.Selection{IDs: make([]byte, 254)}}
	for i := range dear.Server.IDs {
		dear.Server.IDs[i] = byte(i)
	}
	dear.Players, dear.Teams = dear.Server, dear.Server
	ask(dear)
	ids := []byte{1, 0, 0, 0}
	odd := func() {
		ids[1]++
		ids[2] += 3
		ids[3] += 7
		ask(qr2wire.Query{Server: qr2wire.Selection{IDs: ids}, Players: qr2wire.Selection{IDs: ids[1:]}})
	}
	if allocs := testing.AllocsPerRun(1000, odd); allocs != 0 {
		t.Errorf("%v allocations for an odd question", allocs)
	}
	basic := qr2wire.BasicQuery(qr2wire.Key{}, 1, 8, 10, 5)
	if allocs := testing.AllocsPerRun(100, func() { ask(basic) }); allocs != 0 {
		t.Errorf("%v allocations for an honest question behind the flood", allocs)
	}
}

// What arrives is answered, without a connection.
func BenchmarkAnswer(b *testing.B) {
	for name, query := range queries(b) {
		b.Run(name, func(b *testing.B) {
			c := core{config: Config{Game: "gmtest"}, registry: new(qr2wire.Registry)}
			e, err := encode(figures())
			if err != nil {
				b.Fatal(err)
			}
			c.update(e)
			var out batch
			now := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				c.handle(query, clientAddr, now, &out)
				if len(out.packets) == 0 {
					b.Fatal("no answer")
				}
				out.reset()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
		})
	}
}

// The same over UDP on loopback, there and back.
func BenchmarkAnswerUDP(b *testing.B) {
	for _, name := range []string{"basic", "full"} {
		b.Run(name, func(b *testing.B) {
			conn, client := listenUDP(b), listenUDP(b)
			host, err := NewHost(conn, Config{Game: "gmtest", NotPublic: true, AnswerRate: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer host.Close()
			if err := host.Update(figures()); err != nil {
				b.Fatal(err)
			}
			query, buf := queries(b)[name], make([]byte, 2048)
			to := conn.LocalAddr().(*net.UDPAddr).AddrPort()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.WriteToUDPAddrPort(query, to); err != nil {
					b.Fatal(err)
				}
				if _, _, err := client.ReadFromUDPAddrPort(buf); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
		})
	}
}

// Over UDP with 64 questions outstanding, from a client that sends and reads them together: what a flood costs both sides.
func BenchmarkAnswerFlood(b *testing.B) {
	for _, name := range []string{"basic", "full", "split"} {
		b.Run(name, func(b *testing.B) {
			conn, client := listenUDP(b), listenUDP(b)
			host, err := NewHost(conn, Config{Game: "gmtest", NotPublic: true, AnswerRate: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer host.Close()
			if err := host.Update(figures()); err != nil {
				b.Fatal(err)
			}
			mux, release := udpmux.Attach(client)
			defer release()
			ask, space := make([]Packet, 64), make([]Packet, 64)
			for i := range ask {
				ask[i] = Packet{Data: queries(b)[name], Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
				space[i].Data = make([]byte, 2048)
			}
			game := mux.Conn()
			if _, err := game.WriteBatch(ask); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			answers := 0
			for b.Loop() {
				n, err := game.ReadBatch(space)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := game.WriteBatch(ask[:n]); err != nil {
					b.Fatal(err)
				}
				answers += n
			}
			b.ReportMetric(float64(answers)/b.Elapsed().Seconds(), "answers/s")
		})
	}
}

func listenUDP(b testing.TB) *net.UDPConn {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

func BenchmarkUpdate(b *testing.B) {
	s := figures()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encode(s); err != nil {
			b.Fatal(err)
		}
	}
}
