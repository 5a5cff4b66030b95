package steamdiscovery

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// DiscoverConfig configures [Discover] and a [Discoverer]. The zero value asks on every network that this machine is
// attached to.
type DiscoverConfig struct {
	// ClientID is under which this program asks; zero makes a random one. Packets that carry it are taken for our own and
	// ignored: give the one of the [Announcer] here, and the program does not find itself.
	ClientID ClientID

	// Interfaces names the network interfaces to ask on. Empty means every one that is up, has an IPv4 address and can
	// broadcast, unless there are Targets.
	Interfaces []string
	// Targets are further addresses to ask, "host", "host:port" or with a name in place of the address: machines on other
	// networks, in a VPN, in containers; "127.255.255.255" is everyone on this machine. With targets and without
	// Interfaces, only the targets are asked.
	Targets []string
	// Resolver finds the addresses of names in Targets. Nil means net.DefaultResolver.
	Resolver Resolver
	// Port is where to ask. Zero means 27036.
	Port uint16

	// Passive also listens on Port, and so hears what clients broadcast unasked: that they start, change or go. The port
	// is shared with other programs; see the package's documentation for what that does to a Steam client on this
	// machine.
	Passive bool
	// PassiveAddr is where Passive listens, "host:port". Empty means 0.0.0.0 and Port.
	PassiveAddr string

	// Interval is the time between two questions, once the first three have gone out (at 0, 0.5 and 2 seconds). A host
	// that misses three is gone. Zero means 10 seconds, as others do; less than 100 milliseconds is taken for that.
	Interval time.Duration
	// SearchTime is how long [Discover] takes. Zero means 3 seconds. A Discoverer does not use it.
	SearchTime time.Duration
	// OpenTimeout bounds the resolving of names and the opening of sockets. Zero means 5 seconds.
	OpenTimeout time.Duration
	// MaxHosts bounds the table; further hosts are ignored and counted. Zero means 1024.
	MaxHosts int

	// ListenPacket opens the sockets. Nil means net.ListenConfig; the one of Passive is then shared with other programs.
	ListenPacket ListenPacket
	// Logger gets steps and hosts at Info, packets at Debug. Nil is silent.
	Logger *slog.Logger
}

const (
	minInterval = 100 * time.Millisecond
	// answerTime is how long an answer may take: hosts that are expected answer in milliseconds.
	answerTime = time.Second
)

// searchTimes are the questions of a search, since its start. Steam itself asks at 0, 2 and 7 seconds; nothing depends on
// that, and a person who waits for a list is glad of the earlier ones.
var searchTimes = [...]time.Duration{0, 500 * time.Millisecond, 2 * time.Second}

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
	passive *socket
	state   DiscovererState
}

// outlet is a socket, and whom it asks.
type outlet struct {
	*socket
	targets []netip.AddrPort
	bound   netip.Addr // the address of an interface, or 0.0.0.0 for explicit targets
	broken  bool       // its reader has given up
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
		table:  table{limit: config.MaxHosts, interval: config.Interval, hosts: make(map[ClientID]*entry)},
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
	if d.config.Passive {
		socket, err := listen(ctx, d.config.ListenPacket, listenShared, d.config.PassiveAddr)
		if err != nil {
			return err
		}
		d.passive = socket
		d.state.Passive = socket.local
	}
	_, err = d.refresh(ctx)
	if err == nil && len(d.sockets) == 0 {
		err = &Error{Op: "interfaces", Err: ErrNoInterface}
	}
	return err
}

// refresh opens a socket for each network that is new, and closes those of networks that have gone: cables are pulled,
// and laptops carried elsewhere. It returns the sockets that are new. It fails if there is no socket at all then.
func (d *Discoverer) refresh(ctx context.Context) ([]*outlet, error) {
	wanted, err := d.wanted()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.sockets = slices.DeleteFunc(d.sockets, func(o *outlet) bool {
		if _, there := wanted[o.bound]; there && !o.broken {
			delete(wanted, o.bound)
			return false
		}
		_ = o.Close()
		return true
	})
	d.mu.Unlock()

	var fresh []*outlet
	for _, address := range slices.SortedFunc(maps.Keys(wanted), netip.Addr.Compare) {
		socket, listenErr := listen(ctx, d.config.ListenPacket, listenOwn, netip.AddrPortFrom(address, 0).String())
		if listenErr != nil {
			err = listenErr
			continue
		}
		fresh = append(fresh, &outlet{socket: socket, bound: address, targets: wanted[address]})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sockets = append(d.sockets, fresh...)
	if len(d.sockets) > 0 {
		err = nil // one network that fails does not matter while another works
	}
	return fresh, err
}

// wanted is whom to ask, by the address from which: one socket for each network, and one for the explicit targets.
func (d *Discoverer) wanted() (map[netip.Addr][]netip.AddrPort, error) {
	wanted := make(map[netip.Addr][]netip.AddrPort)
	if len(d.targets) > 0 {
		wanted[netip.IPv4Unspecified()] = d.targets
		if len(d.config.Interfaces) == 0 {
			return wanted, nil
		}
	}
	links, err := d.links()
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		// Bound to the address of the interface, the socket reaches that network whatever the routes say, and both kinds of
		// broadcast work (spec steamdiscovery.md §8).
		wanted[l.address] = []netip.AddrPort{
			netip.AddrPortFrom(l.broadcast, d.config.Port),
			netip.AddrPortFrom(limitedBroadcast, d.config.Port),
		}
	}
	return wanted, nil
}

// listenOwn opens a socket on a port that nobody else has.
func listenOwn(ctx context.Context, network, address string) (net.PacketConn, error) {
	var config net.ListenConfig
	return config.ListenPacket(ctx, network, address)
}

// Run searches until ctx ends or the discoverer is closed; it then closes the sockets and returns nil. It fails only if it
// was called before. Networks that come, go or fail meanwhile are seen in [Discoverer.State].
func (d *Discoverer) Run(ctx context.Context) error {
	if err := d.begin(); err != nil {
		return err
	}
	defer close(d.done)
	d.step(DiscovererSearching, nil)
	d.mu.Lock()
	sockets := slices.Clone(d.sockets)
	d.mu.Unlock()
	d.read(sockets)
	if d.passive != nil {
		d.readers.Go(func() {
			d.failed(d.passive, d.passive.readLoop(d.handle, d.readFailed))
		})
	}
	d.loop(ctx)
	d.closeSockets()
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

func (d *Discoverer) read(sockets []*outlet) {
	for _, o := range sockets {
		d.readers.Go(func() {
			d.failed(o.socket, o.readLoop(d.handle, d.readFailed))
			d.mu.Lock()
			defer d.mu.Unlock()
			o.broken = true // opened anew with the next poll, if it was not closed on purpose
		})
	}
}

// failed notes that a socket can no longer be read, unless we closed it.
func (d *Discoverer) failed(s *socket, err error) {
	if isClosed(err) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.LastError = err
	d.log.Warn("socket failed", "addr", s.local, "error", err)
}

// loop asks, and looks who has not answered.
func (d *Discoverer) loop(ctx context.Context) {
	search := newSchedule(time.Now(), d.config.Interval)
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.stop:
			return
		case <-d.again:
			d.mu.Lock()
			d.state.Search++
			d.mu.Unlock()
			search = newSchedule(time.Now(), d.config.Interval)
		case now := <-time.After(time.Until(search.poll)):
			d.poll(ctx, now)
			search.polled(now)
		case now := <-time.After(time.Until(search.check)):
			d.expire(now)
			search.checked()
		}
	}
}

// schedule says when to ask next, and when to look at the answers.
type schedule struct {
	start    time.Time
	interval time.Duration
	asked    int
	poll     time.Time
	check    time.Time
}

// never is later than any program runs.
const never = 100 * 365 * 24 * time.Hour

func newSchedule(now time.Time, interval time.Duration) schedule {
	return schedule{start: now, interval: interval, poll: now, check: now.Add(never)}
}

func (s *schedule) polled(now time.Time) {
	s.asked++
	s.poll = now.Add(s.interval)
	if s.asked < len(searchTimes) {
		s.poll = s.start.Add(min(searchTimes[s.asked], time.Duration(s.asked)*s.interval))
	}
	s.check = now.Add(min(answerTime, s.interval/2))
}

func (s *schedule) checked() { s.check = s.poll.Add(never) }

// poll asks everyone.
func (d *Discoverer) poll(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, d.config.OpenTimeout)
	defer cancel()
	fresh, err := d.refresh(ctx)
	d.read(fresh)
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
			if sendErr := o.write(packet, target); sendErr != nil {
				failures++
				err = sendErr
				continue
			}
			asked = append(asked, target)
			d.log.Debug("asked", "from", o.local, "to", target, "search", number)
		}
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
		d.state.LastError = nil
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
// sequence number. What is known stays.
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

// Events iterates over what happens until ctx or the discoverer ends. Hosts that are there already come first, as
// [Appeared]. A consumer that falls 256 events behind loses the oldest, which DiscovererCounters.LostEvents counts;
// [Discoverer.Hosts] tells the truth at any time.
func (d *Discoverer) Events(ctx context.Context) iter.Seq[Event] {
	return d.feed.events(ctx, func() ([]Event, chan Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		var known []Event
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

func (d *Discoverer) closeSockets() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.sockets {
		_ = o.Close()
	}
	d.sockets = nil
	if d.passive != nil {
		_ = d.passive.Close()
	}
}
