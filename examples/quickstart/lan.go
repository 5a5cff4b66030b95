package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// lan announces a machine as a Steam client does, and finds it. Both sides are on this machine and use a port of their
// own, so that no Steam client in the house notices.
func lan(ctx context.Context, s *story) error {
	s.begin("A Steam machine on the local network")
	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{
		Addr:    "127.0.0.1:0",
		Targets: []string{"127.0.0.1:9"}, // nobody to broadcast to: the discard port
		Status: steamdiscovery.Status{
			Hostname:        "living-room",
			EnabledServices: steamdiscovery.ServiceGameStreaming,
			OS:              steamdiscovery.OSLinux6,
		},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- announcer.Run(ctx) }()
	defer announcer.Close()

	began := time.Now()
	host, err := firstHost(ctx, announcer.Addr())
	if err != nil {
		return err
	}
	if host.Name() != "living-room" || host.Status.EnabledServices != steamdiscovery.ServiceGameStreaming {
		return fmt.Errorf("discovered %q offering %v, want living-room offering %v", host.Name(), host.Status.EnabledServices, steamdiscovery.ServiceGameStreaming)
	}
	s.tell("this PC", "everyone", fmt.Sprintf("who is there? → %s (%v), offers %v", host.Name(), host.Status.OS, host.Status.EnabledServices),
		time.Since(began), facts{"hostname": host.Name(), "addr": host.Addr.String(), "services": fmt.Sprint(host.Status.EnabledServices)})

	if err := announcer.Close(); err != nil {
		return err
	}
	return <-ran
}

func firstHost(ctx context.Context, announcer netip.AddrPort) (steamdiscovery.Host, error) {
	for host, err := range steamdiscovery.Discover(ctx, steamdiscovery.DiscoverConfig{Targets: []string{announcer.String()}}) {
		return host, err
	}
	return steamdiscovery.Host{}, fmt.Errorf("nobody answered at %s", announcer)
}
