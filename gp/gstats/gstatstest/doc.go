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
// Config.Family makes it imitate the quirks of a living server by name (servers.md §8), Config.Faults makes it misbehave:
// silence, cut messages, wrong local ids, lengths that lie, replies for other players, one byte at a time. [Server.Drop],
// [Server.Send], [Server.SendRaw] and [Server.SetFaults] do so in the middle of a test, Config.Answer answers as the test
// likes, and [FinalInside] is data that reads \final\ on the wire.
//
// It keeps everything in memory up to a limit, forgets it at Close, and is no server for players: it answers whoever
// connects.
package gstatstest
