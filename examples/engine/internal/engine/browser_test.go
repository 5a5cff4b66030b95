package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// backEnd is a master with which servers register, and the list of it.
type backEnd struct {
	master *qr2test.Master
	list   *sbtest.Server
	config BrowserConfig
}

func newBackEnd(t *testing.T, config sbtest.Config) *backEnd {
	t.Helper()
	return newBackEndOf(t, newMaster(t, qr2test.Config{NoProbe: true}), config)
}

func newBackEndOf(t *testing.T, master *qr2test.Master, config sbtest.Config) *backEnd {
	t.Helper()
	config.Games, config.Registry = map[string]string{"gmtest": secret}, master.Registry()
	list, err := sbtest.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	return &backEnd{master, list, BrowserConfig{Game: "gmtest", Secret: secret, Addr: list.Addr(), QueryTimeout: time.Second, QueryAttempts: 2}}
}

// put lists a server that nobody can ask.
func (e *backEnd) put(i int, hostname string) netip.AddrPort {
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 6500)
	e.list.Registry().Put(sbtest.GameServer{Game: "gmtest", Addr: addr, Fields: []sbtest.Field{
		{Key: "hostname", Value: hostname}, {Key: "mapname", Value: "dm_bay"}, {Key: "numplayers", Value: "3"}, {Key: "maxplayers", Value: "16"},
	}})
	return addr
}

func TestBrowserKeepsAList(t *testing.T) {
	e := newBackEnd(t, sbtest.Config{})
	first := e.put(1, "First")
	e.config.Ask = -1
	g := newGame(t)
	g.add(g.library.NewBrowser(e.config))
	added := g.wait(EventBrowserServer, nil)
	if added.Status != ServerAdded || added.Name != "First" || added.Text != "dm_bay" || added.Number != 3 || added.Total != 16 ||
		added.Address != first.String() || added.ID != 10<<40|1<<16|6500 || added.Code != OK {
		t.Errorf("added: %+v", added)
	}
	if !slices.Contains(added.Fields, Field{"hostname", "First"}) {
		t.Errorf("fields: %v", added.Fields)
	}
	if listed := g.wait(EventBrowserListed, nil); listed.Number != 1 || listed.Address != e.list.Addr() {
		t.Errorf("listed: %+v", listed)
	}

	second := e.put(2, "Second")
	if pushed := g.wait(EventBrowserServer, nil); pushed.Status != ServerAdded || pushed.Address != second.String() {
		t.Errorf("pushed: %+v", pushed)
	}
	e.put(2, "Second half")
	if changed := g.wait(EventBrowserServer, nil); changed.Status != ServerChanged || changed.Name != "Second half" {
		t.Errorf("changed: %+v", changed)
	}
	e.list.Registry().Remove("gmtest", second)
	if removed := g.wait(EventBrowserRemoved, nil); removed.Address != second.String() || removed.Name != "Second half" || removed.Fields != nil {
		t.Errorf("removed: %+v", removed)
	}

	// The connection is lost: it says so, and comes back by itself.
	g.seen = nil
	e.list.Disconnect()
	if lost := g.wait(EventBrowserState, func(event Event) bool { return event.Code != OK }); !strings.Contains(lost.Text, "closed the connection") {
		t.Errorf("lost: %+v", lost)
	}
	g.wait(EventBrowserListed, nil)
}

func TestBrowserAsksServers(t *testing.T) {
	e := newBackEnd(t, sbtest.Config{})
	g := newGame(t)
	h := get[*Host](g, g.add(g.library.NewHost(HostConfig{Game: "gmtest", Secret: secret, Addr: e.master.Addr(), Bind: "127.0.0.1:0"})))
	describeServer(t, h)
	g.wait(EventHostState, status(int32(qr2.StepListed)))
	b := get[*Browser](g, g.add(g.library.NewBrowser(e.config)))
	asked := g.wait(EventBrowserServer, func(event Event) bool { return event.Time > 0 })
	if asked.Name != "Friday night" || asked.Address != h.Address() {
		t.Errorf("asked: %+v", asked)
	}
	g.seen = nil
	info := g.done(b.Query(asked.Address))
	if info.Type != EventBrowserInfo || info.Name != "Friday night" || info.Time == 0 {
		t.Errorf("info: %+v", info)
	}
	var names []string
	for _, event := range g.seen {
		if event.Type == EventBrowserPlayer || event.Type == EventBrowserTeam {
			if event.Request != info.Request || event.ID != info.ID {
				t.Errorf("row: %+v", event)
			}
			names = append(names, fmt.Sprintf("%s %d/%d", event.Name, event.Number, event.Total))
		}
	}
	if want := []string{"ann 0/2", "bob 1/2", "red 0/1"}; !slices.Equal(names, want) {
		t.Errorf("rows: %v", names)
	}
	if err := b.Focus(asked.Address); err != nil {
		t.Error(err)
	}
	if err := b.Focus(""); err != nil {
		t.Error(err)
	}
	g.done(b.Message(asked.Address, []byte("hello")))
	if message := g.wait(EventHostMessage, nil); string(message.Data) != "hello" {
		t.Errorf("message: %+v", message)
	}
	if found := g.done(b.Diagnose("")); found.Type != EventBrowserReport || !strings.Contains(found.Text, "list") {
		t.Errorf("report: %+v", found)
	}
	silent := e.put(9, "Silent")
	if failed := g.answer(b.Query(silent.String())); failed.Type != EventFailed || failed.Code == OK {
		t.Errorf("silent: %+v", failed)
	}
}

func TestBrowserConnects(t *testing.T) {
	for _, test := range []struct {
		name    string
		noProbe bool // the master does not find out that the server can be reached
		path    sb.Path
	}{
		{"directly", false, sb.PathDirect},
		{"through NAT negotiation", true, sb.PathNatNeg},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newBackEndOf(t, newMaster(t, qr2test.Config{NoProbe: test.noProbe}), sbtest.Config{ClientIP: netip.MustParseAddr("192.0.2.9")})
			matchup := newMatchup(t, natnegtest.Config{}).Addrs()
			e.config.NatNegServers = [3]string(matchup)
			g := newGame(t)
			h := get[*Host](g, g.add(g.library.NewHost(HostConfig{Game: "gmtest", Secret: secret, Addr: e.master.Addr(), Bind: "127.0.0.1:0",
				Flags: HostNatNeg, NatNegServers: [3]string(matchup)})))
			describeServer(t, h)
			g.wait(EventHostState, status(int32(qr2.StepListed)))
			g.until("what the server is", func() bool {
				list := e.list.Registry().List("gmtest")
				return len(list) == 1 && list[0].NatNeg && list[0].Reachable == (test.path == sb.PathDirect)
			})
			b := get[*Browser](g, g.add(g.library.NewBrowser(e.config)))
			g.wait(EventBrowserServer, func(event Event) bool { return event.Time > 0 })

			own, request, err := b.Connect(h.Address(), 0)
			g.add(own, err)
			connected := g.done(request, err)
			if connected.Type != EventBrowserConnected || connected.Status != int32(test.path) || connected.Address != h.Address() || connected.Number != int64(own) {
				t.Errorf("connected: %+v", connected)
			}
			socket := get[Datagrams](g, own)
			if err := socket.Send([]byte("join"), connected.Address); err != nil {
				t.Error(err)
			}
			if packet := g.wait(EventPacket, func(event Event) bool { return event.Handle == h.Handle() }); string(packet.Data) != "join" {
				t.Errorf("packet: %+v", packet)
			}

			// On a socket that is there already.
			n := get[*NatNeg](g, g.add(g.library.NewNatNeg(NatNegConfig{Game: "gmtest", Servers: [3]string(matchup), Bind: "127.0.0.1:0"})))
			none, request, err := b.Connect(h.Address(), n.Handle())
			if connected := g.done(request, err); none != 0 || connected.Number != 0 || connected.Address != h.Address() {
				t.Errorf("connected: %+v", connected)
			}
		})
	}
}

func TestBrowserSaysWhyNot(t *testing.T) {
	e := newBackEnd(t, sbtest.Config{})
	g := newGame(t)
	for _, config := range []BrowserConfig{
		{},
		{Game: "gmtest", Secret: secret},
		{Flags: BrowserLAN, Broadcast: "everywhere"},
		{Flags: BrowserLAN, FirstPort: 70000},
	} {
		if _, err := g.library.NewBrowser(config); codeFrom(err) != ErrInvalid {
			t.Errorf("%+v: %v", config, err)
		}
	}
	if live := g.library.Live(); live.Handles != 0 {
		t.Errorf("%+v", live)
	}
	b := get[*Browser](g, g.add(g.library.NewBrowser(BrowserConfig{Flags: BrowserNoList, QueryTimeout: 100 * time.Millisecond, QueryAttempts: 2})))
	if _, err := b.Query("example.net:80"); codeFrom(err) != ErrInvalid {
		t.Error(err)
	}
	if _, _, err := b.Connect("127.0.0.1:1", b.Handle()); codeFrom(err) != ErrKind {
		t.Error(err)
	}
	own, request, err := b.Connect("127.0.0.1:1", 0)
	g.add(own, err)
	if failed := g.answer(request, err); failed.Code != ErrUnreachable || !strings.Contains(failed.Text, "direct") {
		t.Errorf("failed: %+v", failed)
	}
	wrong := e.config
	wrong.Secret, wrong.ReplyTimeout = "WRONG1", 200*time.Millisecond
	g.add(g.library.NewBrowser(wrong))
	if state := g.wait(EventBrowserState, func(event Event) bool { return event.Code != OK }); state.Text == "" || state.Address == "" {
		t.Errorf("state: %+v", state)
	}
}

func TestBrowserLosesNothing(t *testing.T) {
	e := newBackEnd(t, sbtest.Config{})
	const servers = 500
	for i := range servers {
		e.put(i, fmt.Sprint("server ", i))
	}
	e.config.Ask, e.config.Queue = -1, 8
	g := newGame(t)
	g.add(g.library.NewBrowser(e.config))
	g.wait(EventBrowserListed, nil)
	g.until("all servers", func() bool {
		known := make(map[int64]bool)
		for _, event := range g.seen {
			if event.Type == EventBrowserServer {
				known[event.ID] = true
			}
		}
		return len(known) == servers
	})
}
