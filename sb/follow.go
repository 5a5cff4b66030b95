package sb

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"sync"
	"time"
)

// The rhythm of a Follower, where its FollowConfig says nothing.
const (
	followAsk    = 10 * time.Second
	followFocus  = 2 * time.Second
	followRelist = time.Minute
	followSearch = 15 * time.Second
	followRetry  = 10 * time.Second
)

// FollowConfig says what a [Follower] does. The zero value follows all servers of the game at the master.
type FollowConfig struct {
	Query Query       // what the master is asked; Limit does not apply
	LAN   *LANSearch  // look on the local network, and ask no master
	Ask   DirectQuery // what every server is asked

	AskEvery    time.Duration // each server is asked when it is listed and then so often; 0 means 10 s, negative: they are not asked
	FocusEvery  time.Duration // the one of Focus is asked so often; 0 means 2 s
	RelistEvery time.Duration // the list is asked for anew so often where the master does not push; 0 means 1 min, on the LAN 15 s
	RetryAfter  time.Duration // wait behind a master that said no, or a socket that fails; 0 means 10 s

	// Changed is told of each new State. It is called by one goroutine of Run at a time, and should return soon.
	Changed func(FollowState)
}

// FollowState is how a [Follower] stands with its list.
type FollowState struct {
	Since   time.Time
	Asking  bool   // for a list, right now
	Status  string // what it is doing, in words
	Peer    string // the master; empty on the LAN, and before it is known
	Lists   int    // how many lists came to their end
	Servers int    // in the newest of them
	Err     error  // why there is no newer list, or servers cannot be asked; nil if all is well
}

// Follower keeps a [ServerList] up to date, as whoever shows a list wants it: it subscribes to the master's list, asks for it
// again where the master is one that pushes nothing, connects again, or searches the LAN from time to time; and it asks each
// server for round trip, players and rules as soon as it is listed and then regularly. It is safe for concurrent use.
//
//	follower := browser.NewFollower(&list, sb.FollowConfig{Query: sb.Query{Filter: "numplayers > 0"}})
//	go follower.Run(ctx)
//	for event := range list.Watch().Events(ctx) { ... }
type Follower struct {
	browser *Browser
	list    *ServerList
	config  FollowConfig
	reload  chan struct{} // has a token when the list is wanted anew

	telling sync.Mutex // one call of Changed at a time, in order
	mu      sync.Mutex
	state   FollowState
	focus   netip.AddrPort
}

// NewFollower makes a Follower of a list, which should have no other one: servers that its master does not list any more are
// removed, whoever put them there. It does nothing until Run.
func (b *Browser) NewFollower(list *ServerList, config FollowConfig) *Follower {
	if config.AskEvery == 0 {
		config.AskEvery = followAsk // a negative one is none
	}
	setDefault(&config.FocusEvery, followFocus)
	setDefault(&config.RetryAfter, followRetry)
	if config.LAN != nil {
		setDefault(&config.RelistEvery, followSearch)
	}
	setDefault(&config.RelistEvery, followRelist)
	return &Follower{browser: b, list: list, config: config, reload: make(chan struct{}, 1), state: FollowState{Since: time.Now()}}
}

// Run keeps the list up to date until ctx ends, and returns why it ended. Failures do not end it: they are in State, and it
// tries again.
func (f *Follower) Run(ctx context.Context) error {
	var work sync.WaitGroup
	if f.config.AskEvery > 0 {
		work.Go(func() { f.ask(ctx) })
	}
	switch {
	case f.config.LAN != nil, f.browser.config.Protocol == QR1:
		work.Go(func() { f.relist(ctx, true, func() bool { return true }) })
	default:
		work.Go(func() { f.subscribeAlways(ctx) })
	}
	work.Wait()
	return context.Cause(ctx)
}

// Once fills the list once, asks every server once, and returns.
func (f *Follower) Once(ctx context.Context) error {
	if err := f.list.Refresh(f.servers(ctx)); err != nil || f.config.AskEvery < 0 {
		return err
	}
	for server, err := range f.browser.QueryAll(ctx, f.list.Snapshot().Servers(), f.config.Ask) {
		if err == nil {
			_, err = f.list.PutAnswer(server)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Refresh wants the list anew, now. It does not wait.
func (f *Follower) Refresh() {
	select {
	case f.reload <- struct{}{}:
	default: // it is wanted already
	}
}

// Focus says which server somebody looks at: it is asked more often than the others. The zero value is none.
func (f *Follower) Focus(addr netip.AddrPort) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.focus = addr
}

// State is how it stands.
func (f *Follower) State() FollowState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// tell changes the state, and says so.
func (f *Follower) tell(change func(*FollowState)) {
	f.telling.Lock()
	defer f.telling.Unlock()
	f.mu.Lock()
	f.state.Since = time.Now()
	change(&f.state)
	state := f.state
	f.mu.Unlock()
	if f.config.Changed != nil {
		f.config.Changed(state)
	}
}

// asking notes that a list is being asked for.
func (f *Follower) asking() {
	f.tell(func(s *FollowState) { s.Asking, s.Status = true, "asking for the list" })
}

// listed notes that a list has come to its end, or why not.
func (f *Follower) listed(peer string, servers int, err error) {
	f.tell(func(s *FollowState) {
		s.Asking, s.Peer, s.Err = false, peer, err
		switch {
		case err != nil:
			s.Status = "no list"
			return
		case f.config.LAN != nil:
			s.Status = "local network"
		default:
			s.Status = "list of " + peer
		}
		s.Lists++
		s.Servers = servers
	})
}

// servers asks once for all that there are.
func (f *Follower) servers(ctx context.Context) iter.Seq2[Server, error] {
	if f.config.LAN != nil {
		return f.browser.LAN(ctx, *f.config.LAN)
	}
	query := f.config.Query
	query.Limit = 0
	return f.browser.List(ctx, query)
}

// subscribeAlways subscribes to the list of the master, again and again if the master says no.
func (f *Follower) subscribeAlways(ctx context.Context) {
	for ctx.Err() == nil {
		f.asking()
		err := f.subscribe(ctx)
		if ctx.Err() != nil {
			return
		}
		f.listed(f.State().Peer, 0, err)
		select {
		case <-ctx.Done():
		case <-f.reload:
		case <-time.After(f.config.RetryAfter):
		}
	}
}

// subscribe lives as long as a subscription.
func (f *Follower) subscribe(ctx context.Context) error {
	subscription, err := f.browser.Subscribe(ctx, f.config.Query)
	if err != nil {
		return err
	}
	defer subscription.Close()
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	// A master that pushes nothing, not even a sign of life, has to be asked again.
	work.Go(func() {
		f.relist(ctx, false, func() bool {
			state := subscription.State()
			return state.Step == StepConnected && state.Pushes == 0 && state.KeepAlives == 0
		})
	})
	generation, first := f.list.newGeneration(), true
	for event, err := range subscription.Events(ctx) {
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case ServerAdded:
			err = f.list.Put(e.Server)
		case ServerUpdated:
			err = f.list.Put(e.Server)
		case ServerRemoved:
			f.list.Remove(e.Server.Addr)
		case ListComplete:
			if first {
				f.list.removeOlder(generation) // what was left of the subscription before
				first = false
			}
			f.listed(subscription.State().Peer, e.Servers, nil)
		case StateChanged:
			f.step(e.State)
		}
		if err != nil {
			f.tell(func(s *FollowState) { s.Err = err })
		}
	}
	return subscription.Err()
}

// step notes what becomes of the subscription's connection, unless that is but the list that is told of anyway.
func (f *Follower) step(state State) {
	if state.Step == StepReceiving || state.Step == StepConnected {
		return
	}
	f.tell(func(s *FollowState) {
		s.Status, s.Peer = fmt.Sprintf("%v: %s", state.Step, state.Peer), state.Peer
		if state.Err != nil {
			s.Asking, s.Err = false, state.Err
		}
	})
}

// relist asks for the whole list again: at once if now says so, from time to time if it is needed, and on request.
func (f *Follower) relist(ctx context.Context, now bool, needed func() bool) {
	ticker := time.NewTicker(f.config.RelistEvery)
	defer ticker.Stop()
	for {
		if !now {
			select {
			case <-ctx.Done():
				return
			case <-f.reload:
			case <-ticker.C:
				if !needed() {
					continue
				}
			}
		}
		now = false
		f.asking()
		if err := f.list.Refresh(f.servers(ctx)); ctx.Err() == nil {
			f.listed(f.browser.State().Peer, f.list.Len(), err)
		}
	}
}

// ask asks every server what it is like: as soon as it is listed, and then from time to time.
func (f *Follower) ask(ctx context.Context) {
	for ctx.Err() == nil {
		for server, err := range f.browser.QueryAll(ctx, f.due(ctx), f.config.Ask) {
			if err == nil {
				_, err = f.list.PutAnswer(server)
			}
			if err != nil && ctx.Err() == nil {
				f.tell(func(s *FollowState) { s.Status, s.Err = "servers cannot be asked", err })
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.config.RetryAfter):
		}
	}
}

// due yields the servers that are to be asked, when they are, until ctx ends.
func (f *Follower) due(ctx context.Context) iter.Seq[Server] {
	return func(yield func(Server) bool) {
		watch := f.list.Watch()
		defer watch.Close()
		all, focus := time.NewTicker(f.config.AskEvery), time.NewTicker(f.config.FocusEvery)
		defer all.Stop()
		defer focus.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-watch.Wake():
				for {
					event, ok := watch.Poll()
					if !ok {
						break
					}
					if added, ok := event.(ServerAdded); ok && !yield(added.Server) {
						return
					}
				}
			case <-all.C:
				for server := range f.list.Snapshot().Servers() {
					if !yield(server) {
						return
					}
				}
			case <-focus.C:
				f.mu.Lock()
				at := f.focus
				f.mu.Unlock()
				if server, ok := f.list.Get(at); ok && !yield(server) {
					return
				}
			}
		}
	}
}
