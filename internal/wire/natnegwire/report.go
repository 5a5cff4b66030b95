package natnegwire

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte"
)

const reportNameSize = MaxGameName + 1

// Report is REPORT, client to server: how it ended; and the long form of REPORT_ACK, which mirrors it (spec natneg.md §2,
// type 13; servers.md §7).
type Report struct {
	Header
	Port        PortType // the original sends what happens to lie in its memory
	ClientIndex uint8
	Result      uint8  // 1 success, 0 failure
	NATType     uint32 // little-endian on the wire: a raw enum of an x86 program
	Mapping     uint32 // mapping scheme, little-endian, too
	Game        string // at most 49 bytes, no NUL
}

// Append adds the datagram to b. A name is cut at its first NUL and at 49 bytes.
func (m Report) Append(b []byte) []byte {
	start := len(b)
	b = append(m.appendHeader(b, m.Type), byte(m.Port), m.ClientIndex, m.Result)
	b = binary.LittleEndian.AppendUint32(b, m.NATType)
	b = binary.LittleEndian.AppendUint32(b, m.Mapping)
	b = append(b, cutName(m.Game)...)
	return pad(b, start, FilledSize)
}

// parseReport reads the long form; a REPORT_ACK may also be a bare init body.
func parseReport(h Header, s cryptobyte.String) (Message, error) {
	if len(s) < FilledSize-HeaderSize {
		if h.Type == TypeReportAck {
			return parseExchange(h, s)
		}
		return nil, short(h, s, FilledSize)
	}
	m := Report{Header: h}
	var numbers, name []byte
	s.ReadUint8((*uint8)(&m.Port)) // the length was checked above
	s.ReadUint8(&m.ClientIndex)
	s.ReadUint8(&m.Result)
	s.ReadBytes(&numbers, 8)
	s.ReadBytes(&name, reportNameSize)
	m.NATType = binary.LittleEndian.Uint32(numbers)
	m.Mapping = binary.LittleEndian.Uint32(numbers[4:])
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	m.Game = cutName(string(name))
	return m, nil
}
