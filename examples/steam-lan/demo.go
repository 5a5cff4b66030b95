package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// demo lets an announcer and a discoverer meet on the loopback interface, on a port of their own, so that no Steam client
// in the house notices. It fails unless everything was seen: that the host appears, changes and says goodbye.
func demo(ctx context.Context, o *options, p *printer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	status := steamdiscovery.Status{Hostname: "living-room", EnabledServices: steamdiscovery.ServiceGameStreaming, OS: steamdiscovery.OSLinux6}
	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{
		Addr: "127.0.0.1:0", Silent: true, Status: status, Logger: o.logger,
	})
	if err != nil {
		return err
	}
	ran := make(chan error, 1)
	go func() { ran <- announcer.Run(ctx) }()
	p.say("announcing", fmt.Sprintf("%s at %s", status.Hostname, announcer.Addr()), fact("name", status.Hostname), fact("addr", announcer.Addr().String()))
	return errors.Join(meet(ctx, o, p, announcer, status), announcer.Close(), <-ran)
}

// meet follows the announcer from the other side.
func meet(ctx context.Context, o *options, p *printer, announcer *steamdiscovery.Announcer, status steamdiscovery.Status) error {
	discoverer, err := steamdiscovery.NewDiscoverer(ctx, steamdiscovery.DiscoverConfig{
		Targets: []string{announcer.Addr().String()}, Logger: o.logger,
	})
	if err != nil {
		return err
	}
	defer discoverer.Close()
	go discoverer.Run(ctx)
	for event := range discoverer.Events(ctx) {
		p.event(event)
		switch event.Kind {
		case steamdiscovery.Appeared:
			if event.Host.Name() != status.Hostname || event.Host.Status.EnabledServices != status.EnabledServices {
				return fmt.Errorf("%s is %q and offers %v", event.Host.Addr, event.Host.Name(), event.Host.Status.EnabledServices)
			}
			status.GamesRunning = true
			if err := announcer.Update(status); err != nil {
				return err
			}
		case steamdiscovery.Changed:
			if !event.Host.Status.GamesRunning {
				return errors.New("the change does not say that a game runs")
			}
			if err := announcer.Close(); err != nil {
				return err
			}
		case steamdiscovery.Gone:
			if event.Reason != steamdiscovery.SaidOffline {
				return fmt.Errorf("%s is gone without a goodbye: %v", event.Host.Name(), event.Reason)
			}
			p.say("met", "they met, and said goodbye")
			return nil
		}
	}
	return fmt.Errorf("they did not meet: %w", context.Cause(ctx))
}
