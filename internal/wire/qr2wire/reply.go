package qr2wire

import (
	"strconv"

	"golang.org/x/crypto/cryptobyte"
)

// AppendReply adds the body of a single reply (spec qr2.md §6.3), however long it gets: [CutReply] is the original's way
// to make it fit, [FitReply] ours. registry knows the game's own keys; nil means the predefined ones.
func AppendReply(b []byte, q Query, d *Data, registry *Registry) []byte {
	var r reply
	r.set(q, d, registry)
	r.fields, r.players.rows, r.teams.rows = r.allFields(), len(d.Players.Rows), len(d.Teams.Rows)
	return r.append(b)
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
// server keys, until the rest fits, and its counts say what is there. left is how many it left out. Its work is bounded by
// the limit and the length of the query, however large the tables are, and it allocates only what b lacks: any stranger can
// ask for it.
func FitReply(b []byte, q Query, d *Data, registry *Registry, limit int) (body []byte, left int) {
	var r reply
	r.set(q, d, registry)
	all := r.allFields() + r.players.allRows() + r.teams.allRows()
	room := limit - r.baseSize()
	if room < 0 {
		// The names of the table's keys alone are too many.
		return b, all + 1
	}
	kept := 0
	for r.fields < r.allFields() {
		if room -= r.fieldSize(r.fields); room < 0 {
			return r.append(b), all - kept
		}
		r.fields++
		kept++
	}
	for _, s := range [...]*selected{&r.teams, &r.players} {
		for s.rows < s.allRows() {
			if room -= s.rowSize(s.rows); room < 0 {
				return r.append(b), all - kept
			}
			s.rows++
			kept++
		}
	}
	return r.append(b), 0
}

// reply is a single reply that is being made, and how much of the data is put into it.
type reply struct {
	query   Query
	data    *Data
	values  [AllKeys - 1]string // of the server keys that are asked for by number
	fields  int                 // server keys that are put in
	players selected
	teams   selected
}

func (r *reply) set(q Query, d *Data, registry *Registry) {
	r.query, r.data = q, d
	for i, id := range q.Server.IDs {
		r.values[i] = d.Value(registry.Name(KeyID(id)))
	}
	r.players.set(q.Players, &d.Players, registry)
	r.teams.set(q.Teams, &d.Teams, registry)
}

func (r *reply) allFields() int {
	if r.query.Server.All {
		return len(r.data.Server)
	}
	return len(r.query.Server.IDs)
}

// fieldSize is what a server key adds. A value that is left out is empty, so that what follows stays in its place: its 00
// is there anyway.
func (r *reply) fieldSize(i int) int {
	if r.query.Server.All {
		return len(r.data.Server[i].Key) + len(r.data.Server[i].Value) + 2
	}
	return len(r.values[i])
}

// baseSize is how long the reply is with nothing in it.
func (r *reply) baseSize() int {
	server := len(r.query.Server.IDs)
	if r.query.Server.All {
		server = 1
	}
	return server + r.players.baseSize() + r.teams.baseSize()
}

func (r *reply) append(b []byte) []byte {
	if r.query.Server.All {
		b = appendServer(b, r.data.Server[:r.fields])
	} else {
		for i := range r.query.Server.IDs {
			value := ""
			if i < r.fields {
				value = r.values[i]
			}
			b = appendString(b, value)
		}
	}
	return r.teams.append(r.players.append(b))
}

// selected is what a query asks for of a table, and how many rows of it are put in.
type selected struct {
	Selection
	table   *Table
	columns [AllKeys - 1]int // of the keys that are asked for by number; -1 for those that the table has not
	rows    int
}

func (s *selected) set(section Selection, t *Table, registry *Registry) {
	s.Selection, s.table = section, t
	for i, id := range section.IDs {
		s.columns[i] = t.column(registry.Name(KeyID(id)))
	}
}

func (s *selected) allRows() int {
	if s.Empty() {
		return 0
	}
	return len(s.table.Rows)
}

func (s *selected) baseSize() int {
	switch {
	case s.Empty():
		return 0
	case !s.All:
		return 2
	}
	size := 3
	for _, key := range s.table.Keys {
		size += len(key) + 1
	}
	return size
}

func (s *selected) rowSize(row int) int {
	if s.All {
		size := len(s.table.Keys)
		for column := range s.table.Keys {
			size += len(s.table.value(row, column))
		}
		return size
	}
	size := len(s.IDs)
	for i := range s.IDs {
		size += len(s.table.value(row, s.columns[i]))
	}
	return size
}

func (s *selected) append(b []byte) []byte {
	switch {
	case s.Empty():
		return b
	case s.All:
		return appendTable(b, s.table, s.rows)
	}
	b = append(b, byte(s.rows>>8), byte(s.rows))
	for row := range s.rows {
		for i := range s.IDs {
			b = appendString(b, s.table.value(row, s.columns[i]))
		}
	}
	return b
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
