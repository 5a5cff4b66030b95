package natneg

import (
	"net"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// Share makes a view of a game's socket that the game reads all the time, while any number of negotiations, each with a cookie
// of its own, run on it: the conn of [Negotiate], which gives the same view back. From now on nobody but the view reads conn.
// Closing the view closes conn, and ends the negotiations on it. A view that somebody gave already (qr2.Host.GameConn, Share,
// [Result]) is returned as it is.
//
// Without Share, the first negotiation on a bare socket makes the view, and until it is there the game cannot read.
func Share(conn net.PacketConn) net.PacketConn {
	mux, release := udpmux.Attach(conn)
	defer release() // the view keeps the reader
	return mux.Conn()
}
