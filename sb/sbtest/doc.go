// Package sbtest runs a list master in process, in the manner of net/http/httptest, so that a game can test its server
// browser without a network:
//
//	master, err := sbtest.New(sbtest.Config{Games: map[string]string{"gmtest": "HA6zkS"}})
//	if err != nil {
//		t.Fatal(err)
//	}
//	defer master.Close()
//	master.Registry().Put(sbtest.GameServer{Game: "gmtest", Addr: addr, Fields: []sbtest.Field{{Key: "hostname", Value: "A"}}})
//	browser, err := sb.New(sb.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr()})
//
// It behaves as the original client expects, or imitates a family of living servers (Config.Family), and it can misbehave
// (Faults). Share its Registry with a qr2test master and the two are one back end: what registers there is listed here,
// and messages to servers are relayed.
package sbtest
