// Package steamdiscovery finds Steam clients on the local network, and lets a program be found as one does: the protocol
// of Steam's In-Home Streaming (Remote Play) on UDP port 27036.
//
// A player sees at once who is there: a list of machines with their names, systems, users and services, that stays true
// while machines come, change, restart and leave.
//
//	for host, err := range steamdiscovery.Discover(ctx, steamdiscovery.DiscoverConfig{}) {
//		if err != nil {
//			log.Fatal(err)
//		}
//		fmt.Println(host.Name(), host.Addr, host.Status.OS, host.Status.EnabledServices)
//	}
//
// [Discover] searches once. A [Discoverer] keeps a table and tells what happens to it; an [Announcer] answers those who
// ask, until it says goodbye:
//
//	err := steamdiscovery.Announce(ctx, steamdiscovery.AnnounceConfig{
//		Status: steamdiscovery.Status{EnabledServices: steamdiscovery.ServiceContentCache},
//	})
//
// # Beside a Steam client on the same machine
//
// A Discoverer asks from ports of its own and is in nobody's way. With DiscoverConfig.Passive it also opens port 27036,
// to hear what is broadcast unasked, and an Announcer listens there always. The port is shared: a broadcast then reaches
// every program that has it open, but a packet sent to this machine alone reaches only the one that opened it last (on
// Linux), so Steam may miss answers to it.
//
// # What it does not do
//
// Nothing in this protocol proves who is speaking: every machine on the network can say that it is any host, or that any
// host is gone. Texts from others are made fit for display, but are not true for that. Pairing, starting a stream and
// Steam's control connection on TCP are not part of this package, nor is IPv6: Steam does not use it here.
package steamdiscovery
