package pcpwire

import (
	"net/netip"

	"golang.org/x/crypto/cryptobyte"
)

const headerSize = 24

// Request is what a client sends (RFC 6887 §7.1): version 1 | R bit 0 and opcode 1 | zero 2 | lifetime 4 | client address 16,
// then the body of the opcode, then options.
type Request struct {
	Opcode   Opcode
	Lifetime uint32     // in seconds; 0 deletes the mapping
	Client   netip.Addr // must be the source of the packet: that is how the server finds a NAT on the way
	Mapping  Mapping    // of MAP only
	Options  []Option
}

// Append writes the request.
func (r Request) Append(b []byte) ([]byte, error) {
	start := len(b)
	builder := cryptobyte.NewBuilder(b)
	builder.AddUint8(Version)
	builder.AddUint8(uint8(r.Opcode & 0x7f))
	builder.AddUint16(0)
	builder.AddUint32(r.Lifetime)
	addAddr(builder, r.Client)
	if r.Opcode == MAP {
		r.Mapping.append(builder)
	}
	addOptions(builder, r.Options)
	return finish(builder, start)
}

// ParseRequest reads a request. It keeps nothing of b.
func ParseRequest(b []byte) (Request, error) {
	s := cryptobyte.String(b)
	opcode, err := start(&s, false)
	if err != nil {
		return Request{}, err
	}
	r := Request{Opcode: opcode}
	if !s.Skip(2) || !s.ReadUint32(&r.Lifetime) || !readAddr(&s, &r.Client) {
		return Request{}, ErrSize
	}
	switch r.Opcode {
	case MAP:
		if !r.Mapping.read(&s) {
			return Request{}, ErrSize
		}
	case Announce:
	default:
		return Request{}, ErrOpcode
	}
	var ok bool
	if r.Options, ok = readOptions(&s); !ok {
		return Request{}, ErrOption
	}
	return r, nil
}

// start reads the first two bytes of a message and checks what all have in common.
func start(s *cryptobyte.String, answer bool) (Opcode, error) {
	var version, opcode uint8
	switch {
	case len(*s) < 2:
		return 0, ErrSize
	case (*s)[0] != Version:
		// NAT-PMP's messages are shorter, and that something else is spoken there is worth knowing.
		return 0, ErrVersion
	case len(*s) < headerSize, len(*s) > MaxSize, len(*s)%4 != 0:
		return 0, ErrSize
	}
	s.ReadUint8(&version)
	s.ReadUint8(&opcode)
	if (opcode&0x80 != 0) != answer {
		return 0, ErrNotAsked
	}
	return Opcode(opcode & 0x7f), nil
}

// finish is for both Append functions.
func finish(builder *cryptobyte.Builder, start int) ([]byte, error) {
	b, err := builder.Bytes()
	if err != nil {
		return nil, err
	}
	if len(b)-start > MaxSize {
		return nil, ErrSize
	}
	return b, nil
}
