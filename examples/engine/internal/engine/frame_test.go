package engine

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// game is an engine in these tests: it has handles, may have a socket of its own, and looks at all of it once a frame.
type game struct {
	t       *testing.T
	library *Library
	conn    *net.UDPConn // nil: none
	fed     []Datagrams  // who gets what arrives there
	handles []Handle
	seen    []Event
	strange [][]byte // what arrived and was nobody's
}

func newGame(t *testing.T) *game {
	g := &game{t: t, library: New(Platform{})}
	t.Cleanup(func() {
		if err := g.library.Shutdown(20 * time.Second); err != nil {
			t.Error(err)
		}
		if live := g.library.Live(); live != (Live{}) {
			t.Errorf("left behind: %+v", live)
		}
	})
	return g
}

// listen gives the game a socket, and returns its address.
func (g *game) listen() string {
	g.t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	g.conn = conn
	return conn.LocalAddr().String()
}

// add takes a handle that was opened.
func (g *game) add(h Handle, err error) Handle {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
	g.handles = append(g.handles, h)
	return h
}

// addFed takes a handle that is fed from the game's socket.
func addFed[T Datagrams](g *game, h Handle, err error) T {
	g.t.Helper()
	found := get[T](g, g.add(h, err))
	g.fed = append(g.fed, found)
	return found
}

func get[T subsystem](g *game, h Handle) T {
	g.t.Helper()
	found, err := Find[T](g.library, h)
	if err != nil {
		g.t.Fatal(err)
	}
	return found
}

// frame waits a moment for datagrams, and takes the events.
func (g *game) frame() {
	g.t.Helper()
	moment := time.Now().Add(2 * time.Millisecond)
	if g.conn == nil {
		<-time.After(time.Until(moment))
	} else {
		b := make([]byte, 2048)
		_ = g.conn.SetReadDeadline(moment)
		for {
			n, from, err := g.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				break
			}
			g.feed(b[:n], from)
		}
	}
	for _, h := range g.handles {
		o, events, err := g.library.Take(h, 100)
		if err != nil || len(events) == 0 {
			continue
		}
		for _, event := range slices.Clone(events) {
			if event.Type == EventSend {
				g.send(event)
				continue
			}
			g.seen = append(g.seen, event)
		}
		o.Release()
	}
}

func (g *game) feed(b []byte, from netip.AddrPort) {
	for _, s := range g.fed {
		if ours, err := s.Feed(b, from.String()); err != nil {
			g.t.Error(err)
		} else if ours {
			return
		}
	}
	g.strange = append(g.strange, slices.Clone(b))
}

func (g *game) send(event Event) {
	to, err := netip.ParseAddrPort(event.Address)
	if err != nil {
		g.t.Error(err)
		return
	}
	if _, err := g.conn.WriteToUDPAddrPort(event.Data, to); err != nil {
		g.t.Error(err)
	}
}

// until plays frames until something is so.
func (g *game) until(what string, so func() bool) {
	g.t.Helper()
	limit := time.Now().Add(30 * time.Second) // a hanging test says what it waits for
	for !so() {
		if time.Now().After(limit) {
			g.t.Fatalf("%s never happened; %d events, the latest: %+v", what, len(g.seen), g.seen[max(0, len(g.seen)-10):])
		}
		g.frame()
	}
}

// wait plays frames until an event is there that is of this type and fits, and takes it out.
func (g *game) wait(kind EventType, fits func(Event) bool) (found Event) {
	g.t.Helper()
	g.until("event "+number(int64(kind)), func() bool {
		for i, event := range g.seen {
			if event.Type == kind && (fits == nil || fits(event)) {
				found = event
				g.seen = slices.Delete(g.seen, i, i+1)
				return true
			}
		}
		return false
	})
	return found
}

// answer waits for what answers a request.
func (g *game) answer(id Request, err error) (answer Event) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
	g.until("the answer", func() bool {
		for i, event := range g.seen {
			if event.Request == id && event.final {
				answer = event
				g.seen = slices.Delete(g.seen, i, i+1)
				return true
			}
		}
		return false
	})
	return answer
}

// done is answer for requests that must succeed.
func (g *game) done(id Request, err error) Event {
	g.t.Helper()
	event := g.answer(id, err)
	if event.Type == EventFailed || event.Code != OK {
		g.t.Fatalf("request failed: %+v", event)
	}
	return event
}

// beside runs something that waits, while the game goes on.
func beside[T any](g *game, f func(ctx context.Context) (T, error)) T {
	g.t.Helper()
	var over atomic.Bool
	var result T
	var err error
	go func() {
		defer over.Store(true)
		result, err = f(g.t.Context())
	}()
	g.until("the other side", over.Load)
	if err != nil {
		g.t.Fatal(err)
	}
	return result
}

// status makes a condition of an event's status.
func status(s int32) func(Event) bool { return func(event Event) bool { return event.Status == s } }

func codeFrom(err error) Code {
	if err == nil {
		return OK
	}
	return describe(err, nil).Code
}
