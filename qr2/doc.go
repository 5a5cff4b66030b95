// Package qr2 makes a game server known: it lists it at a GameSpy master, answers the queries of server browsers, and lets
// players behind NAT in, all on the game's own UDP socket (QR2, Query & Reporting 2; spec qr2.md).
//
//	conn, err := net.ListenPacket("udp", ":7777")
//	host, err := qr2.NewHost(conn, qr2.Config{Game: "gmtest", Secret: "HA6zkS", Domain: "example.net"})
//	err = host.Update(qr2.Snapshot{
//		Server:  qr2.Fields{{Key: "hostname", Value: "Friday night"}, {Key: "mapname", Value: "dm_bay"}},
//		Players: []qr2.Fields{{{Key: "player_", Value: "ann"}, {Key: "score_", Value: "12"}}},
//	})
//	go serveGame(host.GameConn()) // the rest of what arrives is the game's
//	err = host.Run(ctx)           // until ctx ends: says goodbye to the master
//
// "My server is not listed, and nobody says why" has an answer here: [Host.State] tells for each master which step it is in,
// since when, what went wrong in whose words, and what was counted; [Host.Events] and the log tell every change.
//
// # Answers
//
// A query that accepts split replies gets everything, in up to eight datagrams; a snapshot that does not fit into them is
// refused by [Host.Update]. A query that does not gets one datagram of at most 1400 bytes: if that is too small, the last
// players are left out, then teams, then server keys, always whole ones, and the counts in the reply say what is there;
// [Counters] count it. Empty player and team values are sent as a blank in split replies, because they would end the list at
// the reader. Answers to whole sections are made once for each snapshot, others each time in the bytes that are sent:
// answering does not allocate.
//
// # QR1
//
// Old browsers and most query tools ask in the older protocol: \basic\, \info\, \rules\, \players\, \status\, \echo\, or several
// of them. They are answered from the same snapshot, in up to eight datagrams. basic has gamename, gamever and location; info
// has hostname, hostport, mapname, gametype, numplayers, maxplayers and gamemode; rules has the other server keys; players has
// player_0, score_0, team_t0 and so on. The protocol has no escapes, so a backslash in a value becomes a slash. It cannot verify
// an address: where clients must, it is not answered. [Config.NoQR1] leaves these questions to the game.
//
// # Where it differs from the original
//
// Only the master's own packets count as its answer, not any query from the LAN. The availability service is asked while
// heartbeats are sent already; if it says no, the server says goodbye. A master's name is looked up again every ten minutes,
// and at once when it does not answer. If a master challenges and then does not
// confirm, because the response was lost, the heartbeat is repeated after ten seconds, three times. A keep-alive goes out
// at least every 40 seconds even if heartbeats are frequent. The goodbye is sent twice, and everything that a master sends
// afterwards is ignored. Values are never cut in the middle.
//
// # Strangers
//
// Whatever arrives costs bounded memory and microseconds, and no answer allocates. But an answer is larger than its question,
// up to eight datagrams for eleven bytes, and who forges the sender's address lets the host send it there. [Config.AnswerRate]
// bounds how much one address gets, in tables of fixed size, whatever is forged. [Config.RequireChallenge] stops it altogether
// where the game's clients verify their address; the original's do so on the LAN, and on the internet if the master says so, and
// then it is on by itself. The number that a client must show is computed, not kept: a flood of requests fills nothing up.
//
// # What it does not do
//
// It does not open ports, report to QR1 masters, or check CD keys. It speaks to masters over IPv4 and IPv6, but the
// protocol can only say IPv4 addresses.
package qr2
