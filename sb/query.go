package sb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// DirectQuery says what game servers are asked. The zero value asks for everything, players and teams included.
type DirectQuery struct {
	// Fields asks for these server keys only, by their QR2 names (hostname, mapname, ... and those of Config.Keys), in one
	// small datagram; none means everything.
	Fields []string
	// NoChallenge leaves out the challenge that keeps game servers from being misused against third parties. Otherwise the
	// back end decides, and before it was asked, servers are challenged.
	NoChallenge bool
	// Protocol is what all of the servers are asked in; 0 means Server.Protocol, and where that is not known, the one of the
	// Config. In QR1, Fields asks for what servers have at hand (basic and info) and for the other sections only if they are
	// needed; answers carry no key, so that the address alone makes them ours.
	Protocol Protocol
}

// QueryStats count what direct queries of a Browser have done.
type QueryStats struct {
	Sent       int64 // datagrams
	Repeated   int64 // of these, in a second or later attempt
	Answered   int64 // servers
	Unanswered int64 // servers
	Ignored    int64 // datagrams that belong to no query: wrong address or key
	Malformed  int64 // datagrams that could not be read
	Dropped    int64 // datagrams that came faster than they were handled
}

// QueryStats are the counts so far.
func (b *Browser) QueryStats() QueryStats {
	c := &b.queries
	return QueryStats{c.sent.Load(), c.repeated.Load(), c.answered.Load(), c.unanswered.Load(), c.ignored.Load(),
		c.malformed.Load(), c.dropped.Load()}
}

// Query asks one game server about itself. The Server has the fields, players, teams and the round trip.
func (b *Browser) Query(ctx context.Context, addr netip.AddrPort, query DirectQuery) (Server, error) {
	if !addr.IsValid() || addr.Port() == 0 {
		return Server{}, &Error{Op: "query", Peer: addr.String(), Reason: "this is not an address that can be asked", Err: ErrUnreachable}
	}
	source := func(yield func(Server) bool) { yield(Server{Addr: addr}) }
	var server Server
	for result, err := range b.query(ctx, networkOf(addr), source, query, nil) {
		if err == nil {
			err = result.QueryErr
		}
		if err != nil {
			if failure, ok := errors.AsType[*Error](err); ok && failure.Peer == "" {
				failure.Peer = addr.String()
			}
			return Server{}, err
		}
		server = result
	}
	return server, nil
}

// QueryAll asks many game servers about themselves, Config.QueryConcurrency at a time, over one socket (two if some of them
// have IPv6 addresses), and yields each of them as it answers or is given up: then Server.QueryErr says why. What the list said of a server is kept where the server
// itself says nothing. An error that ends everything comes last. servers is read from another goroutine; it should end
// when ctx does, since leaving the loop waits for it. Servers behind our own public address are asked at their private one.
//
// All servers are asked, FlagDirect or not: many masters do not know who can be reached. Those whose addresses the master
// hides cannot be asked: their QueryErr is ErrHidden; that of a server without an address or port is ErrUnreachable. Servers
// with the same address at the same time share one question and its answer.
func (b *Browser) QueryAll(ctx context.Context, servers iter.Seq[Server], query DirectQuery) iter.Seq2[Server, error] {
	return b.query(ctx, "udp4", servers, query, nil)
}

// queryAddr is where a server is queried (spec sb.md B.1).
func (b *Browser) queryAddr(server Server) netip.AddrPort {
	addr := server.Addr
	if b.shares(server) {
		addr = server.Private
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// shares reports whether a server is behind our own public address, where its private one counts.
func (b *Browser) shares(server Server) bool {
	own := b.PublicAddr()
	return own.IsValid() && server.Private.IsValid() && server.Addr.Addr().Unmap() == own
}

// newProber makes the state of one run.
func (b *Browser) newProber(query DirectQuery) (*prober, error) {
	registry, err := qr2wire.NewRegistry(b.keys())
	if err != nil {
		return nil, joined(ErrNotConfigured, err)
	}
	p := &prober{query: query, registry: registry, challenge: b.wantsChallenge(), attempts: b.config.QueryAttempts,
		timeout: b.config.QueryTimeout, stats: &b.queries, probes: make(map[netip.AddrPort]*probe),
		pace: newPacer(b.config.QueryRate, time.Now()), protocol: b.config.Protocol, question: oldQuestion(query)}
	switch {
	case query.Protocol > ICMP:
		return nil, fmt.Errorf("%w: there is no %v", ErrNotConfigured, query.Protocol)
	case query.Protocol == ICMP:
		p.pinged = make(map[uint32]*probe)
	case p.protocol == 0:
		p.protocol = QR2
	}
	for _, name := range query.Fields {
		id, ok := registry.Number(name)
		if !ok && (query.Protocol == QR1 || query.Protocol == 0 && p.protocol == QR1) {
			continue // it asks by sections
		}
		if !ok {
			return nil, fmt.Errorf("%w: QR2 has no number for the field %q: see Config.Keys", ErrNotConfigured, name)
		}
		p.ids = append(p.ids, id)
	}
	if _, err := qr2wire.BasicQuery(qr2wire.Key{}, p.ids...).Append(nil); err != nil {
		return nil, joined(ErrNotConfigured, err)
	}
	return p, nil
}

// keys are the game's own QR2 keys.
func (b *Browser) keys() map[qr2wire.KeyID]string {
	keys := make(map[qr2wire.KeyID]string, len(b.config.Keys))
	for id, name := range b.config.Keys {
		keys[qr2wire.KeyID(id)] = name
	}
	return keys
}

// arrival is a datagram and when it came.
type arrival struct {
	b    []byte
	from netip.AddrPort
	at   time.Time
}

const (
	maxArrivals  = 1024
	maxReplySize = 4096
	// readBufferSize is what the socket may hold while the loop over the results is busy: 1,000 full replies.
	readBufferSize = 4 << 20
	maxReadErrors  = 64 // in a row, besides one for each datagram sent: some systems report ICMP errors that way
)

// query runs a prober: one socket, one goroutine that reads it and one that reads the source.
func (b *Browser) query(ctx context.Context, network string, source iter.Seq[Server], query DirectQuery, lan *discovery) iter.Seq2[Server, error] {
	return func(yield func(Server, error) bool) {
		op := "query"
		if lan != nil {
			op = "LAN search"
		}
		fail := func(err error) { yield(Server{}, &Error{Op: op, Err: err}) }
		if err := ctx.Err(); err != nil {
			fail(err)
			return
		}
		p, err := b.newProber(query)
		if err != nil {
			fail(err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if lan != nil {
			p.challenge = true // no back end speaks for these servers
			p.pace.rate = min(lanRate, p.pace.limit)
		}
		r := &run{browser: b, prober: p, lan: lan, arrivals: make(chan arrival, maxArrivals), source: make(chan Server),
			broken: make(chan error, 2), sockets: make(map[string]*socket)}
		if _, err := r.socket(ctx, network); err != nil {
			fail(err)
			return
		}
		r.work.Go(func() { r.feed(ctx, source) })
		defer r.close()
		defer cancel()
		if err := r.loop(ctx, yield); err != nil {
			fail(err)
		}
	}
}

// run is one run of queries.
type run struct {
	browser  *Browser
	prober   *prober
	sockets  map[string]*socket // by network: udp4, udp6
	work     sync.WaitGroup
	lan      *discovery
	arrivals chan arrival
	source   chan Server
	broken   chan error // why nothing more can be received
	sent     atomic.Int64
}

// socket gives the socket for a network. The second one is opened when it is needed.
func (r *run) socket(ctx context.Context, network string) (*socket, error) {
	if s, ok := r.sockets[network]; ok {
		return s, nil
	}
	var conn net.PacketConn
	var err error
	if r.prober.query.Protocol == ICMP {
		conn, err = listenICMP(network)
	} else {
		conn, err = r.browser.config.ListenPacket(ctx, network, ":0")
	}
	if err != nil {
		return nil, err
	}
	s := &socket{conn: conn}
	s.udp, _ = conn.(*net.UDPConn)
	if buffered, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
		_ = buffered.SetReadBuffer(readBufferSize) // the system gives what it allows
	}
	r.sockets[network] = s
	r.work.Go(func() { r.read(ctx, s) })
	return s, nil
}

func (r *run) close() {
	for _, s := range r.sockets {
		s.conn.Close()
	}
	r.work.Wait()
}

func (r *run) writeTo(b []byte, to netip.AddrPort) error {
	s := r.sockets[networkOf(to)]
	if s == nil {
		return errors.New("there is no socket for " + networkOf(to)) // of a LAN search
	}
	return s.writeTo(b, to)
}

func (r *run) read(ctx context.Context, s *socket) {
	buf := make([]byte, maxReplySize)
	for failures := 0; ctx.Err() == nil; {
		n, from, ok, err := s.readFrom(buf)
		if err != nil {
			if failures++; errors.Is(err, net.ErrClosed) || int64(failures) >= maxReadErrors+r.sent.Load() {
				r.broken <- err
				return
			}
			continue
		}
		failures = 0
		if !ok {
			continue
		}
		select {
		case r.arrivals <- arrival{append([]byte(nil), buf[:n]...), from, time.Now()}:
		default:
			r.prober.stats.dropped.Add(1)
		}
	}
}

func (r *run) feed(ctx context.Context, source iter.Seq[Server]) {
	defer close(r.source)
	for server := range source {
		select {
		case r.source <- server:
		case <-ctx.Done():
			return
		}
	}
}

// loop is the owner of the prober. It returns nil if everything was yielded or the loop over it was left.
func (r *run) loop(ctx context.Context, yield func(Server, error) bool) error {
	p := r.prober
	source := r.source
	timer := time.NewTimer(0)
	defer timer.Stop()
	give := func(servers []Server) bool {
		for _, server := range servers {
			if !yield(server, nil) {
				return false
			}
		}
		return true
	}
	for {
		// What has come is looked at before anything is given up, however long the last yield took.
		// But a flood must not keep us from the rest.
		for range len(r.arrivals) {
			if !give(r.arrived(<-r.arrivals)) {
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now := time.Now()
		if !give(p.expire(now)) {
			return nil
		}
		wake, waiting := r.sendReady(now)
		listening := false
		if r.lan != nil {
			var at time.Time
			var err error
			if at, listening, err = r.lan.greet(r, now); err != nil {
				return err
			}
			if listening && (!waiting || at.Before(wake)) {
				wake, waiting = at, true
			}
		}
		if source == nil && len(p.probes) == 0 && !listening {
			return nil
		}
		if at, ok := p.wake(); ok && (!waiting || at.Before(wake)) {
			wake, waiting = at, true
		}
		var tick <-chan time.Time
		if waiting {
			timer.Reset(time.Until(wake))
			tick = timer.C
		}
		input := source
		if p.size() >= r.browser.config.QueryConcurrency {
			input = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-r.broken:
			return err
		case <-tick:
		case a := <-r.arrivals:
			if !give(r.arrived(a)) {
				return nil
			}
		case server, ok := <-input:
			if !ok {
				source = nil
				continue
			}
			if server.QueryErr = r.start(ctx, server); server.QueryErr != nil && !yield(server, nil) {
				return nil
			}
		}
	}
}

// start begins to query a server, or says why that cannot be.
func (r *run) start(ctx context.Context, server Server) error {
	addr := r.browser.queryAddr(server)
	fail := func(reason string, err error) error {
		return &Error{Op: "query", Peer: server.Addr.String(), Reason: reason, Err: err}
	}
	switch {
	case server.Hidden():
		return fail("", ErrHidden)
	case !addr.IsValid() || addr.Port() == 0:
		return fail("this is not an address that can be asked", ErrUnreachable)
	}
	if _, err := r.socket(ctx, networkOf(addr)); err != nil {
		return fail("", joined(ErrUnreachable, err))
	}
	r.prober.add(server, addr)
	return nil
}

// arrived gives a datagram to the prober, or takes its sender for a server of the LAN.
func (r *run) arrived(a arrival) []Server {
	done, known := r.prober.handle(a.b, a.from, a.at)
	if known {
		return done
	}
	if r.lan == nil || !r.lan.found(a) {
		r.prober.stats.ignored.Add(1)
		return nil
	}
	r.prober.add(Server{Addr: a.from, Flags: FlagDirect, Protocol: protocolOf(a.b)}, a.from)
	return nil
}

// sendReady sends what the pace allows; wake is when it allows more.
func (r *run) sendReady(now time.Time) (wake time.Time, waiting bool) {
	p := r.prober
	p.pace.adapt(now, p.trips.mean)
	for p.sendable() {
		if ok, wake := p.pace.take(now); !ok {
			return wake, true
		}
		datagram, to, ok := p.next(now)
		if !ok {
			break
		}
		if err := r.writeTo(datagram, to); err != nil {
			// A full buffer, or a network that is down for a moment: the next attempt may fare better.
			p.unsent(to, err)
			r.browser.config.Logger.Debug("direct query not sent", "to", to.String(), "error", err.Error())
			continue
		}
		r.sent.Add(1)
	}
	return time.Time{}, false
}
