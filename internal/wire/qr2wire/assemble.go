package qr2wire

import (
	"bytes"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
)

// maxSplitBody is the longest packet of a split reply that is taken; the original's buffer for them has 2048 bytes.
const maxSplitBody = 2048

// SplitPacket is one packet of a split reply.
type SplitPacket struct {
	Number int  // 0 to 7
	Final  bool // no higher number follows
	Body   []byte
}

// ParseSplit reads the body of a reply that is one packet of a split one. Body is a part of it.
func ParseSplit(body []byte) (SplitPacket, error) {
	if !IsSplit(body) {
		return SplitPacket{}, malformed("split reply", "splitnum", "missing")
	}
	if len(body) > maxSplitBody {
		return SplitPacket{}, malformed("split reply", "packet", "longer than 2048 bytes")
	}
	number := body[len(splitnum)]
	p := SplitPacket{Number: int(number &^ splitFinal), Final: number&splitFinal != 0, Body: body[len(splitnum)+1:]}
	if p.Number >= MaxSplit {
		return SplitPacket{}, malformed("split reply", "number", strconv.Itoa(p.Number)+" is above 7")
	}
	return p, nil
}

// Assembler puts a split reply together, from packets in any order. The zero value is empty and ready. It holds at most
// eight packets of 2 kB.
type Assembler struct {
	bodies [MaxSplit][]byte
	have   uint8 // by number
	final  int   // number of the last packet plus one; 0 while it is unknown
}

// Add takes a packet and reports whether the reply is complete. A duplicate is harmless: the first copy stays. A second
// last packet, or a packet behind the last one, is an error, because the sender's data changed meanwhile or somebody
// mixes in.
func (a *Assembler) Add(body []byte) (complete bool, err error) {
	p, err := ParseSplit(body)
	if err != nil {
		return a.Complete(), err
	}
	bit := uint8(1) << p.Number
	switch {
	case a.final != 0 && (p.Number >= a.final || p.Final && p.Number+1 != a.final),
		p.Final && a.have>>(p.Number+1) != 0:
		return a.Complete(), malformed("split reply", "number", strconv.Itoa(p.Number)+" does not go with the last packet's")
	case a.have&bit != 0:
		if p.Final {
			a.final = p.Number + 1
		}
		return a.Complete(), nil
	}
	if p.Final {
		a.final = p.Number + 1
	}
	a.have |= bit
	a.bodies[p.Number] = bytes.Clone(p.Body)
	return a.Complete(), nil
}

// Complete reports whether every packet is there. It never becomes true with servers that do not mark the last one.
func (a *Assembler) Complete() bool {
	return a.final != 0 && a.have == uint8(1<<a.final-1)
}

// Missing are the numbers that are known to be missing.
func (a *Assembler) Missing() []int {
	end := a.final
	for number := range MaxSplit {
		if a.have&(1<<number) != 0 {
			end = max(end, number)
		}
	}
	var missing []int
	for number := range end {
		if a.have&(1<<number) == 0 {
			missing = append(missing, number)
		}
	}
	return missing
}

// Data is what the packets say, also while some are missing. Where two packets have a value of the same key at the same
// index, the later number wins: the earlier one may be cut. Values that consist of one blank are empty ones in disguise
// (spec servers.md §3.6).
func (a *Assembler) Data() Data {
	var r splitReader
	for number, body := range a.bodies {
		if a.have&(1<<number) != 0 {
			r.packet(body)
		}
	}
	return r.data()
}

// splitReader collects the values of the packets.
type splitReader struct {
	server  []Field
	index   map[string]int // in server, by key
	players column
	teams   column
}

// column collects the values of a table, key by key.
type column struct {
	keys   []string
	values map[string][]string
	filled int // rows that have a value which is not empty
}

// packet reads the sections of one packet. It ends where the bytes make no sense any more: a cut packet is no error.
func (r *splitReader) packet(body []byte) {
	s := cryptobyte.String(body)
	var kind uint8
	for s.ReadUint8(&kind) {
		switch kind {
		case sectionServer:
			r.readServer(&s)
		case sectionPlayers:
			r.players.read(&s, kind, r.count("numplayers"))
		case sectionTeams:
			r.teams.read(&s, kind, r.count("numteams"))
		default:
			return
		}
	}
}

func (r *splitReader) readServer(s *cryptobyte.String) {
	for {
		var field Field
		if !readLoose(s, &field.Key) || field.Key == "" {
			return
		}
		if !readLoose(s, &field.Value) {
			// Only its name is there: its packet ended.
			return
		}
		if i, known := r.index[field.Key]; known {
			r.server[i] = field
			continue
		}
		if r.index == nil {
			r.index = make(map[string]int)
		}
		r.index[field.Key] = len(r.server)
		r.server = append(r.server, field)
	}
}

// read reads {key, first index, values, 00}, ..., 00. expected is how many rows the server says that there are, 0 if it
// does not.
func (c *column) read(s *cryptobyte.String, kind uint8, expected int) {
	for {
		var key string
		var row uint8
		if !readLoose(s, &key) || key == "" || !s.ReadUint8(&row) {
			return
		}
		c.name(key)
		index := int(row)
		for {
			empty, end := zeros(s, kind, expected-index)
			index += empty
			if empty > 0 {
				c.set(key, index-1, "")
			}
			if end == sectionEnd {
				return
			}
			if end == listEnd {
				break
			}
			var value string
			if !readLoose(s, &value) {
				return
			}
			c.set(key, index, value)
			index++
		}
	}
}

// ending is what the zero bytes in front of a text end.
type ending uint8

const (
	noEnd      ending = iota // the text is a value
	listEnd                  // it is the next key
	sectionEnd               // it is the next section, or the packet ends
)

// zeros reads the zero bytes in front of the next text. One ends the list of values and another one the section; more
// than these are empty values, as Unreal Tournament 3 sends them (spec servers.md §3.6). If the text is neither a section
// nor a key, it is a value, and all of the zeros are empty ones. rows is how many rows are still to come.
func zeros(s *cryptobyte.String, kind uint8, rows int) (empty int, end ending) {
	run := 0
	for run < len(*s) && (*s)[run] == 0 {
		run++
	}
	text := (*s)[run:]
	*s = text
	switch {
	case len(text) == 0:
		return max(run-2, 0), sectionEnd
	case run == 0:
		return 0, noEnd
	case text[0] > kind && text[0] <= sectionTeams && startsSection(text[1:], rows-(run-2)):
		return max(run-2, 0), sectionEnd
	case startsList(text, rows-(run-1)):
		return run - 1, listEnd
	}
	return run, noEnd
}

// startsSection reports whether what follows the type of a section is one: nothing, its end, or a key.
func startsSection(s []byte, rows int) bool {
	return len(s) == 0 || s[0] == 0 || startsList(s, rows)
}

// startsList reports whether a text is a key with the values behind it. Only the first key of a packet has another index
// than 0, so that a 00 follows its name. It also follows a value in front of an empty one: that is told by the name, because
// keys of players end in _ and keys of teams in _t (spec qr2.md §7), unless all rows are there already.
func startsList(s []byte, rows int) bool {
	end := bytes.IndexByte(s, 0)
	if end < 0 || end+1 == len(s) {
		return true
	}
	name := s[:end]
	return s[end+1] == 0 && (rows <= 0 || bytes.HasSuffix(name, []byte("_")) || bytes.HasSuffix(name, []byte("_t")))
}

// maxColumns is how many keys a table can have: their numbers are a byte, of which 0 and 255 have another meaning.
const maxColumns = 254

func (c *column) name(key string) {
	if c.values == nil {
		c.values = make(map[string][]string)
	}
	if _, known := c.values[key]; !known && len(c.keys) < maxColumns {
		c.keys = append(c.keys, key)
		c.values[key] = nil
	}
}

// set stores a value. Rows are bounded by the index byte, keys by their number: eight packets make no more than a table of
// 256 by 254.
func (c *column) set(key string, row int, value string) {
	if row >= MaxRows {
		return
	}
	values, known := c.values[key]
	if !known {
		return
	}
	for len(values) <= row {
		values = append(values, "")
	}
	if value == " " {
		value = ""
	}
	values[row] = value
	c.values[key] = values
	if value != "" {
		c.filled = max(c.filled, row+1)
	}
}

// table makes rows. Rows without any value count as far as the server's own number of players says.
func (c *column) table(expected int) Table {
	rows := c.filled
	for _, values := range c.values {
		rows = max(rows, min(len(values), expected))
	}
	t := Table{Keys: c.keys}
	for row := range rows {
		line := make([]string, len(c.keys))
		for i, key := range c.keys {
			if values := c.values[key]; row < len(values) {
				line[i] = values[row]
			}
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

func (r *splitReader) data() Data {
	return Data{
		Server:  r.server,
		Players: r.players.table(r.count("numplayers")),
		Teams:   r.teams.table(r.count("numteams")),
	}
}

// count is how many rows the server says that there are; 0 if it does not.
func (r *splitReader) count(key string) int {
	i, known := r.index[key]
	if !known {
		return 0
	}
	n, err := strconv.Atoi(r.server[i].Value)
	if err != nil {
		return 0
	}
	return min(max(n, 0), MaxRows)
}

// readLoose is readString for packets that may be cut: the end of the packet ends the text, too.
func readLoose(s *cryptobyte.String, text *string) bool {
	if len(*s) == 0 {
		return false
	}
	if readString(s, text) {
		return true
	}
	*text = string(*s)
	*s = nil
	return true
}
