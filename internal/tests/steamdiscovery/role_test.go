package steamdiscovery_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// roleVariable tells this test's binary to be one side instead, in a network namespace.
const roleVariable = "RELIGHT_STEAMDISCOVERY_ROLE"

// sighting is what the discovering side reports, one in a line.
type sighting struct {
	Kind, Reason, Name string
	Addrs              []string
	State              *steamdiscovery.DiscovererState `json:",omitempty"`
}

// play is one side.
func play(role string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch role {
	case "announce", "stay":
		if role == "stay" { // until the test closes our standard input
			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				cancel()
			}()
		} else { // long enough for a busy machine to start the other side, and to be asked
			ctx, cancel = context.WithTimeout(ctx, 6*time.Second)
			defer cancel()
		}
		return steamdiscovery.Announce(ctx, steamdiscovery.AnnounceConfig{Status: steamdiscovery.Status{Hostname: "other side"}})
	}
	config := steamdiscovery.DiscoverConfig{Passive: role == "listen"}
	if role == "follow" {
		config.Interval = time.Second
	}
	discoverer, err := steamdiscovery.NewDiscoverer(ctx, config)
	if err != nil {
		return err
	}
	go discoverer.Run(ctx)
	defer discoverer.Close()
	report := json.NewEncoder(os.Stdout)
	for event := range discoverer.Events(ctx) {
		if event.Kind == steamdiscovery.StepChanged {
			continue
		}
		s := sighting{Kind: event.Kind.String(), Reason: event.Reason.String(), Name: event.Host.Name()}
		for _, addr := range event.Host.Addrs {
			s.Addrs = append(s.Addrs, addr.String())
		}
		if event.Kind == steamdiscovery.Gone {
			state := discoverer.State()
			state.LastError = nil // which JSON would write, but not read
			s.State = &state
		}
		if err := report.Encode(s); err != nil || event.Reason == steamdiscovery.SaidOffline {
			return err
		}
	}
	return ctx.Err()
}
