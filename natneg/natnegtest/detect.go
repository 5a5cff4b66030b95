package natnegtest

import (
	"net/netip"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// handleAddressCheck tells a client how it is seen.
func (s *Server) handleAddressCheck(socket int, p natnegwire.Exchange, from netip.AddrPort) {
	if !s.family.addressCheck || s.config.Faults.InitOnly {
		return
	}
	p.Type = natnegwire.TypeAddressReply
	p.Addr = from
	s.send(socket, from, p)
}

// handleNatify sends the ERT test that a client asks for: port type 1 from the server itself, 2 from another address, 3
// from another address and port (spec natneg.md §4). The client asks servers 1 and 2 with one socket. So server 3 is an
// address that it has never written to, which tells a restricted NAT; and port type 3, asked of server 2, comes from
// another port of server 1: that address is known to the NAT, so the answer is lost only if it looks at ports.
func (s *Server) handleNatify(socket int, p natnegwire.Exchange, from netip.AddrPort) {
	if s.family.natify == natifyNone || s.config.Faults.InitOnly {
		return
	}
	test := natnegwire.Exchange{Header: p.Header, InitBody: natnegwire.InitBody{Port: p.Port}}
	test.Type = natnegwire.TypeERTTest
	sender := socket
	switch {
	case s.family.natify == natifyEmpty:
		test.InitBody = natnegwire.InitBody{}
	case p.Port == natnegwire.PortNN2:
		sender = Server3
	case p.Port == natnegwire.PortNN3:
		sender = Probe2
	}
	if s.family.natify == natifyUnnamed {
		test.Version, test.Port = 0, 0
		switch p.Port {
		case natnegwire.PortNN1:
			sender = Probe2
		case natnegwire.PortNN3:
			sender = Probe1
		}
	}
	s.send(sender, from, test)
}
