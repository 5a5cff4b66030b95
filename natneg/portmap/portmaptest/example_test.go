package portmaptest_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
)

// What a program says when the router's owner has not allowed it to open ports.
func ExampleRouter_SetFaults() {
	router, err := portmaptest.Start(portmaptest.Options{NoNATPMP: true, NoUPnP: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()
	router.SetFaults(portmaptest.Faults{Unauthorized: true})

	_, err = portmap.Open(context.Background(), 7777, portmap.Config{
		Protocols: []portmap.Protocol{portmap.PCP},
		Gateway:   router.Addr(),
		Search:    []netip.AddrPort{router.SearchAddr()},
	})
	fmt.Println(errors.Is(err, portmap.ErrDisabled))
	// Output: true
}
