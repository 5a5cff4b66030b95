package qr2wire

import (
	"sort"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
)

// AppendReply adds the body of a single reply (spec qr2.md §6.3), however long it gets: [CutReply] is the original's way
// to make it fit, [FitReply] ours. registry knows the game's own keys; nil means the predefined ones.
func AppendReply(b []byte, q Query, d *Data, registry *Registry) []byte {
	return appendReply(b, q, d, registry, len(d.Server), len(d.Players.Rows), len(d.Teams.Rows))
}

func appendReply(b []byte, q Query, d *Data, registry *Registry, fields, players, teams int) []byte {
	if q.Server.All {
		b = appendServer(b, d.Server[:fields])
	} else {
		for i, id := range q.Server.IDs {
			// A value that is left out is empty, so that what follows stays in its place.
			value := ""
			if i < fields {
				value = d.Value(registry.Name(KeyID(id)))
			}
			b = appendString(b, value)
		}
	}
	b = appendSelected(b, q.Players, &d.Players, registry, players)
	return appendSelected(b, q.Teams, &d.Teams, registry, teams)
}

// CutReply cuts a body as the original does: at limit, with 00 in its last byte, wherever that is.
func CutReply(body []byte, limit int) (b []byte, cut bool) { return cutAt(body, limit) }

func cutAt(b []byte, limit int) ([]byte, bool) {
	if len(b) < limit {
		return b, false
	}
	cut := len(b) > limit
	b = b[:limit]
	b[limit-1] = 0
	return b, cut
}

// FitReply adds a body of at most limit bytes that is complete in itself: it leaves out the last players, then teams, then
// server keys, until the rest fits, and its counts say what is there. left is how many it left out.
func FitReply(b []byte, q Query, d *Data, registry *Registry, limit int) (body []byte, left int) {
	fields, players, teams := len(d.Server), 0, 0
	if !q.Server.All {
		fields = len(q.Server.IDs)
	}
	if !q.Players.Empty() {
		players = len(d.Players.Rows)
	}
	if !q.Teams.Empty() {
		teams = len(d.Teams.Rows)
	}
	// The size grows with what is kept, so the most that fits is found by halving.
	start := len(b)
	keep := func(n int) []byte {
		f := min(n, fields)
		t := min(n-f, teams)
		return appendReply(b[:start], q, d, registry, f, n-f-t, t)
	}
	all := fields + players + teams
	kept := sort.Search(all, func(n int) bool { return len(keep(n+1))-start > limit })
	if b = keep(kept); len(b)-start > limit {
		// The names of the table's keys alone are too many.
		return b[:start], all + 1
	}
	return b, all - kept
}

func appendPair(b []byte, key, value string) []byte {
	return appendString(appendString(b, key), value)
}

// appendServer adds the server section with names.
func appendServer(b []byte, fields []Field) []byte {
	for _, field := range fields {
		b = appendPair(b, field.Key, field.Value)
	}
	return append(b, 0)
}

// appendTable adds a player or team section with names.
func appendTable(b []byte, t *Table, rows int) []byte {
	b = append(b, byte(rows>>8), byte(rows))
	for _, key := range t.Keys {
		b = appendString(b, key)
	}
	b = append(b, 0)
	for row := range rows {
		for column := range t.Keys {
			b = appendString(b, t.value(row, column))
		}
	}
	return b
}

// appendSelected adds a player or team section as it is asked for.
func appendSelected(b []byte, section Selection, t *Table, registry *Registry, rows int) []byte {
	switch {
	case section.Empty():
		return b
	case section.All:
		return appendTable(b, t, rows)
	}
	b = append(b, byte(rows>>8), byte(rows))
	for row := range rows {
		for _, id := range section.IDs {
			b = appendString(b, t.Value(row, registry.Name(KeyID(id))))
		}
	}
	return b
}

// IsSplit reports whether the body of a reply is one part of a split one.
func IsSplit(body []byte) bool {
	return len(body) > len(splitnum) && string(body[:len(splitnum)]) == splitnum
}

// ParseReply reads the body of a single reply to q. Keys that were asked for by number are named by registry, and by their
// number in decimal if it has no name.
//
// Where the body ends early, what is there comes back with an error that is [ErrTruncated]: real servers cut at 1400
// bytes, and fewer values than asked for are allowed (spec sb.md §B.4).
func ParseReply(q Query, body []byte, registry *Registry) (Data, error) {
	var d Data
	s := cryptobyte.String(body)
	if q.Server.All {
		fields, err := readPairs(&s, "reply")
		d.Server = fields
		if err != nil {
			return d, err
		}
	} else {
		for _, id := range q.Server.IDs {
			var value string
			if !readString(&s, &value) {
				return d, truncated("reply", "server values")
			}
			d.Server = append(d.Server, Field{registry.label(id), value})
		}
	}
	if err := readSelected(&s, q.Players, &d.Players, registry, "player"); err != nil {
		return d, err
	}
	return d, readSelected(&s, q.Teams, &d.Teams, registry, "team")
}

// label is the name of a key for the reader of a reply.
func (r *Registry) label(id byte) string {
	if name := r.Name(KeyID(id)); name != "" {
		return name
	}
	return strconv.Itoa(int(id))
}

// readPairs reads names and values up to the empty name that ends them.
func readPairs(s *cryptobyte.String, message string) ([]Field, error) {
	var fields []Field
	for {
		var field Field
		if !readString(s, &field.Key) {
			return fields, truncated(message, "server section")
		}
		if field.Key == "" {
			return fields, nil
		}
		if !readString(s, &field.Value) {
			return fields, truncated(message, "value of "+strconv.Quote(field.Key))
		}
		fields = append(fields, field)
	}
}

// readTable reads a player or team section with names.
func readTable(s *cryptobyte.String, t *Table, message string) error {
	var rows uint16
	if !s.ReadUint16(&rows) {
		return truncated(message, "row count")
	}
	for {
		var key string
		if !readString(s, &key) {
			return truncated(message, "names of the table's keys")
		}
		if key == "" {
			break
		}
		t.Keys = append(t.Keys, key)
	}
	return readRows(s, t, int(rows), message)
}

func readSelected(s *cryptobyte.String, section Selection, t *Table, registry *Registry, what string) error {
	switch {
	case section.Empty():
		return nil
	case section.All:
		return readTable(s, t, "reply")
	}
	var rows uint16
	if !s.ReadUint16(&rows) {
		return truncated("reply", what+" count")
	}
	for _, id := range section.IDs {
		t.Keys = append(t.Keys, registry.label(id))
	}
	return readRows(s, t, int(rows), "reply")
}

// readRows reads the values. The count is not believed: a row is only made when there are bytes for it.
func readRows(s *cryptobyte.String, t *Table, rows int, message string) error {
	if len(t.Keys) == 0 {
		return nil
	}
	for range rows {
		if len(*s) == 0 {
			return truncated(message, "values of the table")
		}
		row := make([]string, len(t.Keys))
		t.Rows = append(t.Rows, row)
		for column := range row {
			if !readString(s, &row[column]) {
				return truncated(message, "value of "+strconv.Quote(t.Keys[column]))
			}
		}
	}
	return nil
}
