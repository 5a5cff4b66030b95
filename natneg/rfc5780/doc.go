// Package rfc5780 finds out what the NAT in front of this machine does, and under which address it is seen, by asking any
// STUN server: NAT behaviour discovery of RFC 5780 (spec nat.md §6).
//
// What a player gets is a sentence that says whether others can be reached, before any partner is there, and for package
// natneg the facts that let it tell early what cannot work:
//
//	report, err := rfc5780.Detect(ctx, rfc5780.Config{Servers: []string{"stun.example.net"}})
//	if errors.Is(err, rfc5780.ErrNoServers) {
//		return errors.New("UDP does not get through here")
//	} else if err != nil {
//		return err
//	}
//	fmt.Println("There is", report)          // "a NAT that lets in whom it was asked to ..."
//	for _, what := range report.Missing {
//		fmt.Println("not known:", what)
//	}
//	config := natneg.Config{NAT: &report.Report}
//
// [PublicAddress] is for the game's own socket, while the game uses it: what it gives is the game's mapping, to be put into
// natneg.Config.Mapped.
//
//	addr, err := rfc5780.PublicAddress(ctx, host.GameConn(), "stun.example.net", "stun.example.org")
//
// # What is found, and how
//
//	public address       any server (RFC 8489, and servers of RFC 3489)
//	port preservation    any server
//	hairpin              any server: two sockets send to each other's public address
//	mapping              a server that speaks RFC 5780, or two plain ones: the same socket, seen by several addresses
//	step of the ports    the same, where a NAT with a port for each destination counts: they can be predicted
//	filtering            a server that speaks RFC 5780: answers from its other address or port get in or do not
//
// A server speaks RFC 5780 if it has two addresses and says so (OTHER-ADDRESS); coturn does, most public servers do not.
// What they cannot tell is unknown in the report, and Report.Missing says why. That an answer really comes from the other
// address is checked: a server that ignores the wish would make a full cone of every NAT. All servers of the Config are
// asked at the same time, silent ones cost nothing, and the first that speaks RFC 5780 does the rest.
//
// Requests are repeated as RFC 8489 §6.2.1 wants: seven times, with doubled waits, which survives a loss of one datagram in
// five. Answers that a NAT may keep out are not waited for that long, but asked for as often, in steps of the round trip.
// A detection takes 20 round trips or 0.8 seconds, whichever is longer; less where everybody gets in.
//
// # Dependencies
//
// The messages are those of github.com/pion/stun/v3, with which DTLS is linked; its client, which wants a connection for
// itself, is not used. Package natneg does not import this one.
//
// # What it does not do
//
// IPv4 and UDP only. No detection of how long mappings live, of fragments, nor of what a NAT does under load (RFC 5780 §4.6
// and following). A NAT may treat other sockets differently: two machines of one home with the same inside port do not get
// the same (spec nat.md §2).
package rfc5780
