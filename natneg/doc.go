// Package natneg opens a path between two players who both sit behind NAT: it speaks NatNeg, GameSpy's hole punching, as
// either side, in versions 2, 3 and 4 (spec natneg.md).
//
// Three matchup servers on the internet see from which addresses the two sides come and tell each where to knock; both
// knock at the same time, and the NATs let the answers in. What the player gets is a game that starts although nobody
// opened a port:
//
//	conn, _ := net.ListenPacket("udp4", ":7777") // the game's own socket
//	result, err := natneg.Negotiate(ctx, conn, natneg.Config{
//		Game:   "mygame",
//		Domain: "example.net",
//	}, cookie, natneg.Guest)
//	if errors.Is(err, natneg.ErrPeerAbsent) {
//		return errors.New("the other player has gone")
//	} else if err != nil {
//		return err // says at which step, which servers answered, what NATs were met, and why
//	}
//	result.Conn.WriteTo(hello, net.UDPAddrFromAddrPort(result.Remote))
//
// Both sides call [Negotiate] with the same cookie, one as [Guest], the other as [Host]. Packages sb and qr2 do so
// when a player joins a listed server; a game with an arrangement of its own calls it directly. [Start] is the same for
// programs that want to show the progress; [Share] lets a game read its socket while many players join on it. [Detect] tells
// what the NAT in front of this machine does, natneg/rfc5780 asks a STUN server the same, natneg/portmap opens a port in the
// router, and [Diagnose] says why it does not work. Package natnegtest has servers and NATs in memory for a game's own tests.
//
// # Features
//
//	                                       original (2007 to 2012)     this package                         pion/ice v4
//	arranged by                            three matchup servers       the same                             the game's own signalling, STUN, TURN
//	versions                               3 or 4, by release          2, 3 and 4, with any partner         RFC 8445
//	partner is tried at                    the one guess               guess, LAN, hairpin, source of its   host, server and peer reflexive
//	                                                                   pings, given ones, predicted ports   candidates, relays
//	NATs that count their ports            if the servers predict      predicted here, too                  no
//	NATs with random ports                 no                          option (Birthday), one side          by relay
//	success is reported                    5 to 12 s late              with the first confirmed packet      with the nomination
//	first repetitions                      500 and 700 ms              100 and 50 ms, doubling              200 ms
//	one server of three is down            fails                       goes on, as far as it can            not comparable
//	partner does not come                  60 s                        15 s, a doubt after 2 s              25 s
//	limit of packets                       none                        Config.PacketRate, 64 in a second    200 ms between checks
//	keepalive, rebinding                   no                          option (KeepAlive)                   2 s; restart
//	NAT detection                          once, stale the second time repeated, in a sentence, RFC 4787    no
//	IPv6, relay                            no                          no                                   yes
//
// # Where it differs from the original
//
// The bytes are the original's, the patience is not. Success is reported as soon as the path is open; first packets are
// repeated faster; a dead matchup server of the three is tolerated, as far as the others can do without it; the local address
// that is told is the one that leads to the servers; CONNECT is taken from the matchup servers' addresses only, and not
// believed if it names an address where no partner can be; our own pings are not taken for the partner's; and a failure is
// reported to the servers with a single packet, so that nothing keeps running behind it. State.Doubt says after two seconds
// in a step what is likely to be wrong, long before the time limit; what theory excludes is not waited for at all, if the game
// knows both NATs (Config.NAT, Config.PeerNAT).
//
// All addresses that the partner may have are tried at once: what the servers name, the local one or the hairpin, the source
// of any ping that carries our cookie, even before the servers have named it, what the game knows (Config.Candidates), and,
// a little later, the ports that a NAT that counts its ports will use. Config.Birthday adds random ports.
//
// Packets are matched by the cookie. Pings go to those addresses only; apart from the servers, only a probe (ERT_TEST) with
// our cookie gets an answer at another one. A negotiation never sends more than Config.PacketRate datagrams in a second.
//
// # Measured
//
// Two homes, three matchup servers and their routers as network namespaces, with the NAT of Linux 6.18, 50 ms one way on
// every path (so a round trip is 100 ms), ten trials for each pair and role. The time is from both sides having the cookie to
// a game packet each way, the packets are those of both negotiations together. Successes; median and 95th percentile in ms;
// packets:
//
//	0 % loss        open                full cone           addr-restr.         port-restr.         sequential          random
//	open            10/10 253 257 44    10/10 254 254 42    10/10 304 306 42    10/10 259 305 42    10/10 304 305 46    10/10 304 306 44
//	full cone       10/10 254 254 45    10/10 253 254 42    10/10 304 306 42    10/10 303 304 44    10/10 305 306 43    10/10 304 306 47
//	addr-restr.     10/10 303 304 45    10/10 254 304 44    10/10 304 305 45    10/10 305 306 43    10/10 355 356 56    10/10 304 355 47
//	port-restr.     10/10 254 305 45    10/10 254 304 44    10/10 305 308 45    10/10 305 306 45    10/10 407 457 68    0/2
//	sequential      10/10 305 308 43    10/10 305 306 47    10/10 355 357 56    9/10 457 660 68     10/10 458 605 82    0/2
//	random          10/10 307 335 46    10/10 308 338 46    10/10 356 396 56    0/2                 0/2                 0/2
//
//	5 % loss        open                full cone           addr-restr.         port-restr.         sequential          random
//	open            10/10 355 407 43    10/10 304 414 43    10/10 404 1435 45   10/10 405 451 43    10/10 305 406 47    10/10 309 456 45
//	full cone       10/10 297 387 44    10/10 307 495 42    10/10 324 501 44    10/10 327 456 42    10/10 404 843 44    10/10 330 634 47
//	addr-restr.     10/10 304 561 42    10/10 344 804 43    10/10 358 618 44    10/10 315 906 45    10/10 357 457 47    10/10 356 1157 46
//	port-restr.     10/10 356 407 46    10/10 356 905 46    10/10 413 810 46    10/10 406 909 46    10/10 463 866 65    0/2
//	sequential      10/10 371 813 46    10/10 429 475 43    10/10 360 458 49    10/10 564 1010 68   10/10 662 1155 91   0/2
//	random          10/10 313 409 47    10/10 306 455 44    10/10 361 812 54    0/2                 0/2                 0/2
//
//	20 % loss       open                full cone           addr-restr.         port-restr.         sequential          random
//	open            10/10 458 908 42    10/10 618 1354 45   10/10 661 2008 46   10/10 860 1875 45   10/10 511 1608 50   10/10 518 1015 53
//	full cone       10/10 469 1019 45   10/10 559 816 45    10/10 423 662 44    10/10 522 953 46    10/10 557 2092 44   10/10 471 1057 47
//	addr-restr.     10/10 460 1410 44   10/10 657 1131 47   10/10 854 1109 58   10/10 807 1159 47   10/10 710 1359 49   10/10 706 3260 54
//	port-restr.     10/10 656 1306 48   10/10 880 1457 47   10/10 407 1306 45   10/10 712 1908 49   10/10 1106 2308 72  0/2
//	sequential      10/10 760 1508 52   10/10 473 1057 47   10/10 783 2530 60   10/10 1461 2088 73  10/10 785 1092 89   0/2
//	random          10/10 521 1307 49   10/10 557 708 50    10/10 817 1557 58   0/2                 0/2                 0/2
//
// One in a hundred trials of a port-restricted router and one that counts fails with this kernel at no loss (so did the one in
// the table); why is not known. The next attempt worked each time, and in memory it does not happen.
//
// In memory (package natnegtest) 29,400 trials of the same pairs, at no loss, 5 % and 20 %, had no failure in a pair that can
// be joined. Without loss, pairs of cones take 2.5 round trips there, a pair of which one counts its ports 4.
//
// # What it does not do
//
// Two NATs that choose a new random port for each destination (symmetric) cannot be joined, nor one of them with one that
// counts; that takes a relay or a port mapping. Without Config.Birthday a random one is joined only with NATs that do not look
// at ports. Two that count are not always joined if packets get lost before they reach the NAT, as on a bad wireless network: at
// 10 % on both sides, three negotiations in a thousand fail (in memory).
// An original partner tries the one address that it is told. If our NAT counts its ports and the partner's looks at ports, that
// is joined only by servers that predict; the other way round it is joined here.
//
// A router that takes an early packet of the partner for its own (some without a firewall do) keeps the pair apart for half a
// minute; a second negotiation with fresh sockets, a nil conn, leads out of it, which both games have to want.
//
// The protocol has no field for an address that a port mapping gave: a game with a channel of its own tells it to its partner
// (State.Addresses). PREINIT is not sent; no server is known that needs it. NatNeg knows only IPv4.
package natneg
