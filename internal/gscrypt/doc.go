// Package gscrypt has the digests and ciphers of the GameSpy protocols: pure functions of bytes, none of them secure by
// today's measure, all of them exactly what the old programs expect.
package gscrypt
