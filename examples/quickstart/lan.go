package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// livingRoom is the machine that announces itself.
var livingRoom = steamdiscovery.Status{
	Hostname:        "living-room",
	EnabledServices: steamdiscovery.ServiceGameStreaming,
	OS:              steamdiscovery.OSLinux6,
}

// lan announces a machine as a Steam client does, finds it, and sees it leave. Both sides are on this machine and use a
// port of their own, so that no Steam client in the house notices.
func lan(ctx context.Context, s *story) error {
	s.begin("A Steam machine on the local network")
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{
		Addr:   "127.0.0.1:0",
		Silent: true, // no broadcasts: it answers, and says goodbye to those who asked
		Status: livingRoom,
	})
	if err != nil {
		return err
	}
	ran := make(chan error, 1)
	go func() { ran <- announcer.Run(ctx) }()
	err = follow(ctx, s, announcer.Addr(), announcer.Close)
	return errors.Join(err, announcer.Close(), <-ran)
}

// follow asks at one address who is there, and watches that machine until it has left.
func follow(ctx context.Context, s *story, at netip.AddrPort, leave func() error) error {
	discoverer, err := steamdiscovery.NewDiscoverer(ctx, steamdiscovery.DiscoverConfig{Targets: []string{at.String()}})
	if err != nil {
		return err
	}
	defer discoverer.Close()
	go discoverer.Run(ctx)
	began := time.Now()
	for event := range discoverer.Events(ctx) {
		host := event.Host
		switch event.Kind {
		case steamdiscovery.Appeared:
			if host.Name() != livingRoom.Hostname || host.Status.EnabledServices != livingRoom.EnabledServices || host.Status.OS != livingRoom.OS {
				return fmt.Errorf("%s is %q (%v), offering %v", host.Addr, host.Name(), host.Status.OS, host.Status.EnabledServices)
			}
			s.tell("this PC", at.String(), fmt.Sprintf("who is there? → %s (%v), offers %v", host.Name(), host.Status.OS, host.Status.EnabledServices),
				time.Since(began), facts{"hostname": host.Name(), "addr": host.Addr.String(), "os": host.Status.OS.String(), "services": host.Status.EnabledServices.String()})
			began = time.Now()
			if err := leave(); err != nil {
				return err
			}
		case steamdiscovery.Gone:
			if event.Reason != steamdiscovery.SaidOffline {
				return fmt.Errorf("%s is gone without a goodbye: %v", host.Name(), event.Reason)
			}
			if hosts := discoverer.Hosts(); len(hosts) > 0 {
				return fmt.Errorf("%s said goodbye and is still in the table", host.Name())
			}
			s.tell(host.Name(), "this PC", "goodbye; it is not in the table any more", time.Since(began), facts{"reason": event.Reason.String()})
			return nil
		}
	}
	return fmt.Errorf("discovery at %s: nobody there, or no goodbye: %w", at, ctx.Err())
}
