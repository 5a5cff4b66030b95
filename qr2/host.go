package qr2

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/udpmux"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
)

// Host lists a game server and answers queries, on the game's own connection. It is safe for concurrent use.
//
// Queries are answered from the first [Host.Update] until [Host.Close], whether Run runs or not, by the goroutine that reads
// the connection. Run does everything else.
type Host struct {
	config   Config
	mux      *udpmux.Mux
	remove   func()
	siblings *siblings
	release  func()

	wake    chan struct{} // asks Run to look again
	closing chan struct{}
	once    sync.Once
	unsent  atomic.Int64
	reader  batch // of the goroutine that reads the connection
	puller  puller
	spare   chan *batch // of HandlePacket

	published atomic.Pointer[encoded] // the latest snapshot; nil until there is one

	mu      sync.Mutex // guards what follows
	core    core
	running chan struct{} // closed when Run has ended; nil while it does not run
	closed  bool
	queue   eventQueue
}

// NewHost takes what is QR2's off the game's connection: packets that start with FE FD, a type up to 0x0A and a key; and the
// questions of QR1, which start with \basic\, \info\, \rules\, \players\, \status\, \echo\ or \secure\. From now on the game
// reads from [Host.GameConn]; writing to conn stays possible. conn may be another host's or a negotiation's view of a
// connection.
//
// Nothing is sent before [Host.Run], apart from answers to queries once there is a snapshot.
func NewHost(conn net.PacketConn, config Config) (*Host, error) {
	if conn == nil {
		return nil, &Error{Op: "configuration", Reason: "no connection", Err: ErrInvalid}
	}
	h, err := newHost(localAddr(conn), config)
	if err != nil {
		return nil, err
	}
	h.mux, h.release = udpmux.Attach(conn)
	h.joinSiblings()
	h.remove = h.mux.HandleBatches(h.handle, func() { h.flush(&h.reader) })
	return h, nil
}

// newHost is a host without a connection.
func newHost(local netip.AddrPort, config Config) (*Host, error) {
	config, registry, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Host{config: config, wake: make(chan struct{}, 1), closing: make(chan struct{})}
	h.queue.notify, h.queue.ended = make(chan struct{}, 1), make(chan struct{})
	h.core = core{config: config, registry: registry, localPort: config.LocalPort,
		numbers: newNumbers(), limits: newLimits(config.AnswerRate)}
	if h.core.localPort == 0 {
		h.core.localPort = local.Port()
	}
	h.core.localIPs = config.LocalIPs
	if h.core.localIPs == nil {
		h.core.localIPs = localIPs(local.Addr())
	}
	if !config.NotPublic {
		for _, name := range masterNames(config) {
			h.core.masters = append(h.core.masters, newMaster(name))
		}
	}
	return h, nil
}

// GameConn is the game's view of the connection: everything that is not QR2's. Closing it closes the connection. A game
// that reads too slowly loses its own packets only; 512 of them wait.
func (h *Host) GameConn() *GameConn { return h.mux.Conn() }

// Update sets what queries are answered with, and tells the masters if a server key has changed: at once, or ten seconds
// after the latest heartbeat. The host keeps nothing of the snapshot's slices.
//
// It fails, and the old snapshot stays, if text has a NUL in it, if a key is there twice or is the host's own, or if
// everything together does not fit into the eight datagrams of a split reply ([ErrTooBig], with the size).
func (h *Host) Update(snapshot Snapshot) error {
	if h.config.HostPort != 0 {
		snapshot.Server = snapshot.Server.with("hostport", strconv.Itoa(int(h.config.HostPort)))
	}
	e, err := encode(snapshot)
	if err != nil {
		return err
	}
	select {
	case <-h.closing:
		return &Error{Op: "update", Err: net.ErrClosed}
	default:
	}
	h.published.Store(e)
	h.poke()
	return nil
}

// adoptLocked takes what was published. So the game never waits for the lock under which queries are answered.
func (h *Host) adoptLocked() {
	if e := h.published.Load(); e != nil && e != h.core.snapshot {
		h.core.update(e)
	}
}

// Announce tells the masters that something has changed, as Update does by itself.
func (h *Host) Announce() {
	h.mu.Lock()
	h.core.stateChanged()
	h.mu.Unlock()
	h.poke()
}

// State is how it stands.
func (h *Host) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.adoptLocked()
	s := State{
		Local: h.mux.LocalAddr().String(), Running: h.running != nil, QueryChallenge: h.core.queryChallenge(),
		Joins: h.core.joining(), Counters: h.core.counters,
	}
	s.Counters.Unsent = int(h.unsent.Load())
	s.Counters.EventsLost = h.queue.lost
	s.Counters.SourceCalls, s.Counters.SourceFailures, s.SourceErr = h.puller.state()
	for _, m := range h.core.masters {
		s.Masters = append(s.Masters, m.state)
		if !s.Public.IsValid() {
			s.Public = m.state.Public
		}
	}
	if h.core.snapshot != nil {
		s.SplitPackets = len(h.core.snapshot.split)
	}
	return s
}

// Run reports to the masters until ctx ends, then says goodbye and returns nil. If the host or the connection is closed
// meanwhile it returns an error, which is net.ErrClosed then. It may be called again afterwards.
//
// A master that is not found or silent is no error: [Host.State] and [Host.Events] tell, queries from the LAN are answered
// all the same, and it is tried again.
func (h *Host) Run(ctx context.Context) error {
	if h.config.Source != nil {
		h.firstPull(ctx)
	}
	done := make(chan struct{})
	h.mu.Lock()
	switch {
	case h.closed:
		h.mu.Unlock()
		return &Error{Op: "run", Err: net.ErrClosed}
	case h.running != nil:
		h.mu.Unlock()
		return &Error{Op: "run", Err: ErrRunning}
	}
	h.running = done
	now := time.Now()
	for _, m := range h.core.masters {
		h.core.begin(m, now)
	}
	h.core.joins = make(map[natneg.Cookie]joinPhase)
	h.mu.Unlock()
	h.deliver()

	// What belongs to the run ends with it: look-ups and negotiations.
	runContext, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer func() {
		cancel()
		workers.Wait()
		h.mu.Lock()
		h.core.dropCookies()
		h.mu.Unlock()
		h.deliver()
		h.mu.Lock()
		h.running = nil
		close(done)
		h.mu.Unlock()
	}()
	again := make([]chan struct{}, len(h.core.masters))
	for i, m := range h.core.masters {
		again[i] = make(chan struct{}, 1)
		workers.Go(func() { h.find(runContext, m, i == 0, again[i]) })
	}
	return h.loop(ctx, runContext, &workers, again)
}

func (h *Host) loop(ctx, runContext context.Context, workers *sync.WaitGroup, again []chan struct{}) error {
	var out batch
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if h.config.Source != nil && h.heartbeatDue() {
			h.pull(time.Now())
		}
		h.mu.Lock()
		h.adoptLocked()
		h.core.tick(time.Now(), &out)
		next := h.core.next()
		cookies := h.core.cookies
		h.core.cookies = nil
		for i, m := range h.core.masters {
			if m.wantAddr {
				m.wantAddr = false
				notify(again[i])
			}
		}
		h.mu.Unlock()
		h.flush(&out)
		h.deliver()
		for _, cookie := range cookies {
			h.join(runContext, workers, cookie)
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			h.goodbye(&out)
			return nil
		case <-h.closing:
			h.goodbye(&out)
			return &Error{Op: "run", Err: net.ErrClosed}
		case <-h.mux.Done():
			h.stop()
			return &Error{Op: "read", Peer: h.mux.LocalAddr().String(), Err: h.mux.Err()}
		case <-h.wake:
		case <-timer.C:
		}
	}
}

// heartbeatDue reports whether something is due at a master, most of which are heartbeats.
func (h *Host) heartbeatDue() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := h.core.next()
	return !next.IsZero() && !time.Now().Before(next)
}

func (h *Host) goodbye(out *batch) {
	h.mu.Lock()
	for _, m := range h.core.masters {
		h.core.goodbye(m, time.Now(), out)
	}
	h.mu.Unlock()
	h.flush(out)
	h.deliver()
}

// stop is goodbye without a connection.
func (h *Host) stop() {
	h.mu.Lock()
	for _, m := range h.core.masters {
		m.stopped, m.phase, m.nextCheck = true, phaseOff, time.Time{}
		h.core.enter(m, StepStopped, nil, time.Now())
	}
	h.mu.Unlock()
	h.deliver()
}

// Close ends Run with a goodbye, waits for it, and takes the host off the connection. It does not close the connection: if
// GameConn was called that goes on working, else conn can be read directly again. Close may be called more than once.
func (h *Host) Close() error {
	h.once.Do(func() {
		h.mu.Lock()
		h.closed = true
		h.mu.Unlock()
		close(h.closing)
	})
	h.mu.Lock()
	running := h.running
	h.mu.Unlock()
	if running != nil {
		<-running
	}
	h.remove()
	h.siblings.leave(h)
	h.release()
	h.queue.close()
	return nil
}

// handle takes what is ours. It runs on the goroutine that reads the connection.
func (h *Host) handle(b []byte, from netip.AddrPort) bool { return h.answer(b, from, &h.reader) }

// answer takes what is ours, and puts the answers into out, or holds it until the source has told what to answer.
func (h *Host) answer(b []byte, from netip.AddrPort, out *batch) bool {
	if !h.core.takes(b) || h.siblings.isFor(h, b, from) {
		return false
	}
	if h.config.Logger.Enabled(context.Background(), slog.LevelDebug) {
		h.config.Logger.Debug("qr2: received", "peer", from, "type", kind(b, 2), "bytes", len(b))
	}
	if h.config.Source != nil && h.core.asksForData(b) && h.hold(b, from, time.Now()) {
		return true
	}
	h.decide(b, from, out)
	return true
}

// decide puts the answers into out.
func (h *Host) decide(b []byte, from netip.AddrPort, out *batch) {
	h.mu.Lock()
	h.adoptLocked()
	before := h.core.next()
	h.core.handle(b, from, time.Now(), out)
	told := len(h.core.events) > 0
	poke := told || len(h.core.cookies) > 0 || !h.core.next().Equal(before)
	h.mu.Unlock()
	if told {
		h.deliver()
	}
	if poke {
		h.poke()
	}
}

// flush sends a batch, without the lock.
func (h *Host) flush(out *batch) {
	list := out.all()
	if failed := h.mux.WriteBatch(list); failed > 0 {
		h.unsent.Add(int64(failed))
		h.mu.Lock()
		for i := range list {
			if list[i].Err != nil {
				h.core.sendFailed(list[i].Addr, list[i].Err)
			}
		}
		h.mu.Unlock()
	}
	if h.config.Logger.Enabled(context.Background(), slog.LevelDebug) {
		for i := range list {
			p := &list[i]
			h.config.Logger.Debug("qr2: sent", "peer", p.Addr, "type", kind(p.Data, 0), "bytes", len(p.Data), "error", p.Err)
		}
	}
	out.reset()
}

// kind names a packet for the log; at is where QR2 has the type.
func kind(b []byte, at int) string {
	if b[0] == '\\' {
		return "QR1"
	}
	return qr2wire.Type(b[at]).String()
}

func (h *Host) poke() { notify(h.wake) }

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
