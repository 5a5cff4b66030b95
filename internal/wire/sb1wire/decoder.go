package sb1wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Limits bound what a list may take.
type Limits struct {
	Element int // bytes of one value; 0 means DefaultMaxElement
	Servers int // of a list; 0 means DefaultMaxServers
}

// The default limits.
const (
	DefaultMaxElement = 4096
	DefaultMaxServers = 250_000

	maxFields = 255
)

// LimitError names the limit that a list has hit.
type LimitError struct {
	What  string // as "servers of one list"
	Limit int
}

// Error implements error.
func (e *LimitError) Error() string {
	return "sb1: more than " + strconv.Itoa(e.Limit) + " " + e.What
}

// Field is one field of a server.
type Field struct{ Key, Value string }

// Server is one entry of a list.
type Server struct {
	Addr   netip.AddrPort // of a group: its number as an address, as in version 2
	Fields []Field        // without the address
}

// Decoder reads a list, decrypted, cut anywhere. It holds one element.
type Decoder struct {
	limits  Limits
	compact bool
	buf     []byte
	at      int // in buf
	servers int
	ended   bool
	err     error

	keys    []string // of the forms with fields
	missing int      // of keys, to be read
	row     []string
	key     string // of a pair
	paired  bool   // key was read
}

// NewDecoder reads the answer to a request for that form. Only [Compact] makes a difference: the others tell themselves.
func NewDecoder(form Form, limits Limits) *Decoder {
	if limits.Element <= 0 {
		limits.Element = DefaultMaxElement
	}
	if limits.Servers <= 0 {
		limits.Servers = DefaultMaxServers
	}
	return &Decoder{limits: limits, compact: form == Compact}
}

// Push takes the next bytes of the list; they are copied.
func (d *Decoder) Push(b []byte) {
	if d.at > 0 {
		d.buf = d.buf[:copy(d.buf, d.buf[d.at:])]
		d.at = 0
	}
	if !d.ended && d.err == nil {
		d.buf = append(d.buf, b...)
	}
}

// Next reads the next server; ok is false if more bytes are needed. The error is io.EOF behind the end of the list.
func (d *Decoder) Next(s *Server) (ok bool, err error) {
	for d.err == nil {
		if d.ended {
			return false, io.EOF
		}
		var more bool
		if d.compact {
			ok, more, d.err = d.nextCompact(s)
		} else {
			ok, more, d.err = d.nextToken(s)
		}
		switch {
		case d.err != nil:
		case ok:
			if d.servers++; d.servers > d.limits.Servers {
				d.err = &LimitError{"servers in one list", d.limits.Servers}
				continue
			}
			return true, nil
		case !more && !d.ended:
			return false, nil
		}
	}
	return false, d.err
}

// nextCompact reads six bytes or the end.
func (d *Decoder) nextCompact(s *Server) (ok, more bool, err error) {
	rest := d.buf[d.at:]
	if n := min(len(rest), len(kv.Terminator)); n > 0 && string(rest[:n]) == kv.Terminator[:n] {
		d.ended = n == len(kv.Terminator)
		return false, false, nil
	}
	if len(rest) < 6 {
		return false, false, nil
	}
	*s = Server{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[4:]))}
	d.at += 6
	return true, false, nil
}

// nextToken reads what is between two backslashes; more says that there was something.
func (d *Decoder) nextToken(s *Server) (ok, more bool, err error) {
	rest := d.buf[d.at:]
	if len(rest) == 0 {
		return false, false, nil
	}
	if rest[0] != '\\' { // a line end in front of the list
		if n := bytes.IndexByte(rest, '\\'); n > 0 {
			d.at += n
			return false, true, d.tooLong(rest[:n])
		}
		return false, false, d.tooLong(rest)
	}
	end := bytes.IndexByte(rest[1:], '\\')
	if end < 0 {
		return false, false, d.tooLong(rest[1:])
	}
	if err := d.tooLong(rest[1 : 1+end]); err != nil {
		return false, false, err
	}
	token := string(rest[1 : 1+end])
	d.at += 1 + end
	ok, err = d.token(token, s)
	return ok, true, err
}

func (d *Decoder) tooLong(b []byte) error {
	if len(b) > d.limits.Element {
		return &LimitError{"bytes in one value", d.limits.Element}
	}
	return nil
}

func (d *Decoder) token(token string, s *Server) (ok bool, err error) {
	switch {
	case d.missing > 0:
		d.keys = append(d.keys, token)
		d.missing--
	case len(d.keys) > 0:
		if token == "final" && len(d.row) == 0 {
			d.ended = true
			return false, nil
		}
		if d.row = append(d.row, token); len(d.row) == len(d.keys) {
			err = d.server(s)
			d.row = d.row[:0]
			return err == nil, err
		}
	case !d.paired:
		if token == "final" {
			d.ended = true
			return false, nil
		}
		d.key, d.paired = token, token != ""
	default:
		d.paired = false
		switch d.key {
		case "fieldcount":
			if d.missing, err = strconv.Atoi(token); err != nil || d.missing < 1 {
				return false, &Error{"list", "the number of fields is " + strconv.Quote(token)}
			}
			if d.missing > maxFields {
				return false, &LimitError{"fields", maxFields}
			}
		case "ip":
			*s = Server{}
			if s.Addr, err = netip.ParseAddrPort(token); err != nil {
				return false, &Error{"list", "the address is " + strconv.Quote(token)}
			}
			return true, nil
		}
	}
	return false, nil
}

// server makes a server of a row.
func (d *Decoder) server(s *Server) (err error) {
	*s = Server{Fields: make([]Field, 0, len(d.keys))}
	for i, key := range d.keys {
		value := d.row[i]
		switch key {
		case "ip":
			if s.Addr, err = netip.ParseAddrPort(value); err != nil {
				return &Error{"list", "the address is " + strconv.Quote(value)}
			}
			continue
		case "groupid":
			group, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				return &Error{"list", "the number of the group is " + strconv.Quote(value)}
			}
			var ip [4]byte
			binary.BigEndian.PutUint32(ip[:], uint32(group))
			s.Addr = netip.AddrPortFrom(netip.AddrFrom4(ip), 0)
		case "other":
			s.other(value)
			continue
		}
		s.Fields = append(s.Fields, Field{key, value})
	}
	if !s.Addr.IsValid() {
		return &Error{"list", "no field has an address"}
	}
	return nil
}

// other adds the pairs of a field that has a 01 in front of each name and value.
func (s *Server) other(text string) {
	parts := strings.Split(text, "\x01")
	for i := 1; i+1 < len(parts) && len(s.Fields) < maxFields; i += 2 {
		s.Fields = append(s.Fields, Field{parts[i], parts[i+1]})
	}
}

// Close says that no more bytes will come. It is nil if the list had ended.
func (d *Decoder) Close() error {
	switch {
	case d.err != nil:
		return d.err
	case d.ended:
		return nil
	}
	return io.ErrUnexpectedEOF
}
