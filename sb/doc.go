// Package sb is the client of GameSpy's server browsing (SB): it finds game servers.
//
// A player's game gets a list that fills while it arrives and then stays up to date, the servers of the local network,
// what each server says of itself (players, teams, round trip), and a way to a server: over the LAN, directly, or through
// NAT negotiation.
//
//	browser, err := sb.New(sb.Config{Game: "gmtest", Secret: "HA6zkS", Domain: "example.net"})
//	...
//	for server, err := range browser.List(ctx, sb.Query{Filter: "numplayers > 0"}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(server.Name(), server.Map(), server.NumPlayers())
//		servers = append(servers, server)
//	}
//	connection, err := browser.Connect(ctx, servers[choice], conn)
//
// It speaks version 2 of the list protocol (encryption "enctypeX"), which QR2 games use, and with Config.Protocol QR1 also
// that of older games (port 28900), which community masters such as those of 333networks speak. It does not send ICMP
// echoes, which needs privileges.
//
// The living masters differ much (spec servers.md §4); what works with all of them is: a plain filter, a few fields. A
// master that does not like a request mostly says nothing at all, so everything has a time limit, and [ErrSilence] is
// the usual way to be told no.
package sb
