package natnegwire

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
)

// Magic opens every datagram.
const Magic = "\xFD\xFC\x1E\x66\x6A\xB2"

// Sizes in bytes.
const (
	HeaderSize  = 12  // magic, version, type, cookie
	ConnectSize = 20  // CONNECT, CONNECT_PING
	PreinitSize = 18  // PREINIT, PREINIT_ACK
	BodySize    = 21  // header and init body: the least that the original accepts for every other type
	FilledSize  = 73  // REPORT, ADDRESS_CHECK, NATIFY_REQUEST: the original sends its whole union, zero filled
	MaxSize     = 512 // the original's receive buffer: what is longer cannot be NatNeg
	MaxGameName = 49  // REPORT has room for 50 with the NUL
)

// Errors of decoding.
var (
	ErrMagic   = errors.New("natneg: not a NatNeg datagram")
	ErrShort   = errors.New("natneg: datagram too short")
	ErrLong    = errors.New("natneg: datagram longer than 512 bytes")
	ErrGame    = errors.New("natneg INIT: game name without its terminator")
	errTooLong = errors.New("natneg INIT: game name longer than 49 bytes")
)

// Type is the kind of a datagram.
type Type uint8

// The types (spec natneg.md §2).
const (
	TypeInit          Type = 0
	TypeInitAck       Type = 1
	TypeERTTest       Type = 2
	TypeERTAck        Type = 3
	TypeStateUpdate   Type = 4
	TypeConnect       Type = 5
	TypeConnectAck    Type = 6
	TypeConnectPing   Type = 7
	TypeBackupTest    Type = 8
	TypeBackupAck     Type = 9
	TypeAddressCheck  Type = 10
	TypeAddressReply  Type = 11
	TypeNatifyRequest Type = 12 // decimal: some documents say 0x12
	TypeReport        Type = 13
	TypeReportAck     Type = 14
	TypePreinit       Type = 15
	TypePreinitAck    Type = 16
)

var typeNames = [...]string{
	"INIT", "INIT_ACK", "ERT_TEST", "ERT_ACK", "STATE_UPDATE", "CONNECT", "CONNECT_ACK", "CONNECT_PING", "BACKUP_TEST",
	"BACKUP_ACK", "ADDRESS_CHECK", "ADDRESS_REPLY", "NATIFY_REQUEST", "REPORT", "REPORT_ACK", "PREINIT", "PREINIT_ACK",
}

// String is the name that the specification uses.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// Header opens every datagram.
type Header struct {
	Version uint8
	Type    Type
	Cookie  [4]byte // opaque: some titles print it little-endian
}

// Head returns the header; it makes every message that embeds one a [Message].
func (h Header) Head() Header { return h }

// Message is one datagram: [Init], [Exchange], [Connect], [Report], [Preinit] or [Raw].
type Message interface {
	Head() Header
	Append(b []byte) []byte
}

// Is reports whether a datagram carries the magic.
func Is(b []byte) bool { return len(b) >= len(Magic) && string(b[:len(Magic)]) == Magic }

// HasCookie reports whether a datagram carries the magic and that cookie: enough to tell whose it is.
func HasCookie(b []byte, cookie [4]byte) bool {
	return len(b) >= HeaderSize && Is(b) && bytes.Equal(b[8:12], cookie[:])
}

// Parse reads a datagram. Bytes behind what the type defines are ignored, as the original does. Nothing of b is kept.
func Parse(b []byte) (Message, error) {
	header, body, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	switch header.Type {
	case TypeInit:
		return parseInit(header, body)
	case TypeConnect, TypeConnectPing:
		return parseConnect(header, body)
	case TypePreinit, TypePreinitAck:
		return parsePreinit(header, body)
	case TypeReport, TypeReportAck:
		return parseReport(header, body)
	case TypeInitAck, TypeERTTest, TypeERTAck, TypeConnectAck, TypeAddressCheck, TypeAddressReply, TypeNatifyRequest:
		return parseExchange(header, body)
	}
	return Raw{Header: header, Body: bytes.Clone(body)}, nil
}

func parseHeader(b []byte) (Header, cryptobyte.String, error) {
	var h Header
	switch {
	case !Is(b):
		return h, nil, ErrMagic
	case len(b) > MaxSize:
		return h, nil, ErrLong
	}
	s := cryptobyte.String(b[len(Magic):])
	if !s.ReadUint8(&h.Version) || !s.ReadUint8((*uint8)(&h.Type)) || !s.CopyBytes(h.Cookie[:]) {
		return h, nil, fmt.Errorf("%w: %d bytes, the header has %d", ErrShort, len(b), HeaderSize)
	}
	return h, s, nil
}

func short(h Header, body []byte, want int) error {
	return fmt.Errorf("%w: %s of %d bytes, want %d", ErrShort, h.Type, HeaderSize+len(body), want)
}

func (h Header) appendHeader(b []byte, t Type) []byte {
	b = append(b, Magic...)
	b = append(b, h.Version, byte(t))
	return append(b, h.Cookie[:]...)
}

// readAddr reads an IPv4 address and a port.
func readAddr(s *cryptobyte.String, addr *netip.AddrPort) bool {
	var ip [4]byte
	var port uint16
	if !s.CopyBytes(ip[:]) || !s.ReadUint16(&port) {
		return false
	}
	*addr = netip.AddrPortFrom(netip.AddrFrom4(ip), port)
	return true
}

// appendAddr writes an IPv4 address and a port. What is not IPv4 has no place in the format and becomes 0.0.0.0.
func appendAddr(b []byte, addr netip.AddrPort) []byte {
	var ip [4]byte
	if a := addr.Addr().Unmap(); a.Is4() {
		ip = a.As4()
	}
	b = append(b, ip[:]...)
	return append(b, byte(addr.Port()>>8), byte(addr.Port()))
}

// pad fills up with zeros to the size that the original sends.
func pad(b []byte, from, size int) []byte {
	if missing := from + size - len(b); missing > 0 {
		return append(b, make([]byte, missing)...)
	}
	return b
}
