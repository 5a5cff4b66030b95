package rfc5780

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/relight-sdk/relight/natneg"
)

// What a server of RFC 5780 answers: message type, length, magic cookie and transaction; XOR-MAPPED-ADDRESS; OTHER-ADDRESS.
const success = "0101 0018 2112a442 000102030405060708090a0b" +
	"0020 0008 0001 3844 3506b049" + // 20.20.20.11, port 6486, each xor the magic cookie
	"802c 0008 0001 0d97 1414146f" // 20.20.20.111, port 3479

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	from := netip.MustParseAddrPort("20.20.20.110:3478")
	b := bytesOf(t, success)
	a, err := parse(b, from)
	if err != nil || a.mapped != netip.MustParseAddrPort("20.20.20.11:6486") || a.other != netip.MustParseAddrPort("20.20.20.111:3479") || a.from != from || a.own {
		t.Errorf("%v, %+v", err, a)
	}
	for n := range b {
		if _, err := parse(b[:n], from); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(b))
		}
	}
	request, err := bindingRequest(a.id, changeIP|changePort)
	if err != nil || hex.EncodeToString(request) != "000100082112a442000102030405060708090a0b0003000400000006" {
		t.Errorf("%v, %x", err, request)
	}
	if a, err := parse(request, from); err != nil || !a.own {
		t.Errorf("%v, %+v", err, a)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(bytesOf(f, success))
	f.Add(bytesOf(f, "0111 000c 2112a442 000102030405060708090a0b 0009 0008 00000400 42616421"))
	f.Add(bytesOf(f, "0111 000c 2112a442 000102030405060708090a0b 0009 0008 00000000 42616421")) // error 0
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parse(b, netip.AddrPort{}); err == nil && !a.own && a.code == 0 && !a.mapped.IsValid() {
			t.Fatalf("%+v", a)
		}
	})
}

func TestViews(t *testing.T) {
	seen := func(pairs ...string) (views []view) {
		for i := 0; i < len(pairs); i += 2 {
			views = append(views, view{netip.MustParseAddrPort(pairs[i]), netip.MustParseAddrPort(pairs[i+1]), time.Time{}})
		}
		return views
	}
	const a1, b1, b2, a2 = "20.0.0.1:1", "20.0.0.2:1", "20.0.0.2:2", "20.0.0.1:2"
	for _, test := range []struct {
		name  string
		views []view
		want  natneg.Dependency
		step  int
	}{
		{"none", nil, natneg.DependencyUnknown, 0},
		{"one", seen(a1, "9.9.9.9:5"), natneg.DependencyUnknown, 0},
		{"one address", seen(a1, "9.9.9.9:5", a2, "9.9.9.9:5"), natneg.DependencyUnknown, 0},
		{"two addresses", seen(a1, "9.9.9.9:5", b1, "9.9.9.9:5"), natneg.EndpointIndependent, 0},
		{"by address", seen(a1, "9.9.9.9:5", b1, "9.9.9.9:6", b2, "9.9.9.9:6", a2, "9.9.9.9:5"), natneg.AddressDependent, 0},
		{"one of the two", seen(a1, "9.9.9.9:5", b1, "9.9.9.9:7"), natneg.AddressAndPortDependent, 0},
		{"counting", seen(a1, "9.9.9.9:5", b1, "9.9.9.9:7", b2, "9.9.9.9:9", a2, "9.9.9.9:11"), natneg.AddressAndPortDependent, 2},
		{"counting down", seen(a1, "9.9.9.9:500", b1, "9.9.9.9:499", b2, "9.9.9.9:498"), natneg.AddressAndPortDependent, -1},
		{"far apart", seen(a1, "9.9.9.9:5", b1, "9.9.9.9:105", b2, "9.9.9.9:205"), natneg.AddressAndPortDependent, 0},
		{"another address", seen(a1, "9.9.9.9:5", b1, "9.9.9.8:5", b2, "9.9.9.7:5"), natneg.AddressAndPortDependent, 0},
	} {
		mapping := dependency(test.views)
		if got := step(test.views, mapping); mapping != test.want || got != test.step {
			t.Errorf("%s: %v, step %d", test.name, mapping, got)
		}
	}
}
