// Package gstatstest is a GameSpy statistics server, in process, for tests: players, what is stored for them, games and
// their snapshots, without a network if need be.
//
//	server, err := gstatstest.Start(gstatstest.Config{
//		Secrets:  map[string]string{"gmtest": "HA6zkS"},
//		Accounts: []gstatstest.Account{{ProfileID: 20001, Nick: "ann", Password: "secret"}},
//	})
//	defer server.Close()
//
// [Server.Addr] is what a client connects to, or give it [Server.Dial] for connections in memory, which work in a synctest
// bubble. [Server.Stored] and [Server.Games] show what clients have left, and [Server.WaitGame] waits for what is not
// answered.
//
// Config.Faults makes it misbehave: silence, cut messages, wrong local ids, lengths that lie, replies for other players, one
// byte at a time. [Server.Drop], [Server.Send], [Server.SendRaw] and [Server.SetFaults] do so in the middle of a test,
// Config.Answer answers as the test likes, and [FinalInside] is data that reads \final\ on the wire.
//
// # Families
//
// Config.Family makes it imitate a living server by name, as recorded with real ones; unispy as its source has it, if it could
// read what clients send.
//
//	original  checks games and players; makes a profile for a new nick of a known CD key; tells unchanged data from none
//	openspy   the same checks, errors in numbers of presence; values behind a byte of their own; blocks apart from keys and
//	          values, and without a time; forgets the player when another one fails; keep-alives every ten minutes
//	wfc       pairs in any order; does not check games; players by token only, and nothing before one is authenticated; the
//	          local id of the player in every reply; no keys, a write replaces everything; a missing record has no data at
//	          all; a refused write is a success without a time; what is no ASCII is mangled; what comes in one piece behind a
//	          write is lost
//	dwc       checks nothing; players by token only; the local id of the player in every reply; writes change keys, reads
//	          must name them; reads one message of each piece that comes; deaf after what is no ASCII; numbers of ten digits
//	unispy    a challenge of zeros alone, and a session number in a form of its own; no secrets; what fails is not answered
//	kr4uzi    checks games and players by password; stores nothing and answers nothing else
//
// It keeps everything in memory up to a limit, forgets it at Close, and is no server for players: it answers whoever
// connects.
package gstatstest
