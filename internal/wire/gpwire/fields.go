package gpwire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Message is one message of either direction.
type Message interface {
	// Append writes the message with its \final\ behind b.
	Append(b []byte) ([]byte, error)
	// Command is the first key of the message.
	Command() string
}

// mode says how a field is treated.
type mode uint8

const (
	required  mode = 1 << iota // when reading, a missing key is an error
	omitEmpty                  // when writing, the empty text or zero is left out
)

// fields visits the pairs of one message in the order of the SDK, and does to each what is to be done: append it when
// writing, look it up when reading. So each message describes its layout once, for both directions.
type fields struct {
	writing bool
	name    string // of the message, for errors
	out     kv.Builder
	in      []kv.Pair // the pairs behind the command
	value   []byte    // of the command
	err     error

	copy func([]byte) string // of a text that was read; nil: string
}

// integer is every kind of number in a message.
type integer interface {
	~int | ~int32 | ~int64 | ~uint16 | ~uint32
}

// find looks up a key; the first one wins.
func (f *fields) find(key string) (value []byte, ok bool) {
	for i := range f.in {
		if string(f.in[i].Key) == key {
			return f.in[i].Value, true
		}
	}
	return nil, false
}

func (f *fields) fail(key string, err error) {
	if f.err == nil {
		f.err = &FieldError{Message: f.name, Field: key, Err: err}
	}
}

// put writes a pair.
func (f *fields) put(key, value string) {
	f.out.Pair(key, value)
	if err := f.out.Err(); err != nil {
		f.fail(key, err)
	}
}

// command starts the message when writing.
func (f *fields) command(value string) {
	if f.writing {
		f.put(f.name, value)
	}
}

// text visits a text of at most limit bytes; zero is no limit. The limit is that of the original and binds the writer
// only: living servers do not keep to them.
func (f *fields) text(key string, v *string, limit int, m mode) {
	if f.err != nil {
		return
	}
	if f.writing {
		if *v == "" && m&omitEmpty != 0 {
			return
		}
		if limit > 0 && len(*v) > limit {
			f.fail(key, &LimitError{Length: len(*v), Limit: limit})
			return
		}
		f.put(key, *v)
		return
	}
	value, ok := f.find(key)
	if !ok {
		if m&required != 0 {
			f.fail(key, ErrMissing)
		}
		return
	}
	if f.copy != nil {
		*v = f.copy(value)
	} else {
		*v = string(value)
	}
}

// flag visits a key that is only present or absent.
func (f *fields) flag(key, value string, v *bool) {
	if f.err != nil {
		return
	}
	if !f.writing {
		_, *v = f.find(key)
	} else if *v {
		f.put(key, value)
	}
}

// number visits a decimal number. When reading, a missing or empty value leaves it as it is.
func number[T integer](f *fields, key string, v *T, m mode) {
	if f.err != nil {
		return
	}
	if f.writing {
		if *v != 0 || m&omitEmpty == 0 {
			f.put(key, strconv.FormatInt(int64(*v), 10))
		}
		return
	}
	value, ok := f.find(key)
	if !ok {
		if m&required != 0 {
			f.fail(key, ErrMissing)
		}
		return
	}
	n, err := parseNumber[T](value)
	if err != nil {
		f.fail(key, err)
		return
	}
	*v = n
}

// numberOr is number for a key that is left out when it has its default, and that has it when it is missing.
func numberOr[T integer](f *fields, key string, v *T, missing T) {
	if f.writing {
		if *v != missing {
			number(f, key, v, 0)
		}
		return
	}
	*v = missing
	number(f, key, v, 0)
}

// parseNumber reads a decimal number that must fit. The empty text is zero, as it is to the SDK.
func parseNumber[T integer](value []byte) (T, error) {
	if len(value) == 0 {
		return 0, nil
	}
	negative := value[0] == '-'
	digits := value
	if negative || value[0] == '+' {
		digits = value[1:]
	}
	var n int64
	if len(digits) == 0 || len(digits) > 18 {
		return 0, ErrNotNumber
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, ErrNotNumber
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	if result := T(n); int64(result) == n {
		return result, nil
	}
	return 0, ErrNotNumber
}

// address visits an IPv4 address as the decimal value of its 32 bits. It is written unsigned and read signed or
// unsigned; zero is the invalid Addr (spec gp.md §6.3).
func (f *fields) address(key string, v *netip.Addr, m mode) {
	if f.err != nil {
		return
	}
	if f.writing {
		if v.IsValid() || m&omitEmpty == 0 {
			f.put(key, formatAddress(*v))
		}
		return
	}
	value, ok := f.find(key)
	if !ok {
		if m&required != 0 {
			f.fail(key, ErrMissing)
		}
		return
	}
	addr, err := parseAddress(value)
	if err != nil {
		f.fail(key, err)
		return
	}
	*v = addr
}

func formatAddress(addr netip.Addr) string {
	addr = addr.Unmap()
	if !addr.Is4() {
		return "0"
	}
	b := addr.As4()
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(b[:])), 10)
}

func parseAddress(value []byte) (netip.Addr, error) {
	n, err := parseNumber[int64](value)
	if err != nil {
		return netip.Addr{}, err
	}
	if n < -(1<<31) || n >= 1<<32 {
		return netip.Addr{}, ErrNotNumber
	}
	if n == 0 {
		return netip.Addr{}, nil
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n))
	return netip.AddrFrom4(b), nil
}

// idList visits a list of ids, separated by one character. The list is bounded by the message that holds it.
func idList[T integer](f *fields, key, separator string, v *[]T, m mode) {
	if f.err != nil {
		return
	}
	if f.writing {
		if len(*v) > 0 || m&omitEmpty == 0 {
			f.put(key, joinIDs(*v, separator))
		}
		return
	}
	value, ok := f.find(key)
	if !ok {
		if m&required != 0 {
			f.fail(key, ErrMissing)
		}
		return
	}
	list, err := splitIDs[T](string(value), separator)
	if err != nil {
		f.fail(key, err)
		return
	}
	*v = list
}

func joinIDs[T integer](list []T, separator string) string {
	var b strings.Builder
	for i, id := range list {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(strconv.FormatInt(int64(id), 10))
	}
	return b.String()
}

// splitIDs skips empty entries, since a list may end with its separator.
func splitIDs[T integer](value, separator string) ([]T, error) {
	var list []T
	for text := range strings.SplitSeq(value, separator) {
		if text == "" {
			continue
		}
		id, err := parseNumber[T]([]byte(text))
		if err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, nil
}

// write runs a description to append a message.
func write(b []byte, name string, describe func(*fields)) ([]byte, error) {
	f := fields{writing: true, name: name, out: kv.Build(b)}
	describe(&f)
	if f.err != nil {
		return b, f.err
	}
	return f.out.Final()
}
