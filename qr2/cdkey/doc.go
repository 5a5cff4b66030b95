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
// [Checker.ProofRequests]. Package cdkeytest is a validation server for a game's own tests; [Diagnose] says whether one answers.
//
// # Features
//
//	                                    original gcdkey (2007)            this package
//	client response, both methods       rand() seeded with the second     crypto/rand, the same 72 characters
//	validation server                   key.<domain>, or the QR2 master   Domain, Host or Addr
//	on the QR2 socket, or its own       yes                               yes, beside any other protocol on it
//	transmissions                       3, 2 s apart                      the same, or as configured
//	nobody answers                      accepted                          accepted or rejected, as configured
//	a key twice on this server          rejected                          rejected or accepted, as configured
//	key hash as an id for bans          yes                               yes
//	products                            4 in a process                    4 for each Checker
//	disconnect, of one and of all       yes                               Disconnect, Close
//	is the key online, proof            callback, 5 waited for, 5 s       channel, the same limits, repetitions counted once
//	number of players                   to whoever asks                   to the validation server
//	keep-alive                          20 s                              the same, or as configured
//	source of messages                  not checked                       the validation server's address and port only
//	which question an answer is for     14-bit number and key hash        the same, and the number unique among those open
//
// # What it does not do
//
// Nobody can check a key here: the validation server knows the keys. A proof is passed on as it is. Where a player was let in
// because nothing answered ([Unanswered]), a late refusal changes nothing, as in the original. A player's address is told as
// IPv4 or not at all. The address of the validation server is looked up once, in [Start].
package cdkey
