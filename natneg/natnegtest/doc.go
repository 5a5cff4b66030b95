// Package natnegtest runs NatNeg matchup servers in process, in the manner of net/http/httptest, so that a game can test
// how its players find each other without a network:
//
//	server, err := natnegtest.New(natnegtest.Config{})
//	if err != nil {
//		t.Fatal(err)
//	}
//	defer server.Close()
//	config := natneg.Config{Game: "mygame", Servers: server.Addrs()}
//
// It behaves as the original client expects, or imitates a family of living servers ([Config].Family), and it can
// misbehave ([Faults]). It does NAT detection as well; on loopback everything has one IP address, so for that the sockets
// want to be on several addresses (Config.Listen, Config.Conns).
//
// A [Network] puts players and servers on an internet in memory, with a [NAT] of any kind in front of each player, delay and
// loss; a NAT may have another behind it, as with a carrier. It needs no root, no sockets and, inside a testing/synctest bubble, no time:
//
//	synctest.Test(t, func(t *testing.T) {
//		internet := natnegtest.NewNetwork(natnegtest.NetworkConfig{Delay: 30 * time.Millisecond})
//		server, err := internet.Servers(natnegtest.Config{})
//		...
//		alice := internet.NAT(netip.MustParseAddr("203.0.113.1"), natnegtest.PortRestricted()).Host(netip.MustParseAddr("192.168.1.2"))
//		config := natneg.Config{Game: "mygame", Servers: server.Addrs(), ListenPacket: alice.ListenPacket}
//		...
//	})
package natnegtest
