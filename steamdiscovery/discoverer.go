package steamdiscovery

import (
	"context"
	"hash/maphash"
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

// Discoverer keeps a table of the clients on the network, and tells what happens to them.
//
// It is safe for concurrent use. Close may be called at any time and more than once.
type Discoverer struct {
	config  DiscoverConfig
	log     *slog.Logger
	targets []netip.AddrPort // explicit ones
	links   func() ([]link, error)

	stop     chan struct{}
	stopOnce sync.Once
	done     chan struct{}
	again    chan struct{} // has one element after Search

	feed    feed[Event]
	readers sync.WaitGroup

	mu      sync.Mutex
	started bool
	table   table
	sockets []*outlet
	passive *outlet // nil unless config.Passive
	state   DiscovererState
}

// NewDiscoverer checks the configuration, resolves names and opens the sockets. ctx bounds only that; nothing is sent
// before [Discoverer.Run]. The error is [ErrNoInterface] if there is no network to ask on and no target either. The
// discoverer must be run or closed.
func NewDiscoverer(ctx context.Context, config DiscoverConfig) (*Discoverer, error) {
	d := newDiscoverer(config)
	ctx, cancel := context.WithTimeout(ctx, d.config.OpenTimeout)
	defer cancel()
	if err := d.open(ctx); err != nil {
		d.closeSockets()
		return nil, err
	}
	return d, nil
}

func newDiscoverer(config DiscoverConfig) *Discoverer {
	config.ClientID = orElse(config.ClientID, NewClientID())
	config.Port = orElse(config.Port, DefaultPort)
	config.PassiveAddr = orElse(config.PassiveAddr, "0.0.0.0:"+strconv.Itoa(int(config.Port)))
	config.Interval = max(orElse(config.Interval, 10*time.Second), minInterval)
	config.SearchTime = orElse(config.SearchTime, 3*time.Second)
	config.OpenTimeout = orElse(config.OpenTimeout, defaultOpenTimeout)
	config.MaxHosts = orElse(config.MaxHosts, 1024)
	config.Interfaces = slices.Clone(config.Interfaces)
	config.Targets = slices.Clone(config.Targets)
	return &Discoverer{
		config: config,
		log:    orElse(config.Logger, slog.New(slog.DiscardHandler)),
		links:  func() ([]link, error) { return usableLinks(config.Interfaces) },
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
		again:  make(chan struct{}, 1),
		table:  table{limit: config.MaxHosts, interval: config.Interval, hosts: make(map[ClientID]*entry), seed: maphash.MakeSeed()},
		state:  DiscovererState{Step: DiscovererIdle, Since: time.Now(), ClientID: config.ClientID, Search: 1},
	}
}

func (d *Discoverer) open(ctx context.Context) error {
	if err := checkNames(d.config.Interfaces); err != nil {
		return err
	}
	targets, err := resolveTargets(ctx, d.config.Resolver, d.config.Targets, d.config.Port)
	if err != nil {
		return err
	}
	d.targets = targets
	if _, err := d.refreshPassive(ctx); err != nil {
		return err
	}
	_, err = d.refresh(ctx)
	if err == nil && len(d.sockets) == 0 {
		err = &Error{Op: "interfaces", Err: ErrNoInterface}
	}
	return err
}

// Run searches until ctx ends or the discoverer is closed; it then closes the sockets and returns nil. It fails only if it
// was called before. Networks that come, go or fail meanwhile are seen in [Discoverer.State].
func (d *Discoverer) Run(ctx context.Context) error {
	if err := d.begin(); err != nil {
		return err
	}
	defer close(d.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.step(DiscovererSearching, nil)
	d.mu.Lock()
	sockets := slices.Clone(d.sockets)
	if d.passive != nil {
		sockets = append(sockets, d.passive)
	}
	d.mu.Unlock()
	d.read(sockets)
	var watcher sync.WaitGroup
	watcher.Go(func() { // ends what the loop may be waiting for: a socket that opens, a network that takes nothing
		select {
		case <-d.stop:
			cancel()
		case <-ctx.Done():
		}
		d.closeSockets()
	})
	d.loop(ctx)
	watcher.Wait()
	d.closeSockets() // those that were opened meanwhile
	d.readers.Wait()
	d.step(DiscovererClosed, nil)
	d.feed.end()
	return nil
}

func (d *Discoverer) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.stop:
		return &Error{Op: "run", Err: net.ErrClosed}
	default:
	}
	if d.started {
		return &Error{Op: "run", Err: ErrRunning}
	}
	d.started = true
	return nil
}

// loop asks, and looks who has not answered.
func (d *Discoverer) loop(ctx context.Context) {
	search := newSchedule(time.Now(), d.config.Interval)
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.again:
			if search.asked > 0 {
				d.mu.Lock()
				d.state.Search++
				d.mu.Unlock()
			}
			search.again(time.Now())
		case now := <-time.After(time.Until(search.poll)):
			d.poll(ctx, now)
			search.polled(now)
		case now := <-time.After(time.Until(search.check)):
			d.expire(now)
			search.checked()
		}
	}
}

// poll asks everyone.
func (d *Discoverer) poll(ctx context.Context, now time.Time) {
	opening, cancel := context.WithTimeout(ctx, d.config.OpenTimeout)
	defer cancel()
	fresh, err := d.refresh(opening)
	d.read(fresh)
	passive, passiveErr := d.refreshPassive(opening)
	d.read(passive)
	d.mu.Lock()
	sockets, number := slices.Clone(d.sockets), d.state.Search
	// Before the question is sent: the answer may be there before the last copy of it is. A question that goes nowhere
	// counts all the same: hosts that cannot be asked are gone, too.
	d.table.poll()
	d.mu.Unlock()
	question := steamdiscoverywire.New(uint64(d.config.ClientID), 0, steampb.ERemoteClientBroadcastMsg_MSG_DISCOVERY,
		&steampb.CMsgRemoteClientBroadcastDiscovery{SeqNum: &number})
	packet, encodeErr := question.Append(nil)
	if encodeErr != nil {
		err = encodeErr // cannot be: it is always the same
		sockets = nil
	}
	if len(sockets) == 0 && err == nil {
		err = &Error{Op: "interfaces", Err: ErrNoInterface}
	}
	var asked, locals []netip.AddrPort
	failures := 0
	for _, o := range sockets {
		locals = append(locals, o.local)
		for _, target := range o.targets {
			if ctx.Err() != nil {
				return
			}
			if sendErr := o.write(packet, target); sendErr != nil {
				failures++
				err = sendErr
				continue
			}
			asked = append(asked, target)
			d.log.Debug("asked", "from", o.local, "to", target, "search", number)
		}
	}

	if ctx.Err() != nil {
		return // it was closed under our hands: no failure to tell of
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.LastPoll = now
	d.state.Sockets, d.state.Targets = locals, asked
	d.state.Counters.Polls++
	d.state.Counters.Sent += uint64(len(asked))
	d.state.Counters.SendFailed += uint64(failures)
	d.state.LastError = err
	if len(asked) > 0 {
		d.state.LastError = passiveErr
		d.settle()
		return
	}
	d.setStep(DiscovererNoNetwork, err)
}

// settle sets the step that follows from the table.
func (d *Discoverer) settle() {
	if len(d.table.hosts) > 0 {
		d.setStep(DiscovererTracking, nil)
	} else {
		d.setStep(DiscovererSearching, nil)
	}
}

func (d *Discoverer) expire(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	events := d.table.expire(now)
	d.tell(events)
	if len(events) > 0 && d.state.Step != DiscovererNoNetwork {
		d.settle()
	}
}

// handle looks at one datagram.
func (d *Discoverer) handle(packet []byte, from netip.AddrPort, now time.Time) {
	envelope, err := steamdiscoverywire.Peek(packet)
	d.mu.Lock()
	defer d.mu.Unlock()
	counters := &d.state.Counters
	counters.Received++
	if err != nil {
		counters.Ignored.add(err)
		debugIgnored(d.log, from, err)
		return
	}
	debugReceived(d.log, from, &envelope)
	client := ClientID(envelope.ClientID)
	var result outcome
	var events []Event
	switch {
	case client == d.config.ClientID:
		counters.Ignored.Own++
		return
	case client == 0 || !from.Addr().Is4():
		counters.Ignored.Malformed++ // who does not say who it is cannot be kept apart from others
		return
	case envelope.Type == steampb.ERemoteClientBroadcastMsg_MSG_STATUS:
		if result, events = d.table.status(&envelope, from, now); result == accepted {
			counters.Statuses++
		}
	case envelope.Type == steampb.ERemoteClientBroadcastMsg_MSG_OFFLINE:
		if result, events = d.table.offline(&envelope, from, now); result == accepted {
			counters.Offlines++
		}
	default:
		counters.Ignored.OtherType++
		return
	}
	switch result {
	case malformed:
		counters.Ignored.Malformed++
	case tooLarge:
		counters.Ignored.TooLarge++
	case tableFull:
		counters.Ignored.TableFull++
	case tooOften:
		counters.Ignored.RateLimited++
	case notFromHost:
		counters.Ignored.NotFromHost++
	case conflict:
		counters.Conflicts++
	}
	d.tell(events)
	if len(events) > 0 {
		d.settle()
	}
}

// tell publishes events. It is called under the lock, so that iterators that join meanwhile miss none and get none twice.
func (d *Discoverer) tell(events []Event) {
	for _, event := range events {
		d.feed.publish(event)
		if d.log.Enabled(context.Background(), slog.LevelInfo) {
			d.log.Info("host "+event.Kind.String(), "name", event.Host.Name(), "addr", event.Host.Addr,
				"client", event.Host.ClientID, "reason", event.Reason)
		}
	}
}

func (d *Discoverer) step(step DiscovererStep, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setStep(step, err)
}

func (d *Discoverer) setStep(step DiscovererStep, err error) {
	if step == d.state.Step {
		return
	}
	d.state.Step, d.state.Since = step, time.Now()
	d.feed.publish(Event{Kind: StepChanged, Time: d.state.Since, Step: step, Err: err})
	d.log.Info("discoverer", "step", step, "error", err)
}

func (d *Discoverer) readFailed(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Counters.ReadFailed++
	d.log.Debug("read failed", "error", err)
}

// Search starts a new search at once, as when a person asks to look again: three questions within two seconds under a new
// sequence number. What is known stays. However often it is called, no more than ten questions a second are asked.
func (d *Discoverer) Search() {
	select {
	case d.again <- struct{}{}:
	default: // one is about to start
	}
}

// Hosts lists who is there now, in order of appearance.
func (d *Discoverer) Hosts() []Host {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.table.snapshot()
}

// Events iterates over what happens until ctx or the discoverer ends. The step that it is in comes first once it runs, as
// [StepChanged], then hosts that are there already, as [Appeared]. A consumer that falls 256 events behind loses the oldest,
// which DiscovererCounters.LostEvents counts; [Discoverer.Hosts] tells the truth at any time.
func (d *Discoverer) Events(ctx context.Context) iter.Seq[Event] {
	return d.feed.events(ctx, func() ([]Event, chan Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		var known []Event
		if step := d.state.Step; step != DiscovererIdle && step != DiscovererClosed {
			known = append(known, Event{Kind: StepChanged, Time: d.state.Since, Step: step, Err: d.state.LastError})
		}
		for _, host := range d.table.snapshot() {
			known = append(known, Event{Kind: Appeared, Time: host.FirstSeen, Host: host})
		}
		return known, d.feed.join()
	})
}

// State is a snapshot of what the discoverer is doing.
func (d *Discoverer) State() DiscovererState {
	d.mu.Lock()
	defer d.mu.Unlock()
	state := d.state
	state.Hosts = len(d.table.hosts)
	state.Sockets = slices.Clone(state.Sockets)
	state.Targets = slices.Clone(state.Targets)
	state.Counters.LostEvents = d.feed.lostEvents()
	return state
}

// Close ends Run and waits for it.
func (d *Discoverer) Close() error {
	d.stopOnce.Do(func() { close(d.stop) })
	d.mu.Lock()
	started := d.started
	d.started = true // too late for Run
	d.mu.Unlock()
	if !started {
		d.closeSockets()
		d.step(DiscovererClosed, nil)
		d.feed.end()
		close(d.done)
	}
	<-d.done
	return nil
}
