// Package cdkeytest is a CD key validation server in process, for the tests of games and of package cdkey: as httptest for CD
// keys. It knows the keys that a product has, or accepts all of them, remembers which key is on which game server, and asks there
// for a new proof when the key turns up on another one.
//
//	validation, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{11057: {"ABCD-1234"}}})
//	defer validation.Close()
//	checker, err := cdkey.Start(ctx, nil, cdkey.Config{Products: []int{11057}, Addr: validation.Addr()})
//
// Config.Family has it behave as a living server does, [Faults] has it misbehave; Config.Hook and [Server.Send] are for scripts.
// It was tried with the original C SDK as the game server: internal/tests/cdkey has the recording. It keeps no keys on disk, and is
// no service to run on the internet.
package cdkeytest
