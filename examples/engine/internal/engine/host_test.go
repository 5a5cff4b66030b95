package engine

import (
	"context"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

const secret = "HA6zkS"

func newMaster(t *testing.T, config qr2test.Config) *qr2test.Master {
	t.Helper()
	config.Games = map[string]string{"gmtest": secret}
	master, err := qr2test.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	return master
}

func describeServer(t *testing.T, h *Host) {
	t.Helper()
	for _, err := range []error{
		h.SetServer("hostname", "Friday night"),
		h.SetServer("mapname", "dm_bay"),
		h.SetPlayer(0, "player_", "ann"),
		h.SetPlayer(0, "score_", "12"),
		h.SetPlayer(1, "player_", "bob"),
		h.SetTeam(0, "team_t", "red"),
		h.Commit(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// eachSocket runs a test of hosts with a socket of theirs and with the engine's.
func eachSocket(t *testing.T, f func(t *testing.T, g *game, open func(HostConfig) *Host)) {
	t.Run("own", func(t *testing.T) {
		g := newGame(t)
		f(t, g, func(config HostConfig) *Host {
			config.Bind = "127.0.0.1:0"
			return get[*Host](g, g.add(g.library.NewHost(config)))
		})
	})
	t.Run("engine", func(t *testing.T) {
		g := newGame(t)
		f(t, g, func(config HostConfig) *Host {
			config.Bind, config.Flags = g.listen(), config.Flags|HostEngineSocket
			h, err := g.library.NewHost(config)
			return addFed[*Host](g, h, err)
		})
	})
}

func TestHostIsListed(t *testing.T) {
	eachSocket(t, func(t *testing.T, g *game, open func(HostConfig) *Host) {
		master := newMaster(t, qr2test.Config{})
		h := open(HostConfig{Game: "gmtest", Secret: secret, Addr: master.Addr()})
		describeServer(t, h)

		listed := g.wait(EventHostState, status(int32(qr2.StepListed)))
		if listed.Code != OK || listed.Address != master.Addr() || listed.Name == "" {
			t.Errorf("listed: %+v", listed)
		}
		if servers := master.Registry().List("gmtest"); len(servers) != 1 {
			t.Fatalf("%d servers", len(servers))
		}
		if seen := g.wait(EventHostAddress, nil); seen.Address != h.Address() {
			t.Errorf("seen at %q, it is %q", seen.Address, h.Address())
		}

		answer := beside(g, func(ctx context.Context) (qr2test.Answer, error) {
			return qr2test.Query(ctx, nil, netip.MustParseAddrPort(h.Address()))
		})
		if answer.Value("hostname") != "Friday night" || len(answer.Players) != 2 || len(answer.Teams) != 1 {
			t.Errorf("answered %+v", answer)
		}

		if state := g.done(h.State()); state.Type != EventHostReport || state.Status != 1 || !strings.Contains(state.Text, master.Addr()) {
			t.Errorf("state: %+v", state)
		}
		if found := g.done(h.Diagnose()); found.Type != EventHostReport || found.Status != 1 || !strings.Contains(found.Text, "gmtest") {
			t.Errorf("diagnosis: %+v", found)
		}

		g.done(h.Stop())
		g.until("the goodbye", func() bool { return len(master.Registry().List("gmtest")) == 0 })
		g.done(h.Stop())
	})
}

func TestHostSaysGoodbyeAtClose(t *testing.T) {
	g := newGame(t)
	master := newMaster(t, qr2test.Config{})
	h := get[*Host](g, g.add(g.library.NewHost(HostConfig{Game: "gmtest", Secret: secret, Addr: master.Addr(), Bind: "127.0.0.1:0"})))
	describeServer(t, h)
	g.wait(EventHostState, status(int32(qr2.StepListed)))
	if err := g.library.Close(h.Handle()); err != nil {
		t.Fatal(err)
	}
	g.until("the goodbye", func() bool { return len(master.Registry().List("gmtest")) == 0 })
	if err := g.library.Close(h.Handle()); codeFrom(err) != ErrHandle {
		t.Errorf("closed twice: %v", err)
	}
}

func TestHostIsRefusedWithWords(t *testing.T) {
	g := newGame(t)
	master := newMaster(t, qr2test.Config{RefuseText: "banned for cheating"})
	h := get[*Host](g, g.add(g.library.NewHost(HostConfig{Game: "gmtest", Secret: secret, Addr: master.Addr(), Bind: "127.0.0.1:0"})))
	describeServer(t, h)
	refused := g.wait(EventHostState, status(int32(qr2.StepRefused)))
	if refused.Code != ErrRefused || !strings.Contains(refused.Text, "banned for cheating") {
		t.Errorf("refused: %+v", refused)
	}
}

func TestHostGetsMessages(t *testing.T) {
	eachSocket(t, func(t *testing.T, g *game, open func(HostConfig) *Host) {
		master := newMaster(t, qr2test.Config{})
		h := open(HostConfig{Game: "gmtest", Secret: secret, Addr: master.Addr()})
		describeServer(t, h)
		g.wait(EventHostState, status(int32(qr2.StepListed)))
		beside(g, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, master.Relay(ctx, netip.MustParseAddrPort(h.Address()), []byte("hello there"))
		})
		if message := g.wait(EventHostMessage, nil); string(message.Data) != "hello there" {
			t.Errorf("message: %+v", message)
		}
	})
}

// A game without a socket of its own sends and gets its packets through the host's.
func TestHostCarriesPackets(t *testing.T) {
	g := newGame(t)
	h := get[*Host](g, g.add(g.library.NewHost(HostConfig{Game: "gmtest", Flags: HostNotPublic, Bind: "127.0.0.1:0"})))
	player, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer player.Close()
	if _, err := player.WriteToUDPAddrPort([]byte("jump"), netip.MustParseAddrPort(h.Address())); err != nil {
		t.Fatal(err)
	}
	packet := g.wait(EventPacket, nil)
	if string(packet.Data) != "jump" || packet.Address != player.LocalAddr().String() {
		t.Errorf("packet: %+v", packet)
	}
	if err := h.Send([]byte("jumped"), packet.Address); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, _, err := player.ReadFromUDPAddrPort(b); err != nil || string(b[:n]) != "jumped" {
		t.Errorf("got %q, %v", b[:n], err)
	}
	if err := h.Send([]byte("x"), "somewhere"); codeFrom(err) != ErrInvalid {
		t.Errorf("sent to nowhere: %v", err)
	}
	if _, err := h.Feed([]byte("x"), packet.Address); codeFrom(err) != ErrState {
		t.Errorf("fed: %v", err)
	}
}

// Packets never take the room that more important events need.
func TestPacketsLeaveRoomForNews(t *testing.T) {
	q := newQueue(8, counter{new(uint32)})
	for range 20 {
		q.offer(Event{Type: EventSend, bulk: true})
	}
	for range 3 { // and a mark where the gap is
		q.offer(Event{Type: EventHostState})
	}
	batch, _ := q.take(nil, 100, 1)
	kinds := make(map[EventType]int)
	var lost int64
	for _, event := range batch {
		kinds[event.Type]++
		lost += event.Number
	}
	if kinds[EventSend] != 4 || lost != 16 || kinds[EventHostState] != 3 {
		t.Errorf("%v, %d lost", kinds, lost)
	}
}

func TestFedPacketsThatAreNotOurs(t *testing.T) {
	g := newGame(t)
	config := HostConfig{Game: "gmtest", Flags: HostNotPublic | HostEngineSocket, Bind: g.listen()}
	id, err := g.library.NewHost(config)
	h := addFed[*Host](g, id, err)
	if ours, err := h.Feed([]byte("jump"), "127.0.0.1:5000"); ours || err != nil {
		t.Errorf("ours: %t, %v", ours, err)
	}
	if _, err := h.Feed([]byte("jump"), "127.0.0.1"); codeFrom(err) != ErrInvalid {
		t.Errorf("without a port: %v", err)
	}
	if err := h.Send([]byte("x"), "127.0.0.1:5000"); codeFrom(err) != ErrState {
		t.Errorf("sent: %v", err)
	}
	if err := g.library.Close(h.Handle()); err != nil {
		t.Fatal(err)
	}
	if ours, err := h.Feed([]byte("\\status\\"), "127.0.0.1:5000"); ours && err == nil {
		t.Log("a host that is being closed may still answer")
	}
}

func TestHostConfigs(t *testing.T) {
	library := New(Platform{})
	for name, config := range map[string]HostConfig{
		"nothing":             {},
		"no secret":           {Game: "gmtest", Addr: "127.0.0.1:27900"},
		"no master":           {Game: "gmtest", Secret: secret},
		"bind to a name":      {Game: "gmtest", Flags: HostNotPublic, Bind: "localhost:0"},
		"engine without port": {Game: "gmtest", Flags: HostNotPublic | HostEngineSocket, Bind: "127.0.0.1:0"},
		"engine without bind": {Game: "gmtest", Flags: HostNotPublic | HostEngineSocket},
		"public address":      {Game: "gmtest", Flags: HostNotPublic, PublicAddr: "me"},
		"local address":       {Game: "gmtest", Flags: HostNotPublic, LocalIPs: "127.0.0.1, home"},
		"key without number":  {Game: "gmtest", Flags: HostNotPublic, Keys: "fog"},
		"key of the original": {Game: "gmtest", Flags: HostNotPublic, Keys: "1=fog"},
		"port":                {Game: "gmtest", Flags: HostNotPublic, HostPort: 70000},
	} {
		if h, err := library.NewHost(config); codeFrom(err) != ErrInvalid {
			t.Errorf("%s: %d, %v", name, h, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the secret is in %q", name, err)
		}
	}
	if err := library.Shutdown(20 * time.Second); err != nil {
		t.Error(err)
	}
	if live := library.Live(); live != (Live{}) {
		t.Errorf("left behind: %+v", live)
	}
}

func TestDraft(t *testing.T) {
	g := newGame(t)
	h := get[*Host](g, g.add(g.library.NewHost(HostConfig{Game: "gmtest", Flags: HostNotPublic, Bind: "127.0.0.1:0"})))
	for name, err := range map[string]error{
		"no key":          h.SetServer("", "x"),
		"far row":         h.SetPlayer(1, "player_", "x"),
		"farthest row":    h.SetTeam(math.MaxUint32, "team_t", "x"),
		"row without key": h.SetPlayer(0, "", "x"),
		"no part":         h.Clear(0),
		"unknown part":    h.Clear(8),
		"remove":          h.RemovePlayer(0),
	} {
		if codeFrom(err) != ErrInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for row := range uint32(maxRows) {
		if err := h.SetPlayer(row, "player_", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.SetPlayer(maxRows, "player_", "x"); codeFrom(err) != ErrFull {
		t.Errorf("too many rows: %v", err)
	}
	if err := h.Clear(PartPlayers); err != nil {
		t.Error(err)
	}
	describeServer(t, h)
	if err := h.RemovePlayer(0); err != nil {
		t.Error(err)
	}
	if err := h.SetServer("hostname", "Saturday"); err != nil {
		t.Error(err)
	}
	if err := h.Commit(); err != nil {
		t.Error(err)
	}
	answer := beside(g, func(ctx context.Context) (qr2test.Answer, error) {
		return qr2test.Query(ctx, nil, netip.MustParseAddrPort(h.Address()))
	})
	if answer.Value("hostname") != "Saturday" || len(answer.Players) != 1 || answer.Players[0][0].Value != "bob" {
		t.Errorf("answered %+v", answer)
	}
	if err := h.SetServer("hostname", strings.Repeat("x", 20000)); err != nil {
		t.Error(err)
	}
	if err := h.Commit(); codeFrom(err) != ErrTooBig {
		t.Errorf("too big: %v", err)
	}
	if err := h.SetServer("localport", "1"); err != nil {
		t.Error(err)
	}
	if err := h.Commit(); codeFrom(err) != ErrInvalid {
		t.Errorf("the host's own key: %v", err)
	}
}

// A player behind NAT is let in by a host, over one socket that the engine has or two of their own.
func TestHostLetsPlayersIn(t *testing.T) {
	eachSocket(t, func(t *testing.T, g *game, open func(HostConfig) *Host) {
		master := newMaster(t, qr2test.Config{})
		matchup, err := natnegtest.New(natnegtest.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer matchup.Close()
		h := open(HostConfig{
			Game: "gmtest", Secret: secret, Addr: master.Addr(), Flags: HostNatNeg, NatNegServers: [3]string(matchup.Addrs()),
		})
		describeServer(t, h)
		g.wait(EventHostState, status(int32(qr2.StepListed)))

		guest := get[*NatNeg](g, g.add(g.library.NewNatNeg(NatNegConfig{Game: "gmtest", Servers: [3]string(matchup.Addrs()), Bind: "127.0.0.1:0"})))
		id, err := guest.Negotiate(0x01020304, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		cookie := []byte{0xfd, 0xfc, 0x1e, 0x66, 0x6a, 0xb2, 1, 2, 3, 4}
		beside(g, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, master.Relay(ctx, netip.MustParseAddrPort(h.Address()), cookie)
		})
		if joining := g.wait(EventHostJoining, nil); joining.ID != 0x01020304 {
			t.Errorf("joining: %+v", joining)
		}
		if joined := g.wait(EventHostJoined, nil); joined.Address != guest.Address() || joined.ID != 0x01020304 {
			t.Errorf("joined: %+v", joined)
		}
		if connected := g.done(id, nil); connected.Address != h.Address() {
			t.Errorf("connected: %+v", connected)
		}
	})
}

func TestHostChecksKeys(t *testing.T) {
	eachSocket(t, func(t *testing.T, g *game, open func(HostConfig) *Host) {
		validation, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{11057: {"GOOD-KEY"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer validation.Close()
		h := open(HostConfig{Game: "gmtest", Flags: HostNotPublic})
		if _, err := h.Authenticate(0, "", "x", "y"); codeFrom(err) != ErrState {
			t.Errorf("before: %v", err)
		}
		config := KeysConfig{Products: [4]int32{11057}, Addr: validation.Addr()}
		if ready := g.done(h.CheckKeys(config)); ready.Address != validation.Addr() {
			t.Errorf("ready: %+v", ready)
		}
		if again := g.answer(h.CheckKeys(config)); again.Code != ErrState {
			t.Errorf("again: %+v", again)
		}

		ask := func(key string) Event {
			challenge := NewChallenge()
			response, err := Respond(key, challenge, false)
			if err != nil {
				t.Fatal(err)
			}
			return g.answer(h.Authenticate(0, "127.0.0.1", challenge, response))
		}
		player := ask("GOOD-KEY")
		if player.Type != EventHostPlayer || player.Status != 1 || len(player.Name) != 32 {
			t.Fatalf("player: %+v", player)
		}
		if twice := ask("GOOD-KEY"); twice.Code != ErrKeyInUse {
			t.Errorf("twice: %+v", twice)
		}
		if bad := ask("BAD-KEY"); bad.Code != ErrRefused {
			t.Errorf("bad: %+v", bad)
		}

		// Somebody comes with the same key elsewhere: the player has to prove it.
		other := get[*Host](g, g.add(g.library.NewHost(HostConfig{Game: "gmtest", Flags: HostNotPublic, Bind: "127.0.0.1:0"})))
		g.done(other.CheckKeys(config))
		challenge := NewChallenge()
		response, err := Respond("GOOD-KEY", challenge, false)
		if err != nil {
			t.Fatal(err)
		}
		thief, err := other.Authenticate(11057, "", challenge, response)
		if err != nil {
			t.Fatal(err)
		}
		wanted := g.wait(EventHostProof, nil)
		if wanted.ID != player.ID || wanted.Text == "" || wanted.Time == 0 {
			t.Errorf("proof wanted: %+v", wanted)
		}
		proof, err := Respond("GOOD-KEY", wanted.Text, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Prove(wanted.Number, proof); err != nil {
			t.Error(err)
		}
		if err := h.Prove(wanted.Number, proof); codeFrom(err) != ErrExpired {
			t.Errorf("proved twice: %v", err)
		}
		if refused := g.answer(thief, nil); refused.Code != ErrRefused {
			t.Errorf("the thief: %+v", refused)
		}

		if err := h.PlayerLeft(player.ID); err != nil {
			t.Error(err)
		}
		if err := h.PlayerLeft(player.ID); codeFrom(err) != ErrInvalid {
			t.Errorf("left twice: %v", err)
		}
		g.until("the goodbye", func() bool { return !validation.Online(11057, "GOOD-KEY").IsValid() })
	})
}
