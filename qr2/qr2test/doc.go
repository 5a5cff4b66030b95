// Package qr2test runs a QR2 master in process, in the manner of net/http/httptest, so that a game server can test that it
// is listed without a network:
//
//	master, err := qr2test.New(qr2test.Config{Games: map[string]string{"gmtest": "HA6zkS"}})
//	if err != nil {
//		t.Fatal(err)
//	}
//	defer master.Close()
//	host, err := qr2.NewHost(conn, qr2.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr()})
//	...
//	servers := master.Registry().List("gmtest")
//
// The master answers the availability check, challenges game servers and verifies what they answer, lists them in its
// Registry, queries them from another address to see whether they can be reached, forgets the silent ones, and relays
// client messages until they are acknowledged. It behaves as the original did, or imitates a family of living servers
// (Config.Family, spec servers.md §3), and it can misbehave (Faults). Share its Registry with a sbtest list master and the
// two are one back end.
//
// [Query] asks a game server as a game client does.
package qr2test
