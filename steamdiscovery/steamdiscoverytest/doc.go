// Package steamdiscoverytest has what a test of a program needs that looks for Steam clients: a [Peer] that answers like
// a client, well or badly, and a [LAN] in memory, with broadcast, on which both can live without touching the network,
// also inside a testing/synctest bubble.
//
//	lan := steamdiscoverytest.NewLAN()
//	peer, err := steamdiscoverytest.NewPeer(steamdiscoverytest.Config{
//		Hostname:     "living-room",
//		ListenPacket: lan.Host("192.0.2.1").ListenPacket,
//	})
//	defer peer.Close()
//	for host, err := range steamdiscovery.Discover(ctx, steamdiscovery.DiscoverConfig{
//		Targets:      []string{"255.255.255.255"},
//		ListenPacket: lan.Host("192.0.2.2").ListenPacket,
//	}) {
//		...
//	}
package steamdiscoverytest
