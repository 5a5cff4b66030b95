package natnegwire

import "golang.org/x/crypto/cryptobyte"

// States of a Preinit.
const (
	PreinitWaitingForClient  = 0
	PreinitWaitingForMatchup = 1
	PreinitReady             = 2
)

// Preinit is PREINIT and PREINIT_ACK, which some clients of version 4 put before everything else (spec natneg.md §3.2,
// types 15 and 16).
type Preinit struct {
	Header
	ClientIndex uint8
	State       uint8
	ClientID    uint32
}

// Append adds the datagram to b.
func (m Preinit) Append(b []byte) []byte {
	b = append(m.appendHeader(b, m.Type), m.ClientIndex, m.State)
	return append(b, byte(m.ClientID>>24), byte(m.ClientID>>16), byte(m.ClientID>>8), byte(m.ClientID))
}

func parsePreinit(h Header, s cryptobyte.String) (Message, error) {
	body := s
	m := Preinit{Header: h}
	if !s.ReadUint8(&m.ClientIndex) || !s.ReadUint8(&m.State) || !s.ReadUint32(&m.ClientID) {
		return nil, short(h, body, PreinitSize)
	}
	return m, nil
}
