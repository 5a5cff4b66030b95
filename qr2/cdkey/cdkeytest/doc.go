// Package cdkeytest is a CD key validation server in process, for the tests of games and of package cdkey. It knows the keys
// that a product has, or accepts all of them as OpenSpy does, remembers which key is on which game server, and asks there for a
// new proof when the key turns up on another one. [Faults] has it misbehave; Config.Hook and [Server.Send] are for scripts.
package cdkeytest
