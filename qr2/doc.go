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
// since when, what went wrong in whose words, and what was counted; [Host.Events] and the log tell every change; [Host.Diagnose],
// and [Diagnose] before there is a host, go through the steps and say what to try.
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
// # Players
//
// What a player's game asks of the master itself is whether it is to go on at all: [Available]. The list is package sb's.
//
// # Sockets
//
// One socket serves the game, queries, masters and negotiations. [NewHost] reads a connection and gives the game the rest, in
// [GameConn], of which a game that waits in a read has hardly any cost: it reads the socket itself. [NewEngineHost] is for
// engines that own the loop: they give every datagram to [Host.HandlePacket], and send what the host hands them.
//
// # Sources
//
// A game that prefers to be asked sets [Config.Source]. It is called when a query comes or a heartbeat is due and its latest
// snapshot is older than [Config.SourceAge], once at a time, on a goroutine of the host's own and without any lock; what it reads
// of the game must bear that. Queries wait for it up to 100 ms, and up to a second while there is no snapshot; if it takes longer
// they get the latest one, and so do those beyond 64 that wait. If it returns an error, a snapshot that is not possible, or panics,
// the latest snapshot stays, and State.SourceErr and the log say so. A heartbeat does not wait for it: if the server keys turn out to
// have changed, another heartbeat follows. Close does not wait for a call that is under way; what it returns is dropped.
//
// # Staying listed
//
// Every master gets a heartbeat a minute and a keep-alive every 20 seconds: of the living families, one counts only these and one
// only those. A master that was started anew challenges the next heartbeat, and is answered; one that always answered keep-alives
// and stops is taken to have forgotten us after the third: its name is looked up at once, and the server registers again,
// without the public address that wfc-server would hold against it. Names are looked up again every ten minutes, and if one has
// several addresses the silent give way. The DWC emulator fails on heartbeats with players: a master that is silent gets every
// other one without, from the third on ([MasterState.WithoutPlayers] says if that was it), and one that has answered neither a
// keep-alive nor a heartbeat with players every fifth; ten seconds later it gets the players again. A master that never answers
// keep-alives and dies without a word stays [StepListed]: nobody can tell, and MasterState.LastHeard says since when it is quiet.
// A server behind a NAT that gives it another port is listed again with that port.
//
// # Ports and addresses
//
// Masters list the address that a heartbeat comes from, whatever it says. In
// a container or behind a port forward, tell what is seen from outside: [Config.HostPort] is where players join,
// [Config.LocalPort] where queries go on the LAN, [Config.LocalIPs] and [Config.PublicAddr] the addresses.
//
// # Features
//
// What the original's qr2 module has, and what there is here:
//
//	GSIStartAvailableCheck                                    Available; a Host asks by itself
//	heartbeats: initial, periodic, changed, goodbye           the same, the goodbye twice; shortened ones keep whole values
//	keep-alives                                               the same, and missing answers are noticed
//	challenge, public address, back-end options               the same, for each master
//	add-error                                                 every one, in the master's words; the original reports the first
//	client messages, acknowledged, each taken once            the same
//	client registered, echo                                   the same
//	query challenge                                           the same bytes; nothing is kept of it, so nothing fills up
//	queries: single, chosen keys, split                       the same, always complete
//	QR1 queries                                               answered; the original compiles them out
//	callbacks for values                                      snapshots, or a source that is asked for one
//	replies made for each query, cut at 1400 bytes            made once for each snapshot; too much is an error of Update
//	qr2_init_socket, qr2_parse_query                          GameConn, or HandlePacket
//	255 bytes of a query are read                             all
//	custom keys 50 to 253                                     for each host; the original has one table for a process
//	NatNeg cookies                                            negotiated by the host; the original's game starts it
//	one master                                                several at once, several addresses each
//	several instances                                         as many as you like, also on one socket
//	IPv4                                                      IPv4 and IPv6 for queries, whatever family a master has
//	denying by address                                        a limit for each address, which nobody can fill up
//	errors by number                                          states, events, log, diagnosis
//
// # Where it differs from the original
//
// Only the master's own packets count as its answer, not any query from the LAN. The availability service is asked while
// heartbeats are sent already; if it says no, the server says goodbye. If a master challenges and then does not
// confirm, because the response was lost, the heartbeat is repeated after ten seconds, three times. A keep-alive goes out
// at least every 40 seconds even if heartbeats are frequent. A number of the query challenge is good for four to eight seconds, more
// than once. The goodbye is sent twice, and everything that a master sends
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
// It does not open ports (package natneg/portmap does), check CD keys (package qr2/cdkey does, on the same socket), or report to QR1
// masters. It speaks to masters over IPv4 and IPv6, but the protocol can only say IPv4 addresses.
package qr2
