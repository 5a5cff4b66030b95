package natnegwire

import "golang.org/x/crypto/cryptobyte"

// Exchange is every packet that is a header and an init body: INIT_ACK, ERT_TEST, ERT_ACK, CONNECT_ACK, ADDRESS_CHECK,
// ADDRESS_REPLY, NATIFY_REQUEST and the short form of REPORT_ACK (spec natneg.md §2).
type Exchange struct {
	Header
	InitBody
}

// Append adds the datagram to b; ADDRESS_CHECK and NATIFY_REQUEST are filled up to 73 bytes with zeros.
func (m Exchange) Append(b []byte) []byte {
	start := len(b)
	b = m.appendBody(m.appendHeader(b, m.Type))
	if m.Type == TypeAddressCheck || m.Type == TypeNatifyRequest {
		b = pad(b, start, FilledSize)
	}
	return b
}

func parseExchange(h Header, s cryptobyte.String) (Message, error) {
	body := s
	m := Exchange{Header: h}
	if !m.read(&s) {
		return nil, short(h, body, BodySize)
	}
	return m, nil
}

// AppendERTAck adds the answer to an ERT_TEST to b: its first 21 bytes with the type changed, whatever they are. It
// adds nothing if the test is not one.
func AppendERTAck(b, test []byte) []byte {
	if len(test) < BodySize || !Is(test) || Type(test[7]) != TypeERTTest {
		return b
	}
	start := len(b)
	b = append(b, test[:BodySize]...)
	b[start+7] = byte(TypeERTAck)
	return b
}
