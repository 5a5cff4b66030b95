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
// and messages to servers are relayed. With Config.Old it is a master of QR1 games instead, with all kinds of encryption.
//
// It evaluates filters, sends popular values and numbers as the original does, pushes what changes in the Registry to clients that
// want it, asks for echoes, and answers requests for server info, map loops and players. What it can do wrong:
//
//   - Faults.Fault and At: it stalls, closes or sends garbage from any byte on
//   - Faults.Segment: every write has so many bytes at most, down to one
//   - Faults.Body: the plain list is whatever a function makes of it: counts that lie, lists without end, repeated servers
//   - Faults.NoHeader: no header and no cipher
//   - Faults.Echoless: it ignores echoes and drops the client
//   - Server.Disconnect: it ends all connections, as one that restarts
//   - Family: it says no, or nothing, or lists what was not asked for, in the way of a family of living servers
package sbtest
