package sb

import "strconv"

// Protocol is a generation of GameSpy's protocols for game servers and their lists.
type Protocol uint8

// The protocols.
const (
	QR2 Protocol = 1 + iota // since about 2003: binary queries, list masters on port 28910
	QR1                     // before: queries such as \status\, list masters on port 28900
	// ICMP is for direct queries of servers that answer neither: an echo request to the machine, which gives Server.Ping and
	// nothing else. It works where the system lets programs without privileges send them: on Darwin, and on Linux for the
	// groups in net.ipv4.ping_group_range.
	ICMP
)

// String names the protocol.
func (p Protocol) String() string {
	switch p {
	case 0:
		return "the default protocol"
	case QR2:
		return "QR2"
	case QR1:
		return "QR1"
	case ICMP:
		return "ICMP"
	}
	return "protocol " + strconv.Itoa(int(p))
}
