package natneg

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func testParams(version uint8, role Role, useGame bool) params {
	found := servers{state: make([]ServerState, serverCount)}
	for i := range found.state {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 11, byte(i + 1)}), 27901)
		found.state[i].Addr = addr
		found.trusted = append(found.trusted, addr.Addr())
	}
	return params{
		game: "gmtest", version: version, cookie: CookieFromUint32(666), role: role, useGame: useGame, servers: found,
		local: netip.MustParseAddrPort("192.168.7.42:40001"), rate: defaultRate,
		initTimeout: defaultInitTimeout, connectTimeout: defaultConnectTimeout,
	}
}

func (m *machine) drain() []outgoing {
	out := m.out
	m.out = nil
	return out
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type vectorFile struct {
	Vectors struct {
		ERT []struct {
			Received string `json:"received_hex"`
			Reply    string `json:"reply_hex"`
		} `json:"ert_exchange"`
		Connect []struct {
			Version uint8  `json:"version"`
			Packet  string `json:"connect_hex"`
		} `json:"connect_received"`
		Evaluation []struct {
			ID             string `json:"id"`
			Evaluated      bool   `json:"evaluated"`
			Missing        string `json:"missing"`
			IPRestricted   bool   `json:"ip_restricted"`
			PortRestricted bool   `json:"port_restricted"`
			PrivateIP      string `json:"private_ip"`
			PrivatePort    uint16 `json:"private_port"`
			PublicIP       string `json:"public_ip"`
			Map1a          uint16 `json:"public_port_map1a"`
			Map1b          uint16 `json:"public_port_map1b"`
			Map2           uint16 `json:"public_port_map2"`
			Map3           uint16 `json:"public_port_map3"`
			NAT            uint32 `json:"nat_type_value"`
			Promiscuity    uint32 `json:"promiscuity_value"`
			Mapping        uint32 `json:"mapping_scheme_value"`
			QR2            bool   `json:"qr2_compatible"`
		} `json:"nat_evaluation"`
	} `json:"vectors"`
}

func loadVectors(t *testing.T) vectorFile {
	t.Helper()
	b, err := os.ReadFile("../internal/tests/natneg/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestERTVectors(t *testing.T) {
	for _, vector := range loadVectors(t).Vectors.ERT {
		packet := unhex(t, vector.Received)
		p := testParams(packet[6], Guest, true)
		copy(p.cookie[:], packet[8:12])
		m := newMachine(p)
		m.start(epoch)
		m.drain()
		from := netip.MustParseAddrPort("127.9.9.9:1234") // a stranger
		m.handle(gameSocket, packet, from, epoch)
		out := m.drain()
		if len(out) != 1 || out[0].socket != gameSocket || out[0].to != from || !bytes.Equal(out[0].b, unhex(t, vector.Reply)) {
			t.Errorf("%s: got %+v", vector.Received, out)
		}
	}
}

func TestConnectVectors(t *testing.T) {
	for _, vector := range loadVectors(t).Vectors.Connect {
		packet := unhex(t, vector.Packet)
		p := testParams(vector.Version, Host, false)
		copy(p.cookie[:], packet[8:12])
		m := newMachine(p)
		m.start(epoch)
		m.drain()
		from := p.servers.state[2].Addr
		m.handle(negotiateSocket, packet, from, epoch)
		out := m.drain()
		if len(out) != 2 || m.step != StepPing {
			t.Fatalf("%s: step %v, sent %+v", vector.Packet, m.step, out)
		}
		if ack := out[0]; ack.to != from || len(ack.b) != natnegwire.BodySize || ack.b[7] != 6 || ack.b[13] != 1 {
			t.Errorf("CONNECT_ACK %+v", ack)
		}
		ping := slices.Concat(packet[:7], []byte{7}, packet[8:18], []byte{0, 0})
		if !bytes.Equal(out[1].b, ping) || out[1].to != m.guess {
			t.Errorf("CONNECT_PING %x, want %x", out[1].b, ping)
		}
	}
}

func TestEvaluationVectors(t *testing.T) {
	for _, v := range loadVectors(t).Vectors.Evaluation {
		if !v.Evaluated {
			if _, ok := (observations{}).evaluate(); ok {
				t.Errorf("%s: evaluated", v.ID)
			}
			continue
		}
		public := netip.MustParseAddr(v.PublicIP)
		o := observations{
			ipRestricted: v.IPRestricted, portRestricted: v.PortRestricted,
			private: netip.AddrPortFrom(netip.MustParseAddr(v.PrivateIP), v.PrivatePort),
			map1a:   netip.AddrPortFrom(public, v.Map1a), map1b: netip.AddrPortFrom(public, v.Map1b),
			map2: netip.AddrPortFrom(public, v.Map2), map3: netip.AddrPortFrom(public, v.Map3),
		}
		got, ok := o.evaluate()
		if !ok || got.NAT != NATType(v.NAT) || got.Promiscuity != Promiscuity(v.Promiscuity) ||
			got.Scheme != MappingScheme(v.Mapping) || got.QR2Compatible != v.QR2 {
			t.Errorf("%s: got %+v", v.ID, got)
		}
	}
}

// The INITs of spec natneg.md §3, and that nothing is repeated more slowly than every 500 ms.
func TestInitSchedule(t *testing.T) {
	for _, test := range []struct {
		version uint8
		useGame bool
		ports   []natnegwire.PortType
	}{
		{2, false, []natnegwire.PortType{1, 2}},
		{2, true, []natnegwire.PortType{0, 1, 2}},
		{3, false, []natnegwire.PortType{1, 2, 3}},
		{4, true, []natnegwire.PortType{0, 1, 2, 3}},
	} {
		m := newMachine(testParams(test.version, Guest, test.useGame))
		m.start(epoch)
		var ports []natnegwire.PortType
		for _, out := range m.out {
			packet, err := natnegwire.Parse(out.b)
			init, ok := packet.(natnegwire.Init)
			if packet.Head().Type == natnegwire.TypeAddressCheck {
				continue // how do you see us?
			}
			if err != nil || !ok {
				t.Fatalf("%x: %v", out.b, err)
			}
			ports = append(ports, init.Port)
			if (init.Port == natnegwire.PortGame) != (out.socket == gameSocket) {
				t.Errorf("%v left from the wrong socket", init.Port)
			}
			if (init.Addr.Port() != 0) != (init.Port >= 2) || (init.UseGamePort == 1) != test.useGame {
				t.Errorf("%v: %+v", init.Port, init)
			}
		}
		if !slices.Equal(ports, test.ports) {
			t.Errorf("version %d: port types %v", test.version, ports)
		}
		last := epoch
		for m.step == StepInit {
			now := m.next()
			m.drain()
			m.tick(now)
			if now.Sub(last) > initMax {
				t.Errorf("nothing sent for %v", now.Sub(last))
			}
			last = now
		}
		if m.err == nil || m.err.Err != ErrNoServers || last != at(2000) {
			t.Errorf("ended at %v with %v", last.Sub(epoch), m.err)
		}
	}
}

// Matching is by the cookie; a flood of whatever makes us send no more than a fixed number of packets.
func TestFloodsCostLittle(t *testing.T) {
	m := newMachine(testParams(3, Guest, true))
	m.start(epoch)
	m.drain()
	server := m.servers.state[0].Addr
	stranger := netip.MustParseAddrPort("203.0.113.1:9")
	header := func(t natnegwire.Type) natnegwire.Header {
		return natnegwire.Header{Version: 9, Type: t, Cookie: m.cookie}
	}
	sent := 0
	for range 5000 {
		m.handle(gameSocket, natnegwire.Exchange{Header: header(natnegwire.TypeERTTest)}.Append(nil), stranger, epoch)
		m.handle(gameSocket, natnegwire.Connect{Header: header(natnegwire.TypeConnect), Remote: stranger}.Append(nil), server, epoch)
		m.handle(gameSocket, natnegwire.Connect{Header: header(natnegwire.TypeConnectPing)}.Append(nil), stranger, epoch)
		sent += len(m.drain())
	}
	if sent > maxReplies+2 {
		t.Errorf("%d packets", sent)
	}
	if m.counters.OverLimit == 0 {
		t.Error("nothing was counted")
	}
}

// sdkPeer is the original's side of spec natneg.md §3, rules 4 and 5, for one version.
type sdkPeer struct {
	version   uint8
	guess     netip.AddrPort
	gotRemote bool
	sentGot   bool
	remoteGot bool
	finished  bool
}

func (p *sdkPeer) ping(cookie [4]byte) []byte {
	m := natnegwire.Connect{Header: natnegwire.Header{Version: p.version, Type: natnegwire.TypeConnectPing, Cookie: cookie}, Remote: p.guess}
	if p.gotRemote {
		m.GotData = 1
		p.sentGot = true
	}
	if p.version < 4 && p.finished || p.version >= 4 && p.gotRemote && p.remoteGot {
		m.Finished = 1
	}
	return m.Append(nil)
}

func (p *sdkPeer) handle(m natnegwire.Connect, from netip.AddrPort) (answers [][]byte) {
	p.guess = from
	p.gotRemote = true
	if p.version >= 4 {
		if m.GotData != 0 {
			p.remoteGot, p.finished = true, true
		}
		return [][]byte{p.ping(m.Cookie)}
	}
	switch {
	case m.GotData == 0:
		answers = append(answers, p.ping(m.Cookie))
	case !p.finished:
		if !p.sentGot {
			answers = append(answers, p.ping(m.Cookie))
		}
		p.finished = true
	case m.Finished == 0:
		answers = append(answers, p.ping(m.Cookie))
	}
	return answers
}

// Our side reaches the original of either version over a lossy path, in every version of ours.
func TestAgainstTheOriginalsRules(t *testing.T) {
	ours, theirs := netip.MustParseAddrPort("198.51.100.1:1000"), netip.MustParseAddrPort("198.51.100.2:2000")
	for _, version := range []uint8{2, 3, 4} {
		for _, peerVersion := range []uint8{2, 3, 4} {
			for seed := range uint64(50) {
				random := rand.New(rand.NewPCG(seed, uint64(version)))
				lost := func() bool { return seed > 0 && random.IntN(5) == 0 }
				m := newMachine(testParams(version, Guest, false))
				m.start(epoch)
				m.handle(negotiateSocket, natnegwire.Connect{Header: natnegwire.Header{Type: natnegwire.TypeConnect, Cookie: m.cookie}, Remote: theirs}.Append(nil), m.servers.state[0].Addr, epoch)
				peer := &sdkPeer{version: peerVersion, guess: ours}
				pings := 0
				peerNext := 0
				for ms := 0; ms < 12000 && m.step < StepDone; ms += 10 {
					now := at(ms)
					if !m.next().After(now) {
						m.tick(now)
					}
					if !peer.finished && ms >= peerNext && ms < 6300 {
						peerNext += 700
						if b := peer.ping(m.cookie); !lost() {
							m.handle(negotiateSocket, b, theirs, now)
						}
					}
					for pending := m.drain(); len(pending) > 0; pending = append(pending[1:], m.drain()...) {
						packet, err := natnegwire.Parse(pending[0].b)
						if err != nil {
							t.Fatal(err)
						}
						ping, ok := packet.(natnegwire.Connect)
						if !ok || ping.Type != natnegwire.TypeConnectPing || lost() {
							continue
						}
						if pings++; pings > 60 {
							t.Fatalf("%d against %d: the pings never end", version, peerVersion)
						}
						for _, b := range peer.handle(ping, ours) {
							if !lost() {
								m.handle(negotiateSocket, b, theirs, now)
							}
						}
					}
				}
				if m.step != StepDone || !peer.finished {
					t.Fatalf("%d against %d, seed %d: we are at %v (%v), the peer has finished: %v", version, peerVersion, seed, m.step, m.err, peer.finished)
				}
			}
		}
	}
}

func FuzzMachine(f *testing.F) {
	p := testParams(3, Guest, true)
	for _, m := range []natnegwire.Message{
		natnegwire.Connect{Header: natnegwire.Header{Type: natnegwire.TypeConnect, Cookie: p.cookie}, Remote: p.local},
		natnegwire.Connect{Header: natnegwire.Header{Type: natnegwire.TypeConnectPing, Cookie: p.cookie}, Remote: p.local, GotData: 1},
		natnegwire.Exchange{Header: natnegwire.Header{Type: natnegwire.TypeInitAck, Cookie: p.cookie}},
		natnegwire.Report{Header: natnegwire.Header{Type: natnegwire.TypeReportAck, Cookie: p.cookie}},
	} {
		f.Add(m.Append(nil), m.Append(nil), true)
	}
	f.Fuzz(func(t *testing.T, a, b []byte, fromServer bool) {
		m := newMachine(testParams(3, Guest, true))
		m.start(epoch)
		from := netip.MustParseAddrPort("[2001:db8::1]:5")
		if fromServer {
			from = m.servers.state[0].Addr
		}
		m.handle(gameSocket, a, from, epoch)
		m.handle(negotiateSocket, b, from, epoch)
		for i := 0; m.step < StepDone; i++ {
			if i > 200 {
				t.Fatalf("it never ends: %v", m.step)
			}
			m.tick(m.next())
		}
	})
}

// connect tells a machine of its partner.
func (m *machine) connectTo(partner, server netip.AddrPort, now time.Time) {
	header := natnegwire.Header{Version: m.version, Type: natnegwire.TypeConnect, Cookie: m.cookie}
	m.handle(m.pingSocket(), natnegwire.Connect{Header: header, Remote: partner}.Append(nil), server, now)
}

// Addresses that no partner can have are not pinged. A server on this machine may name this machine, no other may.
func TestConnectWithHostileAddresses(t *testing.T) {
	for _, test := range []struct {
		partner string
		server  string
		works   bool
	}{
		{"203.0.113.9:7777", "198.51.100.1:27901", true},
		{"192.168.1.9:7777", "198.51.100.1:27901", true}, // behind the same NAT
		{"169.254.1.9:7777", "198.51.100.1:27901", true},
		{"203.0.113.9:0", "198.51.100.1:27901", false},
		{"0.0.0.0:7777", "198.51.100.1:27901", false},
		{"0.1.2.3:7777", "198.51.100.1:27901", false},
		{"224.0.0.1:7777", "198.51.100.1:27901", false},
		{"239.255.255.250:1900", "198.51.100.1:27901", false},
		{"240.0.0.1:7777", "198.51.100.1:27901", false},
		{"255.255.255.255:7777", "198.51.100.1:27901", false},
		{"127.0.0.1:7777", "198.51.100.1:27901", false},
		{"127.9.9.9:7777", "198.51.100.1:27901", false},
		{"127.0.0.1:7777", "127.0.0.1:27901", true},
	} {
		server := netip.MustParseAddrPort(test.server)
		p := testParams(3, Guest, true)
		p.servers.trusted = []netip.Addr{server.Addr()}
		m := newMachine(p)
		m.start(epoch)
		m.drain()
		m.connectTo(netip.MustParseAddrPort(test.partner), server, epoch)
		if out := m.drain(); test.works != (m.step == StepPing) || test.works != (len(out) == 2) || test.works == (m.counters.BadAddress == 1) {
			t.Errorf("%s from %s: %v, sent %d, %+v", test.partner, test.server, m.step, len(out), m.counters)
		}
	}
}

// A server that cannot say where the partner is leaves it to the partner's pings (openspy-core, for two players behind one
// address). So does one whose CONNECT is late.
func TestPartnerShowsItsAddress(t *testing.T) {
	for _, version := range []uint8{2, 3, 4} {
		for _, connect := range []string{"0.0.0.0:26500", "", "203.0.113.9:26500"} {
			m := newMachine(testParams(version, Guest, true))
			m.start(epoch)
			m.drain()
			partner := netip.MustParseAddrPort("203.0.113.9:7777")
			ping := natnegwire.Connect{Header: m.header(natnegwire.TypeConnectPing), Remote: m.local}
			m.handle(gameSocket, ping.Append(nil), partner, epoch)
			if out := m.drain(); m.step != StepPing || m.counters.Early != 1 || len(out) != 1 || out[0].to != partner {
				t.Fatalf("version %d: a ping before any CONNECT is ignored: %v, %v", version, m.step, out)
			}
			if connect != "" {
				m.connectTo(netip.MustParseAddrPort(connect), m.servers.state[0].Addr, epoch)
				m.drain()
			}
			ping.GotData = 1
			m.handle(gameSocket, ping.Append(nil), partner, epoch)
			if m.step != StepConnected || m.remote != partner || m.kind != PathPing {
				t.Errorf("version %d: %v, remote %v, %v", version, m.step, m.remote, m.kind)
			}
		}
	}
}

// Our own pings may come back: the server named our own address, the NAT turns packets around, or somebody echoes them.
// They are no partner.
func TestOurOwnPingsAreNoPartner(t *testing.T) {
	for _, version := range []uint8{2, 3, 4} {
		m := newMachine(testParams(version, Guest, true))
		m.start(epoch)
		m.drain()
		own := m.local
		m.connectTo(own, m.servers.state[0].Addr, epoch)
		for range 100 {
			for _, packet := range m.drain() {
				if packet.to == own {
					m.handle(gameSocket, packet.b, own, epoch)
				}
			}
		}
		if m.step != StepPing || m.gotRemote {
			t.Errorf("version %d: %v", version, m.step)
		}
		for m.step == StepPing {
			m.tick(m.next())
		}
		if m.err == nil || m.err.Err != ErrPingTimeout {
			t.Errorf("version %d: %v", version, m.err)
		}
	}
}

// sent is what was sent, without the questions how the servers see us.
func (m *machine) sent() []outgoing {
	return slices.DeleteFunc(m.drain(), func(packet outgoing) bool { return packet.b[7] == byte(natnegwire.TypeAddressCheck) })
}

func countTypes(sent []outgoing) map[natnegwire.Type]int {
	types := make(map[natnegwire.Type]int)
	for _, packet := range sent {
		types[natnegwire.Type(packet.b[7])]++
	}
	return types
}

func (m *machine) sentTypes() map[natnegwire.Type]int { return countTypes(m.sent()) }

// Pings of spec natneg.md §3 rule 4: never further apart than the original's 700 ms, for as long as the original's 6.3 s,
// then one REPORT.
func TestPingSchedule(t *testing.T) {
	for _, version := range []uint8{2, 3, 4} {
		m := newMachine(testParams(version, Guest, false))
		m.start(epoch)
		m.connectTo(netip.MustParseAddrPort("203.0.113.9:7777"), m.servers.state[0].Addr, epoch)
		if sent := m.sentTypes(); sent[natnegwire.TypeConnectPing] != 1 || sent[natnegwire.TypeConnectAck] != 1 {
			t.Fatalf("version %d: first %v", version, sent)
		}
		var times []int
		for m.step == StepPing {
			now := m.next()
			m.tick(now)
			pings, sent := 0, m.sent()
			for _, packet := range sent {
				if packet.to == m.guess {
					pings++
				}
			}
			types := countTypes(sent)
			if pings == 0 && len(types) == 1 && types[natnegwire.TypeConnectPing] > 0 {
				continue // predicted ports, which had to wait for the limit
			}
			if (pings == 1) == (types[natnegwire.TypeReport] == 1) && m.doubt == nil || len(types) > 1 {
				t.Errorf("version %d at %v: %v", version, now.Sub(epoch), types)
			}
			if pings == 1 || m.step == StepFailed {
				times = append(times, int(now.Sub(epoch).Milliseconds()))
			}
		}
		want := []int{50, 150, 350, 750, 1450, 2150, 2850, 3550, 4250, 4950, 5650, 6300}
		if !slices.Equal(times, want) || m.err == nil || m.err.Err != ErrPingTimeout {
			t.Errorf("version %d: %v, %v", version, times, m.err)
		}
	}
}

// REPORT of spec natneg.md §3 rule 6: repeated after success until it is acknowledged, in either form; not sent for
// partners that do not come.
func TestReportSchedule(t *testing.T) {
	partner := netip.MustParseAddrPort("203.0.113.9:7777")
	header := func(m *machine, t natnegwire.Type) natnegwire.Header {
		return natnegwire.Header{Version: m.version, Type: t, Cookie: m.cookie}
	}
	open := func() *machine {
		m := newMachine(testParams(3, Guest, false))
		m.start(epoch)
		m.connectTo(partner, m.servers.state[0].Addr, epoch)
		m.handle(negotiateSocket, natnegwire.Connect{Header: header(m, natnegwire.TypeConnectPing), Remote: m.local, GotData: 1}.Append(nil), partner, epoch)
		if sent := m.sentTypes(); m.step != StepConnected || sent[natnegwire.TypeReport] != 1 {
			t.Fatalf("%v, %v", m.step, sent)
		}
		return m
	}
	run := func(m *machine) (reports int) {
		for m.step == StepConnected {
			m.tick(m.next())
			reports += m.sentTypes()[natnegwire.TypeReport]
		}
		return reports
	}
	m := open()
	if reports := run(m); reports != reportCount-1 || m.since != at(5000) {
		t.Errorf("%d repetitions, ended at %v", reports, m.since.Sub(epoch))
	}
	for _, ack := range []natnegwire.Message{
		natnegwire.Exchange{Header: header(m, natnegwire.TypeReportAck)},
		natnegwire.Report{Header: header(m, natnegwire.TypeReportAck)},
	} {
		m := open()
		m.handle(negotiateSocket, ack.Append(nil), m.servers.state[0].Addr, epoch)
		if reports := run(m); reports != 0 {
			t.Errorf("%d reports after the acknowledgement", reports)
		}
	}
	for finished, want := range map[uint8]int{natnegwire.FinishedNoPartner: 0, natnegwire.FinishedInitTimeout: 0, 3: 1} {
		m := newMachine(testParams(3, Guest, false))
		m.start(epoch)
		m.handle(negotiateSocket, natnegwire.Connect{Header: header(m, natnegwire.TypeConnect), Finished: finished}.Append(nil), m.servers.state[0].Addr, epoch)
		if sent := m.sentTypes(); m.step != StepFailed || sent[natnegwire.TypeReport] != want || sent[natnegwire.TypeConnectAck] != 0 {
			t.Errorf("finished %d: %v, %v", finished, m.step, sent)
		}
	}
}
