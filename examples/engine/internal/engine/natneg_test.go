package engine

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

func newMatchup(t *testing.T, config natnegtest.Config) *natnegtest.Server {
	t.Helper()
	server, err := natnegtest.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func TestNegotiate(t *testing.T) {
	for name, engines := range map[string][2]bool{"own sockets": {}, "one engine's": {true, false}} {
		t.Run(name, func(t *testing.T) {
			g := newGame(t)
			matchup := newMatchup(t, natnegtest.Config{})
			var sides [2]*NatNeg
			for i, engine := range engines {
				config := NatNegConfig{Game: "gmtest", Servers: [3]string(matchup.Addrs()), Bind: "127.0.0.1:0"}
				if engine {
					config.Bind, config.Flags = g.listen(), NatNegEngineSocket
					h, err := g.library.NewNatNeg(config)
					sides[i] = addFed[*NatNeg](g, h, err)
				} else {
					sides[i] = get[*NatNeg](g, g.add(g.library.NewNatNeg(config)))
				}
			}
			guest, err := sides[0].Negotiate(7, int(natneg.Guest), "")
			if err != nil {
				t.Fatal(err)
			}
			g.wait(EventNatNegStep, status(int32(natneg.StepInit)))
			// The same cookie again would take the packets of the first.
			if again := g.answer(sides[0].Negotiate(7, int(natneg.Guest), "")); again.Code != ErrCookieInUse {
				t.Errorf("again: %+v", again)
			}
			host := g.done(sides[1].Negotiate(7, int(natneg.Host), ""))
			if host.Type != EventNatNegConnected || host.ID != 7 || host.Address != sides[0].Address() || host.Total == 0 {
				t.Errorf("host: %+v", host)
			}
			if connected := g.done(guest, nil); connected.Address != sides[1].Address() || connected.Name == "" {
				t.Errorf("guest: %+v", connected)
			}
			if step := g.wait(EventNatNegStep, status(int32(natneg.StepPing))); step.Request == 0 || step.ID != 7 || step.Name == "" {
				t.Errorf("step: %+v", step)
			}
			// What is sent on the path is the game's.
			packet := []byte("hello")
			if err := sides[1].Send(packet, host.Address); err != nil {
				t.Fatal(err)
			}
			if engines[0] {
				g.until("the packet", func() bool { return len(g.strange) > 0 })
				if string(g.strange[0]) != "hello" {
					t.Errorf("got %q", g.strange[0])
				}
			} else if got := g.wait(EventPacket, nil); string(got.Data) != "hello" || got.Address != sides[1].Address() {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// A game server's players may also join others: both on one socket.
func TestNegotiateOnTheSocketOfAHost(t *testing.T) {
	eachSocket(t, func(t *testing.T, g *game, open func(HostConfig) *Host) {
		matchup := newMatchup(t, natnegtest.Config{})
		h := open(HostConfig{Game: "gmtest", Flags: HostNotPublic})
		config := NatNegConfig{Game: "gmtest", Servers: [3]string(matchup.Addrs())}
		config.SocketOf = h.Handle()
		guest := get[*NatNeg](g, g.add(g.library.NewNatNeg(config)))
		config.SocketOf, config.Bind = 0, "127.0.0.1:0"
		host := get[*NatNeg](g, g.add(g.library.NewNatNeg(config)))

		if _, err := host.Negotiate(9, int(natneg.Host), ""); err != nil {
			t.Fatal(err)
		}
		if connected := g.done(guest.Negotiate(9, int(natneg.Guest), "")); connected.Address != host.Address() {
			t.Errorf("connected: %+v", connected)
		}
		config.SocketOf = guest.Handle()
		if _, err := g.library.NewNatNeg(config); codeFrom(err) != ErrKind {
			t.Errorf("the socket of no host: %v", err)
		}
		// Without its socket, it fails.
		if err := g.library.Close(h.Handle()); err != nil {
			t.Fatal(err)
		}
		if failed := g.answer(guest.Negotiate(10, int(natneg.Guest), "")); failed.Type != EventFailed {
			t.Errorf("without a socket: %+v", failed)
		}
	})
}

func TestNegotiationFails(t *testing.T) {
	g := newGame(t)
	matchup := newMatchup(t, natnegtest.Config{DeadbeatAfter: time.Millisecond})
	n := get[*NatNeg](g, g.add(g.library.NewNatNeg(NatNegConfig{Game: "gmtest", Servers: [3]string(matchup.Addrs()), Bind: "127.0.0.1:0"})))
	if alone := g.answer(n.Negotiate(1, int(natneg.Guest), "")); alone.Type != EventFailed || alone.Code != ErrPeerAbsent || alone.Text == "" {
		t.Errorf("alone: %+v", alone)
	}
	id, err := n.Negotiate(2, int(natneg.Guest), "127.0.0.1:9,127.0.0.1:10")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Cancel(id); err != nil {
		t.Fatal(err)
	}
	if failed := g.answer(id, nil); failed.Code != ErrCanceled && failed.Code != ErrPeerAbsent {
		t.Errorf("cancelled: %+v", failed)
	}
	for name, call := range map[string]func() (Request, error){
		"role":      func() (Request, error) { return n.Negotiate(1, 2, "") },
		"candidate": func() (Request, error) { return n.Negotiate(1, 0, "nowhere") },
		"drop":      func() (Request, error) { return 0, n.Drop(id) },
	} {
		if _, err := call(); codeFrom(err) != ErrInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A path that is kept open ends when it is dropped, and when the handle is closed.
func TestKeptPaths(t *testing.T) {
	g := newGame(t)
	matchup := newMatchup(t, natnegtest.Config{})
	var sides [2]*NatNeg
	for i := range sides {
		sides[i] = get[*NatNeg](g, g.add(g.library.NewNatNeg(NatNegConfig{
			Game: "gmtest", Servers: [3]string(matchup.Addrs()), Bind: "127.0.0.1:0", Keep: 20 * time.Millisecond,
		})))
	}
	guest, err := sides[0].Negotiate(7, int(natneg.Guest), "")
	if err != nil {
		t.Fatal(err)
	}
	g.done(sides[1].Negotiate(7, int(natneg.Host), ""))
	g.done(guest, nil)
	if err := sides[0].Drop(guest); err != nil {
		t.Error(err)
	}
	if err := sides[0].Drop(guest); codeFrom(err) != ErrInvalid {
		t.Errorf("dropped twice: %v", err)
	}
}

func TestDetectNAT(t *testing.T) {
	// What is on other addresses of loopback is no other machine to Linux, but is to the detection.
	listen := []string{"127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0", "127.0.0.1:0"}
	for _, addr := range listen {
		conn, err := net.ListenPacket("udp4", addr)
		if err != nil {
			t.Skip("this system has one loopback address")
		}
		_ = conn.Close()
	}
	g := newGame(t)
	matchup := newMatchup(t, natnegtest.Config{Listen: listen})
	n := get[*NatNeg](g, g.add(g.library.NewNatNeg(NatNegConfig{Game: "gmtest", Servers: [3]string(matchup.Addrs()), Bind: "127.0.0.1:0"})))
	found := g.done(n.DetectNAT())
	if found.Type != EventNatNegNAT || found.Status != int32(natneg.NATNone) || found.Text == "" || found.Flags != 1 {
		t.Errorf("found: %+v", found)
	}
	if addr, err := netip.ParseAddrPort(found.Address); err != nil || !addr.Addr().IsLoopback() {
		t.Errorf("seen at %q", found.Address)
	}
	if report := g.done(n.Diagnose()); report.Type != EventNatNegReport || report.Status != 1 {
		t.Errorf("report: %+v", report)
	}
}

func TestNatNegConfigs(t *testing.T) {
	library := New(Platform{})
	for name, config := range map[string]NatNegConfig{
		"no servers": {Game: "gmtest"},
		"local ip":   {Game: "gmtest", Host: "127.0.0.1", LocalIP: "home"},
		"bind":       {Game: "gmtest", Host: "127.0.0.1", Bind: "x"},
		"engine":     {Game: "gmtest", Host: "127.0.0.1", Flags: NatNegEngineSocket},
	} {
		if _, err := library.NewNatNeg(config); codeFrom(err) != ErrInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := library.NewNatNeg(NatNegConfig{SocketOf: 99}); codeFrom(err) != ErrHandle {
		t.Errorf("no host: %v", err)
	}
	if err := library.Shutdown(20 * time.Second); err != nil {
		t.Error(err)
	}
}

// The queue of one that is not polled does not grow, and its socket goes on.
func TestFloodOfPackets(t *testing.T) {
	g := newGame(t)
	n := get[*NatNeg](g, g.add(g.library.NewNatNeg(NatNegConfig{Options: Options{Queue: 16}, Game: "gmtest", Host: "127.0.0.1", Bind: "127.0.0.1:0"})))
	flood, err := net.Dial("udp4", n.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	for range 1000 {
		if _, err := flood.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	g.wait(EventPacket, nil)
	if len(g.seen) > 16 {
		t.Errorf("%d events in a frame", len(g.seen))
	}
}
