package natnegwire

import (
	"bytes"
	"net/netip"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
)

// PortType says which path through the NAT a packet probes.
type PortType uint8

// The port types.
const (
	PortGame PortType = 0 // GP: from the game's socket to server 1
	PortNN1  PortType = 1 // from the negotiate socket to server 1
	PortNN2  PortType = 2 // from the negotiate socket to server 2
	PortNN3  PortType = 3 // from the negotiate socket to server 3; version 2 does not have it
)

// String is the short name of the specification.
func (p PortType) String() string {
	switch p {
	case PortGame:
		return "GP"
	case PortNN1, PortNN2, PortNN3:
		return "NN" + strconv.Itoa(int(p))
	}
	return "port type " + strconv.Itoa(int(p))
}

// InitBody is what most packets carry behind the header: nine bytes (spec natneg.md §2). Servers put other things into
// the later fields (servers.md §7), so none is checked here.
type InitBody struct {
	Port        PortType
	ClientIndex uint8
	UseGamePort uint8          // 1 if the game's own socket takes part
	Addr        netip.AddrPort // in INIT the sender's local address, in ADDRESS_REPLY the public one; always IPv4
}

func (i *InitBody) read(s *cryptobyte.String) bool {
	return s.ReadUint8((*uint8)(&i.Port)) && s.ReadUint8(&i.ClientIndex) && s.ReadUint8(&i.UseGamePort) && readAddr(s, &i.Addr)
}

func (i InitBody) appendBody(b []byte) []byte {
	b = append(b, byte(i.Port), i.ClientIndex, i.UseGamePort)
	return appendAddr(b, i.Addr)
}

// Init is INIT, client to server: here is one of my ports (spec natneg.md §2, type 0).
type Init struct {
	Header
	InitBody
	Game string // at most 49 bytes, no NUL; version 1 does not carry it
}

// Append adds the datagram to b. A name is cut at its first NUL and at 49 bytes.
func (m Init) Append(b []byte) []byte {
	b = m.appendBody(m.appendHeader(b, TypeInit))
	if m.Version < 2 {
		return b
	}
	return append(append(b, cutName(m.Game)...), 0)
}

func parseInit(h Header, s cryptobyte.String) (Message, error) {
	body := s
	m := Init{Header: h}
	if !m.read(&s) {
		return nil, short(h, body, BodySize)
	}
	if h.Version < 2 {
		return m, nil // spec servers.md §7: 21 bytes, no name
	}
	name, _, terminated := bytes.Cut(s, []byte{0})
	switch {
	case !terminated:
		return nil, ErrGame
	case len(name) > MaxGameName:
		return nil, errTooLong
	}
	m.Game = string(name)
	return m, nil
}

func cutName(name string) string {
	for i := range len(name) {
		if name[i] == 0 || i == MaxGameName {
			return name[:i]
		}
	}
	return name
}
