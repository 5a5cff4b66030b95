// Package relight is the front page of an embeddable Go SDK for game clients and dedicated servers. It speaks, from the
// client's side, the protocols of the revived GameSpy services and of Steam's LAN and content network. This package
// holds no code: import the one that you need.
//
//   - [github.com/relight-sdk/relight/gp]: presence (log in, buddies, messages, status, profiles) and player search;
//     gp/gstats: statistics and stored data
//   - [github.com/relight-sdk/relight/qr2]: a dedicated server reports itself to a master and answers queries;
//     qr2/cdkey: players' CD keys
//   - [github.com/relight-sdk/relight/sb]: the server browser: lists, live updates, direct and LAN queries, joining
//   - [github.com/relight-sdk/relight/natneg]: NAT negotiation: two players behind NAT find a path to each other;
//     natneg/portmap: a port on the home router
//   - [github.com/relight-sdk/relight/steamdiscovery]: who is on this LAN (Steam In-Home Streaming), and here I am
//   - [github.com/relight-sdk/relight/steampipe]: Steam content: manifests, chunks, a depot on disk
//
// Each of them has a test server in a subpackage, in the manner of [net/http/httptest], so that a game can test its use
// of them in process: gp/gptest, gp/gstats/gstatstest, qr2/qr2test, qr2/cdkey/cdkeytest, sb/sbtest, natneg/natnegtest,
// steampipe/depottest. Engines that are not written in Go load examples/engine, a shared library with a C header.
//
// # One socket
//
// A game server has one UDP port, and NAT mappings, the master's view of it and the players' packets all hang on it.
// Relight shares it: [github.com/relight-sdk/relight/qr2.NewHost] takes the game's socket, picks out what belongs to the
// protocols, and hands everything else back through a net.PacketConn.
//
// # Where the services are
//
// Every Config of a GameSpy package is pointed at a back end in the same way: Domain makes all names ("example.net"
// gives gpcm.example.net, mygame.master.example.net ...), Host sends everything to one machine, and the address fields
// override single services. A service that does not exist there disables its own feature and no other.
//
// # Nothing happens silently
//
// Every session has a State that a person can read: the step that it is in and since when, whom it talks to, what was
// counted, and the reason why it stopped, if it did. Errors name the step, the peer and the reason.
package relight
