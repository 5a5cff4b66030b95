package steamdiscovery

import (
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// maxRequestAnswers bounds how many packets answer a request: a result and a challenge are the most that a host has to say
// at once.
const maxRequestAnswers = 2

// RequestHandler decides about requests of devices: to be paired with this host, to stream from it.
type RequestHandler interface {
	// HandleRequest gets one request, and returns the packets that answer it; more than two are dropped. It is called from
	// one goroutine, without a lock, and while it runs the [Announcer] hears nothing: it must not wait for anything.
	HandleRequest(request Request) [][]byte
}

// Request is a packet that a device sent to an [Announcer], and that is no search. It was checked as a whole, and comes
// from an address that does not send too many.
type Request struct {
	From       netip.AddrPort
	Packet     []byte // the datagram; only valid until HandleRequest returns
	Time       time.Time
	ClientID   ClientID   // of the Announcer
	InstanceID InstanceID // of the Announcer
}

// isRequest tells whether a packet is for the RequestHandler.
func isRequest(kind steamdiscoverywire.Type) bool {
	switch kind {
	case steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_REQUEST,
		steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_CANCEL_REQUEST,
		steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_REQUEST,
		steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_CANCEL_REQUEST,
		steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_RESPONSE:
		return true
	}
	return false
}

// request lets the handler answer a request.
func (a *Announcer) request(packet []byte, from netip.AddrPort, now time.Time) {
	answers := a.config.Requests.HandleRequest(Request{
		From: from, Packet: packet, Time: now, ClientID: a.config.ClientID, InstanceID: a.config.InstanceID,
	})
	for _, answer := range answers[:min(len(answers), maxRequestAnswers)] {
		a.answer(answer, from)
	}
}
