package rfc5780

import (
	"errors"
	"net"
	"net/netip"

	"github.com/pion/stun/v3"
)

// transaction names a request and its answer.
type transaction = [stun.TransactionIDSize]byte

// change asks a server to answer from elsewhere (CHANGE-REQUEST, RFC 5780 §7.2).
type change uint8

const (
	changePort change = 2
	changeIP   change = 4
)

// AddTo implements stun.Setter.
func (c change) AddTo(m *stun.Message) error {
	if c != 0 {
		m.Add(stun.AttrChangeRequest, []byte{0, 0, 0, byte(c)})
	}
	return nil
}

// bindingRequest is a request without an identity of ours in it.
func bindingRequest(id transaction, ask change) ([]byte, error) {
	m, err := stun.Build(stun.NewTransactionIDSetter(id), stun.BindingRequest, ask)
	if err != nil {
		return nil, err
	}
	return m.Raw, nil
}

// answer is what a server said.
type answer struct {
	id     transaction
	from   netip.AddrPort // where it came from, which for RFC 5780 is the point
	own    bool           // it is a request: one of ours, that came back
	mapped netip.AddrPort // how the server sees us
	other  netip.AddrPort // OTHER-ADDRESS: where it could answer from as well
	code   int            // of an error
}

var errNotSTUN = errors.New("not an answer to a binding request")

// parse reads a datagram. Nothing of b is kept.
func parse(b []byte, from netip.AddrPort) (answer, error) {
	if !stun.IsMessage(b) {
		return answer{}, errNotSTUN
	}
	m := stun.New()
	if err := stun.Decode(b, m); err != nil {
		return answer{}, err
	}
	a := answer{id: m.TransactionID, from: from}
	switch m.Type {
	case stun.BindingRequest:
		a.own = true
	case stun.BindingError:
		var code stun.ErrorCodeAttribute
		if err := code.GetFrom(m); err != nil {
			return answer{}, err
		}
		if a.code = int(code.Code); a.code < 300 || a.code > 699 {
			return answer{}, errNotSTUN // RFC 8489 §14.8; zero would pass for success
		}
	case stun.BindingSuccess:
		var xor stun.XORMappedAddress
		var plain stun.MappedAddress
		if whole(m, stun.AttrXORMappedAddress) && xor.GetFrom(m) == nil {
			a.mapped = addrPort(xor.IP, xor.Port)
		} else if whole(m, stun.AttrMappedAddress) && plain.GetFrom(m) == nil { // servers of RFC 3489
			a.mapped = addrPort(plain.IP, plain.Port)
		}
		if !a.mapped.IsValid() || a.mapped.Port() == 0 {
			return answer{}, errNotSTUN
		}
		var other stun.OtherAddress
		if whole(m, stun.AttrOtherAddress) && other.GetFrom(m) == nil {
			a.other = addrPort(other.IP, other.Port)
		}
	default:
		return answer{}, errNotSTUN
	}
	return a, nil
}

// whole reports whether an attribute has the size of an IPv4 address and port. Pion fills up what is missing with zeros.
func whole(m *stun.Message, attribute stun.AttrType) bool {
	value, err := m.Get(attribute)
	return err == nil && len(value) == 8
}

// addrPort is an IPv4 address; invalid if it is none.
func addrPort(ip net.IP, port int) netip.AddrPort {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok || !addr.Unmap().Is4() || port < 0 || port > 65535 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port))
}
