package cdkeywire

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

const (
	hash     = "255fa836dc78d5f572318ed9c5497c2e"
	response = hash + "7cf7b46d" + "e33ad39179b8945efa0bc1dbb36d62c2"
)

// all has every message with the text that the original writes for it.
var all = []struct {
	text    string
	message Message
}{
	{`\auth\\pid\10\ch\zzzz\resp\` + response + `\ip\-16777217\skey\10995\reqproof\1\`,
		Auth{Product: 10, Challenge: "zzzz", Response: response, IP: netip.MustParseAddr("255.255.255.254"), Session: 10995}},
	{`\uok\\cd\` + hash + `\skey\13396`, Accepted{hash, 13396}},
	{`\unok\\cd\` + hash + `\skey\1\errmsg\Invalid CD Key`, Rejected{hash, 1, "Invalid CD Key"}},
	{`\disc\\pid\12\cd\` + hash + `\ip\67305985`, Disconnect{12, hash, netip.MustParseAddr("1.2.3.4")}},
	{`\ka\`, KeepAlive{}},
	{`\ison\\cd\` + hash + `\skey\5001\pch\proof`, IsOnline{hash, 5001, "proof"}},
	{`\ison\\cd\` + hash + `\skey\6000`, IsOnline{hash, 6000, ""}},
	{`\uon\\skey\5001\seed\owatagusiam\proof\0`, Online{5001, NoProofYet}},
	{`\uon\\skey\5001\seed\\proof\` + response, Online{5001, response}},
	{`\uoff\\skey\7000`, Offline{7000}},
	{`\ucount\`, CountRequest{First: true}},
	{`\ucount\\pid\99`, CountRequest{Product: 99}},
	{`\ucount\3`, Count{3}},
}

func TestMessages(t *testing.T) {
	for _, test := range all {
		wire, err := Append([]byte("before"), test.message)
		if err != nil {
			t.Fatalf("%s: %v", test.text, err)
		}
		wire = wire[len("before"):]
		if name := Name(test.message); !strings.HasPrefix(test.text, `\`+name+`\`) {
			t.Errorf("%s is named %q", test.text, name)
		}
		if !Is(wire) {
			t.Errorf("%s: not recognised", test.text)
		}
		if got, err := Parse(wire); err != nil || got != test.message {
			t.Errorf("%s: reads as %#v, %v", test.text, got, err)
		}
		XOR(wire)
		if string(wire) != test.text {
			t.Errorf("%#v is written %s, want %s", test.message, wire, test.text)
		}
	}
}

// A message that was cut at any byte is an error, or a message in its own right; it never reads beyond.
func TestTruncated(t *testing.T) {
	for _, test := range all {
		for n := range len(test.text) {
			got, err := ParseText([]byte(test.text[:n]))
			if err == nil && got == nil || err != nil && got != nil {
				t.Fatalf("%s: %#v and %v", test.text[:n], got, err)
			}
			if n < strings.IndexByte(test.text[1:], '\\')+2 && err == nil {
				t.Errorf("%s: no whole command, and no error", test.text[:n])
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		text string
		want error
	}{
		{``, ErrMalformed},
		{`\`, ErrMalformed},
		{`\\`, ErrMalformed},
		{`ucount\`, ErrMalformed},
		{`\ucount`, ErrMalformed},
		{"\\ucou\x00nt\\", ErrMalformed},
		{`\` + strings.Repeat("x", 32) + `\`, ErrMalformed},
		{`\` + strings.Repeat("x", 31) + `\`, ErrUnknown},
		{`\uok\\cd\` + hash, ErrMalformed},
		{`\uok\\skey\1`, ErrMalformed},
		{`\uok\\cd\x\skey\abc`, ErrMalformed},
		{`\uok\\cd\x\skey\99999999999999999999`, ErrMalformed},
		{`\unok\\skey\1\errmsg\x`, ErrMalformed},
		{`\ison\\skey\1`, ErrMalformed},
		{`\uon\\skey\1`, ErrMalformed},
		{`\uoff\`, ErrMalformed},
		{`\ucount\-1`, ErrMalformed},
		{`\ucount\4294967296`, ErrMalformed},
		{`\ucount\\pid\4294967296`, ErrMalformed},
		{`\disc\\pid\1\cd\x\ip\4294967296`, ErrMalformed},
	} {
		if message, err := ParseText([]byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%q: %#v, %v", test.text, message, err)
		}
	}
	if _, err := Parse(make([]byte, MaxDatagram+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long datagram: %v", err)
	}
}

// The order of the pairs does not matter, unknown ones are skipped, and values end after 200 characters, as in the original.
func TestTolerated(t *testing.T) {
	got, err := ParseText([]byte(`\uok\\new\x\skey\2845\cd\` + hash))
	if err != nil || got != (Accepted{hash, 2845}) {
		t.Errorf("%#v, %v", got, err)
	}
	got, err = ParseText([]byte(`\unok\\cd\x\skey\1\errmsg\` + strings.Repeat("y", 300)))
	if err != nil || got != (Rejected{"x", 1, strings.Repeat("y", 200)}) {
		t.Errorf("%#v, %v", got, err)
	}
	got, err = ParseText([]byte(`\disc\\pid\1\cd\x\ip\4278190079`))
	if err != nil || got != (Disconnect{1, "x", netip.MustParseAddr("255.255.255.254")}) {
		t.Errorf("%#v, %v", got, err)
	}
}

func TestCannotBeWritten(t *testing.T) {
	for _, m := range []Message{
		Auth{Challenge: `x\skey\1`, Response: response},
		Auth{Challenge: "x\x00", Response: response},
		Auth{Challenge: strings.Repeat("x", MaxRequest), Response: response},
		Rejected{Text: strings.Repeat("x", MaxDatagram)},
		Accepted{KeyHash: `\`},
	} {
		if b, err := Append([]byte("before"), m); err == nil || string(b) != "before" {
			t.Errorf("%#v: %q, %v", m, b, err)
		}
	}
}

// The limits are the original's buffers: 511 bytes of a question, 1023 of anything else, one byte more is refused.
func TestLimits(t *testing.T) {
	fits := func(m Message, want int) {
		t.Helper()
		b, err := Append(nil, m)
		if err != nil || len(b) != want {
			t.Errorf("%d bytes, %v; want %d", len(b), err, want)
		}
		if _, err := Parse(b); err != nil {
			t.Errorf("%d bytes are not read: %v", len(b), err)
		}
	}
	auth := Auth{Response: response}
	empty, _ := Append(nil, auth)
	auth.Challenge = strings.Repeat("x", MaxRequest-len(empty))
	fits(auth, MaxRequest)
	auth.Challenge += "x"
	if _, err := Append(nil, auth); !errors.Is(err, ErrTooLong) {
		t.Errorf("%d bytes of a question: %v", MaxRequest+1, err)
	}
	rejected := Rejected{KeyHash: hash}
	empty, _ = Append(nil, rejected)
	rejected.Text = strings.Repeat("x", MaxDatagram-len(empty))
	fits(rejected, MaxDatagram)
	rejected.Text += "x"
	if _, err := Append(nil, rejected); !errors.Is(err, ErrTooLong) {
		t.Errorf("%d bytes of an answer: %v", MaxDatagram+1, err)
	}
}

// What a stranger's datagram costs: nothing but what is kept of it.
func TestParseAllocatesWhatItReturns(t *testing.T) {
	for _, test := range all {
		wire, err := Append(nil, test.message)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = Parse(wire) }); n > 3 { // Auth: the message and two texts
			t.Errorf("%s: %v allocations", test.text, n)
		}
	}
}

// A trailing backslash and unread memory: what is parsed does not keep the caller's bytes.
func TestParseKeepsNothing(t *testing.T) {
	wire, _ := Append(nil, Rejected{hash, 1, "text"})
	before := bytes.Clone(wire)
	got, err := Parse(wire)
	if err != nil || !bytes.Equal(wire, before) {
		t.Fatalf("the datagram was changed, or %v", err)
	}
	clear(wire)
	if got != (Rejected{hash, 1, "text"}) {
		t.Errorf("%#v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, test := range all {
		f.Add([]byte(test.text))
	}
	f.Add([]byte(`\auth\\pid\-2147483648\ch\\resp\\ip\-2147483648\skey\-9223372036854775808`))
	f.Add([]byte(`\ison\\cd\` + strings.Repeat("x", 300)))
	f.Fuzz(func(t *testing.T, text []byte) {
		wire := bytes.Clone(text)
		XOR(wire)
		message, err := Parse(wire)
		if err != nil {
			return
		}
		again, err := Append(nil, message)
		if err != nil {
			if errors.Is(err, ErrTooLong) {
				return
			}
			t.Fatalf("%q became %#v: %v", text, message, err)
		}
		if got, err := Parse(again); err != nil || got != message {
			t.Fatalf("%#v became %#v, %v", message, got, err)
		}
	})
}

func BenchmarkAppendAuth(b *testing.B) {
	m := all[0].message
	buf := make([]byte, 0, MaxRequest)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = Append(buf[:0], m)
	}
}

func BenchmarkParseAccepted(b *testing.B) {
	wire, _ := Append(nil, Accepted{hash, 13396})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(wire); err != nil {
			b.Fatal(err)
		}
	}
}
