package natneg

import (
	"net/netip"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// What the game names late is as good as what it names before: theory, which knows nothing of it, has no say.
func TestLateCandidateIsTried(t *testing.T) {
	p := testParams(3, Guest, true)
	p.nat = &Report{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent, NAT: NATSymmetric}
	p.peerNAT, p.natGiven = p.nat, true
	for _, named := range []bool{false, true} {
		m := newMachine(p)
		m.start(epoch)
		if named {
			m.give(netip.MustParseAddrPort("203.0.113.9:9999"), epoch)
		}
		m.connectTo(netip.MustParseAddrPort("203.0.113.9:7777"), m.servers.state[0].Addr, epoch)
		if named != (m.step == StepPing) || named && m.pingLimit() != defaultPingTimeout {
			t.Errorf("named %v: %v, %v, for %v", named, m.step, m.err, m.pingLimit())
		}
	}
}

// A doubt is the game's: what the servers do afterwards must not change under its eyes.
func TestDoubtIsACopy(t *testing.T) {
	m := newMachine(testParams(3, Guest, true))
	m.start(epoch)
	m.wait(epoch, at(20000))
	m.tick(at(2000))
	if m.doubt == nil || len(m.doubt.Servers) != serverCount {
		t.Fatalf("%+v", m.doubt)
	}
	m.servers.state[0].Answered = true
	if m.doubt.Servers[0].Answered {
		t.Error("it changes")
	}
}

// With two servers, the second stands in for the third and says the same twice. That does not make random ports of those that
// a NAT counts.
func TestTwoServersSeeANATThatCounts(t *testing.T) {
	p := testParams(3, Guest, false)
	p.servers.state[2].Addr = netip.AddrPort{}
	m := newMachine(p)
	m.start(epoch)
	for i, port := range []string{"203.0.113.1:40000", "203.0.113.1:40001"} {
		reply := natnegwire.Exchange{Header: m.header(natnegwire.TypeAddressReply)}
		reply.Addr = netip.MustParseAddrPort(port)
		m.handle(negotiateSocket, reply.Append(nil), m.servers.state[i].Addr, epoch)
	}
	if m.nat == nil || m.nat.Step != 1 || m.randomPorts() || !m.nat.TwoServers || m.opened() != 2 {
		t.Errorf("%+v, %d ports", m.nat, m.opened())
	}
}

// A game that puts a Report together leaves out what it does not know; that is not taken for a machine without NAT.
func TestShortOfAnIncompleteReport(t *testing.T) {
	for _, test := range []struct {
		report Report
		want   string
	}{
		{Report{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent}, "a symmetric NAT with random ports"},
		{Report{Mapping: AddressAndPortDependent, Step: -2}, "a symmetric NAT that counts its ports by -2"},
		{Report{Mapping: EndpointIndependent, Filtering: AddressAndPortDependent}, "a NAT with one port for all destinations"},
		{Report{Mapping: EndpointIndependent, Filtering: EndpointIndependent}, "no NAT"},
		{Report{Mapping: EndpointIndependent, NAT: NATRestrictedCone, Filtering: AddressDependent}, "a restricted cone NAT"},
	} {
		if got := test.report.short(); got != test.want {
			t.Errorf("%+v: %s", test.report, got)
		}
	}
}
