// Package portmaptest is a home router for tests, in the manner of net/http/httptest: it speaks PCP, NAT-PMP and UPnP (the
// search and an Internet Gateway Device of version 1 or 2) on a loopback address of its own, keeps the mappings that it
// grants, and misbehaves on demand. It forwards nothing.
//
//	router, err := portmaptest.Start(portmaptest.Options{})
//	defer router.Close()
//	mapping, err := portmap.Open(ctx, 7777, portmap.Config{
//		Gateway: router.Addr(),
//		Search:  []netip.AddrPort{router.SearchAddr()},
//	})
//	router.Mappings() // has port 7777
//
// PCP and NAT-PMP have a fixed port, so each router listens on another address of 127.0.0.0/8. Where that is not all of
// this machine, as on macOS, there can be one at a time.
package portmaptest
