package pairing

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net/netip"

	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
)

const (
	maxChallenge = 256 // Steam's has 16 bytes
	maxProofs    = 32  // in one exchange: a host repeats its challenge as we repeat our request
	maxGamepads  = 16
)

// Transport is how a stream travels. Numbers without a name are kept.
type Transport int32

// Transports (spec steamdiscovery.md §3.3); 2, 3 and 6 are obsolete.
const (
	TransportNone   Transport = 0
	TransportUDP    Transport = 1
	TransportSDR    Transport = 4
	TransportUDPSNS Transport = 5
)

// FormFactor is what kind of device asks.
type FormFactor int32

// Kinds of devices (spec steamdiscovery.md §3.3).
const (
	FormFactorUnknown FormFactor = iota
	FormFactorPhone
	FormFactorTablet
	FormFactorComputer
	FormFactorTV
	FormFactorVRHeadset
)

// Interface is what the host shows at first.
type Interface int32

// What a host shows at first (spec steamdiscovery.md §3.3).
const (
	InterfaceDefault Interface = iota
	InterfaceRecentGames
	InterfaceBigPicture
	InterfaceDesktop
	InterfaceSteamVR
)

// Gamepad is a controller of the device, in Steam's numbers.
type Gamepad struct{ Type, Subtype uint32 }

// StreamRequest is what a device wants from a host. The zero value asks for picture, sound and input in whatever size the
// host chooses.
type StreamRequest struct {
	// HostID is the client id of the host, which it checks. Zero tells none, and answers are not checked for it.
	HostID steamdiscovery.ClientID
	// PIN is for hosts that answered StreamingPINRequired. Empty is none.
	PIN string

	// Width and Height are the largest picture that the device shows, in pixels. Zero leaves it to the host.
	Width, Height int32
	// FrameRate is the most pictures a second, as a fraction. Zeros leave it to the host.
	FrameRateNumerator, FrameRateDenominator int32
	// HDR says that the device shows it.
	HDR bool
	// AudioChannels is how many loudspeakers there are. Zero means 2.
	AudioChannels int32
	// WithoutVideo, WithoutAudio and WithoutInput leave these out.
	WithoutVideo, WithoutAudio, WithoutInput bool

	// Desktop shows the desktop instead of a game. GameID is the game to start; zero is none.
	Desktop   bool
	GameID    uint64
	Interface Interface

	// Version is that of the device's program, as text. Empty tells nothing.
	Version string
	// Transports are those that the device understands, the best first. Empty means TransportUDP; at most 16.
	Transports []Transport
	FormFactor FormFactor
	// Gamepads are the controllers of the device; at most 16.
	Gamepads []Gamepad
	// Restricted and NetworkTest are passed on as they are.
	Restricted, NetworkTest bool
}

// Format writes the request without its PIN, whatever the verb.
func (r StreamRequest) Format(state fmt.State, _ rune) {
	type plain StreamRequest // without this method
	if r.PIN != "" {
		r.PIN = "***"
	}
	fmt.Fprintf(state, "%+v", plain(r))
}

// LogValue implements slog.LogValuer.
func (r StreamRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// Stream is where a host streams to this device, with another protocol, outside of this package.
type Stream struct {
	Addr        netip.AddrPort
	Transport   Transport
	Relay       string // address of a relay, in the transport's own form; empty is none
	Certificate string // of the transport; empty is none
	key         *sessionKey
}

// sessionKey is behind two pointers, as a device's key is.
type sessionKey struct{ bytes *[]byte }

// SessionKey is the secret that the stream is protected with. Printing a Stream does not show it.
func (s Stream) SessionKey() []byte {
	if s.key == nil {
		return nil
	}
	return bytes.Clone(*s.key.bytes)
}

// RequestStream asks a host that this device is paired with to stream to it. It repeats the request until the host has
// decided or ctx ends, and then tells the host so; it proves on the way that it has the key of the device.
//
// The error is an [*Error]: with a [StreamingResult] if the host refused, or [ErrNoAnswer], or [ErrBadKey].
func RequestStream(ctx context.Context, config Config, host netip.AddrPort, request StreamRequest) (Stream, error) {
	config, err := config.checked()
	if err == nil {
		err = request.check()
	}
	if err != nil {
		return Stream{}, &Error{Op: "stream", Addr: host.String(), Err: err}
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand
	e := &streamExchange{config: config, host: host.Addr().Unmap(), wanted: request, id: binary.LittleEndian.Uint32(id[:])}
	if err := converse(ctx, "stream", config, host, e); err != nil {
		return Stream{}, err
	}
	return e.stream, nil
}

func (r *StreamRequest) check() error {
	switch {
	case r.PIN != "" && checkPIN(r.PIN) != nil:
		return fmt.Errorf("%w: %w", ErrBadConfig, checkPIN(r.PIN))
	case len(r.Transports) > maxGamepads || len(r.Gamepads) > maxGamepads:
		return fmt.Errorf("%w: more than %d transports or gamepads", ErrBadConfig, maxGamepads)
	case len(r.Version) > maxText || r.Version != steamdiscoverywire.DisplayText(r.Version):
		return fmt.Errorf("%w: the version %q is too long, or cannot be shown", ErrBadConfig, r.Version)
	}
	return nil
}

// message is the request as it is sent.
func (r *StreamRequest) message(id uint32, token []byte) *steampb.CMsgRemoteDeviceStreamingRequest {
	m := &steampb.CMsgRemoteDeviceStreamingRequest{
		RequestId: &id, DeviceToken: token,
		MaximumResolutionX: unlessZero(r.Width), MaximumResolutionY: unlessZero(r.Height),
		MaximumFramerateNumerator: unlessZero(r.FrameRateNumerator), MaximumFramerateDenominator: unlessZero(r.FrameRateDenominator),
		AudioChannelCount: unlessZero(r.AudioChannels), DeviceVersion: unlessZero(r.Version),
		StreamDesktop: unlessZero(r.Desktop), DisplayHdr: unlessZero(r.HDR), NetworkTest: unlessZero(r.NetworkTest), Restricted: unlessZero(r.Restricted),
		EnableVideoStreaming: new(!r.WithoutVideo), EnableAudioStreaming: new(!r.WithoutAudio), EnableInputStreaming: new(!r.WithoutInput),
		ClientId: unlessZero(uint64(r.HostID)), Gameid: unlessZero(r.GameID),
		FormFactor: unlessZero(steampb.EStreamDeviceFormFactor(r.FormFactor)), StreamInterface: unlessZero(steampb.EStreamInterface(r.Interface)),
	}
	if r.PIN != "" {
		m.Pin = []byte(r.PIN)
	}
	for _, transport := range r.Transports {
		m.SupportedTransport = append(m.SupportedTransport, steampb.EStreamTransport(transport))
	}
	if len(r.Transports) == 0 {
		m.SupportedTransport = []steampb.EStreamTransport{steampb.EStreamTransport_TRANSPORT_UDP}
	}
	if len(r.Gamepads) > 0 {
		m.GamepadCount = new(int32(len(r.Gamepads)))
	}
	for _, gamepad := range r.Gamepads {
		m.Gamepads = append(m.Gamepads, &steampb.CMsgRemoteDeviceStreamingRequest_ReservedGamepad{
			ControllerType: new(gamepad.Type), ControllerSubtype: new(gamepad.Subtype),
		})
	}
	return m
}

// requested is what a device's message asks for.
func requested(m *steampb.CMsgRemoteDeviceStreamingRequest) StreamRequest {
	r := StreamRequest{
		HostID: steamdiscovery.ClientID(m.GetClientId()), PIN: string(m.GetPin()),
		Width: m.GetMaximumResolutionX(), Height: m.GetMaximumResolutionY(),
		FrameRateNumerator: m.GetMaximumFramerateNumerator(), FrameRateDenominator: m.GetMaximumFramerateDenominator(),
		HDR: m.GetDisplayHdr(), AudioChannels: m.GetAudioChannelCount(),
		WithoutVideo: !m.GetEnableVideoStreaming(), WithoutAudio: !m.GetEnableAudioStreaming(), WithoutInput: !m.GetEnableInputStreaming(),
		Desktop: m.GetStreamDesktop(), GameID: m.GetGameid(), Interface: Interface(m.GetStreamInterface()),
		Version: steamdiscoverywire.DisplayText(m.GetDeviceVersion()), FormFactor: FormFactor(m.GetFormFactor()),
		Restricted: m.GetRestricted(), NetworkTest: m.GetNetworkTest(),
	}
	if checkPIN(r.PIN) != nil {
		r.PIN = ""
	}
	for _, transport := range m.GetSupportedTransport() {
		r.Transports = append(r.Transports, Transport(transport))
	}
	for _, gamepad := range m.GetGamepads() {
		r.Gamepads = append(r.Gamepads, Gamepad{gamepad.GetControllerType(), gamepad.GetControllerSubtype()})
	}
	r.Transports, r.Gamepads = r.Transports[:min(len(r.Transports), maxGamepads)], r.Gamepads[:min(len(r.Gamepads), maxGamepads)]
	return r
}

func unlessZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// streamExchange asks a host for a stream.
type streamExchange struct {
	config Config
	host   netip.Addr
	wanted StreamRequest
	id     uint32
	proofs int
	stream Stream
}

func (s *streamExchange) request() (steamdiscoverywire.Type, proto.Message, error) {
	return steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_REQUEST, s.wanted.message(s.id, s.config.Device.token()), nil
}

func (s *streamExchange) handle(packet *steamdiscoverywire.Packet) (reply *steamdiscoverywire.Packet, ours, done bool, err error) {
	if host := uint64(s.wanted.HostID); host != 0 && packet.Header.GetClientId() != host {
		return nil, false, false, nil
	}
	switch body := packet.Body.(type) {
	case *steampb.CMsgRemoteDeviceProofRequest:
		// Only for our own request: whoever asks makes us encrypt what they chose (spec steamdiscovery.md §8).
		if body.GetRequestId() != s.id || len(body.GetChallenge()) == 0 || len(body.GetChallenge()) > maxChallenge || s.proofs == maxProofs {
			return nil, false, false, nil
		}
		s.proofs++
		s.config.Progress(Progress{Text: "proof asked for"})
		return &steamdiscoverywire.Packet{
			Header: &steampb.CMsgRemoteClientBroadcastHeader{MsgType: steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_RESPONSE.Enum()},
			Body:   &steampb.CMsgRemoteDeviceProofResponse{RequestId: &s.id, Response: s.config.Device.seal(body.GetChallenge())},
		}, true, false, nil
	case *steampb.CMsgRemoteDeviceStreamingProgress:
		if body.GetRequestId() != s.id {
			return nil, false, false, nil
		}
		if part := float64(body.GetProgress()); part >= 0 && part <= 1 { // and not NaN
			s.config.Progress(Progress{Text: "starting", Done: part})
		}
		return nil, true, false, nil
	case *steampb.CMsgRemoteDeviceStreamingResponse:
		if body.GetRequestId() != s.id {
			return nil, false, false, nil
		}
		done, err = s.answered(body)
		return nil, true, done, err
	}
	return nil, false, false, nil
}

// answered takes the host's answer.
func (s *streamExchange) answered(m *steampb.CMsgRemoteDeviceStreamingResponse) (done bool, err error) {
	switch result := StreamingResult(m.GetResult()); result {
	case StreamingInProgress:
		s.config.Progress(Progress{Text: result.String()})
		return false, nil
	case StreamingSuccess:
	default:
		return false, result
	}
	if m.GetPort() == 0 || m.GetPort() > math.MaxUint16 {
		return false, fmt.Errorf("the host streams on port %d", m.GetPort())
	}
	key, err := s.config.Device.unseal(m.GetEncryptedSessionKey())
	if err != nil || len(key) == 0 {
		return false, ErrBadKey
	}
	s.stream = Stream{
		Addr: netip.AddrPortFrom(s.host, uint16(m.GetPort())), Transport: Transport(m.GetTransport()),
		Relay: steamdiscoverywire.DisplayText(m.GetRelayServer()), Certificate: m.GetCert(), key: &sessionKey{&key},
	}
	return true, nil
}

func (s *streamExchange) cancel() (steamdiscoverywire.Type, proto.Message) {
	return steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_CANCEL_REQUEST, &steampb.CMsgRemoteDeviceStreamingCancelRequest{RequestId: &s.id}
}
