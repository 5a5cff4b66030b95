// Package sbwire is the wire format of GameSpy's server browsing: the list request, the list that comes back and the
// messages that follow it on the same connection (spec sb.md; GameSpy SDK serverbrowsing/sb_serverlist.c). It turns bytes
// into values and values into bytes, in both directions, and does nothing else: the cipher around the list is
// gscrypt.EnctypeX, the connection is package sb.
package sbwire
