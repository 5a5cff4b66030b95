package qr2wire

import (
	"slices"
	"strings"
)

// Field is a key of a server and its value.
type Field struct{ Key, Value string }

// Table holds the players or the teams: a row each. Rows have a value for every key, in the order of Keys; a missing
// value is empty.
type Table struct {
	Keys []string
	Rows [][]string
}

// Data is everything that a game server reports of itself.
type Data struct {
	Server  []Field
	Players Table
	Teams   Table
}

// Value is the value of a server key, or "".
func (d *Data) Value(key string) string {
	if key == "" {
		return ""
	}
	for _, field := range d.Server {
		if field.Key == key {
			return field.Value
		}
	}
	return ""
}

// Value is what a row has for a key, or "".
func (t *Table) Value(row int, key string) string {
	if row >= len(t.Rows) {
		return ""
	}
	return t.value(row, t.column(key))
}

// column is where a key is, or -1.
func (t *Table) column(key string) int {
	if key == "" {
		return -1
	}
	return slices.Index(t.Keys, key)
}

// value is t.Rows[row][column], or "" where the table has none.
func (t *Table) value(row, column int) string {
	if column < 0 || column >= len(t.Rows[row]) {
		return ""
	}
	return t.Rows[row][column]
}

// MaxRows is how many players or teams there can be: split replies count them in a byte (spec qr2.md §6.4).
const MaxRows = 256

// Check says what the protocol cannot carry: text with a 00 in it, which would end it; empty keys, which would end their
// list; and too many rows.
func (d *Data) Check() error {
	for _, field := range d.Server {
		if err := checkField("server", field.Key, field.Value); err != nil {
			return err
		}
	}
	if err := d.Players.check("player"); err != nil {
		return err
	}
	return d.Teams.check("team")
}

func (t *Table) check(section string) error {
	if len(t.Rows) > MaxRows {
		return malformed("data", section+" table", "more than 256 rows")
	}
	for _, key := range t.Keys {
		if err := checkField(section, key, ""); err != nil {
			return err
		}
	}
	for _, row := range t.Rows {
		for column, value := range row {
			if column >= len(t.Keys) {
				return malformed("data", section+" table", "a row has more values than there are keys")
			}
			if err := checkField(section, t.Keys[column], value); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkField(section, key, value string) error {
	switch {
	case key == "":
		return malformed("data", section+" key", "empty")
	case strings.IndexByte(key, 0) >= 0:
		return malformed("data", section+" key", "has a NUL byte in it")
	case strings.IndexByte(value, 0) >= 0:
		return malformed("data", section+" key "+key, "the value has a NUL byte in it")
	}
	return nil
}
