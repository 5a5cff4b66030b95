package main

import (
	"context"
	"sync"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// gameEvery is how often a game is started, or ended, on the embedded machine.
const gameEvery = 3 * time.Second

// embed puts a machine into this process on which games are played, and points the options at it. No Steam client in the house
// notices: it is on the loopback interface, on a port of its own.
func embed(ctx context.Context, o *options) (stop func(), err error) {
	status := steamdiscovery.Status{Hostname: "living-room", EnabledServices: steamdiscovery.ServiceGameStreaming, OS: steamdiscovery.OSLinux6}
	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{Addr: "127.0.0.1:0", Silent: true, Status: status, Logger: o.logger})
	if err != nil {
		return nil, err
	}
	o.targets = []string{announcer.Addr().String()}
	if o.interval == 0 {
		o.interval = time.Second // it only answers, so that changes are seen when it is asked
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = announcer.Run(ctx) })
	running.Go(func() {
		games := time.NewTicker(gameEvery)
		defer games.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-games.C:
			}
			status.GamesRunning = !status.GamesRunning
			_ = announcer.Update(status) // what was fit to be announced still is
		}
	})
	return func() {
		cancel()
		_ = announcer.Close()
		running.Wait()
	}, nil
}

// watch asks the announcer in this process as a client on the network would, and tells what it sees until ctx ends.
func watch(ctx context.Context, o *options, p *printer, announcer *steamdiscovery.Announcer) error {
	discoverer, err := steamdiscovery.NewDiscoverer(ctx, steamdiscovery.DiscoverConfig{Targets: []string{announcer.Addr().String()}, Logger: o.logger})
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer discoverer.Close()
	running.Go(func() { _ = discoverer.Run(ctx) })
	for event := range discoverer.Events(ctx) {
		p.event(event)
	}
	return nil
}
