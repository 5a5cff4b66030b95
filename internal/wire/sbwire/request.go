package sbwire

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// Options of a list request (spec sb.md A.2).
type Options uint32

// The options.
const (
	OptionFieldsForAll Options = 1   // values also for servers that can be queried directly
	OptionNoList       Options = 2   // only open the connection
	OptionPush         Options = 4   // keep the list up to date afterwards
	OptionSourceIP     Options = 8   // pretend to ask from another address
	OptionGroups       Options = 32  // list groups (rooms), not servers
	OptionNoCache      Options = 64  // do not answer from the list cache
	OptionLimit        Options = 128 // at most so many servers
)

// Limits of a list request. Names are limited as in the SDK, the filter as in its 2012 release.
const (
	MaxGameName  = 35
	MaxFilter    = 511
	MaxFieldList = 255
	MaxRequest   = 1024 // what living masters read
)

// Versions in a list request.
const (
	protocolVersion = 1
	encodingVersion = 3 // the cipher: enctypeX
)

// Message types that a client sends on the connection.
const (
	requestList         = 0
	requestInfo         = 1
	requestSendMessage  = 2
	requestKeepAlive    = 3
	requestMapLoop      = 4
	requestPlayerSearch = 5
)

// ListRequest asks for a list and opens the conversation (spec sb.md A.2). It is sent in clear.
type ListRequest struct {
	GameVersion uint32 // little-endian on the wire, normally 0
	QueryFor    string // the game that is listed
	QueryFrom   string // the game whose secret is used
	Challenge   [8]byte
	Filter      string
	Fields      []string
	Options     Options
	SourceIP    netip.Addr // with OptionSourceIP
	MaxServers  uint32     // with OptionLimit; little-endian on the wire, as every living master reads it
}

const listRequest = "list request"

// Append appends the request to b. It refuses names that contain the bytes that end them, and more than the limits.
func (r ListRequest) Append(b []byte) ([]byte, error) {
	if err := r.check(); err != nil {
		return b, err
	}
	start := len(b)
	b = append(b, 0, 0, requestList, protocolVersion, encodingVersion)
	b = binary.LittleEndian.AppendUint32(b, r.GameVersion)
	b = appendCString(b, r.QueryFor)
	b = appendCString(b, r.QueryFrom)
	b = append(b, r.Challenge[:]...)
	b = appendCString(b, r.Filter)
	for _, field := range r.Fields {
		b = append(append(b, '\\'), field...)
	}
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Options))
	if r.Options&OptionSourceIP != 0 {
		b = appendIP(b, r.SourceIP)
	}
	if r.Options&OptionLimit != 0 {
		b = binary.LittleEndian.AppendUint32(b, r.MaxServers)
	}
	if len(b)-start > MaxRequest {
		return b[:start], overLimit(listRequest, "length", "%d bytes, at most %d", len(b)-start, MaxRequest)
	}
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start))
	return b, nil
}

func (r ListRequest) check() error {
	if err := checkText(listRequest, "game queried for", r.QueryFor, MaxGameName); err != nil {
		return err
	}
	if err := checkText(listRequest, "game queried from", r.QueryFrom, MaxGameName); err != nil {
		return err
	}
	if err := checkText(listRequest, "filter", r.Filter, MaxFilter); err != nil {
		return err
	}
	size := 0
	for _, field := range r.Fields {
		if field == "" || strings.IndexByte(field, '\\') >= 0 {
			return invalid(listRequest, "field list", "field name %q", field)
		}
		size += 1 + len(field)
		if err := checkText(listRequest, "field list", field, MaxFieldList); err != nil {
			return err
		}
	}
	if size > MaxFieldList {
		return overLimit(listRequest, "field list", "%d bytes, at most %d", size, MaxFieldList)
	}
	if r.Options&OptionSourceIP != 0 && !r.SourceIP.Unmap().Is4() {
		return invalid(listRequest, "source IP", "%v is not an IPv4 address", r.SourceIP)
	}
	return nil
}

// ParseListRequest reads a whole list request, length included. Bytes behind the last field are ignored.
func ParseListRequest(b []byte) (ListRequest, error) {
	var r ListRequest
	c := cursor{b}
	var length uint16
	var kind, protocol, encoding uint8
	if !c.ReadUint16(&length) || !c.ReadUint8(&kind) || !c.ReadUint8(&protocol) || !c.ReadUint8(&encoding) {
		return r, truncated(listRequest, "head")
	}
	if int(length) != len(b) {
		return r, invalid(listRequest, "length", "says %d, has %d bytes", length, len(b))
	}
	if kind != requestList {
		return r, invalid(listRequest, "type", "%d", kind)
	}
	if protocol != protocolVersion || encoding != encodingVersion {
		return r, invalid(listRequest, "version", "protocol %d, encoding %d", protocol, encoding)
	}
	if !c.readUint32LE(&r.GameVersion) {
		return r, truncated(listRequest, "game version")
	}
	if !c.readText(&r.QueryFor) {
		return r, truncated(listRequest, "game queried for")
	}
	if !c.readText(&r.QueryFrom) {
		return r, truncated(listRequest, "game queried from")
	}
	if !c.CopyBytes(r.Challenge[:]) {
		return r, truncated(listRequest, "challenge")
	}
	if !c.readText(&r.Filter) {
		return r, truncated(listRequest, "filter")
	}
	var fields string
	if !c.readText(&fields) {
		return r, truncated(listRequest, "field list")
	}
	for field := range strings.SplitSeq(fields, `\`) {
		if field != "" {
			r.Fields = append(r.Fields, field)
		}
	}
	var options uint32
	if !c.ReadUint32(&options) {
		return r, truncated(listRequest, "options")
	}
	r.Options = Options(options)
	if r.Options&OptionSourceIP != 0 && !c.readIP(&r.SourceIP) {
		return r, truncated(listRequest, "source IP")
	}
	if r.Options&OptionLimit != 0 && !c.readUint32LE(&r.MaxServers) {
		return r, truncated(listRequest, "maximum of servers")
	}
	return r, nil
}
