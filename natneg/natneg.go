package natneg

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
)

// Cookie names one negotiation: four opaque bytes that both sides and the matchup servers share. The two sides agree on
// it beforehand; a server browser sends it to the game server through the master.
type Cookie [4]byte

// CookieFromUint32 makes a cookie from its big-endian number.
func CookieFromUint32(n uint32) (c Cookie) {
	binary.BigEndian.PutUint32(c[:], n)
	return c
}

// Uint32 is the cookie as a big-endian number.
func (c Cookie) Uint32() uint32 { return binary.BigEndian.Uint32(c[:]) }

// String is the cookie in hexadecimal.
func (c Cookie) String() string { return fmt.Sprintf("%x", [4]byte(c)) }

// Role is the client index of one side.
type Role uint8

// The roles.
const (
	Guest Role = 0 // the one who connects
	Host  Role = 1 // the one who is connected to, usually a game server
)

// String is the name of the role.
func (r Role) String() string {
	switch r {
	case Guest:
		return "guest"
	case Host:
		return "host"
	}
	return "role " + strconv.Itoa(int(r))
}

// Negotiate opens a path to the other side and returns when it is open or has failed. It is [Start] and
// [Negotiation.Wait] in one.
//
// conn is the game's own socket, bare or as the view that qr2.Host.GameConn or an earlier [Result] gave; a nil conn makes
// a socket. A view may be read by the game meanwhile; a bare socket may not, because the negotiation reads it. Once the
// path is open, the game uses [Result.Conn] in place of conn. If Negotiate fails, a bare conn is the caller's again, as it
// was; what came meanwhile is lost, and conn's read deadline is cleared. Where SetReadDeadline does not interrupt a read,
// the next datagram is lost, too, and if it does nothing at all, Negotiate fails up to a second later.
//
// One socket can serve many negotiations at a time, each with a cookie of its own; see [ErrCookieInUse].
//
// The game gets everything that carries no cookie of a negotiation under way, so that nothing is lost that somebody may
// be waiting for. That includes NatNeg packets of no use to it, such as a partner's late pings: a game ignores what it does
// not know, and these begin with the bytes FD FC 1E 66 6A B2.
//
// ctx ends the negotiation, not the path: cancelling it later changes nothing. Errors are *[Error].
func Negotiate(ctx context.Context, conn net.PacketConn, config Config, cookie Cookie, role Role) (*Result, error) {
	return Start(ctx, conn, config, cookie, role).Wait()
}
