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
// Lists come from masters of version 2 of the protocol (encryption "enctypeX"), which QR2 games use. With Config.Protocol
// QR1 they come from those of older games (port 28900), which community masters such as those of 333networks speak, too:
// the one field is all that such a game needs.
//
//	browser, err := sb.New(sb.Config{Game: "ut", Secret: "Z5Nfb0", Addr: "master.example.net", Protocol: sb.QR1})
//	...
//	for server, err := range browser.QueryAll(ctx, listed, sb.DirectQuery{}) { // players and round trip
//
// Direct queries go to thousands of servers at once from one socket, at the pace that the path takes. Compared with the
// original's serverbrowsing (SDK-2007), qstat 2.17 and gamedig 5.3:
//
//	                                        sb     original    qstat       gamedig
//	QR2: basic, full, split, challenge      yes    yes         yes         yes
//	QR1: one or many datagrams              yes    yes         yes         yes
//	questions repeated when lost            yes    no          yes         yes
//	many servers                            paced  so many     so many     one by one
//	the pace follows loss                   yes    no          no          no
//	ping by ICMP                            yes    raw socket  no          no
//	search of a LAN, interfaces             all    one         no          no
//	list of an older master                 yes    no (1)      no (2)      no
//	encryption 1 and 2, fields, rooms       yes    no (1)      no          no
//
//	(1) in releases before this one
//	(2) it signs with a constant, which masters that check signatures refuse
//
// All of them read the same servers. To ask 400 on one machine for everything, 20 of them dead, took qstat 8 times as long as
// QueryAll, however many it was allowed at once, and gamedig 38 times, one after the other; told to ask all at once it
// got 92 answers of 380. qstat takes a QR2 server whose answer has no hostname for dead.
//
// What it does not do: ICMP where the system wants privileges for it (see [ICMP]).
//
// The living masters differ much (spec servers.md §4); what works with all of them is: a plain filter, a few fields. A
// master that does not like a request mostly says nothing at all, so everything has a time limit, and [ErrSilence] is
// the usual way to be told no.
//
// # A list that stays
//
// [ServerList] keeps servers by address and lays what is newly known over what was known: lists ([Browser.List] with
// [ServerList.Fill] or [ServerList.Refresh]), direct queries and LAN searches fill it, and a [Subscription] keeps one of its own.
// A [Snapshot] of it never changes; it is sorted by any field, filtered by a Go function or in the words of the masters' own
// filters ([ParseFilter]), and compared with an older one. A [Watch] tells what was added, changed, in which fields, and removed.
// Both go to JSON and back, bytes that are not UTF-8 included. A server with twelve fields takes some 300 bytes.
//
// A [Follower] does what most programs want of all this: it subscribes, asks again where the master is one that pushes nothing,
// connects again, and asks each server for round trip, players and rules, as soon as it is listed and then regularly.
//
// A subscription whose connection ends makes it again if Config.ReconnectFor says so: what is told then is the difference
// between the new list and the old one, not all servers once more.
//
// # Filters
//
// The master filters in an SQL-like language of which each one understands another part. [Where], [All], [Any] and [Not]
// build what is safe to send, whatever the texts in it; see [Expr] for what the living masters make of it. Query.Filter goes as it
// is. What has to be exact is better filtered here.
//
// # Why is the list empty?
//
// [Diagnose] goes from the master's name to the servers and to the matchup servers, and says what works, what does not, and what
// to try: a wrong secret, a game that the master does not know, a filter that selects nothing, a firewall.
//
// # Features
//
// What the original's serverbrowsing module has, and what there is here:
//
//	list with filter, fields, result limit               the same, yielded while it arrives; filters can be built
//	alternate source address, list cache, no-list mode   the same
//	groups (rooms)                                       [Browser.Groups]
//	push updates, deletes, map loops, keep-alives        [Browser.Subscribe]; with reconnect, as a difference
//	an update of the list in the game's loop             [Follower], which also asks the servers
//	server info, map loop, player search                 the same; players are yielded as they are found
//	messages and NatNeg cookies through the master       the same, over a connection that is opened when needed
//	connect: LAN, direct, NatNeg                         the same, proved, falling back, with a report of each try
//	a sorted list with lookup by key                     [ServerList]: several orders, filters, snapshots, changes
//	values of all servers in one table, in any case      names shared in a list, values as they came
//	country and region                                   the same: only the master's word counts
//	element limit of 4096 bytes                          limits with names, which Config raises
//	no time limit on a master                            every step has one
//	error by number                                      states, typed errors, log, diagnosis
//	one thread                                           any number, except where the doc says otherwise
//
// Of the tools that people query servers with, qstat lists older games (port 28900) and queries servers of many
// protocols, and gamedig queries one server of many protocols; neither reads lists of QR2 games, subscribes, negotiates, or
// joins. What they do beyond GameSpy's protocols is not the business of this package.
package sb
