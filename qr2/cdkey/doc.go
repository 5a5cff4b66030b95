// Package cdkey has a game server check its players' CD keys with a validation server, as GameSpy's gcdkey did (spec cdkey.md).
//
// What the player gets: one copy, one player, and a ban that lasts, for the hash of the key is the same on every visit. The key
// itself never leaves the player's machine. The game server gives each player a challenge; the player's game answers it:
//
//	response, err := cdkey.Respond(key, challenge) // on the player's machine; sent as string(response)
//
// and the game server asks the validation server, on its own socket or on one of its own:
//
//	checker, err := cdkey.Start(ctx, host.GameConn(), cdkey.Config{Products: []int{11057}, Domain: "example.net"})
//	defer checker.Close()
//	player, err := checker.Authenticate(ctx, cdkey.Request{IP: ip, Challenge: challenge, Response: response})
//	if errors.Is(err, cdkey.ErrRefused) {
//		return err // the validation server's words are in it
//	} else if err != nil {
//		return err
//	}
//	defer player.Disconnect()
//	if banned[player.KeyHash()] {
//		return errBanned
//	}
//
// When somebody else comes with the same key elsewhere, the validation server asks for a new proof: see
// [Checker.ProofRequests]. Package cdkeytest is a validation server for a game's own tests; [Diagnose] and [Checker.Diagnose] say
// whether one answers, [Checker.State] what it was like so far.
//
// # Features
//
// The functions of the original's gcdkey module (2007), and what there is here:
//
//	gcd_compute_response             Respond and Prove: the same 72 characters, random where the original counts from the second
//	gcd_init, gcd_hostname           Start with a nil connection: key.<domain>, Host or Addr
//	gcd_init_qr2                     Start with host.GameConn(); the original asks the QR2 master's host: Addr
//	gcd_authenticate_user            Checker.Authenticate, which waits; the original calls back from gcd_think
//	three transmissions, 2 s apart   the same, or Config.Transmissions and RetryInterval
//	nobody answers: accepted         accepted or rejected, Config.OnTimeout; Player.Verdict tells
//	"Bad CD Key", "CD Key in use"    ErrBadResponse, ErrKeyInUse; Config.AllowDuplicates lets the second player in
//	a response of any text           72 digits in lower case only, so that no key has two hashes
//	gcd_process_reauth, callback     ProofRequests and Answer: five waited for, 5 s; a repeated question counts once
//	gcd_getkeyhash                   Player.KeyHash, Response.KeyHash, HashKey
//	gcd_disconnect_user              Player.Disconnect
//	gcd_disconnect_all               Disconnect of each of Checker.Players; Close tells it of all
//	gcd_shutdown                     Checker.Close
//	gcd_think                        not needed: one goroutine keeps the clock, the socket's reader does the rest
//	four products in a process       four for each Checker, as many Checkers as there are sockets
//	keep-alive, 20 s                 the same, or Config.KeepAlive
//	number of players                to the validation server only; the original tells whoever asks
//	source of messages not checked   the validation server's address and port only
//	a number of 14 bits and the hash the same, and the number unique among the questions that are open
//	the name is looked up once       in Start, and again while the server is silent, at most once a minute
//	nothing is counted or logged     State, a log, errors with a step, a peer and a reason
//
// # What it does not do
//
// Nobody can check a key here: the validation server knows the keys. A proof is passed on as it is. Where a player was let in
// because nothing answered ([Unanswered]), a late refusal changes nothing, as in the original. A player's address is told as
// IPv4 or not at all. There is no secret between game server and validation server: who can forge the latter's address on the
// internet may try all 16384 numbers of a question while it is open, and Counters.Unmatched shows it. Living back ends accept every key or have no such service (spec servers.md §9).
package cdkey
