package sbwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
)

// MaxMessage is the largest message behind a list (spec sb.md A.6).
const MaxMessage = 4096

// errorPort in place of the default port announces an error text, unless a list follows all the same: see announced.
const errorPort = 0xFFFF

// queryError begins the text that some masters send before they close (spec sb.md A.4).
const queryError = "Query Error: "

// Limits bound what a list may cost. A zero field means its default.
type Limits struct {
	Element int // bytes of one key, popular value, server or error text; 16 KiB, four times what the SDK could read
	Popular int // bytes of all popular values; 256 KiB
	Servers int // 250,000
}

// The defaults of Limits.
const (
	DefaultMaxElement = 16 << 10
	DefaultMaxPopular = 256 << 10
	DefaultMaxServers = 250_000
)

// Kind says what an [Element] is.
type Kind int

// The kinds, in the order in which they come.
const (
	KindHead       Kind = iota + 1 // Client, DefaultPort and Refused
	KindKeys                       // Keys
	KindServer                     // Server
	KindEnd                        // the end of the list
	KindMessage                    // Message
	KindBadMessage                 // Err: a message that was skipped by its length
	KindError                      // Text: the master says no. Nothing follows
)

// Element is one thing that a master says.
type Element struct {
	Kind        Kind
	Client      netip.Addr // the client's address as the master sees it
	DefaultPort uint16     // of the game; some masters put the client's own port here
	Refused     bool       // an error text follows
	Keys        []Key
	Popular     int // number of popular values
	Server      Entry
	Message     Message
	Text        string
	Err         error
}

// step is what the decoder expects next.
type step int

const (
	stepHead step = iota
	stepFirst
	stepKeyCount
	stepKeys
	stepPopularCount
	stepPopular
	stepServers
	stepMessages
	stepErrorText
	stepNoise // nothing that follows can be understood, or is worth it
)

var stepNames = [...]string{
	"list head", "first message", "number of keys", "keys", "number of popular values", "popular values", "servers",
	"messages", "error text", "noise",
}

// Decoder takes the decrypted bytes of a list as they come and gives its elements as soon as they are whole. It is not
// safe for concurrent use.
type Decoder struct {
	limits  Limits
	noList  bool
	step    step
	buf     []byte
	read    int // of buf
	left    int // keys or popular values that are still to come
	size    int // bytes of the popular values
	servers int
	schema  schema
	scratch scratch
	err     error
}

// NewDecoder makes a decoder for one connection. noList says that the request had OptionNoList.
func NewDecoder(limits Limits, noList bool) *Decoder {
	if limits.Element <= 0 {
		limits.Element = DefaultMaxElement
	}
	if limits.Popular <= 0 {
		limits.Popular = DefaultMaxPopular
	}
	if limits.Servers <= 0 {
		limits.Servers = DefaultMaxServers
	}
	return &Decoder{limits: limits, noList: noList}
}

// Push adds bytes. The decoder keeps a copy.
func (d *Decoder) Push(b []byte) {
	if d.step == stepNoise {
		return
	}
	if d.read > 0 && (d.read == len(d.buf) || d.read >= 32<<10) {
		d.buf = d.buf[:copy(d.buf, d.buf[d.read:])]
		d.read = 0
	}
	d.buf = append(d.buf, b...)
}

// Step names what is expected next, for error texts.
func (d *Decoder) Step() string { return stepNames[d.step] }

// Next stores the next element in e and reports whether there was one; false without an error means that more bytes are
// needed. After an error nothing more comes.
func (d *Decoder) Next(e *Element) (bool, error) {
	if d.err != nil {
		return false, d.err
	}
	for {
		before := d.step
		more, err := d.advance(e)
		if err != nil {
			d.err = err
			return false, err
		}
		if more {
			return true, nil
		}
		if d.step == before {
			return false, d.tooLarge()
		}
	}
}

// Close says that the connection has ended. The last element, if that makes one, is stored in e. The error is io.EOF if
// the connection ended between elements behind a list, else io.ErrUnexpectedEOF in an [Error] that names the place.
func (d *Decoder) Close(e *Element) (bool, error) {
	if d.err != nil {
		return false, d.err
	}
	rest := d.buf[d.read:]
	d.err = io.EOF
	switch {
	case bytes.HasPrefix(rest, []byte(queryError)):
		*e = Element{Kind: KindError, Text: cutText(rest[len(queryError):])}
		return true, nil
	case d.step == stepHead && len(rest) >= 6 && binary.BigEndian.Uint16(rest[4:]) == errorPort:
		*e = Element{Kind: KindError, Text: cutText(rest[6:])}
		return true, nil
	case d.step == stepErrorText:
		*e = Element{Kind: KindError, Text: cutText(rest)}
		return true, nil
	case d.step == stepNoise || d.step == stepFirst && len(rest) == 0 || d.step == stepMessages && len(rest) == 0:
		return false, io.EOF
	}
	d.err = &Error{Message: "list", Field: d.Step(), Err: io.ErrUnexpectedEOF}
	return false, d.err
}

// cutText takes an error text up to its zero byte, without the prefix that says that it is one.
func cutText(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(bytes.TrimPrefix(text, []byte(queryError)))
}

// tooLarge is the error if what waits for its end has grown too large.
func (d *Decoder) tooLarge() error {
	if waiting := len(d.buf) - d.read; waiting > d.limits.Element {
		d.err = tooMuch(ErrElement, "list", d.Step(), "one element has more than %d bytes", d.limits.Element)
	}
	return d.err
}

// advance does one step. It reports whether e was filled; without progress it leaves the step and the buffer alone.
func (d *Decoder) advance(e *Element) (bool, error) {
	b := d.buf[d.read:]
	switch d.step {
	case stepHead:
		return d.readHead(e, b)
	case stepFirst:
		d.guess(b)
	case stepKeyCount:
		if len(b) > 0 {
			d.left = int(b[0])
			d.schema.keys = make([]Key, 0, d.left)
			d.read++
			d.step = stepKeys
		}
	case stepKeys:
		d.readKeys()
	case stepPopularCount:
		if len(b) > 0 {
			d.left = int(b[0])
			d.schema.popular = make([]string, 0, d.left)
			d.read++
			d.step = stepPopular
		}
	case stepPopular:
		return d.readPopular(e)
	case stepServers:
		return d.readServer(e, b)
	case stepMessages:
		return d.readMessage(e, b)
	case stepErrorText:
		if bytes.Contains(b, []byte{0}) {
			*e = Element{Kind: KindError, Text: cutText(b)}
			d.ignoreRest()
			return true, nil
		}
	}
	return false, nil
}

func (d *Decoder) readHead(e *Element, b []byte) (bool, error) {
	if len(b) < 6 {
		return false, nil
	}
	port, rest := binary.BigEndian.Uint16(b[4:]), b[6:]
	refused := false
	if port == errorPort {
		var sure bool
		if refused, sure = d.announced(rest); !sure {
			return false, nil
		}
	}
	*e = Element{Kind: KindHead, Client: netip.AddrFrom4([4]byte(b)), DefaultPort: port, Refused: refused}
	d.schema.defaultPort = port
	d.read += 6
	switch {
	case refused:
		d.step = stepErrorText
	case d.noList:
		d.step = stepFirst
	default:
		d.step = stepKeyCount
	}
	return true, nil
}

// announced decides whether an error text follows behind errorPort. Masters that put the client's own TCP port there (WFC,
// DWC, Crymp: servers.md §4.1) say the same to a client on port 65535, and send their list.
func (d *Decoder) announced(rest []byte) (refused, sure bool) {
	switch {
	case len(rest) == 0:
		return false, false
	case rest[0] == 0: // the empty text; or nothing much, where there is no list
		return !d.noList, true
	case len(rest) < 2 || rest[1] <= byte(KeyShort) && len(rest) < 3:
		return false, false
	}
	return !beginsKeys(rest), true
}

// beginsKeys reports whether b may be the number of keys and a key. Text has no byte like a key's type at that place.
func beginsKeys(b []byte) bool { return b[0] > 0 && b[1] <= byte(KeyShort) && b[2] >= ' ' }

// guess finds out what follows the head of a reply without list. It should be messages, but Crymp sends the whole list
// all the same, UniSpy servers without a key list, and WFC two zero bytes (servers.md §4.1). The first byte of a message's
// length is at most 16.
func (d *Decoder) guess(b []byte) {
	switch {
	case len(b) == 0:
	case b[0] >= byte(FlagHasRules):
		d.step = stepServers
	case len(b) < messageHead:
	case beginsKeys(b):
		d.step = stepKeyCount
	default:
		d.step = stepMessages
	}
}

func (d *Decoder) readKeys() {
	for d.left > 0 {
		c := cursor{d.buf[d.read:]}
		key, ok := readKey(&c)
		if !ok {
			return
		}
		d.schema.keys = append(d.schema.keys, key)
		d.read = len(d.buf) - len(c.String)
		d.left--
	}
	d.step = stepPopularCount
}

func (d *Decoder) readPopular(e *Element) (bool, error) {
	for d.left > 0 {
		c := cursor{d.buf[d.read:]}
		var value string
		if !c.readText(&value) {
			return false, nil
		}
		if d.size += len(value); d.size > d.limits.Popular {
			return false, tooMuch(ErrPopular, "list", "popular values", "more than %d bytes", d.limits.Popular)
		}
		d.schema.popular = append(d.schema.popular, value)
		d.read = len(d.buf) - len(c.String)
		d.left--
	}
	*e = Element{Kind: KindKeys, Keys: d.schema.keys, Popular: len(d.schema.popular)}
	d.step = stepServers
	return true, nil
}

func (d *Decoder) readServer(e *Element, b []byte) (bool, error) {
	n, result, err := d.schema.readEntry(b, &e.Server, &d.scratch)
	switch {
	case result == malformed:
		return false, err
	case result == incomplete:
		return false, nil
	case n > d.limits.Element:
		return false, tooMuch(ErrElement, serverEntry, "size", "%d bytes, at most %d", n, d.limits.Element)
	case len(e.Server.Values) > d.limits.Element: // popular values cost a master one byte each
		return false, tooMuch(ErrElement, serverEntry, "values", "%d bytes, at most %d", len(e.Server.Values), d.limits.Element)
	}
	d.read += n
	if e.Server.ends() {
		*e = Element{Kind: KindEnd}
		d.step = stepMessages
		return true, nil
	}
	if d.servers++; d.servers > d.limits.Servers {
		return false, tooMuch(ErrServers, "list", "servers", "more than %d", d.limits.Servers)
	}
	e.Kind = KindServer
	return true, nil
}

func (d *Decoder) readMessage(e *Element, b []byte) (bool, error) {
	if len(b) < 2 {
		return false, nil
	}
	length := int(binary.BigEndian.Uint16(b))
	if length < messageHead || length > MaxMessage {
		if d.noList {
			d.ignoreRest() // from a master that does not know the option: nothing was asked of it yet
			return false, nil
		}
		if bytes.HasPrefix(b, []byte(queryError)[:min(len(b), len(queryError))]) {
			return false, nil // a late error, which ends with the connection
		}
		return false, invalid("message", "length", "%d, 3 to %d", length, MaxMessage)
	}
	if len(b) < length {
		return false, nil
	}
	d.read += length
	message, err := d.schema.readMessage(b[2], b[messageHead:length], &d.scratch)
	if err != nil {
		*e = Element{Kind: KindBadMessage, Err: err}
		return true, nil
	}
	if keys, ok := message.(PushKeys); ok {
		d.schema.keys = keys.Keys
	}
	*e = Element{Kind: KindMessage, Message: message}
	return true, nil
}

func (d *Decoder) ignoreRest() {
	d.step, d.buf, d.read = stepNoise, nil, 0
}

// tooMuch is the error that a limit of the decoder makes.
func tooMuch(limit error, message, field, format string, args ...any) error {
	return &Error{Message: message, Field: field, Detail: fmt.Sprintf(format, args...), Err: limit}
}
