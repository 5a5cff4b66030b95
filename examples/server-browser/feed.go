package main

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"sync"
	"time"

	"github.com/relight-sdk/relight/sb"
)

const (
	relistEvery   = time.Minute      // where the master does not tell what changes
	searchEvery   = 15 * time.Second // the LAN
	retryAfter    = 10 * time.Second // a master that said no
	selectedEvery = 2 * time.Second  // asking the server whose players are looked at
)

// feed keeps a list of servers up to date: the master, or the LAN, says which there are, and each server what it is like.
type feed struct {
	browser *sb.Browser
	options options
	list    *sb.ServerList
	reload  chan struct{} // has a token when the list is wanted anew

	mu       sync.Mutex
	status   string
	problem  error
	selected netip.AddrPort // asked more often than the others
}

func newFeed(browser *sb.Browser, o options) *feed {
	return &feed{browser: browser, options: o, list: new(sb.ServerList), reload: make(chan struct{}, 1)}
}

// servers asks once for all that there are.
func (f *feed) servers(ctx context.Context) iter.Seq2[sb.Server, error] {
	if f.options.lan {
		return f.browser.LAN(ctx, f.options.search)
	}
	return f.browser.List(ctx, sb.Query{Filter: f.options.where})
}

// once fills the list and asks every server.
func (f *feed) once(ctx context.Context) error {
	if err := f.list.Fill(f.servers(ctx)); err != nil {
		return err
	}
	return f.list.Fill(f.browser.QueryAll(ctx, f.list.Snapshot().Servers(), sb.DirectQuery{}))
}

// run keeps the list up to date until ctx ends.
func (f *feed) run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { f.ask(ctx) })
	if f.options.lan || f.options.old {
		work.Go(func() { f.relist(ctx, func() bool { return true }) })
	} else {
		work.Go(func() { f.follow(ctx) })
	}
	work.Wait()
}

// follow subscribes to the list of the master. The subscription reconnects by itself; it ends only if the master says no.
func (f *feed) follow(ctx context.Context) {
	for ctx.Err() == nil {
		f.say("asking for the list", nil)
		err := f.subscribe(ctx)
		f.say("no list", err)
		select {
		case <-ctx.Done():
		case <-f.reload:
		case <-time.After(retryAfter):
		}
	}
}

func (f *feed) subscribe(ctx context.Context) error {
	subscription, err := f.browser.Subscribe(ctx, sb.Query{Filter: f.options.where})
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
		f.relist(ctx, func() bool {
			state := subscription.State()
			return state.Step == sb.StepConnected && state.Pushes == 0 && state.KeepAlives == 0
		})
	})
	for event, err := range subscription.Events(ctx) {
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case sb.ServerAdded:
			err = f.list.Put(e.Server)
		case sb.ServerUpdated:
			err = f.list.Put(e.Server)
		case sb.ServerRemoved:
			f.list.Remove(e.Server.Addr)
		case sb.ListComplete:
			f.say("list of "+subscription.State().Peer, nil)
		case sb.StateChanged:
			f.say(fmt.Sprintf("%v: %s", e.State.Step, e.State.Peer), e.State.Err)
		}
		if err != nil {
			f.say("list of "+subscription.State().Peer, err)
		}
	}
	return subscription.Err()
}

// relist asks for the whole list again, from time to time if that is needed, and when the player wants it.
func (f *feed) relist(ctx context.Context, needed func() bool) {
	every := relistEvery
	if f.options.lan {
		every = searchEvery
	}
	first := f.options.lan || f.options.old
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if !first {
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
		first = false
		f.say("asking for the list", nil)
		err := f.list.Refresh(f.servers(ctx))
		switch peer := f.browser.State().Peer; {
		case f.options.lan:
			f.say("local network", err)
		case err == nil:
			f.say("list of "+peer, nil)
		default:
			f.say("no list", err)
		}
	}
}

// ask asks every server what it is like: as soon as it is listed, and then from time to time.
func (f *feed) ask(ctx context.Context) {
	for ctx.Err() == nil {
		for server, err := range f.browser.QueryAll(ctx, f.due(ctx), sb.DirectQuery{}) {
			if err == nil {
				_, err = f.list.PutAnswer(server)
			}
			if err != nil && ctx.Err() == nil {
				f.say("servers cannot be asked", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryAfter):
		}
	}
}

// due yields the servers that are to be asked, when they are, until ctx ends.
func (f *feed) due(ctx context.Context) iter.Seq[sb.Server] {
	return func(yield func(sb.Server) bool) {
		watch := f.list.Watch()
		defer watch.Close()
		all := time.NewTicker(f.options.every)
		defer all.Stop()
		one := time.NewTicker(selectedEvery)
		defer one.Stop()
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
					if added, ok := event.(sb.ServerAdded); ok && !yield(added.Server) {
						return
					}
				}
			case <-all.C:
				for server := range f.list.Snapshot().Servers() {
					if !yield(server) {
						return
					}
				}
			case <-one.C:
				if server, ok := f.list.Get(f.looked()); ok && !yield(server) {
					return
				}
			}
		}
	}
}

// say notes how it stands with the list.
func (f *feed) say(status string, problem error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.problem = status, problem
}

// state is how it stands.
func (f *feed) state() (status string, problem error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status, f.problem
}

// look says which server is looked at.
func (f *feed) look(at netip.AddrPort) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.selected = at
}

func (f *feed) looked() netip.AddrPort {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.selected
}

// again wants the list anew.
func (f *feed) again() {
	select {
	case f.reload <- struct{}{}:
	default: // it is wanted already
	}
}
