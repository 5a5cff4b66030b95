// Package pcpwire is the codec of the Port Control Protocol, RFC 6887, as far as opening a port takes it: MAP and ANNOUNCE,
// requests and answers (spec portmap.md §2). Bytes to values and back; it sends nothing.
package pcpwire

import (
	"errors"
	"strconv"
)

// Version is the version of the protocol. Version 0 is NAT-PMP, which shares the port.
const Version = 2

// Port is where servers listen, AnnouncePort where clients hear the announcements of a restarted server, which go to
// 224.0.0.1.
const (
	Port         = 5351
	AnnouncePort = 5350
)

// MaxSize is the longest message that RFC 6887 §7 allows.
const MaxSize = 1100

// Opcode says what is asked.
type Opcode uint8

// The opcodes of this package. PEER, 2, is not spoken.
const (
	Announce Opcode = 0
	MAP      Opcode = 1
)

// Transport is the IANA number of what a mapping is for.
type Transport uint8

// The transports.
const (
	TCP Transport = 6
	UDP Transport = 17
)

// Result is the outcome of a request.
type Result uint8

// The results, RFC 6887 §7.4.
const (
	Success               Result = 0
	UnsupportedVersion    Result = 1
	NotAuthorized         Result = 2
	MalformedRequest      Result = 3
	UnsupportedOpcode     Result = 4
	UnsupportedOption     Result = 5
	MalformedOption       Result = 6
	NetworkFailure        Result = 7
	NoResources           Result = 8
	UnsupportedProtocol   Result = 9
	UserExceededQuota     Result = 10
	CannotProvideExternal Result = 11
	AddressMismatch       Result = 12
	ExcessiveRemotePeers  Result = 13
)

// String says it in words.
func (r Result) String() string {
	switch r {
	case Success:
		return "success"
	case UnsupportedVersion:
		return "unsupported version"
	case NotAuthorized:
		return "not authorized"
	case MalformedRequest:
		return "malformed request"
	case UnsupportedOpcode:
		return "unsupported opcode"
	case UnsupportedOption:
		return "unsupported option"
	case MalformedOption:
		return "malformed option"
	case NetworkFailure:
		return "network failure"
	case NoResources:
		return "no resources"
	case UnsupportedProtocol:
		return "unsupported protocol"
	case UserExceededQuota:
		return "quota exceeded"
	case CannotProvideExternal:
		return "cannot provide the external port"
	case AddressMismatch:
		return "address mismatch"
	case ExcessiveRemotePeers:
		return "too many remote peers"
	}
	return "result " + strconv.Itoa(int(r))
}

// Nonce marks who made a mapping: only requests with the same one renew or delete it.
type Nonce [12]byte

// OptionCode names an option. Those below 128 must be understood by the server.
type OptionCode uint8

// PreferFailure asks for an error rather than for another external port.
const PreferFailure OptionCode = 2

// Option follows a request or an answer.
type Option struct {
	Code OptionCode
	Data []byte
}

// What is wrong with a message.
var (
	ErrSize     = errors.New("pcpwire: wrong size")
	ErrVersion  = errors.New("pcpwire: not version 2")
	ErrNotAsked = errors.New("pcpwire: an answer where a request belongs, or the other way round")
	ErrOpcode   = errors.New("pcpwire: unknown opcode")
	ErrOption   = errors.New("pcpwire: malformed option")
)
