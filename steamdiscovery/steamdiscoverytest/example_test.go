package steamdiscoverytest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// A network in memory with a Steam client on it, and a program that looks for it.
func Example() {
	lan := steamdiscoverytest.NewLAN()
	peer, err := steamdiscoverytest.NewPeer(steamdiscoverytest.Config{
		Hostname:     "living-room",
		SteamIDs:     []uint64{76561197960265729},
		ListenPacket: lan.Host("192.0.2.1").ListenPacket,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer peer.Close()

	for host, err := range steamdiscovery.Discover(context.Background(), steamdiscovery.DiscoverConfig{
		Targets:      []string{"255.255.255.255"},
		ListenPacket: lan.Host("192.0.2.2").ListenPacket,
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(host.Name(), host.Addr, host.Status.Users[0].SteamID)
		break
	}
	// Output: living-room 192.0.2.1:27036 76561197960265729
}
