package steamdiscoverywire

import (
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/relight-sdk/relight/internal/steampb"
)

// Type is the kind of a packet. Types that this package does not know are kept.
type Type = steampb.ERemoteClientBroadcastMsg

// kind is what is known about a type.
type kind struct {
	name string
	body protoreflect.MessageType // nil: no body
}

// kinds is spec steamdiscovery.md §3.1.
var kinds = [...]kind{
	steampb.ERemoteClientBroadcastMsg_MSG_DISCOVERY:                           {"Discovery", of[*steampb.CMsgRemoteClientBroadcastDiscovery]()},
	steampb.ERemoteClientBroadcastMsg_MSG_STATUS:                              {"Status", of[*steampb.CMsgRemoteClientBroadcastStatus]()},
	steampb.ERemoteClientBroadcastMsg_MSG_OFFLINE:                             {"Offline", nil},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_REQUEST:        {"DeviceAuthorizationRequest", of[*steampb.CMsgRemoteDeviceAuthorizationRequest]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_RESPONSE:       {"DeviceAuthorizationResponse", of[*steampb.CMsgRemoteDeviceAuthorizationResponse]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_REQUEST:            {"DeviceStreamingRequest", of[*steampb.CMsgRemoteDeviceStreamingRequest]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_RESPONSE:           {"DeviceStreamingResponse", of[*steampb.CMsgRemoteDeviceStreamingResponse]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_REQUEST:                {"DeviceProofRequest", of[*steampb.CMsgRemoteDeviceProofRequest]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_PROOF_RESPONSE:               {"DeviceProofResponse", of[*steampb.CMsgRemoteDeviceProofResponse]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_CANCEL_REQUEST: {"DeviceAuthorizationCancelRequest", of[*steampb.CMsgRemoteDeviceAuthorizationCancelRequest]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_CANCEL_REQUEST:     {"DeviceStreamingCancelRequest", of[*steampb.CMsgRemoteDeviceStreamingCancelRequest]()},
	steampb.ERemoteClientBroadcastMsg_MSG_CLIENT_ID_DECONFLICT:                {"ClientIDDeconflict", of[*steampb.CMsgRemoteClientBroadcastClientIDDeconflict]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAM_TRANSPORT_SIGNAL:      {"DeviceStreamTransportSignal", of[*steampb.CMsgRemoteDeviceStreamTransportSignal]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_PROGRESS:           {"DeviceStreamingProgress", of[*steampb.CMsgRemoteDeviceStreamingProgress]()},
	steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_CONFIRMED:      {"DeviceAuthorizationConfirmed", of[*steampb.CMsgRemoteDeviceAuthorizationConfirmed]()},
	steampb.ERemoteClientBroadcastMsg_MSG_PAIRING_STATE:                       {"PairingState", of[*steampb.CMsgRemoteClientBroadcastClientPairingState]()},
	steampb.ERemoteClientBroadcastMsg_MSG_PAIRING_EXCLUSIVITY:                 {"PairingExclusivity", of[*steampb.CMsgRemoteClientBroadcastClientPairingExclusivity]()},
}

func of[M proto.Message]() protoreflect.MessageType {
	var m M
	return m.ProtoReflect().Type()
}

// TypeName is the name of a type, or "type N".
func TypeName(t Type) string {
	if t < 0 || int(t) >= len(kinds) {
		return "type " + strconv.Itoa(int(t))
	}
	return kinds[t].name
}

// NewBody is an empty body of a type; nil for types that have none or are not known.
func NewBody(t Type) proto.Message {
	if m := bodyType(t); m != nil {
		return m.New().Interface()
	}
	return nil
}

func bodyType(t Type) protoreflect.MessageType {
	if t < 0 || int(t) >= len(kinds) {
		return nil
	}
	return kinds[t].body
}
