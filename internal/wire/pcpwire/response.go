package pcpwire

import "golang.org/x/crypto/cryptobyte"

// Response is what a server answers (RFC 6887 §7.2): version 1 | R bit 1 and opcode 1 | zero 1 | result 1 | lifetime 4 |
// epoch 4 | zero 12, then the body of the opcode, then options. Servers also multicast it, with opcode ANNOUNCE, when they
// have started and forgotten their mappings.
type Response struct {
	Opcode   Opcode
	Result   Result
	Lifetime uint32 // of the mapping, or of the error: when it is worth to ask again; in seconds
	Epoch    uint32 // seconds since the server lost its mappings; a smaller one than expected says that it has
	Mapping  Mapping
	Options  []Option
}

// Append writes the answer.
func (r Response) Append(b []byte) ([]byte, error) {
	start := len(b)
	builder := cryptobyte.NewBuilder(b)
	builder.AddUint8(Version)
	builder.AddUint8(0x80 | uint8(r.Opcode&0x7f))
	builder.AddUint8(0)
	builder.AddUint8(uint8(r.Result))
	builder.AddUint32(r.Lifetime)
	builder.AddUint32(r.Epoch)
	builder.AddBytes(make([]byte, 12))
	if r.Opcode == MAP {
		r.Mapping.append(builder)
	}
	addOptions(builder, r.Options)
	return finish(builder, start)
}

// ParseResponse reads an answer. It keeps nothing of b. An answer to an opcode that this package does not know, or an error
// without a body, is given as far as the header goes.
func ParseResponse(b []byte) (Response, error) {
	s := cryptobyte.String(b)
	opcode, err := start(&s, true)
	if err != nil {
		return Response{}, err
	}
	r := Response{Opcode: opcode}
	var result uint8
	if !s.Skip(1) || !s.ReadUint8(&result) || !s.ReadUint32(&r.Lifetime) || !s.ReadUint32(&r.Epoch) || !s.Skip(12) {
		return Response{}, ErrSize
	}
	r.Result = Result(result)
	switch r.Opcode {
	case MAP:
		if len(s) < mappingSize && r.Result != Success {
			return r, nil
		}
		if !r.Mapping.read(&s) {
			return Response{}, ErrSize
		}
	case Announce:
	default:
		return r, nil
	}
	var ok bool
	if r.Options, ok = readOptions(&s); !ok {
		return Response{}, ErrOption
	}
	return r, nil
}
