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
package natnegtest
