package sb

import "strconv"

// Protocol is a generation of GameSpy's protocols for game servers and their lists.
type Protocol uint8

// The protocols.
const (
	QR2 Protocol = 1 + iota // since about 2003: binary queries, list masters on port 28910
	QR1                     // before: queries such as \status\, list masters on port 28900
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
	}
	return "protocol " + strconv.Itoa(int(p))
}
