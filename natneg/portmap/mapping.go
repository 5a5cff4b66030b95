package portmap

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/backoff"
	"github.com/relight-sdk/relight/internal/wire/pcpwire"
)

// Waits after a failure. Where somebody must change a setting first, asking all the time only fills the router's log.
const (
	firstRetry  = 2 * time.Second
	longRetry   = 5 * time.Minute
	refusedWait = time.Hour
)

// Mapping is an open port. It renews itself until Close is called or the context that was given to Open ends; both delete
// it. It is safe for concurrent use.
type Mapping struct {
	config Config
	port   uint16
	nonce  pcpwire.Nonce // changed before the loop only

	cancel  context.CancelFunc // ends the loop
	done    chan struct{}
	find    func(ctx context.Context, want request) (held, error) // acquire, but for tests of the loop
	watch   func(ctx context.Context, h held)                     // listens for announcements until ctx ends; nil: nobody does
	working sync.WaitGroup                                        // probes that may still wait for a router
	kick    chan struct{}                                         // the router has announced that it has started

	mu     sync.Mutex
	state  State
	closed error // what deleting gave; set before done is closed
}

// Open opens a port of this machine on the home router: port is the one inside, to which the program's socket is bound. It
// returns when the port is open. ctx ends the mapping, too: when it ends, the mapping is deleted as by Close. Errors are
// *[Error].
func Open(ctx context.Context, port uint16, config Config) (*Mapping, error) {
	config, err := config.withDefaults(port)
	if err != nil {
		return nil, &Error{Step: StepSetup, Reason: err.Error()}
	}
	ctx, cancel := context.WithCancel(ctx)
	m := newMapping(port, config, cancel)
	got, err := m.find(ctx, m.request(config.ExternalPort))
	if err != nil {
		cancel()
		m.working.Wait()
		m.enter(StepClosed, err)
		return nil, err
	}
	m.accept(ctx, got)
	go m.run(ctx, got)
	return m, nil
}

func newMapping(port uint16, config Config, cancel context.CancelFunc) *Mapping {
	m := &Mapping{config: config, port: port, nonce: newNonce(), cancel: cancel, done: make(chan struct{}), kick: make(chan struct{}, 1)}
	m.find = m.acquire
	m.watch = func(ctx context.Context, h held) { watchRouter(ctx, &m.config, h, m.kick) }
	m.state = State{Step: StepSetup, Since: time.Now(), Network: config.Network}
	return m
}

// External is the address and port under which others reach the program. It is the router's choice, may change while the
// mapping is kept (see Config.Progress), and is what heartbeats and NatNeg are to be told. It stays readable after Close.
func (m *Mapping) External() netip.AddrPort { return m.State().External }

// State is the mapping as it stands.
func (m *Mapping) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Done is closed when the mapping has been deleted, by Close or because the context ended.
func (m *Mapping) Done() <-chan struct{} { return m.done }

// Close deletes the mapping and waits until that is done, at most for Config.CloseTimeout. The error, an *[Error], says that
// the router could not be told: then the port stays open until the lease ends. Close may be called more than once, and gives
// the same answer each time.
func (m *Mapping) Close() error {
	m.cancel()
	<-m.done
	return m.closed
}

func (m *Mapping) request(external uint16) request {
	return request{internal: m.port, external: external, lease: m.config.Lease, exact: m.config.Exact}
}

// accept takes what a router granted.
func (m *Mapping) accept(ctx context.Context, h held) {
	m.update(func(s *State) {
		s.Protocol, s.Router = h.client.protocol(), h.client.router()
		s.Internal, s.External = h.grant.internal, h.grant.external
		s.Lease, s.Granted = h.grant.lease, time.Now()
		s.DoubleNAT = !isPublic(h.grant.external.Addr())
	})
	m.remember(ctx, h)
	m.enter(StepOpen, nil)
}

// run keeps the mapping until the end.
func (m *Mapping) run(ctx context.Context, now held) {
	defer close(m.done)
	holds := []held{now} // all that was granted: in the end everything is to be deleted
	unwatch := m.listen(ctx, now)
	defer func() { unwatch() }()
	m.sweep(ctx, now)
	renewAt := renewal(now.grant)
	for failed := 0; ; {
		wait, due := m.pause(renewAt)
		if failed > 0 {
			wait = m.retryAfter(failed)
		}
		announced, wanted := m.sleep(ctx, wait)
		if !wanted {
			break
		}
		trouble := error(nil)
		switch {
		case failed > 0:
			trouble = m.State().Err
		case announced && now.client.protocol() != UPnP:
			// Its clock may seem to go on, if it had just started before, too. To ask again costs a datagram.
			trouble = m.forgotten(now)
		case announced, !due:
			if trouble = m.check(ctx, now); trouble == nil {
				continue
			}
		}
		again, err := m.renew(ctx, now, trouble)
		if ctx.Err() != nil && err != nil {
			break
		}
		if err != nil {
			failed++
			m.update(func(s *State) { s.Counters.Failures++ })
			m.enter(StepLost, err)
			continue
		}
		failed = 0
		if again.client != now.client {
			unwatch()
			unwatch = m.listen(ctx, again)
		}
		now, renewAt = again, renewal(again.grant)
		holds = hold(holds, now)
		m.accept(ctx, now)
	}
	m.close(ctx, holds)
}

// listen starts to listen for announcements of the router; stop ends that and waits.
func (m *Mapping) listen(ctx context.Context, h held) (stop func()) {
	if m.watch == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var listening sync.WaitGroup
	listening.Go(func() { m.watch(ctx, h) })
	return func() {
		cancel()
		listening.Wait()
	}
}

// renewal is when to ask again: at half of the lease, as RFC 6887 §11.2.1 wants; never if the lease has no end.
func renewal(g grant) time.Time {
	if g.lease == 0 {
		return time.Time{}
	}
	return time.Now().Add(max(g.lease/2, minRenew))
}

// pause is how long to wait for the next check or renewal, and which it is.
func (m *Mapping) pause(renewAt time.Time) (wait time.Duration, renew bool) {
	const never = time.Duration(1<<63 - 1)
	check := m.config.CheckInterval
	if check < 0 {
		check = never
	}
	if !renewAt.IsZero() {
		// On many systems Go's clock stands still while the machine sleeps, and the router's does not: the wall clock tells.
		until := min(time.Until(renewAt), renewAt.Round(0).Sub(time.Now().Round(0)))
		if until <= check {
			return until, true
		}
	}
	return check, false
}

func (m *Mapping) retryAfter(failed int) time.Duration {
	if errors.Is(m.State().Err, ErrDisabled) {
		return refusedWait
	}
	return backoff.Policy{First: firstRetry, Max: longRetry}.Delay(failed, nil)
}

// sleep reports whether the mapping is still wanted. A router's announcement ends it early.
func (m *Mapping) sleep(ctx context.Context, d time.Duration) (announced, wanted bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-m.kick:
		announced = true
	}
	return announced, ctx.Err() == nil
}

// errForgotten is why a mapping is made again that the router has lost.
var errForgotten = errors.New("the router has restarted, or has another address or mapping now")

// check looks whether the router still has the mapping, under the same address.
func (m *Mapping) check(ctx context.Context, now held) error {
	ctx, cancel := context.WithTimeout(ctx, m.config.SearchTimeout)
	defer cancel()
	found, err := now.client.check(ctx, now.grant)
	m.update(func(s *State) { s.Counters.Checks++ })
	if err != nil {
		return err
	}
	if found.lost || found.external.IsValid() && found.external != now.grant.external.Addr() {
		return m.forgotten(now)
	}
	return nil
}

func (m *Mapping) forgotten(now held) error {
	return &Error{Step: StepOpen, Protocol: now.client.protocol(), Router: now.client.router(), Err: errForgotten}
}

// renew asks the router again, for the port that it gave before. One that does not answer, or refuses, may have been
// replaced or have restarted on other ports: then all are searched again.
func (m *Mapping) renew(ctx context.Context, now held, trouble error) (held, error) {
	m.enter(StepRenew, trouble)
	want := m.request(now.grant.external.Port())
	if trouble == nil || errors.Is(trouble, errForgotten) {
		g, err := m.again(ctx, now.client, want)
		if err == nil {
			m.update(func(s *State) {
				if trouble == nil {
					s.Counters.Renewals++
				} else {
					s.Counters.Recoveries++
				}
			})
			return held{now.client, g}, nil
		}
		m.config.Logger.DebugContext(ctx, "renewal failed", "error", err)
	}
	again, err := m.find(ctx, want)
	if err == nil {
		m.update(func(s *State) { s.Counters.Recoveries++ })
	}
	return again, err
}

// again asks the same router.
func (m *Mapping) again(ctx context.Context, c client, want request) (grant, error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.SearchTimeout)
	defer cancel()
	g, err := c.add(ctx, want)
	if err == nil {
		err = m.checkPublic(c, g)
	}
	return g, err
}

// hold adds a mapping to those that are to be deleted in the end, as the last one, which is in use; it replaces the one that
// it renews.
func hold(holds []held, h held) []held {
	holds = slices.DeleteFunc(holds, func(old held) bool {
		return old.client.protocol() == h.client.protocol() && old.client.router() == h.client.router() && old.grant.external.Port() == h.grant.external.Port()
	})
	if len(holds) == maxHolds {
		holds = holds[1:]
	}
	return append(holds, h)
}

// maxHolds bounds what a router can make us remember by giving another port each time.
const maxHolds = 8

// sweep deletes leftovers of earlier runs that the router still lists.
func (m *Mapping) sweep(ctx context.Context, now held) {
	ctx, cancel := context.WithTimeout(ctx, 2*m.config.SearchTimeout)
	defer cancel()
	swept, err := now.client.sweep(ctx, now.grant)
	if swept > 0 {
		m.config.Logger.InfoContext(ctx, "deleted what earlier runs had left open", "router", now.client.router(), "ports", swept)
		m.update(func(s *State) { s.Counters.Swept += uint64(swept) })
	}
	if err != nil {
		m.config.Logger.DebugContext(ctx, "sweeping failed", "error", err)
	}
}

// close deletes everything that is held. The mapping's own context has ended and cannot carry that.
func (m *Mapping) close(ctx context.Context, holds []held) {
	m.enter(StepClose, nil)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.config.CloseTimeout)
	defer cancel()
	last := holds[len(holds)-1]
	routers := make(map[client][]grant)
	for _, h := range slices.Backward(holds) { // the one in use first
		routers[h.client] = append(routers[h.client], h.grant)
	}
	var deleting sync.WaitGroup
	for c, grants := range routers {
		deleting.Go(func() {
			for i, g := range grants {
				err := c.remove(ctx, g)
				// What an earlier router does not hear, it forgets by itself; the last one matters.
				if c == last.client && i == 0 {
					m.closed = err
				}
			}
		})
	}
	deleting.Wait()
	m.working.Wait()
	if m.closed == nil {
		m.remember(ctx, held{})
	}
	m.enter(StepClosed, m.closed)
}

func (m *Mapping) update(change func(*State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.state)
}

// enter goes to a step and tells everybody. Only one goroutine does so at a time: that of Open, then that of run.
func (m *Mapping) enter(step Step, err error) {
	m.mu.Lock()
	again := err != nil && m.state.Err != nil && m.state.Err.Error() == err.Error()
	if m.state.Step != step {
		m.state.Step, m.state.Since = step, time.Now()
	}
	m.state.Err = err
	state := m.state
	m.mu.Unlock()
	switch {
	case err != nil && again:
	case err != nil:
		m.config.Logger.Warn("port mapping: "+step.String(), "port", m.port, "error", err)
	case step == StepOpen || step == StepClosed:
		m.config.Logger.Info("port mapping: "+step.String(), "port", m.port, "protocol", state.Protocol, "router", state.Router, "external", state.External, "lease", state.Lease)
	default:
		m.config.Logger.Debug("port mapping: "+step.String(), "port", m.port)
	}
	if m.config.Progress != nil {
		m.config.Progress(state)
	}
}
