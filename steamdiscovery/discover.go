package steamdiscovery

import (
	"context"
	"iter"
	"sync"
)

// Discover searches once, and gives each host when it answers first. It asks three times, since packets get lost, and ends
// when DiscoverConfig.SearchTime is over: without an error, even if nobody is there. An error ends it: no network to ask
// on, or a context that ended first. A host that restarts during the search comes again, with its new instance id.
//
// Breaking off the loop ends the search.
func Discover(ctx context.Context, config DiscoverConfig) iter.Seq2[Host, error] {
	return func(yield func(Host, error) bool) {
		discoverer, err := NewDiscoverer(ctx, config)
		if err != nil {
			yield(Host{}, err)
			return
		}
		search, cancel := context.WithTimeout(ctx, discoverer.config.SearchTime)
		defer cancel()
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel() // before Wait, also when the loop's body panics
		running.Go(func() { _ = discoverer.Run(search) })
		type instance struct {
			client   ClientID
			instance InstanceID
		}
		given := make(map[instance]bool)
		give := func(host Host) bool {
			id := instance{host.ClientID, host.InstanceID}
			if given[id] {
				return true
			}
			given[id] = true
			return yield(host, nil)
		}
		for event := range discoverer.Events(search) {
			if event.Kind == Appeared && !give(event.Host) {
				return
			}
		}
		for _, host := range discoverer.Hosts() { // whose event was lost while the loop's body took its time
			if ctx.Err() != nil || given[instance{host.ClientID, 0}] { // it has told its instance since
				continue
			}
			if !give(host) {
				return
			}
		}
		if err := ended(ctx, "search"); err != nil {
			yield(Host{}, err)
			return
		}
		if state := discoverer.State(); state.Counters.Sent == 0 && state.LastError != nil {
			yield(Host{}, state.LastError)
		}
	}
}
