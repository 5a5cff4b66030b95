package main

import (
	"context"
	"errors"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

func (o *options) discoverConfig() steamdiscovery.DiscoverConfig {
	return steamdiscovery.DiscoverConfig{
		Interfaces: o.interfaces, Targets: o.targets, Port: uint16(o.port), Passive: o.passive, Interval: o.interval, Logger: o.logger,
	}
}

// limited ends ctx after the time of the flag -for.
func (o *options) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, o.limit)
}

// discover shows who is there until ctx ends.
func discover(ctx context.Context, o *options, p *printer) error {
	if o.Embedded {
		stop, err := embed(ctx, o)
		if err != nil {
			return err
		}
		defer stop()
	}
	if o.diagnose {
		return diagnose(ctx, o, p)
	}
	ctx, cancel := o.limited(ctx)
	defer cancel()
	discoverer, err := steamdiscovery.NewDiscoverer(ctx, o.discoverConfig())
	if err != nil {
		return err
	}
	ran := make(chan error, 1)
	go func() { ran <- discoverer.Run(ctx) }()
	events := make(chan steamdiscovery.Event)
	go func() {
		defer close(events)
		for event := range discoverer.Events(ctx) {
			events <- event
		}
	}()
	refresh := time.NewTicker(time.Second)
	defer refresh.Stop()
	for events != nil {
		select {
		case event, ok := <-events:
			if !ok {
				events = nil
				break
			}
			if !p.terminal {
				p.event(event)
			}
			p.table(discoverer.Hosts(), discoverer.State())
		case <-refresh.C: // how long ago each was seen
			p.table(discoverer.Hosts(), discoverer.State())
		}
	}
	return errors.Join(<-ran, discoverer.Close())
}

// diagnose asks once and says what works and what does not.
func diagnose(ctx context.Context, o *options, p *printer) error {
	config := o.discoverConfig()
	config.SearchTime = o.limit
	report, err := steamdiscovery.Diagnose(ctx, config)
	if err != nil {
		return err
	}
	p.report(report)
	return report.Err()
}
