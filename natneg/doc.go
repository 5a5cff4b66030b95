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
//	open            10/10 262 291 44    10/10 265 305 45    10/10 275 330 44    10/10 304 329 42    10/10 319 360 46    10/10 321 349 46
//	full cone       10/10 260 302 42    10/10 260 302 44    10/10 317 357 44    10/10 309 341 44    10/10 323 343 46    10/10 317 389 46
//	addr-restr.     10/10 325 443 45    10/10 314 338 44    10/10 323 410 42    10/10 327 392 44    10/10 331 383 47    10/10 307 363 47
//	port-restr.     10/10 262 321 45    10/10 309 350 44    10/10 314 353 45    10/10 308 319 45    10/10 460 684 68    0/2
//	sequential      10/10 315 435 44    10/10 305 323 43    10/10 356 368 55    10/10 456 494 68    10/10 455 457 82    0/2
//	random          10/10 304 306 47    10/10 305 306 44    10/10 354 357 54    0/2                 0/2                 0/2
//
//	5 % loss        open                full cone           addr-restr.         port-restr.         sequential          random
//	open            10/10 355 460 44    10/10 290 411 44    10/10 355 405 43    10/10 312 768 46    10/10 316 482 46    10/10 309 811 47
//	full cone       10/10 273 407 43    10/10 303 555 44    10/10 306 404 44    10/10 306 905 45    10/10 405 811 46    10/10 306 607 44
//	addr-restr.     10/10 358 931 44    10/10 358 415 44    10/10 367 412 42    10/10 362 855 44    10/10 359 806 49    10/10 344 1056 46
//	port-restr.     10/10 354 607 43    10/10 369 805 44    10/10 359 407 42    10/10 405 702 44    10/10 709 1023 68   0/2
//	sequential      10/10 405 806 44    10/10 355 958 46    10/10 459 1138 55   10/10 655 1011 68   10/10 607 815 87    0/2
//	random          10/10 356 447 46    10/10 403 517 47    10/10 367 507 47    0/2                 0/2                 0/2
//
//	20 % loss       open                full cone           addr-restr.         port-restr.         sequential          random
//	open            10/10 420 1060 44   10/10 456 714 43    10/10 606 1307 48   10/10 709 1108 47   10/10 655 1310 46   10/10 464 862 45
//	full cone       10/10 405 1010 45   10/10 679 955 42    10/10 917 2008 44   10/10 617 1417 44   10/10 521 1211 47   10/10 811 2161 56
//	addr-restr.     10/10 467 1629 44   10/10 605 923 46    10/10 459 1315 45   10/10 957 2515 49   10/10 1159 1760 66  10/10 610 2161 48
//	port-restr.     10/10 639 971 43    10/10 495 1140 44   10/10 990 1762 66   10/10 719 1410 46   10/10 1259 3021 89  0/2
//	sequential      10/10 580 1247 56   10/10 907 1314 52   10/10 1144 1817 59  10/10 1015 3252 76  10/10 1208 1460 90  0/2
//	random          10/10 657 1308 50   10/10 454 1155 46   10/10 1106 2862 66  0/2                 0/2                 0/2
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
// A router that takes an early packet of the partner for its own (some without a firewall do) keeps the pair apart for half a
// minute; a second negotiation with fresh sockets, a nil conn, leads out of it, which both games have to want.
//
// The protocol has no field for an address that a port mapping gave: a game with a channel of its own tells it to its partner
// (State.Addresses). PREINIT is not sent; no server is known that needs it. NatNeg knows only IPv4.
package natneg
