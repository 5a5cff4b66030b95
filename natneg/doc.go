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
//		return err // says at which step, which servers answered, and why
//	}
//	result.Conn.WriteTo(hello, net.UDPAddrFromAddrPort(result.Remote))
//
// Both sides call [Negotiate] with the same cookie, one as [Guest], the other as [Host]. Packages sb and qr2 do so
// when a player joins a listed server; a game with an arrangement of its own calls it directly. [Start] is the same for
// programs that want to show the progress. [Detect] tells what the NAT in front of this machine does.
//
// # Where it differs from the original
//
// The bytes are the original's, the patience is not. Success is reported as soon as the path is open, not five to twelve
// seconds later; first packets are repeated faster; a dead matchup server of the three is tolerated, as far as the others
// can do without it; the wait for a partner who does not come is 15 seconds instead of a minute, and State.Doubt says after
// two that something is wrong; the local address that is told is the one that leads to the servers; CONNECT is taken from the
// matchup servers' addresses only, and not believed if it names an address where no partner can be; our own pings are not
// taken for the partner's; and a failure is reported to the servers with a single packet, so that nothing keeps running
// behind it.
//
// All addresses that the partner may have are tried at once: what the servers name, the local one or the hairpin, the source
// of any ping that carries our cookie, even before the servers have named it, what the game knows (Config.Candidates), and,
// a little later, the ports that a NAT that counts its ports will use. Config.Birthday adds random ports.
//
// Packets are matched by the cookie. Pings go to those addresses only; apart from the servers, only a probe (ERT_TEST) with
// our cookie gets an answer at another one. A negotiation never sends more than Config.PacketRate datagrams in a second.
//
// # What it does not do
//
// Two NATs that choose a new random port for each destination (symmetric) cannot be joined, nor one of them with one that
// counts; that takes a relay or a port mapping. The protocol has no field for an address that a port mapping gave: a game
// with a channel of its own tells it to its partner (State.Addresses). NatNeg knows only IPv4.
package natneg
