package cdkeywire

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// fields reads the values of a message and remembers the first mistake. It points to that: were it inside, the compiler would
// take the text for a part of the error that is returned, and move the buffer of every message to the heap.
type fields struct {
	text []byte
	err  *error
}

// message reads the message of a command.
func (f *fields) message(command []byte) Message {
	switch string(command) {
	case "auth":
		proof, _ := f.find("reqproof")
		return Auth{
			Product: f.product(), Challenge: f.value("ch"), Response: f.value("resp"), IP: f.ip(),
			Session: f.number("skey"), NoProof: string(proof) != "1",
		}
	case "uok":
		return Accepted{KeyHash: f.value("cd"), Session: f.number("skey")}
	case "unok":
		text, _ := f.find("errmsg")
		return Rejected{KeyHash: f.value("cd"), Session: f.number("skey"), Text: string(text)}
	case "disc":
		return Disconnect{Product: f.product(), KeyHash: f.value("cd"), IP: f.ip()}
	case "ka":
		return KeepAlive{}
	case "ison":
		challenge, _ := f.find("pch")
		return IsOnline{KeyHash: f.value("cd"), Session: f.number("skey"), Challenge: string(challenge)}
	case "uon":
		return Online{Session: f.number("skey"), Proof: f.value("proof")}
	case "uoff":
		return Offline{Session: f.number("skey")}
	case "ucount":
		return f.count()
	}
	f.fail(fmt.Errorf("%w %q", ErrUnknown, string(command)))
	return nil
}

// count tells the question from the answer: both have the same name.
func (f *fields) count() Message {
	if product, ok := f.find("pid"); ok && len(product) > 0 {
		return CountRequest{Product: f.product()}
	}
	players, _ := f.find("ucount")
	if len(players) == 0 {
		return CountRequest{First: true}
	}
	n := f.number("ucount")
	if n < 0 || n > math.MaxInt32 {
		f.fail(fmt.Errorf("%w: %d players", ErrMalformed, n))
	}
	return Count{Players: int(n)}
}

func (f *fields) fail(err error) {
	if *f.err == nil {
		*f.err = err
	}
}

func (f *fields) find(key string) (value []byte, ok bool) {
	value, ok = kv.Get(f.text, key)
	return value[:min(len(value), maxValue)], ok
}

func (f *fields) need(key string) []byte {
	value, ok := f.find(key)
	if !ok {
		f.fail(fmt.Errorf("%w: no %q", ErrMalformed, key))
	}
	return value
}

func (f *fields) value(key string) string { return string(f.need(key)) }

func (f *fields) number(key string) int64 {
	n, err := strconv.ParseInt(string(f.need(key)), 10, 64)
	if err != nil {
		f.fail(fmt.Errorf("%w: %q is not a number", ErrMalformed, key))
	}
	return n
}

func (f *fields) product() int {
	n := f.number("pid")
	if n < math.MinInt32 || n > math.MaxInt32 {
		f.fail(fmt.Errorf("%w: product %d", ErrMalformed, n))
	}
	return int(n)
}

// ip reads an address: the number is the signed one of a little-endian machine, and servers may print it unsigned.
func (f *fields) ip() netip.Addr {
	n := f.number("ip")
	if n < math.MinInt32 || n > math.MaxUint32 {
		f.fail(fmt.Errorf("%w: address %d", ErrMalformed, n))
	}
	if n == 0 {
		return netip.Addr{}
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(n))
	return netip.AddrFrom4(b)
}

// ipNumber is how the original prints an address: as the bytes lie in the memory of an x86.
func ipNumber(addr netip.Addr) int64 {
	if addr = addr.Unmap(); !addr.Is4() {
		return 0
	}
	b := addr.As4()
	return int64(int32(binary.LittleEndian.Uint32(b[:])))
}
