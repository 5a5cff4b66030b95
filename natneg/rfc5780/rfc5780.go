package rfc5780

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/natneg"
)

// grace is how long slower servers are waited for once one that speaks RFC 5780 has answered, and patience how long if one
// has that does not.
const (
	grace    = 100 * time.Millisecond
	patience = time.Second
)

// Report is what was found out.
type Report struct {
	natneg.Report          // for natneg.Config.NAT and for people; what could not be found out is unknown there
	Server        Server   // who did the tests; the zero value if no server speaks RFC 5780
	Asked         []Server // all servers, in the order of Config.Servers
	Missing       []string // what could not be found out, and why, for people
}

// Server is a STUN server.
type Server struct {
	Name      string
	Addr      netip.AddrPort // invalid if it was not found
	Other     netip.AddrPort // the other address and port that it has; invalid without RFC 5780
	Observed  netip.AddrPort // how it sees us
	RoundTrip time.Duration  // 0 without an answer
	Err       error          // why it did not answer

	asked time.Time
}

// Detect finds out what the NAT in front of this machine does, with sockets of its own. Where everything is answered, that
// takes a second or two. If some of it cannot be found out, that is no error: Report.Missing says so. Errors are *[Error].
func Detect(ctx context.Context, config Config) (*Report, error) {
	began := time.Now()
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	main, err := open(ctx, &config)
	if err != nil {
		return nil, &Error{Reason: "no socket", Err: err}
	}
	defer main.release()

	p := &probe{config: &config, main: main, report: &Report{}}
	if err := p.askAll(ctx, caller); err != nil {
		return nil, err
	}
	p.mapping(ctx)
	p.filteringAndHairpin(ctx)
	p.report.Private = p.private(ctx)
	if p.report.Public.Port() == p.report.Private.Port() {
		p.report.PortPreservation = natneg.FactYes
	} else {
		p.report.PortPreservation = natneg.FactNo
	}
	if err := context.Cause(caller); err != nil {
		return nil, &Error{Err: err, Reason: "before all was found out"}
	}
	p.report.Classify()
	p.report.Duration = time.Since(began)
	config.Logger.InfoContext(ctx, "rfc5780: NAT detected", "nat", p.report.NAT, "mapping", p.report.Mapping, "filtering", p.report.Filtering, "hairpin", p.report.Hairpin, "public", p.report.Public, "missing", p.report.Missing)
	return p.report, nil
}

// PublicAddress is the address under which a game's socket is seen from outside, as the first of the servers to answer sees
// it: for natneg.Config.Mapped, or to tell a friend. conn may be a game's view of a shared socket (qr2.Host.GameConn and the
// like), or a connection of which nobody else reads meanwhile; what is not for us stays in the game's view, or is lost on a
// bare connection. It takes ten seconds at most. Errors are *[Error].
func PublicAddress(ctx context.Context, conn net.PacketConn, servers ...string) (netip.AddrPort, error) {
	config, err := Config{Servers: servers}.withDefaults()
	if err != nil {
		return netip.AddrPort{}, err
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	s := attach(conn, false)
	defer s.release()
	p := &probe{config: &config, main: s, report: &Report{}, first: true}
	if err := p.askAll(ctx, caller); err != nil {
		return netip.AddrPort{}, err
	}
	return p.report.Public, nil
}

// probe is a detection under way.
type probe struct {
	config *Config
	main   *socket
	report *Report
	first  bool // one answer is enough

	views []view
	rto   time.Duration // for the chosen server
}

// view is how the main socket is seen by an address, in the order of asking.
type view struct {
	by, mapped netip.AddrPort
	asked      time.Time
}

// askAll asks all servers at once, from the same socket. ctx is the caller's with the time limit.
func (p *probe) askAll(ctx, caller context.Context) error {
	type result struct {
		index  int
		server Server
	}
	results := make(chan result, len(p.config.Servers))
	asking, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i, name := range p.config.Servers {
		running.Go(func() { results <- result{i, p.ask(asking, name)} })
	}
	p.report.Asked = make([]Server, len(p.config.Servers))
	for i, name := range p.config.Servers {
		p.report.Asked[i] = Server{Name: name, Err: errNotAwaited}
	}
	var late <-chan time.Time
	for left := len(p.config.Servers); left > 0; {
		select {
		case r := <-results:
			left--
			p.report.Asked[r.index] = r.server
			switch {
			case r.server.Err != nil:
			case p.first:
				left = 0
			case r.server.Other.IsValid():
				late = time.After(grace)
			case late == nil:
				late = time.After(patience)
			}
		case <-late:
			left = 0
		}
	}
	var failures []error
	for _, server := range p.report.Asked {
		if server.Err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", server.Name, server.Err))
			continue
		}
		if !p.report.Public.IsValid() {
			p.report.Public = server.Observed
		}
		if server.Other.IsValid() && !p.report.Server.Addr.IsValid() {
			p.report.Server = server
			p.rto = rtoOf(server.RoundTrip, p.config.RTO)
		}
		p.views = append(p.views, view{server.Addr, server.Observed, server.asked})
	}
	slices.SortFunc(p.views, func(a, b view) int { return a.asked.Compare(b.asked) })
	if p.report.Public.IsValid() {
		return nil
	}
	err := errors.Join(failures...)
	e := &Error{Reason: err.Error(), Err: ErrNoServers}
	switch cause := context.Cause(caller); {
	case errors.Is(err, ErrRefused):
		e.Err = ErrRefused
	case cause != nil:
		e.Err = cause
	case errors.Is(err, errSilent) || ctx.Err() != nil:
		e.timeout = true
	}
	return e
}

// rtoOf is how long to wait before a request is repeated on a way with that round trip, at most as long as before.
func rtoOf(roundTrip, before time.Duration) time.Duration {
	return min(max(2*roundTrip, minRTO), before)
}

var (
	errSilent     = errors.New("no answer")
	errNotAwaited = errors.New("not waited for: others had answered")
)

// ask asks a server for the first time.
func (p *probe) ask(ctx context.Context, name string) Server {
	server := Server{Name: name}
	if server.Addr, server.Err = p.config.resolve(ctx, name); server.Err != nil {
		return server
	}
	server.asked = time.Now()
	got, ok, err := p.main.exchange(ctx, server.Addr, 0, exponential(p.config.RTO), nil)
	switch {
	case !ok && err != nil && ctx.Err() == nil:
		server.Err = err
	case !ok:
		server.Err = errSilent
	case got.code != 0:
		server.Err = fmt.Errorf("%w: error %d", ErrRefused, got.code)
	default:
		server.Observed, server.RoundTrip = got.mapped, got.roundTrip
		// Coturn, asked at its second address, names that one again; and what leads elsewhere than the internet from a server
		// on the internet is a trap.
		if other := got.other; other.IsValid() && other.Addr() != server.Addr.Addr() && other.Port() != server.Addr.Port() && other.Port() != 0 && sameKind(other.Addr(), server.Addr.Addr()) {
			server.Other = other
		}
		p.config.Logger.DebugContext(ctx, "rfc5780: answer", "server", server.Addr, "observed", server.Observed, "other", got.other, "round trip", server.RoundTrip)
	}
	return server
}

// sameKind reports whether two addresses are both public, both private or both this machine's.
func sameKind(a, b netip.Addr) bool {
	return a.IsGlobalUnicast() == b.IsGlobalUnicast() && a.IsPrivate() == b.IsPrivate() && a.IsLoopback() == b.IsLoopback()
}

// mapping asks the chosen server's other addresses, from the same socket: RFC 5780 §4.3. One after the other, for the order
// shows how a NAT counts.
func (p *probe) mapping(ctx context.Context) {
	server := p.report.Server
	silent := 0
	if server.Addr.IsValid() {
		for _, to := range []netip.AddrPort{
			netip.AddrPortFrom(server.Other.Addr(), server.Addr.Port()),
			server.Other,
			netip.AddrPortFrom(server.Addr.Addr(), server.Other.Port()),
		} {
			got, ok, _ := p.main.exchange(ctx, to, 0, exponential(p.rto), nil)
			if !ok || got.code != 0 {
				silent++
				continue
			}
			p.views = append(p.views, view{to, got.mapped, time.Now()})
			// The first answer of all may have waited for more than the way, such as for a neighbour's hardware address.
			p.rto = rtoOf(got.roundTrip, p.rto)
		}
	}
	p.report.Mapping = dependency(p.views)
	p.report.Step = step(p.views, p.report.Mapping)
	switch {
	case p.report.Mapping != natneg.DependencyUnknown:
	case !server.Addr.IsValid():
		p.missing("mapping: only one server answered, and it does not speak RFC 5780 (it names no OTHER-ADDRESS); name two or more")
	default:
		p.missing(fmt.Sprintf("mapping: %d of the server's three other addresses do not answer", silent))
	}
}

// dependency is what the views say of the NAT's mapping.
func dependency(views []view) natneg.Dependency {
	var otherAddr, sameAddr, byAddr, byPort bool
	for i, a := range views {
		for _, b := range views[:i] {
			same := a.mapped == b.mapped
			if a.by.Addr() == b.by.Addr() {
				sameAddr, byPort = true, byPort || !same
			} else {
				otherAddr, byAddr = true, byAddr || !same
			}
		}
	}
	switch {
	case byPort:
		return natneg.AddressAndPortDependent
	case byAddr && sameAddr:
		return natneg.AddressDependent
	case byAddr:
		return natneg.AddressAndPortDependent // as natneg says where it is one of the two
	case otherAddr:
		return natneg.EndpointIndependent
	}
	return natneg.DependencyUnknown
}

// maxStep is how far apart the ports of a counting NAT may be (spec nat.md §5).
const maxStep = 32

// step is how a NAT with a port for each destination counts: the same each time, for at least three ports.
func step(views []view, mapping natneg.Dependency) int {
	if mapping != natneg.AddressAndPortDependent || len(views) < 3 {
		return 0
	}
	d := int(views[1].mapped.Port()) - int(views[0].mapped.Port())
	for i := 2; i < len(views); i++ {
		if int(views[i].mapped.Port())-int(views[i-1].mapped.Port()) != d {
			return 0
		}
	}
	if d < -maxStep || d > maxStep {
		return 0
	}
	return d
}

// filteringAndHairpin runs the rest at the same time, each test with a socket of its own: what a socket has sent elsewhere
// before would open the way for the answers.
func (p *probe) filteringAndHairpin(ctx context.Context) {
	server := p.report.Server
	if !server.Addr.IsValid() {
		p.missing("filtering: no server speaks RFC 5780")
	}
	var running sync.WaitGroup
	var far, near outcome
	if server.Addr.IsValid() {
		running.Go(func() { far = p.fromElsewhere(ctx, changeIP|changePort, server.Other) })
		running.Go(func() {
			near = p.fromElsewhere(ctx, changePort, netip.AddrPortFrom(server.Addr.Addr(), server.Other.Port()))
		})
	}
	running.Go(func() { p.report.Hairpin = p.hairpin(ctx) })
	running.Wait()
	switch {
	case !server.Addr.IsValid():
	case far == arrived:
		p.report.Filtering = natneg.EndpointIndependent
	case far == undecided || near == undecided:
		p.missing("filtering: the server does not answer from its other addresses as asked, or there was no time")
	case near == arrived:
		p.report.Filtering = natneg.AddressDependent
	default:
		p.report.Filtering = natneg.AddressAndPortDependent
	}
	if p.report.Hairpin == natneg.FactUnknown {
		p.missing("hairpin: with a port for each destination, or without time, it cannot be tested")
	}
}

// outcome of a filtering test.
type outcome uint8

const (
	undecided outcome = iota
	arrived
	keptOut
)

// fromElsewhere asks the server to answer from another address, and sees whether the answer comes in (RFC 5780 §4.4). A
// server that ignores the wish answers from the address that was asked; a test that does not look says "full cone" then.
func (p *probe) fromElsewhere(ctx context.Context, ask change, from netip.AddrPort) outcome {
	s, err := open(ctx, p.config)
	if err != nil {
		return undecided
	}
	defer s.release()
	got, ok, err := s.exchange(ctx, p.report.Server.Addr, ask, steady(p.rto), func(a answer) bool { return !a.own })
	switch {
	case ok && got.code == 0 && got.from == from:
		return arrived
	case ok, err != nil:
		return undecided
	}
	return keptOut
}

// hairpin sends from two sockets to each other's public address (RFC 5780 §4.5 sends one way; where others are kept out, the
// way must be opened from the other end, too).
func (p *probe) hairpin(ctx context.Context) natneg.Fact {
	var server netip.AddrPort
	rto := p.config.RTO
	for _, asked := range p.report.Asked {
		if asked.Err == nil && asked.Observed == p.report.Public {
			server, rto = asked.Addr, rtoOf(asked.RoundTrip, rto)
			break
		}
	}
	if p.rto > 0 {
		rto = min(rto, p.rto)
	}
	second, err := open(ctx, p.config)
	if err != nil {
		return natneg.FactUnknown
	}
	defer second.release()
	seen, ok, _ := second.exchange(ctx, server, 0, exponential(rto), nil)
	if !ok || seen.code != 0 {
		return natneg.FactUnknown
	}
	there, stop := context.WithCancel(ctx)
	defer stop()
	back := make(chan bool, 2)
	var running sync.WaitGroup
	for _, way := range []struct {
		from, to *socket
		addr     netip.AddrPort
	}{{p.main, second, seen.mapped}, {second, p.main, p.report.Public}} {
		running.Go(func() {
			back <- comesBack(there, way.from, way.to, way.addr, rto)
		})
	}
	came := <-back
	if came {
		stop()
	}
	came = <-back || came
	running.Wait()
	switch {
	case came:
		return natneg.FactYes
	case ctx.Err() != nil || p.report.Mapping != natneg.EndpointIndependent:
		return natneg.FactUnknown
	}
	return natneg.FactNo
}

// comesBack sends requests from one of our sockets to the public address of another one, and sees whether one arrives.
func comesBack(ctx context.Context, from, to *socket, addr netip.AddrPort, rto time.Duration) bool {
	id, arrivals, forget := to.expect()
	defer forget()
	request, err := bindingRequest(id, 0)
	if err != nil {
		return false
	}
	when := steady(rto)
	for transmission := 1; ; transmission++ {
		wait, more := when(transmission)
		_ = from.mux.WriteTo(request, addr)
		select {
		case a := <-arrivals:
			if a.own {
				return true
			}
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		}
		if !more {
			return false
		}
	}
}

// private is our own address and port, as this machine knows them.
func (p *probe) private(ctx context.Context) netip.AddrPort {
	local := p.main.local
	if !local.Addr().IsUnspecified() {
		return local
	}
	i := slices.IndexFunc(p.report.Asked, func(s Server) bool { return s.Err == nil })
	// Connecting a UDP socket sends nothing; it asks for the route.
	conn, err := new(net.Dialer).DialContext(ctx, "udp4", p.report.Asked[i].Addr.String())
	if err != nil {
		return local
	}
	defer conn.Close()
	if addr, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		return netip.AddrPortFrom(addr.Addr().Unmap(), local.Port())
	}
	return local
}

func (p *probe) missing(what string) { p.report.Missing = append(p.report.Missing, what) }
