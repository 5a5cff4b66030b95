package pcpwire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// bytesOf reads hexadecimal digits; what follows a "//" in a line is a comment.
func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "//")
		digits.WriteString(strings.Join(strings.Fields(code), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const mapRequest = `
	02 01 0000                          // version 2, MAP
	00000078                            // 120 s
	0000000000000000 0000ffff c0a8010b  // 192.168.1.11
	0102030405060708090a0b0c            // nonce
	11 000000                           // UDP
	1964 1964                           // inside 6500, outside please 6500
	0000000000000000 0000ffff 00000000  // any address
	02 00 0000                          // PREFER_FAILURE
`

const mapResponse = `
	02 81 00 00                         // version 2, answer to MAP, success
	00000078                            // 120 s
	00000e10                            // the server runs for an hour
	000000000000000000000000
	0102030405060708090a0b0c            // nonce
	11 000000                           // UDP
	1964 1965                           // inside 6500, outside 6501
	0000000000000000 0000ffff 1414140b  // 20.20.20.11
`

var theNonce = Nonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}

func TestMapRequest(t *testing.T) {
	want := Request{
		Opcode: MAP, Lifetime: 120, Client: netip.MustParseAddr("192.168.1.11"),
		Mapping: Mapping{Nonce: theNonce, Transport: UDP, Internal: 6500, External: netip.MustParseAddrPort("0.0.0.0:6500")},
		Options: []Option{{Code: PreferFailure}},
	}
	got, err := ParseRequest(bytesOf(t, mapRequest))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %+v", err, got)
	}
	if b, err := want.Append([]byte("x")); err != nil || !bytes.Equal(b[1:], bytesOf(t, mapRequest)) {
		t.Errorf("%v, %x", err, b)
	}
}

func TestMapResponse(t *testing.T) {
	want := Response{
		Opcode: MAP, Lifetime: 120, Epoch: 3600,
		Mapping: Mapping{Nonce: theNonce, Transport: UDP, Internal: 6500, External: netip.MustParseAddrPort("20.20.20.11:6501")},
	}
	got, err := ParseResponse(bytesOf(t, mapResponse))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %+v", err, got)
	}
	if b, err := want.Append(nil); err != nil || !bytes.Equal(b, bytesOf(t, mapResponse)) {
		t.Errorf("%v, %x", err, b)
	}
}

// What miniupnpd multicasts when it has started (spec portmap.md §3).
func TestAnnouncement(t *testing.T) {
	got, err := ParseResponse(bytesOf(t, "02 80 00 00 00000000 00000005 000000000000000000000000"))
	if err != nil || got.Opcode != Announce || got.Epoch != 5 {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestRefusal(t *testing.T) {
	header := bytesOf(t, mapResponse)[:headerSize]
	header[3] = byte(NotAuthorized)
	got, err := ParseResponse(header)
	if err != nil || got.Result != NotAuthorized {
		t.Errorf("a refusal without a body: %v, %+v", err, got)
	}
	header[3] = 0
	if _, err := ParseResponse(header); !errors.Is(err, ErrSize) {
		t.Errorf("a success without a body: %v", err)
	}
}

func TestTruncated(t *testing.T) {
	request, response := bytesOf(t, mapRequest), bytesOf(t, mapResponse)
	for n := range request {
		if n == headerSize+mappingSize {
			continue // whole, without its option
		}
		if _, err := ParseRequest(request[:n]); err == nil {
			t.Errorf("a request of %d bytes is accepted", n)
		}
	}
	for n := range response {
		if _, err := ParseResponse(response[:n]); err == nil {
			t.Errorf("an answer of %d bytes is accepted", n)
		}
	}
}

func TestRefused(t *testing.T) {
	change := func(text string, at int, value byte) []byte {
		b := bytesOf(t, text)
		b[at] = value
		return b
	}
	if _, err := ParseRequest(change(mapRequest, 0, 0)); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	if _, err := ParseRequest(change(mapRequest, 1, 0x81)); !errors.Is(err, ErrNotAsked) {
		t.Error(err)
	}
	if _, err := ParseRequest(change(mapRequest, 1, 2)); !errors.Is(err, ErrOpcode) {
		t.Error(err)
	}
	if _, err := ParseRequest(change(mapRequest, headerSize+mappingSize+3, 4)); !errors.Is(err, ErrOption) {
		t.Error(err)
	}
	if _, err := ParseResponse(change(mapResponse, 1, 1)); !errors.Is(err, ErrNotAsked) {
		t.Error(err)
	}
	// A router that speaks NAT-PMP only answers in its own way.
	if _, err := ParseResponse(bytesOf(t, "00 81 0001 00000000")); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	if _, err := ParseResponse(make([]byte, MaxSize+4)); err == nil {
		t.Error("an oversize answer is accepted")
	}
	if _, err := (Request{Options: []Option{{Data: make([]byte, MaxSize)}}}).Append(nil); !errors.Is(err, ErrSize) {
		t.Error(err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(bytesOf(f, mapRequest))
	f.Add(bytesOf(f, mapRequest)[:headerSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			return
		}
		written, err := r.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseRequest(written); err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%v: %+v became %+v", err, r, again)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add(bytesOf(f, mapResponse))
	f.Add(bytesOf(f, mapResponse)[:headerSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseResponse(b)
		if err != nil || r.Opcode != MAP && r.Opcode != Announce || r.Opcode == MAP && r.Result != Success {
			return // of these only the header is told
		}
		written, err := r.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseResponse(written); err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%v: %+v became %+v", err, r, again)
		}
	})
}
