package sbwire

import (
	"encoding/binary"
	"net/netip"
)

// Request is what a client sends on an open connection: [ListRequest], [InfoRequest], [SendMessage], [KeepAlive],
// [MapLoopRequest] or [PlayerSearchRequest]. All are in clear.
type Request interface {
	Append(b []byte) ([]byte, error)
}

// InfoRequest asks for everything that the master knows of a server; the answer is a push (spec sb.md A.7).
type InfoRequest struct{ Addr netip.AddrPort }

// SendMessage has the master relay bytes to a server (spec sb.md A.7).
type SendMessage struct {
	Addr netip.AddrPort // as the list gave it: it may be opaque
	Data []byte
}

// MapLoopRequest asks for the maps that a server will play next (spec sb.md A.7).
type MapLoopRequest struct{ Addr netip.AddrPort }

// SearchOptions say how a name is searched (spec sb.md A.7).
type SearchOptions uint32

// The search options.
const (
	SearchAllGames     SearchOptions = 1
	SearchLeftOfName   SearchOptions = 2
	SearchRightOfName  SearchOptions = 4
	SearchAnywhereName SearchOptions = 8
)

// PlayerSearchRequest looks for a player by name (spec sb.md A.7).
type PlayerSearchRequest struct {
	Options    SearchOptions
	MaxResults uint32
	Name       string
}

// Limits of client requests.
const (
	MaxSendMessage  = 65535 - 9
	maxPlayerSearch = 256
)

func appendAddressed(b []byte, kind byte, addr netip.AddrPort, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(9+len(data)))
	b = append(b, kind)
	return append(appendAddrPort(b, addr), data...)
}

func checkAddr(message string, addr netip.AddrPort) error {
	if !addr.Addr().Unmap().Is4() {
		return invalid(message, "address", "%v is not an IPv4 address", addr)
	}
	return nil
}

// Append appends the request to b.
func (r InfoRequest) Append(b []byte) ([]byte, error) {
	if err := checkAddr("info request", r.Addr); err != nil {
		return b, err
	}
	return appendAddressed(b, requestInfo, r.Addr, nil), nil
}

// Append appends the request to b.
func (r MapLoopRequest) Append(b []byte) ([]byte, error) {
	if err := checkAddr("map loop request", r.Addr); err != nil {
		return b, err
	}
	return appendAddressed(b, requestMapLoop, r.Addr, nil), nil
}

// Append appends the message to b, head and data together: it must be written with one call, since some masters do not
// reassemble it.
func (r SendMessage) Append(b []byte) ([]byte, error) {
	if err := checkAddr("send message", r.Addr); err != nil {
		return b, err
	}
	if len(r.Data) > MaxSendMessage {
		return b, overLimit("send message", "data", "%d bytes, at most %d", len(r.Data), MaxSendMessage)
	}
	return appendAddressed(b, requestSendMessage, r.Addr, r.Data), nil
}

// Append appends the request to b.
func (r PlayerSearchRequest) Append(b []byte) ([]byte, error) {
	const head = 11
	if err := checkText("player search", "name", r.Name, maxPlayerSearch-head-1); err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint16(b, uint16(head+len(r.Name)+1))
	b = append(b, requestPlayerSearch)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Options))
	b = binary.BigEndian.AppendUint32(b, r.MaxResults)
	return appendCString(b, r.Name), nil
}

// ParseRequest reads one message of a client, length included. To cut messages out of a stream, read two bytes for the
// length first.
func ParseRequest(b []byte) (Request, error) {
	const message = "client message"
	c := cursor{b}
	var length uint16
	var kind uint8
	if !c.ReadUint16(&length) || !c.ReadUint8(&kind) {
		return nil, truncated(message, "head")
	}
	if int(length) != len(b) {
		return nil, invalid(message, "length", "says %d, has %d bytes", length, len(b))
	}
	var addr netip.AddrPort
	switch kind {
	case requestInfo, requestSendMessage, requestMapLoop:
		if !c.readAddrPort(&addr) {
			return nil, truncated(message, "address")
		}
	}
	switch kind {
	case requestList:
		return ParseListRequest(b)
	case requestInfo:
		return InfoRequest{addr}, nil
	case requestMapLoop:
		return MapLoopRequest{addr}, nil
	case requestSendMessage:
		return SendMessage{addr, append([]byte(nil), c.String...)}, nil
	case requestKeepAlive:
		return KeepAlive{Data: append([]byte(nil), c.String...)}, nil
	case requestPlayerSearch:
		var r PlayerSearchRequest
		var options uint32
		if !c.ReadUint32(&options) || !c.ReadUint32(&r.MaxResults) || !c.readText(&r.Name) {
			return nil, truncated("player search", "options and name")
		}
		r.Options = SearchOptions(options)
		return r, nil
	}
	return nil, invalid(message, "type", "%d", kind)
}
