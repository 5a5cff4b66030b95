package qr2wire

import "strconv"

// splitnum starts every packet of a split reply.
const splitnum = "splitnum\x00"

// What bounds a split reply (spec qr2.md §6.4).
const (
	MaxSplit     = 8    // packets, numbered 0 to 7
	splitFinal   = 0x80 // in the number of the last one
	sectionSpace = 100  // with less left, no section is started
)

// The sections of a split reply.
const (
	sectionServer  = 0
	sectionPlayers = 1
	sectionTeams   = 2
)

// SplitMode says what happens to a value that does not fit into its packet.
type SplitMode uint8

// The modes. In both, the next packet starts with the whole value; readers take the later packet's.
const (
	WholeValues SplitMode = iota // it is left out
	CutValues                    // it is cut, with 00 in the last byte: what the original does
)

// SplitError says that a reply does not fit into the eight packets that there can be, or that one value does not fit into
// a packet of its own.
type SplitError struct {
	Key  string // the value that does not fit; "" if it is all of them together
	Size int    // bytes that it takes
	Max  int    // bytes that there can be
}

// Error implements error.
func (e *SplitError) Error() string {
	if e.Key != "" {
		return "qr2: split reply: the value of " + strconv.Quote(e.Key) + " takes " + strconv.Itoa(e.Size) + " bytes, a packet has " + strconv.Itoa(e.Max)
	}
	return "qr2: split reply: takes " + strconv.Itoa(e.Size) + " bytes, 8 packets have " + strconv.Itoa(e.Max)
}

// Split makes the bodies of a split reply, each for a packet of at most limit bytes with its header (0 means [MaxSize]).
// Everything is in it, whatever was asked for. Empty player and team values would end their list at the reader, so a blank
// stands for them.
func Split(d *Data, limit int, mode SplitMode) ([][]byte, error) {
	if limit == 0 {
		limit = MaxSize
	}
	w := splitWriter{limit: limit - FromServerHeader, mode: mode}
	w.open()
	w.section(sectionServer)
	for _, field := range d.Server {
		w.value(field.Value, field.Key)
	}
	w.end()
	w.table(sectionPlayers, &d.Players)
	w.table(sectionTeams, &d.Teams)
	return w.close()
}

// splitWriter fills packets.
type splitWriter struct {
	limit   int
	mode    SplitMode
	packets [][]byte
	b       []byte // the packet that is being filled
	kind    byte   // of the section
	err     error
}

func (w *splitWriter) open() {
	w.b = append(make([]byte, 0, w.limit), splitnum...)
	w.b = append(w.b, byte(len(w.packets)))
}

func (w *splitWriter) next() {
	w.packets = append(w.packets, w.b)
	w.open()
}

// section starts a section.
func (w *splitWriter) section(kind byte) {
	w.kind = kind
	if w.limit-len(w.b) < sectionSpace {
		w.next()
	}
	w.b = append(w.b, kind)
}

// reopen goes on with the section in a new packet.
func (w *splitWriter) reopen() {
	w.next()
	w.b = append(w.b, w.kind)
}

// fresh reports whether the packet has nothing but a section's type: what does not fit now never does.
func (w *splitWriter) fresh() bool { return len(w.b) == len(splitnum)+2 }

// end writes a 00 that ends a list or a section. One that does not fit is not missed: the packet's end is one, too.
func (w *splitWriter) end() {
	if len(w.b) < w.limit {
		w.b = append(w.b, 0)
	}
}

// value writes a server key and its value.
func (w *splitWriter) value(value, key string) {
	w.add(value, key, key+"\x00")
}

// add writes head and value, or value alone where head is empty, and whether they went into this packet. again is what
// comes before the value in a new packet.
func (w *splitWriter) add(value, key, head string) (moved bool) {
	for {
		start := len(w.b)
		if start+len(head)+len(value)+1 < w.limit {
			w.b = append(append(append(w.b, head...), value...), 0)
			return moved
		}
		if w.fresh() || w.err != nil {
			// It does not even fit into an empty packet: give up, but say how much it would take.
			if w.err == nil {
				w.err = &SplitError{Key: key, Size: len(head) + len(value) + 1, Max: w.limit - start - 1}
			}
			return moved
		}
		if w.mode == CutValues && start+len(head) < w.limit {
			w.b = append(append(append(w.b, head...), value...), 0)[:w.limit]
			w.b[w.limit-1] = 0
		}
		w.reopen()
		moved = true
		if w.kind != sectionServer {
			return moved
		}
	}
}

// table writes the players or the teams, key by key.
func (w *splitWriter) table(kind byte, t *Table) {
	w.section(kind)
	for column, key := range t.Keys {
		head := key + "\x00\x00"
		if len(t.Rows) == 0 {
			w.emptyColumn(key, head)
			continue
		}
		for row := 0; row < len(t.Rows) && w.err == nil; {
			value := t.value(row, column)
			if value == "" {
				value = " "
			}
			if w.add(value, key, head) {
				head = key + "\x00" + string([]byte{byte(row)})
				continue
			}
			head = ""
			row++
		}
		w.end()
	}
	w.end()
}

// emptyColumn writes a key without values.
func (w *splitWriter) emptyColumn(key, head string) {
	if len(w.b)+len(head)+1 > w.limit && !w.fresh() {
		w.reopen()
	}
	if len(w.b)+len(head)+1 > w.limit {
		w.err = &SplitError{Key: key, Size: len(head) + 1, Max: w.limit - len(w.b)}
		return
	}
	w.b = append(append(w.b, head...), 0)
}

func (w *splitWriter) close() ([][]byte, error) {
	w.packets = append(w.packets, w.b)
	if w.err != nil {
		return nil, w.err
	}
	if len(w.packets) > MaxSplit {
		size := 0
		for _, packet := range w.packets {
			size += len(packet) - len(splitnum) - 1
		}
		return nil, &SplitError{Size: size, Max: MaxSplit * (w.limit - len(splitnum) - 1)}
	}
	last := w.packets[len(w.packets)-1]
	last[len(splitnum)] |= splitFinal
	return w.packets, nil
}
