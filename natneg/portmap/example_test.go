package portmap_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
)

// A game server opens its port, against a router for tests. On a real network the Config needs a name at most.
func ExampleOpen() {
	router, err := portmaptest.Start(portmaptest.Options{External: netip.MustParseAddr("20.20.20.11")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	mapping, err := portmap.Open(context.Background(), 7777, portmap.Config{
		Name:    "mygame",
		Gateway: router.Addr(),
		Search:  []netip.AddrPort{router.SearchAddr()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("friends connect to", mapping.External(), "by", mapping.State().Protocol)
	fmt.Println("open ports:", len(router.Mappings()))
	if err := mapping.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println("open ports:", len(router.Mappings()))
	// Output:
	// friends connect to 20.20.20.11:7777 by PCP
	// open ports: 1
	// open ports: 0
}
