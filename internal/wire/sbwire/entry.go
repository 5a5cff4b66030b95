package sbwire

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Flags of a server in a list (spec sb.md A.4).
type Flags uint8

// The flags.
const (
	FlagDirect          Flags = 1   // takes packets from strangers: can be queried and joined directly
	FlagPrivateIP       Flags = 2   // its own address follows
	FlagNatNeg          Flags = 4   // joined through NAT negotiation
	FlagICMP            Flags = 8   // an address for pings follows
	FlagPublicPort      Flags = 16  // its query port follows
	FlagPrivatePort     Flags = 32  // its own port follows
	FlagHasKeys         Flags = 64  // a value for each key of the list follows
	FlagHasRules        Flags = 128 // key and value pairs follow
	addressFlags              = FlagPrivateIP | FlagICMP | FlagPublicPort | FlagPrivatePort
	fixedEntryBytes           = 5
	popularValueFollows       = 0xFF
	maxPopularIndex           = 0xFE
	highestPopularCount       = 255
)

// KeyType says how the values of a key travel.
type KeyType uint8

// The key types.
const (
	KeyString KeyType = 0
	KeyByte   KeyType = 1
	KeyShort  KeyType = 2 // big-endian
)

// Key is one column of a list.
type Key struct {
	Type KeyType
	Name string
}

// Rule is one key of a server and its value.
type Rule struct{ Key, Value string }

// Entry is one server of a list.
type Entry struct {
	Flags   Flags
	Addr    netip.AddrPort // query address; opaque to clients of masters that hide addresses
	Private netip.AddrPort // address 0.0.0.0 without FlagPrivateIP
	ICMP    netip.Addr     // 0.0.0.0 without FlagICMP
	Keys    []Key          // the columns that Values are for; shared by all entries, not to be changed
	Values  Values         // with FlagHasKeys, one for each of Keys; numbers are in decimal
	Rules   []Rule         // with FlagHasRules
}

// schema is what the reading and writing of an entry depends on.
type schema struct {
	keys        []Key
	popular     []string
	defaultPort uint16
	pushed      bool // strings have no index byte, and there is nothing popular
}

// outcome of reading from a stream.
type outcome int

const (
	complete outcome = iota
	incomplete
	malformed
)

const serverEntry = "server entry"

// scratch is where the values of an entry are packed before they become one string.
type scratch []byte

// readEntry reads an entry at the beginning of b and says how long it is. The end of the list is an entry, too: see ends.
func (s *schema) readEntry(b []byte, e *Entry, packed *scratch) (n int, result outcome, err error) {
	c := cursor{b}
	var flags uint8
	var ip netip.Addr
	if !c.ReadUint8(&flags) || !c.readIP(&ip) {
		return 0, incomplete, nil
	}
	*e = Entry{Flags: Flags(flags), Keys: s.keys}
	e.Addr = netip.AddrPortFrom(ip, s.defaultPort)
	if e.ends() {
		return fixedEntryBytes, complete, nil
	}
	e.Private = netip.AddrPortFrom(netip.AddrFrom4([4]byte{}), s.defaultPort)
	e.ICMP = e.Private.Addr()
	if e.Flags&addressFlags != 0 && !s.readAddresses(&c, e) {
		return 0, incomplete, nil
	}
	if e.Flags&FlagHasKeys != 0 {
		if result, err := s.readValues(&c, e, packed); result != complete {
			return 0, result, err
		}
	}
	if e.Flags&FlagHasRules != 0 && !readRules(&c, e) {
		return 0, incomplete, nil
	}
	return len(b) - len(c.String), complete, nil
}

// ends reports whether the entry is the end of the list: all ones, or, from UniSpy, nothing at all (servers.md §4.1).
func (e *Entry) ends() bool {
	four := e.Addr.Addr().As4()
	return four == [4]byte{0xFF, 0xFF, 0xFF, 0xFF} || e.Flags == 0 && four == [4]byte{}
}

func (s *schema) readAddresses(c *cursor, e *Entry) bool {
	port := s.defaultPort
	if e.Flags&FlagPublicPort != 0 && !c.ReadUint16(&port) {
		return false
	}
	e.Addr = netip.AddrPortFrom(e.Addr.Addr(), port)
	private, privatePort := e.Private.Addr(), s.defaultPort
	if e.Flags&FlagPrivateIP != 0 && !c.readIP(&private) {
		return false
	}
	if e.Flags&FlagPrivatePort != 0 && !c.ReadUint16(&privatePort) {
		return false
	}
	e.Private = netip.AddrPortFrom(private, privatePort)
	return e.Flags&FlagICMP == 0 || c.readIP(&e.ICMP)
}

// readValues packs the values one behind the other.
func (s *schema) readValues(c *cursor, e *Entry, packed *scratch) (outcome, error) {
	b := (*packed)[:0]
	rest := []byte(c.String)
	for i := range s.keys {
		switch s.keys[i].Type {
		case KeyByte:
			if len(rest) < 1 {
				return incomplete, nil
			}
			b = appendNumber(b, uint(rest[0]))
			rest = rest[1:]
		case KeyShort:
			if len(rest) < 2 {
				return incomplete, nil
			}
			b = appendNumber(b, uint(rest[0])<<8|uint(rest[1]))
			rest = rest[2:]
		default:
			if !s.pushed {
				if len(rest) < 1 {
					return incomplete, nil
				}
				index := rest[0]
				rest = rest[1:]
				if index != popularValueFollows {
					if int(index) >= len(s.popular) {
						return malformed, invalid(serverEntry, "value of "+s.keys[i].Name, "popular value %d of %d", index, len(s.popular))
					}
					b = AppendValue(b, s.popular[index])
					continue
				}
			}
			end := bytes.IndexByte(rest, 0)
			if end < 0 {
				return incomplete, nil
			}
			b = append(binary.AppendUvarint(b, uint64(end)), rest[:end]...)
			rest = rest[end+1:]
		}
	}
	*packed = b
	c.String = rest
	e.Values = Values(b)
	return complete, nil
}

// appendNumber appends a number of at most five digits as a value.
func appendNumber(b []byte, number uint) []byte {
	at := len(b)
	b = strconv.AppendUint(append(b, 0), uint64(number), 10)
	b[at] = byte(len(b) - at - 1)
	return b
}

// readRules looks for the end first, so that rules that come in many small pieces cost no storage before they are whole.
func readRules(c *cursor, e *Entry) bool {
	count := 0
	var key, value []byte
	for ahead := *c; ; count++ {
		if !ahead.readCString(&key) {
			return false
		}
		if len(key) == 0 {
			break
		}
		if !ahead.readCString(&value) {
			return false
		}
	}
	if count > 0 {
		e.Rules = make([]Rule, count)
	}
	for i := range e.Rules {
		c.readCString(&key)
		c.readCString(&value)
		e.Rules[i] = Rule{string(key), string(value)}
	}
	return c.Skip(1)
}

// append appends the entry. Flags say which parts are written.
func (s *schema) append(b []byte, e *Entry, index map[string]int) ([]byte, error) {
	b = append(b, byte(e.Flags))
	b = appendIP(b, e.Addr.Addr())
	if e.Flags&FlagPublicPort != 0 {
		b = binary.BigEndian.AppendUint16(b, e.Addr.Port())
	}
	if e.Flags&FlagPrivateIP != 0 {
		b = appendIP(b, e.Private.Addr())
	}
	if e.Flags&FlagPrivatePort != 0 {
		b = binary.BigEndian.AppendUint16(b, e.Private.Port())
	}
	if e.Flags&FlagICMP != 0 {
		b = appendIP(b, e.ICMP)
	}
	if e.Flags&FlagHasKeys != 0 {
		if count := e.Values.Len(); count != len(s.keys) {
			return b, invalid(serverEntry, "values", "%d values for %d keys", count, len(s.keys))
		}
		for i, value := range e.Values.All() {
			var err error
			if b, err = s.appendValue(b, s.keys[i], value, index); err != nil {
				return b, err
			}
		}
	}
	if e.Flags&FlagHasRules != 0 {
		for _, rule := range e.Rules {
			if rule.Key == "" {
				return b, invalid(serverEntry, "rules", "a key without name ends them")
			}
			if err := checkText(serverEntry, "rules", rule.Key+rule.Value, 1<<16); err != nil {
				return b, err
			}
			b = appendCString(appendCString(b, rule.Key), rule.Value)
		}
		b = append(b, 0)
	}
	return b, nil
}

func (s *schema) appendValue(b []byte, key Key, value string, index map[string]int) ([]byte, error) {
	switch key.Type {
	case KeyByte, KeyShort:
		bits := 8 * int(key.Type)
		number, err := strconv.ParseUint(value, 10, bits)
		if err != nil {
			return b, invalid(serverEntry, "value of "+key.Name, "%q is not a number of %d bits", value, bits)
		}
		if key.Type == KeyByte {
			return append(b, byte(number)), nil
		}
		return binary.BigEndian.AppendUint16(b, uint16(number)), nil
	}
	if err := checkText(serverEntry, "value of "+key.Name, value, 1<<16); err != nil {
		return b, err
	}
	if !s.pushed {
		if i, ok := index[value]; ok && i <= maxPopularIndex {
			return append(b, byte(i)), nil
		}
		b = append(b, popularValueFollows)
	}
	return appendCString(b, value), nil
}
