package qr2

import (
	"net/netip"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// NewEngineHost is [NewHost] for an engine that owns its socket and its loop: it gives every datagram that it reads to
// [Host.HandlePacket], and the host hands it every datagram that is to be sent. local is the socket's address; its port is
// what masters are told, unless Config.LocalPort is set.
//
// send must not keep b, must not block, and need not work: what fails is counted. It is called by HandlePacket, on the
// engine's goroutine, and by [Host.Run] and the negotiations of players, on others; none of them holds a lock meanwhile.
//
// [Host.GameConn] of such a host writes through send and reads nothing. Run is needed as ever, to be listed and to let players
// in.
func NewEngineHost(local netip.AddrPort, send func(b []byte, to netip.AddrPort) error, config Config) (*Host, error) {
	switch {
	case send == nil:
		return nil, &Error{Op: "configuration", Reason: "no function that sends", Err: ErrInvalid}
	case !local.IsValid() || local.Port() == 0:
		return nil, &Error{Op: "configuration", Reason: "the socket's address is needed, with its port", Err: ErrInvalid}
	}
	h, err := newHost(netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), config)
	if err != nil {
		return nil, err
	}
	h.spare = make(chan *batch, maxSpare)
	h.mux, h.release = udpmux.NewFed(local, send)
	h.joinSiblings()
	h.remove = func() {}
	return h, nil
}

// maxSpare is how many batches are kept: more goroutines than that do not read one socket.
const maxSpare = 4

// HandlePacket takes a datagram that the game has read, answers it if that is needed, and reports whether it was the host's;
// what was not is the game's. It is for hosts of [NewEngineHost], of which each gets everything. It keeps nothing of b, does
// not wait for the network, and allocates nothing for queries. Several goroutines may call it at the same time.
func (h *Host) HandlePacket(b []byte, from netip.AddrPort) (ours bool) {
	select {
	case <-h.closing:
		return false
	default:
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	if !h.core.takes(b) {
		// Negotiations with players have attached themselves beside the host.
		return h.mux.Feed(b, from)
	}
	var out *batch
	select {
	case out = <-h.spare:
	default:
		out = new(batch)
	}
	ours = h.answer(b, from, out)
	h.flush(out)
	select {
	case h.spare <- out:
	default:
	}
	return ours
}
