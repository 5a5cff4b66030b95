// Package qr2wire is the codec of QR2, GameSpy's Query & Reporting 2 (spec qr2.md): heartbeats, the master's challenge,
// queries and their single and split replies, in both directions. It only turns bytes into values and back.
//
// Packets to a game server start with FE FD, a type and a key; packets from it with the type and the key. Text is bytes:
// player names hold whatever their game puts there, and need not be UTF-8. Parsed values do not keep the datagram, unless
// their comment says so.
package qr2wire
