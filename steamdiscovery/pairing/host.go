package pairing

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
)

// Bounds of what a host remembers of strangers. Devices repeat their requests every second or three.
const (
	maxWaiting     = 16
	maxSessions    = 32
	maxDevices     = 64
	maxCertificate = 1000
	forgetAfter    = 30 * time.Second

	challengeSize = 16 // as Steam's
)

// HostConfig configures a [Host].
type HostConfig struct {
	// TicketKey opens the tickets of devices that were given its public half as Config.PublicKey; it has 2048 to 4096 bits.
	// Nil opens none: devices can ask, but not be authorized. The key for tickets of Steam's own devices has Valve alone.
	TicketKey *rsa.PrivateKey
	// SteamID is told to devices when they are paired. Zero tells none.
	SteamID uint64
	// Devices are those that were paired earlier; at most 64.
	Devices []PairedDevice

	// Waiting hears that a device wants to be paired: ask the user for the PIN, and call [Host.Authorize] or [Host.Deny]. Nil
	// is nobody; see [Host.Waiting]. It must not wait for anything.
	Waiting func(WaitingDevice)
	// Stream decides about a paired device that has proven itself and wants to stream. It must not wait for anything: answer
	// StreamingInProgress to be asked again when the device repeats its request. Nil answers StreamingDisabled.
	Stream func(PairedDevice, StreamRequest) StreamOffer

	// Logger gets steps at Info. Nil is silent.
	Logger *slog.Logger
}

// PairedDevice is a device that a host knows.
type PairedDevice struct {
	Device Device
	Name   string // fit for display
}

// WaitingDevice is a device that wants to be paired.
type WaitingDevice struct {
	From  netip.AddrPort
	Name  string // as it says, fit for display
	Since time.Time
}

// StreamOffer is a host's answer to a device that wants to stream.
type StreamOffer struct {
	Result      StreamingResult
	Port        uint16    // for StreamingSuccess: where the stream is
	Transport   Transport // zero means TransportUDP
	SessionKey  []byte    // for StreamingSuccess: 1 to 256 bytes
	Certificate string    // at most 1000 bytes, so that the packet stays whole; empty is none
}

// Format writes the offer without its key, whatever the verb.
func (o StreamOffer) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "%v on port %d", o.Result, o.Port)
}

// LogValue implements slog.LogValuer.
func (o StreamOffer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// Host is the other side of [Pair] and [RequestStream]: it pairs with devices, and lets them prove themselves. Give it to
// an announcer as AnnounceConfig.Requests. It is safe for concurrent use, and needs no closing.
type Host struct {
	config HostConfig

	mu       sync.Mutex
	devices  []PairedDevice
	waiting  map[netip.AddrPort]*waiting
	sessions map[sessionID]*session
}

type waiting struct {
	WaitingDevice
	ticket   []byte
	token    []byte
	last     time.Time
	result   AuthorizationResult
	attempts int
}

// sessionID tells requests to stream apart. Numbers of requests are chosen by devices.
type sessionID struct {
	from    netip.AddrPort
	request uint32
}

type session struct {
	device    PairedDevice
	wanted    StreamRequest
	challenge []byte
	proven    bool
	answer    []byte // the last word; nil while there is none
	last      time.Time
}

var _ steamdiscovery.RequestHandler = (*Host)(nil)

// NewHost makes a host.
func NewHost(config HostConfig) *Host {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Waiting == nil {
		config.Waiting = func(WaitingDevice) {}
	}
	if config.Stream == nil {
		config.Stream = func(PairedDevice, StreamRequest) StreamOffer { return StreamOffer{Result: StreamingDisabled} }
	}
	known := slices.DeleteFunc(slices.Clone(config.Devices), func(d PairedDevice) bool { return !d.Device.valid() })
	return &Host{
		config: config, devices: known[:min(len(known), maxDevices)],
		waiting: make(map[netip.AddrPort]*waiting), sessions: make(map[sessionID]*session),
	}
}

// HandleRequest implements steamdiscovery.RequestHandler.
func (h *Host) HandleRequest(request steamdiscovery.Request) [][]byte {
	packet, err := steamdiscoverywire.Parse(request.Packet)
	if err != nil {
		return nil
	}
	h.forget(request.Time)
	switch body := packet.Body.(type) {
	case *steampb.CMsgRemoteDeviceAuthorizationRequest:
		return h.pair(request, body)
	case *steampb.CMsgRemoteDeviceAuthorizationCancelRequest:
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiting, request.From)
	case *steampb.CMsgRemoteDeviceStreamingRequest:
		return h.stream(request, body)
	case *steampb.CMsgRemoteDeviceProofResponse:
		return h.proof(request, body)
	case *steampb.CMsgRemoteDeviceStreamingCancelRequest:
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.sessions, sessionID{request.From, body.GetRequestId()})
	}
	return nil
}

// forget drops those who ask no more.
func (h *Host) forget(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for from, w := range h.waiting {
		if now.Sub(w.last) > forgetAfter {
			delete(h.waiting, from)
		}
	}
	for id, s := range h.sessions {
		if now.Sub(s.last) > forgetAfter {
			delete(h.sessions, id)
		}
	}
}

// pair answers a device that wants to be paired. Nothing is decrypted here: that costs a millisecond, and anybody can ask.
func (h *Host) pair(request steamdiscovery.Request, m *steampb.CMsgRemoteDeviceAuthorizationRequest) [][]byte {
	if len(m.GetEncryptedRequest()) > maxTicket || len(m.GetDeviceToken()) > maxText {
		return nil
	}
	h.mu.Lock()
	w := h.waiting[request.From]
	fresh := w == nil
	result := AuthorizationInProgress
	switch {
	case !fresh:
		result = w.result
	case len(h.waiting) == maxWaiting:
		result = AuthorizationBusy
	default:
		w = &waiting{WaitingDevice: WaitingDevice{From: request.From, Since: request.Time}, result: result}
		h.waiting[request.From] = w
	}
	if w != nil {
		w.last = request.Time
		w.Name = steamdiscoverywire.DisplayText(m.GetDeviceName())
		w.ticket, w.token = m.GetEncryptedRequest(), m.GetDeviceToken() // the message is a copy
	}
	fresh = fresh && w != nil
	var who WaitingDevice
	if fresh {
		who = w.WaitingDevice
	}
	h.mu.Unlock()
	if fresh {
		h.config.Logger.Info("device wants to be paired", "peer", request.From, "name", who.Name)
		h.config.Waiting(who)
	}
	answer := &steampb.CMsgRemoteDeviceAuthorizationResponse{Result: steampb.ERemoteDeviceAuthorizationResult(result).Enum()}
	if result == AuthorizationSuccess && h.config.SteamID != 0 {
		answer.Steamid = &h.config.SteamID
	}
	return encode(request, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_RESPONSE, answer)
}

// Waiting are the devices that want to be paired, in order of appearance.
func (h *Host) Waiting() []WaitingDevice {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []WaitingDevice
	for _, w := range h.waiting {
		if w.result == AuthorizationInProgress {
			list = append(list, w.WaitingDevice)
		}
	}
	slices.SortFunc(list, func(a, b WaitingDevice) int {
		if order := a.Since.Compare(b.Since); order != 0 {
			return order
		}
		return a.From.Compare(b.From)
	})
	return list
}

// Authorize pairs with the device that waits at this address, if the PIN is the one that it shows. Keep the result for
// HostConfig.Devices. The third [ErrWrongPIN] denies the device. [ErrForeignTicket] is what any device gets here that was
// made for Steam hosts.
func (h *Host) Authorize(from netip.AddrPort, pin string) (PairedDevice, error) {
	fail := func(err error) (PairedDevice, error) {
		return PairedDevice{}, &Error{Op: "authorize", Addr: from.String(), Err: err}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.waiting[from]
	if w == nil || w.result != AuthorizationInProgress {
		return fail(ErrNotPending)
	}
	if h.config.TicketKey == nil {
		w.result = AuthorizationFailed
		return fail(ErrForeignTicket)
	}
	device, err := openTicket(h.config.TicketKey, w.ticket, pin)
	switch {
	case err == ErrWrongPIN:
		if w.attempts++; w.attempts >= maxAttempt {
			w.result = AuthorizationDenied
		}
		return fail(err)
	case err != nil:
		w.result = AuthorizationFailed
		return fail(err)
	case !device.owns(w.token):
		w.result = AuthorizationFailed
		return fail(ErrForeignTicket)
	}
	h.devices = slices.DeleteFunc(h.devices, func(known PairedDevice) bool { return known.Device.ID() == device.ID() })
	if len(h.devices) == maxDevices {
		w.result = AuthorizationBusy
		return fail(AuthorizationBusy)
	}
	paired := PairedDevice{Device: device, Name: w.Name}
	h.devices = append(h.devices, paired)
	w.result = AuthorizationSuccess
	h.config.Logger.Info("paired", "peer", from, "name", w.Name, "device", device)
	return paired, nil
}

// Deny refuses the device that waits at this address.
func (h *Host) Deny(from netip.AddrPort) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.waiting[from]
	if w == nil || w.result != AuthorizationInProgress {
		return &Error{Op: "authorize", Addr: from.String(), Err: ErrNotPending}
	}
	w.result = AuthorizationDenied
	return nil
}

// Devices are those that the host is paired with.
func (h *Host) Devices() []PairedDevice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.devices)
}

// Forget ends the pairing with a device. Streams that run are no business of this package.
func (h *Host) Forget(device uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	is := func(known PairedDevice) bool { return known.Device.ID() == device }
	h.devices = slices.DeleteFunc(h.devices, is)
	for id, s := range h.sessions {
		if is(s.device) {
			delete(h.sessions, id)
		}
	}
}

// stream answers a device that wants to stream: with a challenge, and when it has proven itself, with what was decided.
func (h *Host) stream(request steamdiscovery.Request, m *steampb.CMsgRemoteDeviceStreamingRequest) [][]byte {
	wanted := requested(m)
	if wanted.HostID != 0 && wanted.HostID != request.ClientID {
		return nil // it looks for somebody else
	}
	id := sessionID{request.From, m.GetRequestId()}
	h.mu.Lock()
	index := slices.IndexFunc(h.devices, func(known PairedDevice) bool { return known.Device.owns(m.GetDeviceToken()) })
	s := h.sessions[id]
	switch {
	case index < 0:
		h.mu.Unlock()
		return respond(request, id.request, StreamOffer{Result: StreamingUnauthorized}, Device{})
	case s == nil && len(h.sessions) == maxSessions:
		h.mu.Unlock()
		return respond(request, id.request, StreamOffer{Result: StreamingBusy}, Device{})
	case s == nil || s.device.Device.ID() != h.devices[index].Device.ID():
		s = &session{device: h.devices[index], challenge: make([]byte, challengeSize)}
		_, _ = rand.Read(s.challenge) // never fails: crypto/rand
		h.sessions[id] = s
	}
	s.last, s.wanted = request.Time, wanted
	proven, answer, challenge := s.proven, s.answer, s.challenge
	h.mu.Unlock()
	switch {
	case answer != nil:
		return [][]byte{answer}
	case proven: // the game said that it takes a while
		return h.decide(request, id, s)
	}
	waiting := respond(request, id.request, StreamOffer{Result: StreamingInProgress}, Device{})
	return append(waiting, encode(request, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_REQUEST,
		&steampb.CMsgRemoteDeviceProofRequest{RequestId: &id.request, Challenge: challenge})...)
}

// proof takes what a device made of its challenge. Each challenge is answered once: the second answer changes nothing.
func (h *Host) proof(request steamdiscovery.Request, m *steampb.CMsgRemoteDeviceProofResponse) [][]byte {
	id := sessionID{request.From, m.GetRequestId()}
	h.mu.Lock()
	s := h.sessions[id]
	if s == nil || s.proven || s.answer != nil {
		h.mu.Unlock()
		return nil
	}
	plain, err := s.device.Device.unseal(m.GetResponse())
	s.last = request.Time
	if s.proven = err == nil && subtle.ConstantTimeCompare(plain, s.challenge) == 1; !s.proven {
		delete(h.sessions, id) // the next request gets another challenge
		h.mu.Unlock()
		return respond(request, id.request, StreamOffer{Result: StreamingUnauthorized}, Device{})
	}
	h.mu.Unlock()
	return h.decide(request, id, s)
}

// decide asks the program what it offers to a device that has proven itself.
func (h *Host) decide(request steamdiscovery.Request, id sessionID, s *session) [][]byte {
	h.mu.Lock()
	device, wanted := s.device, s.wanted
	h.mu.Unlock()
	offer := h.config.Stream(device, wanted)
	if offer.Result == StreamingSuccess && (offer.Port == 0 || len(offer.SessionKey) == 0 || len(offer.SessionKey) > maxChallenge || len(offer.Certificate) > maxCertificate) {
		h.config.Logger.Error("offer without a port, or with a key or a certificate of a bad length", "device", device.Device)
		offer = StreamOffer{Result: StreamingFailed}
	}
	answers := respond(request, id.request, offer, device.Device)
	if offer.Result != StreamingInProgress && len(answers) > 0 {
		h.mu.Lock()
		s.answer = bytes.Clone(answers[0])
		h.mu.Unlock()
	}
	h.config.Logger.Info("stream", "peer", request.From, "device", device.Device, "result", offer.Result.String())
	return answers
}

// respond makes the answer to a request to stream.
func respond(request steamdiscovery.Request, id uint32, offer StreamOffer, device Device) [][]byte {
	m := &steampb.CMsgRemoteDeviceStreamingResponse{
		RequestId: &id, Result: steampb.ERemoteDeviceStreamingResult(offer.Result).Enum(),
	}
	if offer.Result == StreamingSuccess {
		m.Port = new(uint32(offer.Port))
		m.Transport = unlessZero(steampb.EStreamTransport(offer.Transport))
		m.EncryptedSessionKey = device.seal(offer.SessionKey)
		m.Cert = unlessZero(offer.Certificate)
	}
	return encode(request, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_RESPONSE, m)
}

func encode(request steamdiscovery.Request, kind steamdiscoverywire.Type, body proto.Message) [][]byte {
	b, err := steamdiscoverywire.New(uint64(request.ClientID), uint64(request.InstanceID), kind, body).Append(nil)
	if err != nil {
		return nil // a certificate that no packet holds
	}
	return [][]byte{b}
}
