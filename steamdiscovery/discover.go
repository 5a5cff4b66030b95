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
		for event := range discoverer.Events(search) {
			if event.Kind == Appeared && !yield(event.Host, nil) {
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
