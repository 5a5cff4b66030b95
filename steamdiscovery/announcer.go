package steamdiscovery

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// Times of the status broadcast after the start, and the least time between two of them. Steam repeats its own after 2 and
// after 22 seconds (spec steamdiscovery.md §5).
const (
	firstRepeat     = 2 * time.Second
	secondRepeat    = 22 * time.Second
	updateInterval  = time.Second
	farewellTime    = time.Second // for sending the goodbye, on a network that takes nothing
	farewells       = 64          // how many who asked of late hear that we go
	farewellRecency = time.Minute
)

// Announcer makes this program visible: it answers questions with its status, one packet to each, broadcasts the status at
// the start and when it changes, and says that it is offline at the end.
//
// It is safe for concurrent use. Close may be called at any time and more than once.
type Announcer struct {
	config  AnnounceConfig
	log     *slog.Logger
	socket  *socket
	targets []netip.AddrPort // explicit ones
	links   func() ([]link, error)

	networks []netip.AddrPort // where the last look or broadcast found them; of Run alone

	stop     chan struct{} // closed by Close
	stopOnce sync.Once
	done     chan struct{} // closed when Run has returned, or by Close if it never ran
	changed  chan struct{} // has one element after Update

	feed feed[AnnouncerEvent]

	mu       sync.Mutex
	started  bool
	status   Status
	packet   []byte // the status as it was encoded for packetSecond
	second   int64
	limiter  *limiter // of questions
	requests *limiter // of requests: who pairs is still found; nil without a handler
	askers   []asker  // most recent last
	state    AnnouncerState
}

type asker struct {
	addr netip.AddrPort
	at   time.Time
}

// Announce makes this program visible until ctx ends, and then says goodbye and returns nil. See [Announcer].
func Announce(ctx context.Context, config AnnounceConfig) error {
	announcer, err := NewAnnouncer(ctx, config)
	if err != nil {
		return err
	}
	return announcer.Run(ctx)
}

// NewAnnouncer checks the configuration and opens the socket. ctx bounds only that; nothing is sent before
// [Announcer.Run]. The announcer must be run or closed.
func NewAnnouncer(ctx context.Context, config AnnounceConfig) (*Announcer, error) {
	config.ClientID = orElse(config.ClientID, NewClientID())
	config.InstanceID = orElse(config.InstanceID, NewInstanceID())
	config.Port = orElse(config.Port, DefaultPort)
	config.Addr = orElse(config.Addr, "0.0.0.0:"+strconv.Itoa(DefaultPort))
	config.Interfaces = slices.Clone(config.Interfaces)
	ctx, cancel := context.WithTimeout(ctx, orElse(config.OpenTimeout, defaultOpenTimeout))
	defer cancel()
	targets, err := resolveTargets(ctx, config.Resolver, config.Targets, config.Port)
	if err != nil {
		return nil, err
	}
	if err := checkNames(config.Interfaces); err != nil {
		return nil, err
	}
	socket, err := listen(ctx, config.ListenPacket, listenShared, config.Addr)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	a := &Announcer{
		config:  config,
		log:     orElse(config.Logger, slog.New(slog.DiscardHandler)),
		socket:  socket,
		targets: targets,
		links:   func() ([]link, error) { return usableLinks(config.Interfaces) },
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		changed: make(chan struct{}, 1),
		limiter: newLimiter(now),
		state: AnnouncerState{
			Step: AnnouncerIdle, Since: now, Addr: socket.local,
			ClientID: config.ClientID, InstanceID: config.InstanceID,
		},
	}
	if config.Requests != nil {
		a.requests = newLimiter(now)
	}
	if err := a.setStatus(config.Status, now); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return a, nil
}

// Addr is the address that the announcer listens on.
func (a *Announcer) Addr() netip.AddrPort { return a.socket.local }

// Update changes the status, and broadcasts it if it says something new; several updates within a second go out as one.
// It fails if the status cannot be announced; the old one then stays.
func (a *Announcer) Update(status Status) error {
	select {
	case <-a.stop:
		return &Error{Op: "status", Err: net.ErrClosed}
	case <-a.done:
		return &Error{Op: "status", Err: net.ErrClosed}
	default:
	}
	return a.setStatus(status, time.Now())
}

func (a *Announcer) setStatus(status Status, now time.Time) error {
	status, err := status.announced(a.socket.local.Port())
	if err != nil {
		return err
	}
	packet, err := status.packet(a.config.ClientID, a.config.InstanceID, now)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	news := !status.sameAs(a.status)
	a.status, a.packet, a.second = status, packet, now.Unix()
	if news {
		select {
		case a.changed <- struct{}{}:
		default:
		}
	}
	return nil
}

// Run announces until ctx ends or the announcer is closed. It then broadcasts that this client is offline, tells so to
// those who asked in the last minute, closes the socket and returns nil. It fails if the socket does, or if it was called
// before.
func (a *Announcer) Run(ctx context.Context) error {
	if err := a.begin(); err != nil {
		return err
	}
	defer close(a.done)
	defer a.feed.end()
	defer context.AfterFunc(ctx, a.hurry)()
	a.step(AnnouncerAnnouncing, nil)

	failed := make(chan error, 1)
	var reader sync.WaitGroup
	reader.Go(func() { failed <- a.socket.readLoop(a.handle, a.readFailed) })
	err := a.broadcastLoop(ctx, failed)
	if err == nil {
		a.goodbye()
	}
	_ = a.socket.Close()
	reader.Wait()
	if err != nil {
		a.step(AnnouncerFailed, err)
		return err
	}
	a.step(AnnouncerOffline, nil)
	return nil
}

func (a *Announcer) begin() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.stop:
		return &Error{Op: "run", Err: net.ErrClosed}
	default:
	}
	if a.started {
		return &Error{Op: "run", Err: ErrRunning}
	}
	a.started = true
	return nil
}

// hurry bounds what is still to be sent: a network that takes nothing must not keep the announcer from ending.
func (a *Announcer) hurry() { _ = a.socket.SetWriteDeadline(time.Now().Add(farewellTime)) }

// broadcastLoop sends the status when it is time, until something ends the announcer; nil means that somebody wanted so.
func (a *Announcer) broadcastLoop(ctx context.Context, failed <-chan error) error {
	start := time.Now()
	due := []time.Time{start, start.Add(firstRepeat), start.Add(secondRepeat)}
	select {
	case <-a.changed: // the status of the start
	default:
	}
	var last time.Time
	networks, stopLooking := a.lookForNetworks()
	defer stopLooking()
	for {
		var timer <-chan time.Time
		if len(due) > 0 {
			timer = time.After(time.Until(due[0]))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.stop:
			return nil
		case err := <-failed:
			return err
		case <-a.changed:
			next := time.Now()
			if soonest := last.Add(updateInterval); next.Before(soonest) {
				next = soonest
			}
			if slices.ContainsFunc(due, next.Equal) {
				continue // as it is for all updates within a second
			}
			due = append(due, next)
			slices.SortFunc(due, time.Time.Compare)
		case now := <-networks:
			if a.newNetworks() {
				due = append(due, now)
				slices.SortFunc(due, time.Time.Compare)
			}
		case last = <-timer:
			due = slices.DeleteFunc(due, func(t time.Time) bool { return !t.After(last) })
			a.broadcast(a.statusPacket(last))
		}
	}
}

// broadcast sends a packet to everyone. A network that cannot be reached is no reason to end: cables come back.
func (a *Announcer) broadcast(packet []byte) {
	targets, err := a.audience()
	a.networks = targets
	if err == nil && len(targets) == 0 && !a.config.Silent {
		err = &Error{Op: "interfaces", Err: ErrNoInterface}
	}
	for _, target := range targets {
		if sendErr := a.socket.write(packet, target); sendErr != nil {
			err = sendErr
			continue
		}
		a.mu.Lock()
		a.state.Counters.Broadcasts++
		a.mu.Unlock()
		a.log.Debug("sent", "to", target, "bytes", len(packet))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.Broadcast = targets
	a.state.LastError = err
	if err != nil {
		a.state.Counters.SendFailed++
		a.log.Warn("broadcast failed", "error", err)
	}
}

// statusPacket is the status with the time of now. It is encoded once a second at most.
func (a *Announcer) statusPacket(now time.Time) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.currentPacket(now)
}

func (a *Announcer) currentPacket(now time.Time) []byte {
	if second := now.Unix(); second != a.second {
		// The status was encoded before, with another number of the same length: it cannot fail.
		if packet, err := a.status.packet(a.config.ClientID, a.config.InstanceID, now); err == nil {
			a.packet, a.second = packet, second
		}
	}
	return a.packet
}

// handle looks at one datagram.
func (a *Announcer) handle(packet []byte, from netip.AddrPort, now time.Time) {
	reply, request := a.judge(packet, from, now)
	switch {
	case request:
		a.request(packet, from, now)
	case reply != nil:
		a.answer(reply, from)
	}
}

// answer sends a packet to one who asked.
func (a *Announcer) answer(reply []byte, from netip.AddrPort) {
	err := a.socket.write(reply, from)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.state.LastError = err
		a.state.Counters.SendFailed++
		return
	}
	a.state.Counters.Answers++
}

// judge decides what to answer, nil is nothing, or that the RequestHandler shall.
func (a *Announcer) judge(packet []byte, from netip.AddrPort, now time.Time) (reply []byte, request bool) {
	envelope, err := steamdiscoverywire.Peek(packet)
	a.mu.Lock()
	defer a.mu.Unlock()
	counters := &a.state.Counters
	counters.Received++
	if err != nil {
		counters.Ignored.add(err)
		debugIgnored(a.log, from, err)
		return nil, false
	}
	debugReceived(a.log, from, &envelope)
	switch {
	case ClientID(envelope.ClientID) == a.config.ClientID:
		// Broadcasts come back to the sender. Another instance under the same id is another machine, perhaps made from the
		// same disk image.
		if envelope.InstanceID != 0 && InstanceID(envelope.InstanceID) != a.config.InstanceID {
			a.conflict("another client uses the same client id", from)
		} else {
			counters.Ignored.Own++
		}
		return nil, false
	case envelope.Type == steampb.ERemoteClientBroadcastMsg_MSG_CLIENT_ID_DECONFLICT:
		a.deconflict(&envelope, from)
		return nil, false
	case a.config.Requests != nil && isRequest(envelope.Type):
		request = true
	case envelope.Type != steampb.ERemoteClientBroadcastMsg_MSG_DISCOVERY:
		counters.Ignored.OtherType++
		return nil, false
	}
	if from.Port() == 0 {
		counters.Ignored.Malformed++ // nobody can be answered there
		return nil, false
	}
	limiter := a.limiter
	if request {
		limiter = a.requests
	}
	switch limiter.ask(packet, from, now) {
	case duplicate:
		counters.Ignored.Duplicate++
		return nil, false
	case tooMany:
		counters.Ignored.RateLimited++
		return nil, false
	}
	if request {
		counters.Requests++
		return nil, true
	}
	counters.Questions++
	a.remember(from, now)
	return a.currentPacket(now), false
}

// deconflict counts when somebody noticed that our client id is used twice.
func (a *Announcer) deconflict(envelope *steamdiscoverywire.Envelope, from netip.AddrPort) {
	var message steampb.CMsgRemoteClientBroadcastClientIDDeconflict
	if err := envelope.ParseBody(&message); err != nil {
		a.state.Counters.Ignored.Malformed++
		return
	}
	if !slices.Contains(message.GetClientIds(), uint64(a.config.ClientID)) {
		a.state.Counters.Ignored.OtherType++
		return
	}
	a.conflict("a client says that our client id is used twice", from)
}

// conflict counts a sign that another machine has our client id. It warns once: anybody can forge as many as they like.
func (a *Announcer) conflict(sign string, from netip.AddrPort) {
	level := slog.LevelWarn
	if a.state.Counters.Conflicts > 0 {
		level = slog.LevelDebug
	}
	a.state.Counters.Conflicts++
	a.log.Log(context.Background(), level, sign, "client", a.config.ClientID, "peer", from)
}

// remember keeps who asked, for the farewell.
func (a *Announcer) remember(from netip.AddrPort, now time.Time) {
	for i := len(a.askers) - 1; i >= 0; i-- {
		if a.askers[i].addr == from {
			a.askers[i].at = now
			return
		}
	}
	if len(a.askers) == farewells {
		oldest := 0
		for i := range a.askers {
			if a.askers[i].at.Before(a.askers[oldest].at) {
				oldest = i
			}
		}
		a.askers[oldest] = asker{from, now}
		return
	}
	a.askers = append(a.askers, asker{from, now})
}

// goodbye says that this client is offline: by broadcast, as Steam does, and to those who asked of late, since clients
// that ask from a port of their own do not hear the broadcast.
func (a *Announcer) goodbye() {
	offline := steamdiscoverywire.New(uint64(a.config.ClientID), uint64(a.config.InstanceID), steampb.ERemoteClientBroadcastMsg_MSG_OFFLINE, nil)
	packet, err := offline.Append(nil)
	if err != nil {
		return // cannot be: the packet is always the same
	}
	a.broadcast(packet)
	a.mu.Lock()
	askers := slices.Clone(a.askers)
	a.mu.Unlock()
	now := time.Now()
	for _, asker := range askers {
		if now.Sub(asker.at) <= farewellRecency {
			_ = a.socket.write(packet, asker.addr) // they will find out anyhow
		}
	}
}

func (a *Announcer) readFailed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.Counters.ReadFailed++
	a.log.Debug("read failed", "error", err)
}

// Close ends Run and waits for it: the network has heard that this client is offline when Close returns.
func (a *Announcer) Close() error {
	a.stopOnce.Do(func() {
		close(a.stop)
		a.hurry()
	})
	a.mu.Lock()
	started := a.started
	a.started = true // too late for Run
	a.mu.Unlock()
	if !started {
		_ = a.socket.Close()
		a.step(AnnouncerOffline, nil)
		a.feed.end()
		close(a.done)
	}
	<-a.done
	return nil
}

// State is a snapshot of what the announcer is doing.
func (a *Announcer) State() AnnouncerState {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := a.state
	state.Broadcast = slices.Clone(state.Broadcast)
	state.Status = a.status.Clone()
	return state
}

// Events iterates over the steps of the announcer, the current one first, until ctx or the announcer ends. A consumer that
// falls 256 events behind loses the oldest.
func (a *Announcer) Events(ctx context.Context) iter.Seq[AnnouncerEvent] {
	return a.feed.events(ctx, func() ([]AnnouncerEvent, chan AnnouncerEvent) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return []AnnouncerEvent{{Step: a.state.Step, Time: a.state.Since, Err: a.state.LastError}}, a.feed.join()
	})
}

func (a *Announcer) step(step AnnouncerStep, err error) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.Step, a.state.Since = step, now
	if err != nil {
		a.state.LastError = err
	}
	a.feed.publish(AnnouncerEvent{Step: step, Time: now, Err: err})
	a.log.Info("announcer", "step", step, "addr", a.socket.local, "error", err)
}
