package qr1wire

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// What an answer may take. Real servers are far below: Battlefield 1942 with 64 players sends eight datagrams.
const (
	maxFragments = 32
	maxFragment  = 4096
	maxColumns   = 64 // keys of players, and of teams; further ones are taken for the server's
)

// Fragment is one datagram of an answer.
type Fragment struct {
	Query  uint32 // the number of the question; 0 if it does not say
	Number int    // of the datagram, most servers count from 1 on; -1 if it does not say
	First  int    // the lowest number that it has, Number as a rule: 333networks' master puts several into one datagram
	Final  bool   // it has \final\
	Body   []byte // all of it; a part of the datagram
}

// ParseFragment reads the marks of a datagram. Its keys are read by [Assembler.Data].
func ParseFragment(b []byte) (Fragment, error) {
	f := Fragment{Number: -1, First: -1, Body: bytes.TrimRight(b, "\x00")}
	switch {
	case len(f.Body) == 0 || f.Body[0] != '\\':
		return f, &Error{"answer", "does not start with a backslash"}
	case len(f.Body) > maxFragment:
		return f, &Error{"answer", "a datagram is longer than 4096 bytes"}
	}
	for key, value := range kv.All(f.Body) {
		switch string(key) {
		case "final":
			f.Final = true
		case "queryid":
			query, number, _ := strings.Cut(string(value), ".")
			if n, err := strconv.ParseUint(query, 10, 32); err == nil {
				f.Query = uint32(n)
			}
			if n, err := strconv.ParseUint(number, 10, 16); err == nil {
				if f.First < 0 || int(n) < f.First {
					f.First = int(n)
				}
				f.Number = max(f.Number, int(n))
			}
		}
	}
	if f.Number >= maxFragments {
		return f, &Error{"answer", "number " + strconv.Itoa(f.Number) + " is above 31"}
	}
	return f, nil
}

// Assembler puts an answer together, from datagrams in any order. The zero value is empty and ready. It holds at most 32
// datagrams of 4 kB.
type Assembler struct {
	bodies [maxFragments][]byte // by number; those without one in the order of their arrival
	have   uint32
	query  uint32
	final  int // number of the last datagram, plus one; 0 while it is unknown
}

// Add takes a datagram and reports whether the answer is complete. A duplicate is harmless: the first copy stays. Datagrams
// of an older question are an error, and those of a newer one start anew.
func (a *Assembler) Add(b []byte) (complete bool, err error) {
	f, err := ParseFragment(b)
	if err != nil {
		return a.Complete(), err
	}
	switch {
	case f.Query == 0 || f.Query == a.query:
	case f.Query < a.query:
		return a.Complete(), &Error{"answer", "belongs to question " + strconv.FormatUint(uint64(f.Query), 10) + ", which is older"}
	case a.query != 0:
		*a = Assembler{}
	}
	a.query = max(a.query, f.Query)
	if f.Number < 0 {
		// Some servers do not number; the order of arrival is what there is.
		f.Number = 1
		for f.Number < maxFragments && a.have&(1<<f.Number) != 0 {
			if bytes.Equal(a.bodies[f.Number], f.Body) {
				return a.Complete(), nil
			}
			f.Number++
		}
		if f.Number == maxFragments {
			return a.Complete(), &Error{"answer", "more than 31 datagrams"}
		}
		f.First = f.Number
	}
	switch bit := uint32(1) << f.Number; {
	case a.final != 0 && (f.Number >= a.final || f.Final && f.Number+1 != a.final),
		f.Final && a.have>>f.Number>>1 != 0:
		return a.Complete(), &Error{"answer", "number " + strconv.Itoa(f.Number) + " does not go with the last datagram's"}
	case a.have&bit == 0:
		for number := f.First; number <= f.Number; number++ {
			a.have |= 1 << number
		}
		a.bodies[f.Number] = bytes.Clone(f.Body)
	}
	if f.Final {
		a.final = f.Number + 1
	}
	return a.Complete(), nil
}

// first is the lowest number: most servers count from 1 on, some from 0.
func (a *Assembler) first() int { return 1 - int(a.have&1) }

// Complete reports whether every datagram is there. It never becomes true with servers that do not mark the last one, of
// which there are some.
func (a *Assembler) Complete() bool { return a.final != 0 && len(a.Missing()) == 0 }

// Missing are the numbers that are known to be missing.
func (a *Assembler) Missing() (missing []int) {
	end := a.final
	for number := range maxFragments {
		if a.have&(1<<number) != 0 {
			end = max(end, number)
		}
	}
	for number := a.first(); number < end; number++ {
		if a.have&(1<<number) == 0 {
			missing = append(missing, number)
		}
	}
	return missing
}

// Pairs are the keys and values of the datagrams that are there, in the order of their numbers, without \queryid\ and
// \final\.
func (a *Assembler) Pairs() (pairs []qr2wire.Field) {
	for _, body := range a.bodies {
		for key, value := range kv.All(body) {
			if string(key) != "queryid" && string(key) != "final" {
				pairs = append(pairs, qr2wire.Field{Key: string(key), Value: string(value)})
			}
		}
	}
	return pairs
}

// Data is what the datagrams say, also while some are missing. A key that is there twice has its later value, as in the
// original. player_0 is the key player_ of a player, team_t0 the key team_t of a team; numbers that nobody has are left out,
// so rows move up.
func (a *Assembler) Data() qr2wire.Data {
	var d qr2wire.Data
	var players, teams column
	known := make(map[string]int)
	for _, pair := range a.Pairs() {
		name, number, ok := split(pair.Key)
		switch {
		case ok && strings.HasSuffix(name, "_t") && teams.set(name, number, pair.Value):
		case ok && strings.HasSuffix(name, "_") && players.set(name, number, pair.Value):
		default:
			if i, again := known[pair.Key]; again {
				d.Server[i].Value = pair.Value
				continue
			}
			known[pair.Key] = len(d.Server)
			d.Server = append(d.Server, pair)
		}
	}
	d.Players, d.Teams = players.table(), teams.table()
	return d
}

// split takes the number off the key of a player or team.
func split(key string) (name string, number int, ok bool) {
	name = strings.TrimRight(key, "0123456789")
	digits := key[len(name):]
	if !strings.HasSuffix(name, "_") && !strings.HasSuffix(name, "_t") || len(name) < 2 || digits == "" || digits[0] == '0' && len(digits) > 1 {
		return "", 0, false
	}
	number, err := strconv.Atoi(digits)
	return name, number, err == nil && number < qr2wire.MaxRows
}

// column collects the values of a table: key by key, and by number.
type column struct {
	keys   []string
	values map[string]map[int]string
	met    [qr2wire.MaxRows]bool
}

// set notes a value, unless there are too many keys.
func (c *column) set(key string, number int, value string) bool {
	rows, known := c.values[key]
	if !known {
		if len(c.keys) == maxColumns {
			return false
		}
		if c.values == nil {
			c.values = make(map[string]map[int]string)
		}
		rows = make(map[int]string)
		c.values[key] = rows
		c.keys = append(c.keys, key)
	}
	rows[number] = value
	c.met[number] = true
	return true
}

func (c *column) table() (t qr2wire.Table) {
	t.Keys = slices.Clone(c.keys)
	for number, met := range c.met {
		if !met {
			continue
		}
		row := make([]string, len(c.keys))
		for i, key := range c.keys {
			row[i] = c.values[key][number]
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
