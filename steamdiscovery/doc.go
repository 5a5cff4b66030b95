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
// [Diagnose] says why nobody is found. Package pairing lets a device pair with a host and ask it to stream, and a program
// be such a host; package steamdiscoverytest has a network in memory and clients on it, for tests.
//
// # What is there, compared with others
//
// What the sources of others do (spec steamdiscovery.md §9), and what was found when they ran against this package:
//
//	                          this  ihslib  steamlink.py  krzys-h   luser  DevinWatson  scanners  wireshark
//	asks                      yes   yes     yes           yes       yes    yes          yes       -
//	answers                   yes   no      no            yes       no     badly        no        -
//	Offline: sent, heard      both  no      no            both      no     heard        no        reads
//	hosts that fall silent    yes   no      no            no        no     no           no        -
//	hosts that restart        yes   no      no            yes       no     no           no        -
//	told: here, changed, gone yes   here    here          yes       here   here         here      -
//	several networks          yes   no      no            yes       no     no           one does  -
//	lengths are all checked   yes   no      no            no        no     no           no        yes
//	fields after 2022         yes   no      no            no        no     no           no        no
//	pairing: device, host     both  device  device        no        no     no           no        reads
//	proof and start of stream both  device  device        by TCP    no     no           no        reads
//
// Ran against it: ihslib, steamlink.py and krzys-h/SteamStreaming find an [Announcer]; a [Discoverer] finds SteamStreaming,
// its restart and its goodbye; ihslib pairs with a host of package pairing and starts a stream there. Wireshark reads what is
// sent here. Packets of a Steam client of 2024 are read and written byte for byte.
//
// # Hostile networks
//
// Whatever arrives is bounded: lengths and lists before they are decoded, hosts in the table, those from one address, news
// of one host, answers to one address (one packet to a question, so that nobody is flooded through an Announcer),
// events that wait for a slow consumer. What is ignored is counted by reason in [AnnouncerState] and [DiscovererState].
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
// host is gone. Texts from others are made fit for display, but are not true for that. The stream itself and Steam's
// control connection on TCP are not part of this package, nor is IPv6: Steam does not use it here. Game files of other
// clients on the network can be seen (DownloadLANPeerGroup, ServiceContentServer), but not fetched: that needs a login.
package steamdiscovery
