package sb

import (
	"slices"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// row is the fields of a server in little memory: the names, which all servers of a list share, and the values in one
// string. The zero value has no fields.
type row struct {
	names  *names
	values sbwire.Values
}

// names are the names of fields, in order. They are never changed.
type names struct{ list []string }

// namer makes servers of the entries of one connection, so that they share their names.
type namer struct {
	keys  []sbwire.Key
	names *names
}

// of gives the names of a key list.
func (n *namer) of(keys []sbwire.Key) *names {
	if len(keys) == 0 {
		return nil
	}
	if len(keys) != len(n.keys) || &keys[0] != &n.keys[0] {
		n.keys, n.names = keys, &names{list: make([]string, len(keys))}
		for i, key := range keys {
			n.names.list[i] = key.Name
		}
	}
	return n.names
}

// server takes over an entry.
func (n *namer) server(entry *sbwire.Entry) Server {
	s := Server{Addr: entry.Addr, Flags: entry.Flags}
	if entry.Flags&sbwire.FlagPrivateIP != 0 {
		s.Private = entry.Private
	}
	if entry.Values != "" {
		s.row = row{n.of(entry.Keys), entry.Values}
	}
	if len(entry.Rules) > 0 {
		s.rules = make([]Field, len(entry.Rules))
		for i, rule := range entry.Rules {
			s.rules[i] = Field(rule)
		}
	}
	return s
}

// index finds a name, exact in case first, in any case else; -1 if there is none.
func (n *names) index(name string) int {
	if n == nil {
		return -1
	}
	if i := slices.Index(n.list, name); i >= 0 {
		return i
	}
	return slices.IndexFunc(n.list, func(other string) bool { return strings.EqualFold(other, name) })
}

// size is about how many bytes of memory the names take.
func (n *names) size() int {
	if n == nil {
		return 0
	}
	size := 0
	for _, name := range n.list {
		size += len(name) + 2*stringHeader
	}
	return size
}

const stringHeader = 16 // bytes

// value is the value number i of names.
func (r row) value(i int) string { return r.values.At(i) }

// all calls yield for each field until it says no; it reports whether it never did.
func (r row) all(yield func(name, value string) bool) bool {
	if r.names == nil {
		return true
	}
	rest := r.values
	for _, name := range r.names.list {
		var value string
		value, rest = rest.Cut()
		if !yield(name, value) {
			return false
		}
	}
	return true
}

// len is how many fields there are.
func (r row) len() int {
	if r.names == nil {
		return 0
	}
	return len(r.names.list)
}
