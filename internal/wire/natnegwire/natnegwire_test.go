package natnegwire

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
)

var (
	cookie = [4]byte{0xDE, 0xAD, 0xBE, 0xEF}
	addr   = netip.MustParseAddrPort("192.168.7.42:40001")
)

func messages() []Message {
	body := InitBody{Port: PortNN2, ClientIndex: 1, UseGamePort: 1, Addr: addr}
	list := []Message{
		Init{Header: Header{1, TypeInit, cookie}, InitBody: body},
		Init{Header: Header{3, TypeInit, cookie}, InitBody: body, Game: "gmtest"},
		Init{Header: Header{4, TypeInit, cookie}, InitBody: body},
		Report{Header: Header{3, TypeReport, cookie}, Port: PortNN1, ClientIndex: 1, Result: 1, NATType: 5, Mapping: 4, Game: "battlefield2"},
		Report{Header: Header{3, TypeReportAck, cookie}, Result: 1, NATType: 1 << 31, Game: "x"},
		Raw{Header: Header{3, TypeStateUpdate, cookie}, Body: []byte{1, 2, 3}},
		Raw{Header: Header{3, 200, cookie}, Body: []byte("whatever")},
	}
	for _, t := range []Type{TypeInitAck, TypeERTTest, TypeERTAck, TypeConnectAck, TypeAddressCheck, TypeAddressReply, TypeNatifyRequest, TypeReportAck} {
		list = append(list, Exchange{Header: Header{2, t, cookie}, InitBody: body})
	}
	for _, t := range []Type{TypeConnect, TypeConnectPing} {
		list = append(list, Connect{Header: Header{3, t, cookie}, Remote: addr, GotData: 0x42, Finished: 1})
	}
	for _, t := range []Type{TypePreinit, TypePreinitAck} {
		list = append(list, Preinit{Header: Header{4, t, cookie}, ClientIndex: 1, State: PreinitReady, ClientID: 0x01020304})
	}
	return list
}

func TestRoundTripAndTruncation(t *testing.T) {
	for _, m := range messages() {
		b := m.Append(nil)
		got, err := Parse(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: got %#v, %v; want %#v", m.Head().Type, got, err, m)
		}
		if !HasCookie(b, cookie) || HasCookie(b, [4]byte{}) {
			t.Errorf("%s: cookie not recognised", m.Head().Type)
		}
		for n := range b {
			got, err := Parse(b[:n])
			if err == nil && !shortIsFine(m, n) {
				t.Errorf("%s cut to %d bytes: got %#v, want an error", m.Head().Type, n, got)
			}
		}
		for i := range len(b) * 8 {
			flipped := bytes.Clone(b)
			flipped[i/8] ^= 1 << (i % 8)
			if got, err := Parse(flipped); err == nil {
				got.Append(nil)
			}
		}
		long := append(bytes.Clone(b), make([]byte, MaxSize)...)
		if _, err := Parse(long); err != ErrLong {
			t.Errorf("%s of %d bytes: %v", m.Head().Type, len(long), err)
		}
	}
}

// shortIsFine says which cut packets are whole packets: the filled ones are longer than they need to be.
func shortIsFine(m Message, n int) bool {
	switch m.(type) {
	case Raw:
		return n >= HeaderSize
	case Exchange:
		return n >= BodySize
	case Report:
		return m.Head().Type == TypeReportAck && n >= BodySize
	}
	return false
}

func TestNamesAreCut(t *testing.T) {
	long := string(bytes.Repeat([]byte("g"), 300))
	for name, want := range map[string]string{long: long[:MaxGameName], "a\x00b": "a", "": ""} {
		for _, m := range []Message{Init{Header: Header{3, TypeInit, cookie}, Game: name}, Report{Header: Header{3, TypeReport, cookie}, Game: name}} {
			got, err := Parse(m.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			switch got := got.(type) {
			case Init:
				if got.Game != want {
					t.Errorf("INIT %q", got.Game)
				}
			case Report:
				if got.Game != want {
					t.Errorf("REPORT %q", got.Game)
				}
			}
		}
	}
	hostile := append(Init{Header: Header{1, TypeInit, cookie}}.Append(nil), append(bytes.Repeat([]byte("x"), 50), 0)...)
	hostile[6] = 3
	if _, err := Parse(hostile); err == nil {
		t.Error("a name of 50 bytes was taken")
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range messages() {
		f.Add(m.Append(nil))
	}
	f.Add([]byte(Magic))
	f.Add(append([]byte(Magic), make([]byte, 506)...))
	f.Add(append([]byte(Magic), make([]byte, 507)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		// What was understood can be written, and is understood in the same way.
		again, err := Parse(m.Append(nil))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%#v became %#v, %v", m, again, err)
		}
	})
}

func FuzzERTAck(f *testing.F) {
	f.Add(Exchange{Header: Header{3, TypeERTTest, cookie}}.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(AppendERTAck(nil, b)); n != 0 && n != BodySize {
			t.Fatalf("%d bytes", n)
		}
	})
}

func BenchmarkAppendInit(b *testing.B) {
	m := Init{Header: Header{3, TypeInit, cookie}, InitBody: InitBody{Addr: addr}, Game: "gmtest"}
	buf := make([]byte, 0, MaxSize)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.Append(buf[:0])
	}
}

func BenchmarkParseConnect(b *testing.B) {
	packet := Connect{Header: Header{3, TypeConnect, cookie}, Remote: addr}.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(packet); err != nil {
			b.Fatal(err)
		}
	}
}
