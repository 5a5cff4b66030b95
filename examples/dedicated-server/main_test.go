package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is the example while it runs.
type program struct {
	t      *testing.T
	lines  chan string // read as they come: the program must not wait for the test
	stop   context.CancelFunc
	status chan int
	errs   bytes.Buffer
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	p := &program{t: t, lines: make(chan string, 1000), stop: cancel, status: make(chan int, 1)}
	go p.read(r)
	go func() {
		p.status <- run(ctx, append([]string{"-json", "-addr", "127.0.0.1:0"}, args...), w, &p.errs)
		w.Close()
	}()
	t.Cleanup(cancel)
	return p
}

func (p *program) read(r io.Reader) {
	defer close(p.lines)
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		p.lines <- scanner.Text()
	}
}

// until reads lines up to one with that event and step.
func (p *program) until(event, step string) line {
	p.t.Helper()
	for text := range p.lines {
		var l line
		require.NoError(p.t, json.Unmarshal([]byte(text), &l), "%s", text)
		require.NotContains(p.t, text, "HA6zkS")
		if l.Event == event && (step == "" || l.Step == step) {
			return l
		}
	}
	require.FailNow(p.t, "the line did not come", "%s %s: %s", event, step, p.errs.String())
	return line{}
}

// client is a player with a socket.
type client struct {
	t    *testing.T
	conn net.PacketConn
	to   netip.AddrPort
}

// says sends a command and expects an answer, if it is not empty.
func (p client) says(text, want string) {
	p.t.Helper()
	_, err := p.conn.WriteTo([]byte(text), net.UDPAddrFromAddrPort(p.to))
	require.NoError(p.t, err)
	if want == "" {
		return
	}
	require.NoError(p.t, p.conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	b := make([]byte, 1500)
	for {
		n, _, err := p.conn.ReadFrom(b)
		require.NoError(p.t, err)
		if string(b[:n]) == want {
			return
		}
	}
}

// The whole life of a server: listed, found, queried, joined through NAT negotiation, played on, and gone.
func TestDedicatedServer(t *testing.T) {
	o := options{}
	o.Game, o.Secret = "gmtest", "HA6zkS"
	services, err := embed(&o)
	require.NoError(t, err)
	defer services.Close()
	server := start(t, "-available", o.Available, "-master", o.Master, "-list", o.List, "-natneg", strings.Join(o.NatNeg, ","), "-slots", "2")
	addr := netip.MustParseAddrPort(server.until("listening", "").Addr)
	server.until("step", "listed")

	browser, err := sb.New(sb.Config{Game: o.Game, Secret: o.Secret, Addr: o.List, NatNeg: natneg.Config{Servers: o.NatNeg}})
	require.NoError(t, err)
	defer browser.Close()
	list := func() (servers []sb.Server) {
		for found, err := range browser.List(t.Context(), sb.Query{}) {
			require.NoError(t, err)
			servers = append(servers, found)
		}
		return servers
	}
	servers := list()
	require.Len(t, servers, 1)
	require.Equal(t, "A Relight server", servers[0].Name())
	require.Equal(t, addr, servers[0].Addr)

	// Ann comes through NAT negotiation, Bob knows the address.
	connection, err := browser.Connect(t.Context(), servers[0], nil)
	require.NoError(t, err)
	defer connection.Conn.Close()
	require.Equal(t, sb.PathNatNeg, connection.Path)
	server.until("negotiated", "")
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	ann, bob := client{t, connection.Conn, connection.Remote}, client{t, conn, addr}
	bob.says("say I am not here", "")
	ann.says("join ann", "hi ann")
	require.Equal(t, "ann", server.until("joined", "").Player)
	bob.says("join bob", "hi bob")
	ann.says("say hello", "ann: hello")
	bob.says("", "ann: hello")
	require.Equal(t, "hello", server.until("said", "").Text)

	queried, err := browser.Query(t.Context(), addr, sb.DirectQuery{})
	require.NoError(t, err)
	require.Equal(t, 2, queried.NumPlayers())
	require.Equal(t, "ann", queried.Players[0].Get("player_"))
	require.Equal(t, "1", queried.Players[0].Get("score_"))

	third, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer third.Close()
	client{t, third, addr}.says("join eve", "full")
	bob.says("leave", "bye")
	require.Equal(t, "bob", server.until("left", "").Player)

	server.stop()
	server.until("step", "said goodbye")
	_, more := <-server.lines
	require.False(t, more)
	require.Zero(t, <-server.status, server.errs.String())
	require.Eventually(t, func() bool { return len(list()) == 0 }, 5*time.Second, 10*time.Millisecond)
}

// Everything in one process: the port is opened on a router and closed again, and players are told the port outside.
func TestEmbeddedWithForwardedPort(t *testing.T) {
	server := start(t, "-embedded", "-forward-port")
	server.until("test_servers", "")
	forwarded := netip.MustParseAddrPort(server.until("port_forwarded", "").Addr)
	addr := netip.MustParseAddrPort(server.until("listening", "").Addr)
	server.until("step", "listed")
	answer, err := qr2test.Query(t.Context(), nil, addr)
	require.NoError(t, err)
	require.Equal(t, forwarded.Port(), mustPort(t, answer.Value("hostport")))
	server.stop()
	server.until("step", "said goodbye")
	require.Zero(t, <-server.status)
}

// A router that has restarted may give another port: players are told that one.
func TestForwardedPortMoves(t *testing.T) {
	o := options{addr: "127.0.0.1:0", name: "x", mapName: "y", slots: 2}
	o.Game, o.Secret = "gmtest", "HA6zkS"
	services, err := embed(&o)
	require.NoError(t, err)
	defer services.Close()
	router, err := portmaptest.Start(portmaptest.Options{Uptime: time.Hour})
	require.NoError(t, err)
	defer router.Close()
	o.forward, o.router = true, portmap.Config{Gateway: router.Addr(), Search: []netip.AddrPort{router.SearchAddr()}, CheckInterval: 10 * time.Millisecond}

	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	server := &program{t: t, lines: make(chan string, 1000)}
	ended := make(chan error, 1)
	go server.read(r)
	go func() {
		ended <- serve(ctx, o, newPrinter(w, true), io.Discard)
		w.Close()
	}()
	addr := netip.MustParseAddrPort(server.until("listening", "").Addr)
	server.until("step", "listed")
	router.SetFaults(portmaptest.Faults{OtherPort: true})
	router.Restart()
	server.until("port_moved", "")
	answer, err := qr2test.Query(t.Context(), nil, addr)
	require.NoError(t, err)
	require.Equal(t, addr.Port()+1, mustPort(t, answer.Value("hostport")))
	cancel()
	require.NoError(t, <-ended)
	require.Empty(t, router.Mappings())
}

func mustPort(t *testing.T, text string) uint16 {
	t.Helper()
	addr, err := netip.ParseAddrPort("127.0.0.1:" + text)
	require.NoError(t, err)
	return addr.Port()
}

func TestDiagnose(t *testing.T) {
	master, err := qr2test.New(qr2test.Config{Games: map[string]string{"gmtest": "other1"}})
	require.NoError(t, err)
	defer master.Close()
	server := start(t, "-diagnose", "-master", master.Addr())
	var report struct{ Diagnosis json.RawMessage }
	for text := range server.lines {
		if strings.Contains(text, `"diagnosis":{`) {
			require.NoError(t, json.Unmarshal([]byte(text), &report))
		}
	}
	require.Contains(t, string(report.Diagnosis), "check Secret")
	require.Equal(t, 1, <-server.status)
	require.Contains(t, server.errs.String(), "not listed")

	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-embedded", "-diagnose", "-addr", "127.0.0.1:0"}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "ok      be on its list")
	require.Contains(t, out.String(), "said goodbye")
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"extra"}, {"-slots", "0"}} {
		require.Equal(t, 2, run(t.Context(), args, io.Discard, io.Discard), args)
	}
	require.Zero(t, run(t.Context(), []string{"-h"}, io.Discard, io.Discard))
	require.Equal(t, 1, run(t.Context(), []string{"-addr", "nowhere"}, io.Discard, io.Discard))
	var errs bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{"-addr", "127.0.0.1:0", "-master", "127.0.0.1:1", "-secret", ""}, io.Discard, &errs))
	require.Contains(t, errs.String(), "Secret")

	// A name plays no tricks on a terminal.
	var out bytes.Buffer
	newPrinter(&out, false).print(line{Event: "joined", Player: "a\x1b[2Jb"})
	require.NotContains(t, out.String(), "\x1b")
}
