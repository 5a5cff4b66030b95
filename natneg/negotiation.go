package natneg

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// inboxSize is how many datagrams wait for the negotiation; a flood loses its own.
const inboxSize = 64

// Negotiation is one under way. It is safe for concurrent use.
//
// One goroutine does the work. It ends when the negotiation has failed, when its context ends before the path is open,
// when the game closes the connection, at Close, and else five seconds after success, unless Config.KeepAlive is set (see
// [Result]).
type Negotiation struct {
	config Config
	cookie Cookie
	role   Role

	cancel  context.CancelFunc
	closing chan struct{} // closed by Close
	decided chan struct{} // closed when result or err is there
	ended   chan struct{} // closed when the goroutine has ended
	once    sync.Once

	inbox   chan inbound
	given   chan netip.AddrPort // see AddCandidate
	foreign atomic.Int64
	dropped atomic.Int64

	mu      sync.Mutex // guards what follows
	machine *machine   // nil before the servers were found
	state   State      // of the steps before that, and of failures
	doubted *Error     // the doubt that was told
	result  *Result
	err     error
}

// inbound is a datagram with our cookie.
type inbound struct {
	socket socket
	b      []byte
	from   netip.AddrPort
}

// Start begins a negotiation and returns at once; see [Negotiate] for the arguments. ctx ends it before the path is
// open, not afterwards.
func Start(ctx context.Context, conn net.PacketConn, config Config, cookie Cookie, role Role) *Negotiation {
	ctx, cancel := context.WithCancel(ctx)
	n := &Negotiation{
		config: config, cookie: cookie, role: role,
		cancel:  cancel,
		closing: make(chan struct{}),
		decided: make(chan struct{}),
		ended:   make(chan struct{}),
		inbox:   make(chan inbound, inboxSize),
		given:   make(chan netip.AddrPort, maxCandidates),
	}
	n.state = State{Step: StepSetup, Since: time.Now(), Cookie: cookie, Role: role}
	go n.run(ctx, conn)
	return n
}

// Wait returns when the path is open or the negotiation has failed. The error is an *[Error].
func (n *Negotiation) Wait() (*Result, error) {
	<-n.decided
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.result, n.err
}

// Done is closed when the path is open or the negotiation has failed; Wait does not block from then on.
func (n *Negotiation) Done() <-chan struct{} { return n.decided }

// Close ends the negotiation and waits until nothing of it is left. If the path was open, it stays open, and the caller
// finds it with Wait; its connection is the caller's to close. Close may be called more than once.
func (n *Negotiation) Close() error {
	n.once.Do(func() {
		close(n.closing)
		n.cancel()
	})
	<-n.ended
	return nil
}

// AddCandidate names a further address of the partner, which it has told the game in some other way: it is tried beside the
// others. It does not block; what comes after the path is open, or is more than can be tried, has no effect.
func (n *Negotiation) AddCandidate(addr netip.AddrPort) {
	select {
	case n.given <- addr:
	default:
	}
}

// State is how it stands.
func (n *Negotiation) State() State {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stateLocked()
}

func (n *Negotiation) stateLocked() State {
	state := n.state
	if m := n.machine; m != nil {
		state.Servers = append([]ServerState(nil), m.servers.state...)
		state.Guess, state.Remote = m.guess, m.remote
		state.Counters = m.counters
		state.NAT, state.Heard = m.nat, m.heardAt
		state.Addresses, state.SeenAs, state.Rebounds = m.addresses(), m.seenAs, m.rebounds
		if m.doubt != nil {
			state.Doubt = m.doubt
		}
		if state.Err == nil {
			state.Step, state.Since = m.step, m.since
		}
	}
	state.Counters.Foreign += int(n.foreign.Load())
	state.Counters.QueueDropped = int(n.dropped.Load())
	return state
}

// run is the goroutine.
func (n *Negotiation) run(ctx context.Context, conn net.PacketConn) {
	defer close(n.ended)
	defer n.cancel()
	began := time.Now()
	config, err := n.config.withDefaults()
	if err == nil && n.role > Host {
		err = errors.New("the role is neither Guest nor Host")
	}
	if err != nil {
		n.fail(&Error{Step: StepSetup, Reason: err.Error()})
		return
	}
	n.config = config

	n.setStep(StepResolve)
	found, err := findServers(ctx, config)
	if err != nil {
		e := resolveError(ctx, found, err)
		if n.isClosing() {
			e.Err, e.Reason = net.ErrClosed, "the negotiation was closed"
		}
		n.fail(e)
		return
	}
	resolved := time.Since(began)

	paths, err := openPaths(ctx, conn, config, n)
	if err != nil {
		n.fail(setupError(found, err))
		return
	}
	n.mu.Lock()
	n.machine = newMachine(n.params(found, paths))
	n.machine.start(time.Now())
	n.mu.Unlock()

	failure := n.negotiate(ctx, paths)
	if failure == nil {
		failure = n.choose(paths)
	}
	if failure != nil {
		// First the sockets, then the news: the caller finds conn as it was.
		paths.abandon()
		n.fail(failure)
		return
	}
	n.succeed(paths, Timing{Resolve: resolved, Total: time.Since(began)})
	n.linger(paths)
	paths.settle()
}

func (n *Negotiation) params(found servers, paths *paths) params {
	c := n.config
	return params{
		game: c.Game, version: uint8(c.Version), cookie: n.cookie, role: n.role,
		useGame: paths.game != nil, servers: found, anySource: c.AnySource,
		local: paths.local(c, found.at(0)), negotiatePort: boundAddr(paths.neg.raw).Port(), broadcasts: broadcasts(),
		nat: c.NAT, natGiven: c.NAT != nil, peerNAT: c.PeerNAT, mapped: slices.Clone(c.Mapped), given: slices.Clone(c.Candidates),
		rate: c.PacketRate, birthday: c.Birthday, failFast: c.FailFast,
		initTimeout: initTimeout(c, found), connectTimeout: c.ConnectTimeout, pingTimeout: c.PingTimeout, keepAlive: c.KeepAlive,
		pingLimited: c.PingTimeout > 0,
	}
}

func initTimeout(c Config, found servers) time.Duration {
	if sameServer(found) {
		return orDefault(c.InitTimeout, singleInitTimeout)
	}
	return orDefault(c.InitTimeout, defaultInitTimeout)
}

// choose settles on the socket of the path, which may be one of the additional ones.
func (n *Negotiation) choose(paths *paths) *Error {
	n.mu.Lock()
	chosen := n.machine.socket
	n.mu.Unlock()
	if err := paths.choose(n, chosen); err != nil {
		e := n.here()
		e.Err = err
		return e
	}
	return nil
}

// negotiate runs the machine until the path is open.
func (n *Negotiation) negotiate(ctx context.Context, paths *paths) *Error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		step, failure := n.flush(paths)
		n.openExtra(ctx, paths)
		switch {
		case failure != nil:
			return failure
		case step >= StepConnected:
			return nil
		}
		n.reset(timer)
		select {
		case <-ctx.Done():
			return n.interrupted(ctx)
		case <-paths.done():
			return n.broken(paths)
		case in := <-n.inbox:
			n.handle(in)
		case addr := <-n.given:
			n.mu.Lock()
			n.machine.give(addr, time.Now())
			n.mu.Unlock()
		case <-timer.C:
			n.tick()
		}
	}
}

// openExtra opens the additional sockets that the machine wants. If the system has none left, fewer have to do.
func (n *Negotiation) openExtra(ctx context.Context, paths *paths) {
	n.mu.Lock()
	wanted := n.machine.needs
	n.machine.needs = 0
	n.mu.Unlock()
	if wanted == 0 || len(paths.extra) > 0 {
		return
	}
	opened := paths.openExtra(ctx, n, wanted)
	n.mu.Lock()
	n.machine.socketsOpened(opened, time.Now())
	n.mu.Unlock()
	n.flush(paths)
}

// linger runs the machine behind the open path.
func (n *Negotiation) linger(paths *paths) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if step, _ := n.flush(paths); step >= StepDone {
			return
		}
		n.reset(timer)
		select {
		case <-n.closing:
			n.endLinger()
			return
		case <-paths.done():
			n.endLinger()
			return
		case in := <-n.inbox:
			n.handle(in)
		case <-timer.C:
			n.tick()
		}
	}
}

func (n *Negotiation) endLinger() {
	n.mu.Lock()
	n.machine.enter(StepDone, time.Now())
	n.mu.Unlock()
	n.progress()
}

func (n *Negotiation) handle(in inbound) {
	n.logPacket("received", in.socket, in.from, in.b)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.machine.handle(in.socket, in.b, in.from, time.Now())
}

func (n *Negotiation) tick() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.machine.tick(time.Now())
}

func (n *Negotiation) reset(timer *time.Timer) {
	n.mu.Lock()
	next := n.machine.next()
	n.mu.Unlock()
	timer.Reset(time.Until(next))
}

// flush sends what the machine wants to send and tells of a new step.
func (n *Negotiation) flush(paths *paths) (Step, *Error) {
	n.mu.Lock()
	out := n.machine.out
	n.machine.out = nil
	step, failure := n.machine.step, n.machine.err
	told := n.state.Step == step && n.doubted == n.machine.doubt && n.machine.announced == n.machine.rebounds
	n.state.Step, n.doubted, n.machine.announced = step, n.machine.doubt, n.machine.rebounds
	n.mu.Unlock()

	failed := 0
	for _, packet := range out {
		n.logPacket("sent", packet.socket, packet.to, packet.b)
		if err := paths.write(packet); err != nil {
			failed++
			n.config.Logger.Debug("natneg: not sent", "to", packet.to, "error", err)
		}
	}
	if failed > 0 {
		n.mu.Lock()
		n.machine.counters.WriteErrors += failed
		n.mu.Unlock()
	}
	if !told && failure == nil {
		n.progress()
	}
	return step, failure
}

// setStep is for the steps before there is a machine.
func (n *Negotiation) setStep(step Step) {
	n.mu.Lock()
	n.state.Step, n.state.Since = step, time.Now()
	n.mu.Unlock()
	n.progress()
}

func (n *Negotiation) succeed(paths *paths, timing Timing) {
	n.mu.Lock()
	m := n.machine
	timing.Connect, timing.Ping = m.connectAt.Sub(m.began), m.connectedAt.Sub(m.connectAt)
	n.result = &Result{
		Conn: paths.conn(), Remote: m.remote, Guess: m.guess, Corrected: m.guess.IsValid() && m.remote != m.guess, Path: m.kind,
		RoundTrip: m.roundTrip, Timing: timing, Servers: append([]ServerState(nil), m.servers.state...),
		negotiation: n,
	}
	n.mu.Unlock()
	close(n.decided)
}

func (n *Negotiation) fail(e *Error) {
	n.mu.Lock()
	n.err = e
	n.state.Step, n.state.Since, n.state.Err = StepFailed, time.Now(), e
	if n.machine == nil {
		n.state.Servers = append([]ServerState(nil), e.Servers...)
	}
	n.mu.Unlock()
	n.progress()
	close(n.decided)
}

// progress tells of the step: never with a lock held, and always from the negotiation's goroutine.
func (n *Negotiation) progress() {
	state := n.State()
	log := n.config.Logger
	if log != nil {
		args := []any{"step", state.Step.String(), "cookie", state.Cookie.String(), "role", state.Role.String()}
		if state.Remote.IsValid() {
			args = append(args, "peer", state.Remote)
		}
		if state.Doubt != nil {
			args = append(args, "doubt", state.Doubt)
		}
		if state.Err != nil {
			args = append(args, "error", state.Err)
		}
		log.Info("natneg", args...)
	}
	if n.config.Progress != nil {
		n.config.Progress(state)
	}
}

func (n *Negotiation) logPacket(what string, s socket, peer netip.AddrPort, b []byte) {
	log := n.config.Logger
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	name := "negotiate"
	switch {
	case s == gameSocket:
		name = "game"
	case s >= extraSockets:
		name = "additional"
	}
	packet, err := natnegwire.Parse(b)
	if err != nil {
		log.Debug("natneg: "+what, "socket", name, "peer", peer, "error", err)
		return
	}
	log.Debug("natneg: "+what, "socket", name, "peer", peer, "type", packet.Head().Type.String(), "packet", packet)
}
