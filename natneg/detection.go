package natneg

import (
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// The two sockets of a detection: two, so that what the one opens does not change what the other sees.
const (
	reachSocket = iota // E: who can reach us
	mapSocket          // M: how we look from outside
)

// The original sends everything once. Repeating keeps a lost packet from becoming a wrong answer.
const (
	detectFirst = 250 * time.Millisecond
	detectMax   = time.Second
	// unheardAfter is how often a question is asked that the rest can do without: if a test has not come then, the NAT stops
	// it; if a server has not answered then, it is down.
	unheardAfter = 5
)

// The cookies that the protocol prescribes; those of the maps select the map.
const (
	natifyCookie = 777
	cookie1a     = 0
	cookie1b     = 3
	cookie2      = 1
	cookie3      = 2
)

// What we send to our own public address to see whether it comes back; the original does not. It is often enough to ask
// thrice: it does not leave the house.
const (
	hairpinCookie = 0x52656C69
	hairpinTimes  = 3
)

// question is one request and its answer.
type question struct {
	socket   int
	server   int // 0, 1 or 2
	packet   natnegwire.Exchange
	probe    bool // the answer comes from elsewhere, if the NAT lets it
	sent     int
	lastSent time.Time
	answered bool
	seen     netip.AddrPort // what an ADDRESS_REPLY said
	took     time.Duration
}

// detection decides what a detection sends, without sockets or a clock.
type detection struct {
	version   uint8
	servers   servers
	questions []question
	wait      time.Duration
	nextSend  time.Time
	end       time.Time
	out       []outgoing
	ignored   int

	hairpinSent  int
	hairpinHeard bool
}

// newDetection makes the seven questions of spec natneg.md §4, as far as there are servers for them.
func newDetection(version uint8, found servers) *detection {
	d := &detection{version: version, servers: found, wait: detectFirst}
	ask := func(socket, server int, t natnegwire.Type, port natnegwire.PortType, cookie uint32, probe bool) {
		if !found.state[server].Addr.IsValid() {
			return
		}
		d.questions = append(d.questions, question{socket: socket, server: server, probe: probe, packet: natnegwire.Exchange{
			Header:   natnegwire.Header{Version: version, Type: t, Cookie: CookieFromUint32(cookie)},
			InitBody: natnegwire.InitBody{Port: port},
		}})
	}
	ask(reachSocket, 0, natnegwire.TypeNatifyRequest, natnegwire.PortNN1, natifyCookie, false)
	ask(reachSocket, 0, natnegwire.TypeNatifyRequest, natnegwire.PortNN2, natifyCookie, true)
	ask(reachSocket, 1, natnegwire.TypeNatifyRequest, natnegwire.PortNN3, natifyCookie, true) // server 2: some documents say 3
	ask(mapSocket, 0, natnegwire.TypeAddressCheck, natnegwire.PortNN1, cookie1a, false)
	ask(mapSocket, 0, natnegwire.TypeAddressCheck, natnegwire.PortNN1, cookie1b, false)
	ask(mapSocket, 1, natnegwire.TypeAddressCheck, natnegwire.PortNN2, cookie2, false)
	ask(mapSocket, 2, natnegwire.TypeAddressCheck, natnegwire.PortNN3, cookie3, false)
	return d
}

func (d *detection) start(now time.Time, timeout time.Duration) {
	d.end = now.Add(timeout)
	d.ask(now)
}

func (d *detection) next() time.Time { return earlier(d.nextSend, d.end) }

// tick repeats what was not answered and reports whether the detection is over.
func (d *detection) tick(now time.Time) (over bool) {
	if d.complete() || !now.Before(d.end) {
		return true
	}
	if !now.Before(d.nextSend) {
		if d.settled() {
			return true
		}
		d.wait = min(2*d.wait, detectMax)
		d.ask(now)
	}
	return false
}

func (d *detection) ask(now time.Time) {
	d.nextSend = now.Add(d.wait)
	enough := d.enough()
	for i := range d.questions {
		q := &d.questions[i]
		if q.answered || q.exhausted(enough) {
			continue
		}
		q.sent++
		q.lastSent = now
		d.out = append(d.out, outgoing{socket: socket(q.socket), to: d.servers.state[q.server].Addr, b: q.packet.Append(nil)})
	}
	d.askHairpin()
}

// askHairpin sends to our own public address, once it is known.
func (d *detection) askHairpin() {
	views, _ := d.views()
	if len(views) == 0 || d.hairpinHeard || d.hairpinSent >= hairpinTimes {
		return
	}
	d.hairpinSent++
	packet := natnegwire.Exchange{Header: natnegwire.Header{Version: d.version, Type: natnegwire.TypeAddressCheck, Cookie: CookieFromUint32(hairpinCookie)}}
	d.out = append(d.out, outgoing{socket: mapSocket, to: views[0], b: packet.Append(nil)})
}

// hairpinSettled reports whether the question is answered, or was asked and there has been time for the answer.
func (d *detection) hairpinSettled() bool {
	views, _ := d.views()
	return d.hairpinHeard || len(views) == 0 || d.hairpinSent >= hairpinTimes
}

// exhausted reports whether a question was asked often enough. How we look from outside is asked until the end, unless
// enough others have told.
func (q question) exhausted(enough bool) bool {
	return q.sent >= unheardAfter && (q.socket == reachSocket || enough)
}

// enough reports whether two servers have told how we look.
func (d *detection) enough() bool {
	views, _ := d.views()
	return len(views) >= 2
}

// complete reports whether everything was answered that the result depends on: the test from the server that was asked
// for it says nothing about the NAT, and OpenSpy does not send it.
func (d *detection) complete() bool {
	return d.hairpinSettled() && !slices.ContainsFunc(d.questions, func(q question) bool {
		return !q.answered && (q.probe || q.socket == mapSocket)
	})
}

// settled reports whether all that is missing was asked for often enough.
func (d *detection) settled() bool {
	enough := d.enough()
	return d.hairpinSettled() && !slices.ContainsFunc(d.questions, func(q question) bool { return !q.answered && !q.exhausted(enough) })
}

// handle takes a datagram. An answer counts only if it comes from where it can come from: the server that was asked for
// most, another address than that for the probes. Some servers answer from the same one, which proves nothing.
func (d *detection) handle(s int, b []byte, from netip.AddrPort, now time.Time) {
	packet, err := natnegwire.Parse(b)
	p, ok := packet.(natnegwire.Exchange)
	if err != nil || !ok {
		d.ignored++
		return
	}
	if s == mapSocket && p.Type == natnegwire.TypeAddressCheck && p.Cookie == CookieFromUint32(hairpinCookie) && d.hairpinSent > 0 {
		d.hairpinHeard = true
		return
	}
	if s == reachSocket && p.Type == natnegwire.TypeERTTest && p.Port == 0 && p.Cookie == CookieFromUint32(natifyCookie) {
		d.handleUnnamed(from, now)
		return
	}
	i := slices.IndexFunc(d.questions, func(q question) bool {
		if q.socket != s || q.packet.Cookie != p.Cookie {
			return false
		}
		if s == mapSocket {
			return p.Type == natnegwire.TypeAddressReply
		}
		return p.Type == natnegwire.TypeERTTest && q.packet.Port == p.Port
	})
	if i < 0 {
		d.ignored++
		return
	}
	q := &d.questions[i]
	asked := d.servers.state[q.server].Addr
	switch {
	case q.answered:
		return
	case q.probe && !elsewhere(from, asked), !q.probe && from != asked:
		d.ignored++
		return
	case s == mapSocket && !plausible(p.Addr):
		d.ignored++
		return
	}
	q.answered = true
	q.seen = p.Addr
	q.took = now.Sub(q.lastSent)
	if q.probe {
		return
	}
	if s == mapSocket && d.hairpinSent == 0 {
		d.askHairpin()
	}
	server := &d.servers.state[q.server]
	if !server.Answered {
		server.Answered, server.RoundTrip = true, q.took
	}
	if s == mapSocket {
		server.Observed = p.Addr
	}
}

// handleUnnamed takes a test that does not say which one it is: OpenSpy puts 0 for all port types, though it sends from the
// right places. So the place tells: an address that E never wrote to, a port that it never wrote to, or both.
func (d *detection) handleUnnamed(from netip.AddrPort, now time.Time) {
	one, two := d.servers.state[0].Addr, d.servers.state[1].Addr
	otherIP := from.Addr() != one.Addr() && from.Addr() != two.Addr()
	otherPort := from.Port() != one.Port() && from.Port() != two.Port()
	if !otherIP && !otherPort {
		d.ignored++
		return
	}
	for i := range d.questions {
		q := &d.questions[i]
		if q.socket == reachSocket && !q.answered && (q.packet.Port == natnegwire.PortNN2 && otherIP || q.packet.Port == natnegwire.PortNN3 && otherPort) {
			q.answered, q.took = true, now.Sub(q.lastSent)
		}
	}
}

// elsewhere reports whether a probe came from another address than the server that was asked for it. On loopback, where
// there is no NAT and mostly one address, another port will do.
func elsewhere(from, asked netip.AddrPort) bool {
	return from.Addr() != asked.Addr() || asked.Addr().IsLoopback() && from != asked
}

// seen is the answer to an address check.
func (d *detection) seen(cookie uint32) netip.AddrPort {
	for _, q := range d.questions {
		if q.socket == mapSocket && q.packet.Cookie == CookieFromUint32(cookie) {
			return q.seen
		}
	}
	return netip.AddrPort{}
}

func (d *detection) heard(port natnegwire.PortType) bool {
	return slices.ContainsFunc(d.questions, func(q question) bool {
		return q.socket == reachSocket && q.packet.Port == port && q.answered
	})
}

// views are our public addresses as the servers see them, without those that have not told; second is what server 1
// said when it was asked a second time.
func (d *detection) views() (views []netip.AddrPort, second netip.AddrPort) {
	first, second := d.seen(cookie1a), d.seen(cookie1b)
	if !public(first) {
		first = second // the same question
	}
	for _, view := range []netip.AddrPort{first, d.seen(cookie2), d.seen(cookie3)} {
		if public(view) {
			views = append(views, view)
		}
	}
	return views, second
}

// report evaluates what was seen. If one server did not take part, the other two stand for 2 and 3: a change of port
// between any two tells the same.
func (d *detection) report(private netip.AddrPort) (Report, bool) {
	o := observations{
		ipRestricted:   !d.heard(natnegwire.PortNN2),
		portRestricted: !d.heard(natnegwire.PortNN3),
		private:        private,
	}
	views, second := d.views()
	switch len(views) {
	case serverCount:
		o.map1a, o.map1b, o.map2, o.map3 = views[0], second, views[1], views[2]
	case 2:
		o.map1a, o.map1b, o.map2, o.map3 = views[0], second, views[0], views[1]
	}
	if !public(d.seen(cookie1a)) {
		o.map1b = netip.AddrPort{} // there is nothing to compare it with
	}
	report, ok := o.evaluate()
	report.TwoServers = len(views) == 2
	// A probe that does not come says nothing if the server that should have sent it may be the silent one.
	silent := slices.ContainsFunc(d.servers.state, func(s ServerState) bool { return s.Addr.IsValid() && !s.Answered })
	report.NoProbes = o.ipRestricted && o.portRestricted && !d.heard(natnegwire.PortNN1) ||
		silent && (o.ipRestricted || o.portRestricted)
	answered := make(map[netip.Addr]bool)
	for _, server := range d.servers.state {
		if server.Answered {
			answered[server.Addr.Addr()] = true
		}
	}
	report.SameAddress = len(answered) == 1
	report.describe(views, private)
	if d.hairpinSent > 0 && (d.hairpinHeard || report.Mapping == EndpointIndependent) {
		// Where each destination has a port of its own, the NAT may have kept it out for another reason.
		report.Hairpin = factOf(d.hairpinHeard)
	}
	return report, ok
}

// maxStep is the largest difference between ports that is taken for a rule; random ports are seldom that close.
const maxStep = 32

// describe puts what was seen into the words of RFC 4787; views are in the order in which the ports were given out.
func (r *Report) describe(views []netip.AddrPort, private netip.AddrPort) {
	if len(views) < 2 {
		return
	}
	r.Mapping = EndpointIndependent
	preserved := true
	for i, view := range views {
		preserved = preserved && view.Port() == private.Port()
		if i == 0 {
			continue
		}
		if view != views[i-1] {
			r.Mapping = AddressAndPortDependent
		}
	}
	r.PortPreservation = factOf(preserved || views[0].Port() == private.Port() && r.Mapping != EndpointIndependent)
	if r.Mapping != EndpointIndependent {
		r.Step = commonStep(views)
	}
	switch {
	case r.NoProbes:
	case r.PortRestricted:
		r.Filtering = AddressAndPortDependent
	case r.IPRestricted:
		r.Filtering = AddressDependent
	default:
		r.Filtering = EndpointIndependent
	}
}

// commonStep is the step of a NAT that counts its ports: the smallest one, because other machines behind it may have taken
// some in between, and whatever the order, because packets may have been lost on the way there. 0 if there is no such thing.
func commonStep(views []netip.AddrPort) (step int) {
	ports := make([]int, 0, len(views))
	for _, view := range views {
		ports = append(ports, int(view.Port()))
	}
	down := slices.IsSortedFunc(ports, func(a, b int) int { return b - a })
	slices.Sort(ports)
	for i, port := range ports[1:] {
		next := port - ports[i]
		if next == 0 || next > maxStep {
			return 0
		}
		if step == 0 || next < step {
			step = next
		}
	}
	if down {
		return -step
	}
	return step
}

func stepBetween(a, b netip.AddrPort) int { return int(b.Port()) - int(a.Port()) }
