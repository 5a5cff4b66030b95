package steamdiscovery_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// A machine announces itself, and another program finds it: here both on one machine, over its loopback interface, and
// on a port of their own. Without Addr, Silent and Targets they would do so on the whole network.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{
		Addr:   "127.0.0.1:0",
		Silent: true, // on the loopback interface there is nobody to broadcast to
		Status: steamdiscovery.Status{
			Hostname:        "living-room",
			EnabledServices: steamdiscovery.ServiceGameStreaming,
			OS:              steamdiscovery.OSLinux6,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	go announcer.Run(ctx)
	defer announcer.Close()

	for host, err := range steamdiscovery.Discover(ctx, steamdiscovery.DiscoverConfig{
		Targets: []string{announcer.Addr().String()},
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(host.Name(), "runs", host.Status.OS, "and offers", host.Status.EnabledServices)
		break // one is enough
	}
	// Output: living-room runs Linux 6 and offers GameStreaming
}

// Following the network: who comes, changes and goes.
func ExampleDiscoverer() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	// Somebody to find, who leaves again; see the first example.
	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{
		Addr:   "127.0.0.1:0",
		Silent: true,
		Status: steamdiscovery.Status{Hostname: "living-room"},
	})
	if err != nil {
		log.Fatal(err)
	}
	go announcer.Run(ctx)

	discoverer, err := steamdiscovery.NewDiscoverer(ctx, steamdiscovery.DiscoverConfig{
		Targets: []string{announcer.Addr().String()},
	})
	if err != nil {
		log.Fatal(err)
	}
	go discoverer.Run(ctx)
	defer discoverer.Close()

	for event := range discoverer.Events(ctx) {
		switch event.Kind {
		case steamdiscovery.Appeared:
			fmt.Println(event.Host.Name(), "is here")
			announcer.Close()
		case steamdiscovery.Gone:
			fmt.Println(event.Host.Name(), "is gone:", event.Reason)
			return
		}
	}
	// Output:
	// living-room is here
	// living-room is gone: offline
}
