// Package gptest is a GameSpy presence server, in process, for tests: accounts, profiles, buddies, requests, messages,
// blocks and searches, without a network if need be.
//
//	server, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{
//		{UniqueNick: "ann", Password: "secret", Buddies: []gptest.ProfileID{20002}},
//		{UniqueNick: "bob", Password: "secret", Buddies: []gptest.ProfileID{20001}},
//	}})
//	defer server.Close()
//	session, err := gp.Login(ctx, gp.Config{Game: "gmtest", Addr: server.Addr()}, gp.UniqueNick{Nick: "ann", Password: "secret"})
//
// Config.Family makes it imitate the quirks of a living server by name, as far as they were measured (servers.md §5 and
// §6), and Config.Faults makes it misbehave: stall, close, send garbage, lie about the proof, split at every byte, be late.
// [Server.Kick], [Server.Drop], [Server.Send], [Server.RenewTicket] and [Server.SetFaults] do so in the middle of a test.
//
// It keeps everything in memory, forgets it at Close, and is no server for players: it answers whoever connects.
package gptest
