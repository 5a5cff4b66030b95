package natneg

import (
	"net/netip"
	"time"
)

// Report is what Detect found out about the NAT in front of this machine.
type Report struct {
	NAT            NATType
	Promiscuity    Promiscuity
	Mapping        MappingScheme
	QR2Compatible  bool           // a second flow to the same server kept its port, so a server that is listed by one can be reached
	IPRestricted   bool           // packets from addresses that were not written to do not come in
	PortRestricted bool           // packets from other ports of ... and addresses do not come in
	Public         netip.AddrPort // as server 1 sees us
	Private        netip.AddrPort // as we see ourselves
	TwoServers     bool           // server 3 did not take part: two of three mappings were compared
	SameAddress    bool           // all servers have one IP address, so that nothing is known of how the NAT treats others
	Servers        []ServerState
	Duration       time.Duration
}
