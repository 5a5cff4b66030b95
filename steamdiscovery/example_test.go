package steamdiscovery_test

import (
	"context"
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// A machine announces itself, and another program finds it: here both on one machine, over its loopback interface, and
// on a port of their own. Without Addr, Port and Targets they would do so on the whole network.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{
		Addr:    "0.0.0.0:0",
		Targets: []string{"127.255.255.255"},
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
	port := announcer.Addr().Port()

	for host, err := range steamdiscovery.Discover(ctx, steamdiscovery.DiscoverConfig{
		Targets: []string{"127.255.255.255:" + strconv.Itoa(int(port))},
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(host.Name(), "runs", host.Status.OS, "and offers", host.Status.EnabledServices)
		break // one is enough
	}
	// Output: living-room runs Linux 6 and offers GameStreaming
}
