package natnegwire

import (
	"net/netip"

	"golang.org/x/crypto/cryptobyte"
)

// Values of Connect.Finished in a CONNECT.
const (
	FinishedOK          = 0 // here is your partner
	FinishedNoPartner   = 1 // the partner never came ("deadbeat partner")
	FinishedInitTimeout = 2 // not all INITs came
)

// Connect is CONNECT, server to client: try this address; and CONNECT_PING, client to client (spec natneg.md §2, types
// 5 and 7). Servers put anything into GotData of a CONNECT (0, 1 or 0x42: servers.md §7).
type Connect struct {
	Header
	Remote   netip.AddrPort // always IPv4
	GotData  uint8
	Finished uint8
}

// Append adds the datagram to b.
func (m Connect) Append(b []byte) []byte {
	b = appendAddr(m.appendHeader(b, m.Type), m.Remote)
	return append(b, m.GotData, m.Finished)
}

func parseConnect(h Header, s cryptobyte.String) (Message, error) {
	body := s
	m := Connect{Header: h}
	if !readAddr(&s, &m.Remote) || !s.ReadUint8(&m.GotData) || !s.ReadUint8(&m.Finished) {
		return nil, short(h, body, ConnectSize)
	}
	return m, nil
}
