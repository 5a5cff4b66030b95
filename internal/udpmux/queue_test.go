package udpmux

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// memory is a connection that is read from memory, so that a benchmark measures the Mux and not the system.
type memory struct {
	payload []byte
	from    netip.AddrPort
	tokens  chan struct{}
	closed  chan struct{}
}

func newMemory() *memory {
	return &memory{
		payload: make([]byte, 200), from: netip.MustParseAddrPort("192.0.2.1:1"),
		tokens: make(chan struct{}, queueLength/2), closed: make(chan struct{}),
	}
}

func (m *memory) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case <-m.tokens:
		return copy(b, m.payload), m.from, nil
	case <-m.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (m *memory) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return len(b), nil }
func (m *memory) ReadFrom([]byte) (int, net.Addr, error)                     { return 0, nil, net.ErrClosed }
func (m *memory) WriteTo(b []byte, _ net.Addr) (int, error)                  { return len(b), nil }
func (m *memory) LocalAddr() net.Addr                                        { return &net.UDPAddr{} }
func (m *memory) SetDeadline(time.Time) error                                { return nil }
func (m *memory) SetReadDeadline(time.Time) error                            { return nil }
func (m *memory) SetWriteDeadline(time.Time) error                           { return nil }
func (m *memory) Close() error                                               { close(m.closed); return nil }

// A place in the queue must not keep the memory of a large datagram.
func TestQueueLetsGoOfLargeBuffers(t *testing.T) {
	m := &Mux{raw: newMemory()}
	c := newConn(m)
	buf := make([]byte, 10)
	for range queueLength {
		if !c.push(make([]byte, 60000), netip.AddrPort{}) {
			t.Fatal("there was room")
		}
		if _, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
			t.Fatal(err)
		}
	}
	for i := range c.ring {
		if cap(c.ring[i].b) > keepBuffer {
			t.Fatalf("place %d keeps %d bytes", i, cap(c.ring[i].b))
		}
	}
}

// The queue is full by number or by size, whichever comes first, and empties as it is read.
func TestQueueIsBounded(t *testing.T) {
	m := &Mux{raw: newMemory()}
	buf := make([]byte, 10)
	for size, want := range map[int]int{0: queueLength, 1400: queueLength, 60000: queueBytes / 60000} {
		c := newConn(m)
		for range 2 {
			count := 0
			for c.push(make([]byte, size), netip.AddrPort{}) {
				count++
			}
			if count != want {
				t.Fatalf("%d datagrams of %d bytes, want %d", count, size, want)
			}
			for range count {
				if _, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Games set a deadline before each read.
func TestDeadlinesDoNotAllocate(t *testing.T) {
	c := newConn(&Mux{raw: newMemory()})
	defer c.stopTimerLocked()
	allocs := testing.AllocsPerRun(100, func() {
		if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// What a game packet of 200 bytes costs on its way through the Mux: three protocols look at it, then it is queued, copied
// and read on another goroutine.
func BenchmarkGamePacketInMemory(b *testing.B) {
	conn := newMemory()
	mux, release := Attach(conn)
	for range 3 {
		mux.Handle(func(b []byte, _ netip.AddrPort) bool { return len(b) > 2 && b[0] == 0xFE && b[1] == 0xFD })
	}
	game := mux.Conn()
	buf := make([]byte, 2048)
	b.ReportAllocs()
	for b.Loop() {
		conn.tokens <- struct{}{}
		if _, _, err := game.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
	}
	release()
	_ = game.Close()
}

// A release finds nobody reading, and the goroutine of the Mux wants to read just then, before it can know: it must not sit in
// a read that nobody interrupts.
func TestNobodyBeginsToReadWhatIsGivenBack(t *testing.T) {
	m := newMux(newMemory(), maxDatagram)
	m.running = true
	m.detaching.Store(true)
	if m.conn.awaitLead() {
		t.Fatal("it reads")
	}
	if !errors.Is(m.Err(), net.ErrClosed) {
		t.Fatalf("the reader has ended with %v", m.Err())
	}
}
