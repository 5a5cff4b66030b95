package qr2

import (
	"net/netip"

	"github.com/relight-sdk/relight/natneg"
)

// Event is something that happened to a [Host]: a *[MasterChanged], *[PublicAddress], *[ClientMessage], *[JoinStarted] or
// *[JoinEnded].
type Event interface{ event() }

// MasterChanged tells of a new step with one of the masters.
type MasterChanged struct{ MasterState }

// PublicAddress tells our address as a master sees it, when it has changed.
type PublicAddress struct {
	Master string
	Addr   netip.AddrPort
}

// ClientMessage is a message that a game client sent through a master, other than the cookie of a negotiation that the
// host takes up itself.
type ClientMessage struct {
	Master string
	Data   []byte
}

// JoinStarted tells that a player asked to be let in through NAT.
type JoinStarted struct {
	Master string
	Cookie natneg.Cookie
}

// JoinEnded tells how that went. After success, packets of the player at Result.Remote arrive at [Host.GameConn].
type JoinEnded struct {
	Cookie natneg.Cookie
	Result *natneg.Result // nil if it failed
	Err    error          // nil if it succeeded; else a *[natneg.Error], or an *[Error] that is [ErrTooManyJoins], or context.Canceled if Run ended first
}

func (*MasterChanged) event() {}
func (*PublicAddress) event() {}
func (*ClientMessage) event() {}
func (*JoinStarted) event()   {}
func (*JoinEnded) event()     {}
