package qr2wire

import "golang.org/x/crypto/cryptobyte"

// AllKeys is the count that asks for every key.
const AllKeys = 0xFF

// exSplit is the ex-flag of clients that accept split replies.
const exSplit = 0x01

// Selection says which keys of a section are asked for.
type Selection struct {
	All bool
	IDs []byte // their numbers; none if All
}

// everything asks for every key.
var everything = Selection{All: true}

// Empty reports whether nothing is asked for.
func (s Selection) Empty() bool { return !s.All && len(s.IDs) == 0 }

// Query is a client's question (spec qr2.md §6.2).
type Query struct {
	Key        Key
	Challenged bool  // a number from the pre-query is there
	Number     int32 // that number
	Server     Selection
	Players    Selection
	Teams      Selection
	Split      bool // split replies are accepted: then everything is sent, whatever is asked for
}

// FullQuery asks for everything, in split replies.
func FullQuery(key Key) Query {
	return Query{Key: key, Server: everything, Players: everything, Teams: everything, Split: true}
}

// BasicQuery asks for some server keys.
func BasicQuery(key Key, ids ...KeyID) Query {
	q := Query{Key: key}
	for _, id := range ids {
		q.Server.IDs = append(q.Server.IDs, byte(id))
	}
	return q
}

// Append adds the whole packet. At most 254 keys can be asked for in a section.
func (q Query) Append(b []byte) ([]byte, error) {
	b = AppendToServer(b, TypeQuery, q.Key)
	if q.Challenged {
		n := uint32(q.Number)
		b = append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for _, section := range [...]Selection{q.Server, q.Players, q.Teams} {
		switch {
		case section.All:
			b = append(b, AllKeys)
		case len(section.IDs) >= AllKeys:
			return b, malformed("query", "key numbers", "more than 254")
		default:
			b = append(append(b, byte(len(section.IDs))), section.IDs...)
		}
	}
	if q.Split {
		b = append(b, exSplit)
	}
	return b, nil
}

// ParseQuery reads the body of a query. challenged says whether it must start with the number of the pre-query. The
// selections are parts of body; rest is how much of body lies behind the ex-flags.
func ParseQuery(key Key, body []byte, challenged bool) (q Query, rest int, err error) {
	q = Query{Key: key, Challenged: challenged}
	s := cryptobyte.String(body)
	var number uint32
	if challenged && !s.ReadUint32(&number) {
		return q, 0, malformed("query", "challenge", "shorter than four bytes")
	}
	q.Number = int32(number)
	if !readSelection(&s, &q.Server) {
		return q, 0, malformed("query", "server keys", "incomplete")
	}
	if !readSelection(&s, &q.Players) {
		return q, 0, malformed("query", "player keys", "incomplete")
	}
	if !readSelection(&s, &q.Teams) {
		return q, 0, malformed("query", "team keys", "incomplete")
	}
	var flags uint8
	if s.ReadUint8(&flags) {
		q.Split = flags&exSplit != 0
	}
	return q, len(s), nil
}

func readSelection(s *cryptobyte.String, section *Selection) bool {
	var n uint8
	if !s.ReadUint8(&n) {
		return false
	}
	switch n {
	case 0:
		return true
	case AllKeys:
		section.All = true
		return true
	}
	return s.ReadBytes(&section.IDs, int(n))
}
