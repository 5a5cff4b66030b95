package pcpwire

import (
	"net/netip"

	"golang.org/x/crypto/cryptobyte"
)

// Mapping is the body of MAP, in requests and answers (RFC 6887 §11.1): nonce 12 | transport 1 | zero 3 | internal port 2 |
// external port 2 | external address 16.
type Mapping struct {
	Nonce     Nonce
	Transport Transport
	Internal  uint16
	External  netip.AddrPort // suggested in a request, assigned in an answer; an invalid address is no suggestion
}

const mappingSize = 36

func (m Mapping) append(b *cryptobyte.Builder) {
	b.AddBytes(m.Nonce[:])
	b.AddUint8(uint8(m.Transport))
	b.AddUint24(0)
	b.AddUint16(m.Internal)
	b.AddUint16(m.External.Port())
	addAddr(b, m.External.Addr())
}

func (m *Mapping) read(s *cryptobyte.String) bool {
	var transport uint8
	var addr netip.Addr
	var port uint16
	ok := s.CopyBytes(m.Nonce[:]) && s.ReadUint8(&transport) && s.Skip(3) && s.ReadUint16(&m.Internal) &&
		s.ReadUint16(&port) && readAddr(s, &addr)
	m.Transport, m.External = Transport(transport), netip.AddrPortFrom(addr, port)
	return ok
}

// addAddr writes an address in its 16 bytes form; an invalid one as ::ffff:0.0.0.0, which is "no IPv4 address in
// particular".
func addAddr(b *cryptobyte.Builder, addr netip.Addr) {
	if !addr.IsValid() {
		addr = netip.IPv4Unspecified()
	}
	b16 := addr.As16()
	b.AddBytes(b16[:])
}

func readAddr(s *cryptobyte.String, addr *netip.Addr) bool {
	var b [16]byte
	if !s.CopyBytes(b[:]) {
		return false
	}
	*addr = netip.AddrFrom16(b).Unmap()
	return true
}

// addOptions writes options: code 1 | reserved 1 | length 2 | data, padded to a multiple of four.
func addOptions(b *cryptobyte.Builder, options []Option) {
	for _, option := range options {
		b.AddUint8(uint8(option.Code))
		b.AddUint8(0)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(option.Data) })
		b.AddBytes(make([]byte, -len(option.Data)&3))
	}
}

func readOptions(s *cryptobyte.String) ([]Option, bool) {
	var options []Option
	for !s.Empty() {
		var code uint8
		var data cryptobyte.String
		if !s.ReadUint8(&code) || !s.Skip(1) || !s.ReadUint16LengthPrefixed(&data) || !s.Skip(-len(data)&3) {
			return nil, false
		}
		options = append(options, Option{OptionCode(code), append([]byte(nil), data...)})
	}
	return options, true
}
