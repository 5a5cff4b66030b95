package sb

import (
	"cmp"
	"slices"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/sbfilter"
)

// Order is what servers are sorted by: see [By].
type Order struct {
	key        string
	descending bool
	text       bool
}

// By sorts by a field, or by one of the Keys such as KeyPing, upwards. Values that are numbers stand in front of others, by
// their size; the others stand by their text, in any case of letters. Servers that do not have the field, or an empty one,
// come last, upwards and downwards.
func By(key string) Order { return Order{key: key} }

// Descending turns the order round.
func (o Order) Descending() Order {
	o.descending = true
	return o
}

// AsText compares numbers as text, too, such as versions: 1.10 stands in front of 1.9.
func (o Order) AsText() Order {
	o.text = true
	return o
}

// Sort orders the servers by the first Order, those that are equal by the second, and so on. Servers that are equal in all
// keep their places.
func (s Snapshot) Sort(orders ...Order) Snapshot {
	type item struct {
		place int32
		key   sortKey // of the first order
	}
	items := make([]item, len(s.records))
	further := make([][]sortKey, max(len(orders)-1, 0))
	for n, order := range orders {
		keys := order.keys(s.records)
		if n > 0 {
			further[n-1] = keys
			continue
		}
		for i := range items {
			items[i] = item{int32(i), keys[i]}
		}
	}
	if len(orders) == 0 {
		return s
	}
	slices.SortFunc(items, func(a, b item) int {
		if c := orders[0].compare(&a.key, &b.key); c != 0 {
			return c
		}
		for n, keys := range further {
			if c := orders[n+1].compare(&keys[a.place], &keys[b.place]); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.place, b.place)
	})
	sorted := make([]*record, len(items))
	for i, item := range items {
		sorted[i] = s.records[item.place]
	}
	return Snapshot{sorted}
}

// sortKey is a value, read once.
type sortKey struct {
	class  sortClass
	number float64
	text   string
}

type sortClass uint8

const (
	classNumber sortClass = iota
	classText
	classMissing
)

// keys reads the value of each server.
func (o Order) keys(records []*record) []sortKey {
	keys := make([]sortKey, len(records))
	var names *names // of the server before, nearly always those of the next
	index := -1
	for i, r := range records {
		switch o.key {
		case KeyPing:
			if keys[i].class = classMissing; r.ping > 0 {
				keys[i] = sortKey{number: float64(r.ping)}
			}
			continue
		case KeyAddr:
			b := r.addr.Addr().As16()
			keys[i] = sortKey{class: classText, text: string(append(b[:], byte(r.addr.Port()>>8), byte(r.addr.Port())))}
			continue
		case KeyPrivate, KeyFlags, KeyPlayers, KeyTeams, KeyProtocol, KeyError:
			value, _ := r.server().lookup(o.key)
			keys[i] = o.read(value)
			continue
		}
		row := r.row()
		if row.names != names {
			names = row.names
			index = names.index(o.key)
		}
		if keys[i].class = classMissing; index >= 0 {
			keys[i] = o.read(row.value(index))
		}
	}
	return keys
}

func (o Order) read(value string) sortKey {
	trimmed := strings.TrimSpace(value)
	if trimmed == "" {
		return sortKey{class: classMissing}
	}
	if number, ok := sbfilter.Number(trimmed); ok && !o.text {
		return sortKey{class: classNumber, number: number}
	}
	return sortKey{class: classText, text: value}
}

func (o Order) compare(a, b *sortKey) int {
	if a.class == classMissing || b.class == classMissing {
		return cmp.Compare(a.class, b.class)
	}
	c := cmp.Compare(a.class, b.class)
	switch {
	case c != 0:
	case a.class == classNumber:
		c = cmp.Compare(a.number, b.number)
	case o.key == KeyAddr:
		c = strings.Compare(a.text, b.text)
	default:
		c = compareFold(a.text, b.text)
	}
	if o.descending {
		return -c
	}
	return c
}

// compareFold compares texts byte by byte, with ASCII letters in lower case.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
