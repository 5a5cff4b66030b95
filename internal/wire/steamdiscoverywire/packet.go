package steamdiscoverywire

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
)

var headerType = of[*steampb.CMsgRemoteClientBroadcastHeader]()

// Packet is a decoded datagram.
type Packet struct {
	Header *steampb.CMsgRemoteClientBroadcastHeader

	// Body is nil for Offline, and for types that are not known.
	Body proto.Message
	// Raw is the body where Body is nil.
	Raw []byte
	// OmitBodyLength leaves out the length of the body together with the body. Some implementations send Offline so.
	OmitBodyLength bool
}

// Type is the kind of the packet.
func (p *Packet) Type() Type { return p.Header.GetMsgType() }

// New makes a packet. A zero instance is left out. body is nil for Offline.
func New(client, instance uint64, t Type, body proto.Message) *Packet {
	header := &steampb.CMsgRemoteClientBroadcastHeader{ClientId: &client, MsgType: t.Enum()}
	if instance != 0 {
		header.InstanceId = &instance
	}
	return &Packet{Header: header, Body: body}
}

// Parse decodes a datagram. Nothing of it is kept.
func Parse(b []byte) (*Packet, error) {
	envelope, err := Peek(b)
	if err != nil {
		return nil, err
	}
	p := &Packet{Header: new(steampb.CMsgRemoteClientBroadcastHeader), OmitBodyLength: envelope.bodyMissing}
	if err := unmarshal(envelope.header, p.Header); err != nil {
		return nil, err
	}
	if p.Body = NewBody(envelope.Type); p.Body == nil {
		p.Raw = bytes.Clone(envelope.Body)
		return p, nil
	}
	return p, unmarshal(envelope.Body, p.Body)
}

// ParseBody decodes the body of an envelope into message, which must be of its type.
func (e *Envelope) ParseBody(message proto.Message) error { return unmarshal(e.Body, message) }

// unmarshal decodes what check has passed.
func unmarshal(b []byte, message proto.Message) error {
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(b, message); err != nil {
		return failure(string(message.ProtoReflect().Descriptor().Name()), "message", "%v", err)
	}
	return nil
}

// Append encodes the packet behind b. It fails where a required field is missing, and where the packet would not fit into
// a datagram.
func (p *Packet) Append(b []byte) ([]byte, error) {
	start := len(b)
	out := append(b, Magic...)
	at, out := begin(out)
	out, err := marshal(out, p.Header)
	if err != nil {
		return b, err
	}
	end(out, at)
	if size := len(out) - at - lengthSize; size > MaxHeader {
		return b, failure("frame", "header length", "%d bytes, at most %d are accepted", size, MaxHeader)
	}
	if p.OmitBodyLength && p.Body == nil && len(p.Raw) == 0 {
		return out, nil
	}
	at, out = begin(out)
	if p.Body != nil {
		if out, err = marshal(out, p.Body); err != nil {
			return b, err
		}
	} else {
		out = append(out, p.Raw...)
	}
	end(out, at)
	if size := len(out) - start; size > MaxDatagram {
		return b, failure("frame", "datagram", "%d bytes, more than UDP carries", size)
	}
	return out, nil
}

func marshal(b []byte, message proto.Message) ([]byte, error) {
	out, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, message)
	if err != nil {
		return b, failure(string(message.ProtoReflect().Descriptor().Name()), "message", "%v", err)
	}
	return out, nil
}

// Envelope is what can be said about a packet without decoding its body. It aliases the datagram.
type Envelope struct {
	ClientID   uint64 // 0 if absent
	InstanceID uint64 // 0 if absent
	Type       Type
	Body       []byte // checked, not decoded

	header      []byte
	bodyMissing bool
}

// Peek checks a datagram as a whole, frame, header and body, and reads its header. It allocates nothing, unless it fails.
func Peek(b []byte) (Envelope, error) {
	parts, err := split(b)
	if err != nil {
		return Envelope{}, err
	}
	if err := check(headerType.Descriptor(), parts.header); err != nil {
		return Envelope{}, err
	}
	e := Envelope{Body: parts.body, header: parts.header, bodyMissing: parts.bodyMissing}
	e.readHeader()
	// Steam sends an empty body with Offline, others not even its length. For any other type that is a cut packet.
	if e.bodyMissing && e.Type != steampb.ERemoteClientBroadcastMsg_MSG_OFFLINE {
		return Envelope{}, failure("frame", "body length", "missing after %s", TypeName(e.Type))
	}
	if body := bodyType(e.Type); body != nil {
		return e, check(body.Descriptor(), e.Body)
	}
	return e, nil
}

// readHeader takes the three fields that decide about a packet from a header that has been checked. As everywhere in
// protobuf, the last one of a repeated field counts.
func (e *Envelope) readHeader() {
	for b := e.header; len(b) > 0; {
		number, wireType, n := protowire.ConsumeTag(b)
		b = b[n:]
		if wireType != protowire.VarintType {
			b = b[protowire.ConsumeFieldValue(number, wireType, b):]
			continue
		}
		value, n := protowire.ConsumeVarint(b)
		b = b[n:]
		switch number {
		case 1:
			e.ClientID = value
		case 2:
			e.Type = Type(value)
		case 3:
			e.InstanceID = value
		}
	}
}
