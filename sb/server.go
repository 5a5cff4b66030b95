package sb

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// Flags say what the master knows about reaching a server.
type Flags = sbwire.Flags

// The flags that matter to players.
const (
	FlagDirect = sbwire.FlagDirect // it takes packets from strangers: it can be queried and joined directly
	FlagNatNeg = sbwire.FlagNatNeg // it can be joined through NAT negotiation
)

// Field is one key and its value. Values are bytes in the game's encoding, often not UTF-8.
type Field struct{ Key, Value string }

// Fields are the values of one player or team.
type Fields []Field

// Get is the value of a key, or "".
func (f Fields) Get(key string) string {
	for _, field := range f {
		if field.Key == key {
			return field.Value
		}
	}
	return ""
}

// Server is one game server, as the list or the server itself describes it. Copies share what they read; a Server is
// never changed once it was given out.
type Server struct {
	// Addr is where queries go. Some masters put an opaque number there instead of the true address: SendMessage,
	// ServerInfo and Connect give it back unchanged.
	Addr    netip.AddrPort
	Private netip.AddrPort // the server's own address in its network; the zero value if it is not known
	Flags   Flags          // 0 for a server that no master listed
	// Protocol is what the server speaks, as far as the master's generation or its own answer tells; 0 is not known.
	Protocol Protocol
	Ping     time.Duration // round trip of the direct query, 0 if there was none
	Players  Table         // from a direct query
	Teams    Table         // from a direct query
	// QueryErr says why a direct query of this server brought nothing; nil if there was none or it did.
	QueryErr error

	row   row     // what a list said
	rules []Field // win over the row
}

// Lookup finds a field of the server by name, exact in case first, in any case else.
func (s Server) Lookup(name string) (value string, ok bool) {
	if len(s.rules) == 0 {
		i := s.row.names.index(name)
		if i < 0 {
			return "", false
		}
		return s.row.value(i), true
	}
	s.fields(func(key, found string) bool {
		value, ok = found, key == name
		return !ok
	})
	if !ok {
		s.fields(func(key, found string) bool {
			value, ok = found, strings.EqualFold(key, name)
			return !ok
		})
	}
	if !ok {
		return "", false
	}
	return value, true
}

// Get is the value of a field, or "".
func (s Server) Get(name string) string {
	value, _ := s.Lookup(name)
	return value
}

// Int is the value of a field as a decimal number; ok is false if it is missing or not one.
func (s Server) Int(name string) (number int, ok bool) {
	number, err := strconv.Atoi(strings.TrimSpace(s.Get(name)))
	return number, err == nil
}

// Bool is the value of a field as games write truth: 1, true and yes are true.
func (s Server) Bool(name string) bool {
	switch strings.ToLower(strings.TrimSpace(s.Get(name))) {
	case "1", "true", "yes":
		return true
	}
	return false
}

// Float is the value of a field as a number; ok is false if it is missing or not one.
func (s Server) Float(name string) (number float64, ok bool) {
	number, err := strconv.ParseFloat(strings.TrimSpace(s.Get(name)), 64)
	return number, err == nil
}

// Name is the field hostname.
func (s Server) Name() string { return s.Get("hostname") }

// Map is the field mapname.
func (s Server) Map() string { return s.Get("mapname") }

// NumPlayers is the field numplayers, 0 if it is missing.
func (s Server) NumPlayers() int { n, _ := s.Int("numplayers"); return n }

// MaxPlayers is the field maxplayers, 0 if it is missing.
func (s Server) MaxPlayers() int { n, _ := s.Int("maxplayers"); return n }

// Country is the field country, in the words of the master; what servers say of themselves does not count.
func (s Server) Country() string { return s.Get("country") }

// Region is the field region, a number of the master's; 0 if it is missing.
func (s Server) Region() int { n, _ := s.Int("region"); return n }

// GroupID is the number of a group in a list of groups, which travels as the address.
func (s Server) GroupID() uint32 {
	if !s.Addr.Addr().Is4() {
		return 0
	}
	b := s.Addr.Addr().As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// Hidden reports whether Addr is no address: wfc-server puts numbers there for servers that are not behind the client's own
// public address, with 0.0.0.0 as the private one; and in lists of groups, the number of the group stands there.
func (s Server) Hidden() bool {
	addr := s.Addr.Addr().Unmap()
	return addr.Is4() && addr.As4()[0] == 0 || s.Private.IsValid() && s.Private.Addr().IsUnspecified() && s.Private.Port() == 0
}

// Fields yields the fields of the server in the order in which they came, each name once.
func (s Server) Fields() iter.Seq2[string, string] { return s.fields }

func (s Server) fields(yield func(string, string) bool) {
	for _, field := range s.rules {
		if !yield(field.Key, field.Value) {
			return
		}
	}
	s.row.all(func(name, value string) bool { return s.ruled(name) || yield(name, value) })
}

func (s Server) ruled(name string) bool {
	return slices.ContainsFunc(s.rules, func(field Field) bool { return field.Key == name })
}

// HasFields reports whether anything but addresses is known.
func (s Server) HasFields() bool { return len(s.rules)+s.row.len() > 0 }

// maxKeptFields bounds what a server accumulates over many updates.
const maxKeptFields = 1024

// over lays what is newly known of a server over what was known before.
func (s Server) over(old Server) Server {
	switch {
	case old.row.len()+len(old.rules) == 0:
	case len(s.rules)+s.row.len() == 0:
		s.row, s.rules = old.row, old.rules
	case len(s.rules)+len(old.rules) == 0 && s.row.names == old.row.names: // the same list goes on
	default:
		s.rules = s.rulesOver(old)
	}
	if s.Flags == 0 {
		s.Flags = old.Flags
	}
	if !s.Private.IsValid() {
		s.Private = old.Private
	}
	if s.Ping == 0 {
		s.Ping = old.Ping
	}
	if s.Protocol == 0 {
		s.Protocol = old.Protocol
	}
	if s.Players == nil && s.Teams == nil {
		s.Players, s.Teams = old.Players, old.Teams
	}
	return s
}

func (s Server) rulesOver(old Server) []Field {
	known := make(map[string]bool, len(s.rules)+s.row.len())
	for key := range s.Fields() {
		known[key] = true
	}
	rules := slices.Clone(s.rules)
	for key, value := range old.Fields() {
		if len(known) >= maxKeptFields {
			break
		}
		if !known[key] {
			known[key] = true
			rules = append(rules, Field{key, value})
		}
	}
	return rules
}
