package sbwire

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// sample is a list with a bit of everything, and messages behind it.
func sample(t testing.TB) []byte {
	t.Helper()
	var e Encoder
	b := e.Head(nil, netip.MustParseAddr("1.2.3.4"), 6500)
	b, err := e.Keys(b, []Key{{KeyString, "hostname"}, {KeyByte, "numplayers"}, {KeyShort, "hostport"}}, []string{"dm", "ctf"})
	must(t, err)
	for _, server := range []Entry{
		{Flags: FlagDirect, Addr: netip.MustParseAddrPort("5.6.7.8:6500")},
		{Flags: 0x7F, Addr: netip.MustParseAddrPort("5.6.7.9:6501"), Private: netip.MustParseAddrPort("10.0.0.1:6502"),
			ICMP: netip.MustParseAddr("9.9.9.9"), Values: MakeValues("a server", "12", "7777")},
		{Flags: 0xC1, Addr: netip.MustParseAddrPort("5.6.7.10:6500"), Values: MakeValues("dm", "255", "65535"),
			Rules: []Rule{{"mapname", "x"}, {"empty", ""}}},
	} {
		b, err = e.Server(b, &server)
		must(t, err)
	}
	b = e.End(b)
	for _, m := range []Message{
		PushKeys{[]Key{{KeyString, "mapname"}}},
		PushServer{Entry{Flags: FlagHasKeys, Addr: netip.MustParseAddrPort("5.6.7.8:6500"), Values: MakeValues("m")}},
		KeepAlive{[]byte{1, 2, 3}},
		DeleteServer{netip.MustParseAddrPort("5.6.7.8:6500")},
		MapLoop{netip.MustParseAddrPort("5.6.7.8:6500"), time.Unix(1234, 0), []string{"a", "b"}},
		PlayerSearch{true, []PlayerResult{{"ann", netip.MustParseAddrPort("5.6.7.8:6500"), time.Unix(9, 0), "gmtest"}}},
		UnknownMessage{77, []byte("?")},
	} {
		b, err = e.Message(b, m)
		must(t, err)
	}
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// decode gives everything that a decoder says of b, pushed in pieces of that size.
func decode(b []byte, noList bool, limits Limits, piece int) (all []Element, err error) {
	d := NewDecoder(limits, noList)
	for {
		var e Element
		more, err := d.Next(&e)
		if err != nil {
			return all, err
		}
		if more {
			e.Server.Keys = nil
			if e.Kind == KindServer || len(all) < 10_000 {
				all = append(all, e)
			}
			continue
		}
		if len(b) == 0 {
			more, err := d.Close(&e)
			if more {
				all = append(all, e)
			}
			return all, err
		}
		n := min(piece, len(b))
		d.Push(b[:n])
		b = b[n:]
	}
}

func FuzzDecoder(f *testing.F) {
	whole := sample(f)
	f.Add(whole, false, 1)
	f.Add(whole[:len(whole)-5], false, 7)
	f.Add([]byte("\x01\x02\x03\x04\xff\xffQuery Error: gamename not known\x00"), false, 3)
	f.Add([]byte("\x01\x02\x03\x04\x19\x64\x00\x00"), true, 2)
	f.Add([]byte("\x01\x02\x03\x04\x19\x64\xff\xff"), false, 2)
	f.Add([]byte("\x01\x02\x03\x04\xff\xff\x01\x00k\x00\x00\x00\xff\xff\xff\xff"), false, 1)
	f.Add([]byte("\x01\x02\x03\x04\xff\xff\x00\x00"), true, 1)
	f.Add([]byte("\x01\x02\x03\x04\x19\x64\x00\x00\x40\x01\x01\x01\x01\x00\x00\x00\x00\x00"), false, 2)
	f.Fuzz(func(t *testing.T, b []byte, noList bool, piece int) {
		limits := Limits{Element: 512, Popular: 1024, Servers: 100}
		atOnce, errAtOnce := decode(b, noList, limits, len(b)+1)
		if piece < 1 {
			piece = 1
		}
		inPieces, errInPieces := decode(b, noList, limits, piece)
		// The limit of one element depends on how much of it waits, so only agreement without it can be asked for.
		if errors.Is(errAtOnce, ErrLimit) || errors.Is(errInPieces, ErrLimit) {
			return
		}
		if (errAtOnce == nil) != (errInPieces == nil) || !reflect.DeepEqual(atOnce, inPieces) {
			t.Fatalf("at once %v %v\nin pieces %v %v", atOnce, errAtOnce, inPieces, errInPieces)
		}
	})
}

// Port 0xFFFF in the head: what follows decides whether that is an error (servers.md §4.1).
func TestErrorPort(t *testing.T) {
	for _, test := range []struct {
		rest   string
		noList bool
		kinds  []Kind
		text   string
	}{
		{"Query Error: no\x00", false, []Kind{KindHead, KindError}, "no"},
		{"Query Error: no\x00", true, []Kind{KindHead, KindError}, "no"},
		{"no", false, []Kind{KindHead, KindError}, "no"},
		{"n", false, []Kind{KindError}, "n"},
		{"n\x00", false, []Kind{KindError}, "n"},
		{"", false, []Kind{KindError}, ""},
		{"\x00", false, []Kind{KindHead, KindError}, ""},
		{"\x01\x00k\x00\x00\x00\xff\xff\xff\xff", false, []Kind{KindHead, KindKeys, KindEnd}, ""},
		{"\x28\x02k", false, []Kind{KindHead}, ""},
		{"\x00\x00", true, []Kind{KindHead}, ""},                                                 // WFC
		{"\x01\x00k\x00\x00\x00\xff\xff\xff\xff", true, []Kind{KindHead, KindKeys, KindEnd}, ""}, // Crymp
	} {
		for _, piece := range []int{1, 100} {
			all, _ := decode([]byte("\x01\x02\x03\x04\xff\xff"+test.rest), test.noList, Limits{}, piece)
			var kinds []Kind
			for _, e := range all {
				kinds = append(kinds, e.Kind)
				if e.Kind == KindHead && e.Refused != (test.kinds[len(test.kinds)-1] == KindError) {
					t.Errorf("%q: refused %v", test.rest, e.Refused)
				}
				if e.Kind == KindError && e.Text != test.text {
					t.Errorf("%q: text %q", test.rest, e.Text)
				}
			}
			if !reflect.DeepEqual(kinds, test.kinds) {
				t.Errorf("%q: %v, want %v", test.rest, kinds, test.kinds)
			}
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	list, err := ListRequest{QueryFor: "gmtest", QueryFrom: "gmtest", Filter: "numplayers > 1", Fields: []string{"hostname"},
		Options: OptionLimit | OptionSourceIP, SourceIP: netip.MustParseAddr("1.2.3.4"), MaxServers: 9}.Append(nil)
	must(f, err)
	f.Add(list)
	addr := netip.MustParseAddrPort("1.2.3.4:5")
	for _, r := range []Request{InfoRequest{addr}, SendMessage{addr, []byte("x")}, KeepAlive{[]byte("abc")},
		MapLoopRequest{addr}, PlayerSearchRequest{SearchAllGames, 5, "ann"}} {
		b, err := r.Append(nil)
		must(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			return
		}
		out, err := r.Append(nil)
		if err != nil {
			return // over a limit that only writers keep
		}
		again, err := ParseRequest(out)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("%#v became %#v, %v", r, again, err)
		}
	})
}

func FuzzParseCryptHeader(f *testing.F) {
	h, err := CryptHeader{Random: []byte{0, 0, 1, 2}, Challenge: []byte("challenge"), Flags: FlagQueryChallenge}.Append(nil)
	must(f, err)
	f.Add(h)
	f.Add([]byte{0xEC, 0xEA, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n := ParseCryptHeader(b)
		if n == 0 {
			return
		}
		if again, m := ParseCryptHeader(b[:n]); m != 0 && (m != n || !bytes.Equal(again.Challenge, h.Challenge)) {
			t.Fatalf("%d bytes, then %d", n, m)
		}
	})
}

func TestEveryTruncationIsNoticed(t *testing.T) {
	whole := sample(t)
	all, err := decode(whole, false, Limits{}, 1)
	if len(all) != 13 {
		t.Fatalf("%d elements: %v, %v", len(all), all, err)
	}
	again, _ := decode(whole, false, Limits{}, len(whole))
	if !reflect.DeepEqual(all, again) {
		t.Fatalf("segments matter: %v\n%v", all, again)
	}
	for n := range whole {
		some, err := decode(whole[:n], false, Limits{}, 16)
		if err == nil {
			t.Fatalf("%d bytes: no error", n)
		}
		if len(some) > 0 && !reflect.DeepEqual(all[:len(some)], some) {
			t.Fatalf("%d bytes: %v", n, some)
		}
	}
	for i := range whole {
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			_, _ = decode(flipped, false, Limits{}, 64)
		}
	}
}

// list10000 is the list of the figures: 10,000 servers, six keys or none.
func list10000(t testing.TB, withKeys bool) []byte {
	var e Encoder
	b := e.Head(nil, netip.MustParseAddr("1.2.3.4"), 6500)
	var keys []Key
	var popular []string
	if withKeys {
		keys = []Key{{KeyString, "hostname"}, {KeyByte, "numplayers"}, {KeyByte, "maxplayers"}, {KeyString, "mapname"},
			{KeyString, "gametype"}, {KeyShort, "hostport"}}
		popular = []string{"dm", "ctf", "tdm", "koth", "dm_bay", "dm_town", "ctf_two", "ctf_face", "as_castle", "br_sky"}
	}
	b, err := e.Keys(b, keys, popular)
	must(t, err)
	for i := range 10_000 {
		server := Entry{Flags: FlagDirect, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{5, 6, byte(i >> 8), byte(i)}), uint16(7000+i%1000))}
		if i%4 == 0 {
			server.Flags |= FlagPrivateIP | FlagPrivatePort
			server.Private = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 0, byte(i)}), 7000)
		}
		if i%2 == 1 {
			server.Flags |= FlagPublicPort
		}
		if withKeys {
			server.Flags |= FlagHasKeys
			server.Values = MakeValues("the server with the number "+string(rune('a'+i%26)), "12", "32", popular[4+i%6], popular[i%4], "7777")
		}
		b, err = e.Server(b, &server)
		must(t, err)
	}
	return e.End(b)
}

func benchmarkDecoder(b *testing.B, withKeys bool) {
	body := list10000(b, withKeys)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		d := NewDecoder(Limits{}, false)
		servers := 0
		var e Element
		for start := 0; start < len(body); start += 4096 {
			d.Push(body[start:min(start+4096, len(body))])
			for {
				more, err := d.Next(&e)
				if err != nil {
					b.Fatal(err)
				}
				if !more {
					break
				}
				if e.Kind == KindServer {
					servers++
				}
			}
		}
		if servers != 10_000 {
			b.Fatal(servers)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "servers/s")
}

func BenchmarkDecoder6Keys(b *testing.B)  { benchmarkDecoder(b, true) }
func BenchmarkDecoderNoKeys(b *testing.B) { benchmarkDecoder(b, false) }
