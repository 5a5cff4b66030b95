package sb1wire

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

func TestGreeting(t *testing.T) {
	for _, test := range []struct {
		name, greeting, want string
		whole                bool // only all of it will do
	}{
		{"openspy-core, 333networks", `\basic\\secure\ABCDEF`, "ABCDEF", true},
		{"333networks' older master", `\basic\\secure\ABCDEF\final\`, "ABCDEF", false},
		{"another order", `\secure\ABCDEF\basic\`, "ABCDEF", false},
		{"a longer one", `\basic\\secure\ABCDEFGH\final\`, "ABCDEFGH", false},
	} {
		challenge, ok, err := ParseGreeting([]byte(test.greeting))
		if challenge != test.want || !ok || err != nil {
			t.Errorf("%s: %q, %v, %v", test.name, challenge, ok, err)
		}
		for cut := range test.greeting {
			if challenge, ok, err := ParseGreeting([]byte(test.greeting[:cut])); err != nil || ok && test.whole {
				t.Errorf("%s: cut at %d: %q, %v, %v", test.name, cut, challenge, ok, err)
			}
		}
	}
	for _, greeting := range []string{"HTTP/1.1 400", `\final\`, `\basic\\secure\\final\`, `\secure\` + strings.Repeat("x", 65),
		`\` + strings.Repeat("x", 300)} {
		if challenge, ok, err := ParseGreeting([]byte(greeting)); err == nil {
			t.Errorf("%.20q: %q, %v", greeting, challenge, ok)
		}
	}
}

func TestMessages(t *testing.T) {
	b, err := Login{Game: "gmtest", Enctype: 2, Validate: "3gMJOhl1"}.Append(nil)
	if err == nil {
		b, err = List{Form: Compact, Game: "flatout2pc", Filter: "numplayers > 0"}.Append(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := `\gamename\gmtest\gamever\2\location\0\enctype\2\validate\3gMJOhl1\final\\queryid\1.1\` +
		`\list\cmp\gamename\flatout2pc\where\numplayers > 0\final\`
	if string(b) != want {
		t.Errorf("%s, want %s", b, want)
	}
	if _, err := (List{Game: "x", Filter: `a\final\`}).Append(nil); err == nil {
		t.Error("a filter becomes keys")
	}
	for _, test := range []struct {
		message string
		want    any
	}{
		{`\gamename\gmtest\gamever\2\location\0\enctype\2\validate\3gMJOhl1`, Login{"gmtest", 2, "3gMJOhl1"}},
		{`\queryid\1.1\\list\cmp\gamename\gmtest`, List{Form: Compact, Game: "gmtest"}},
		{`\list\\gamename\ut`, List{Game: "ut"}}, // Unreal Tournament
		{`\queryid\1.1`, nil},
	} {
		if got, err := ParseMessage([]byte(test.message)); !reflect.DeepEqual(got, test.want) || err != nil {
			t.Errorf("%s: %#v, %v", test.message, got, err)
		}
	}
	if _, err := ParseMessage([]byte(`\validate\x\enctype\-1`)); err == nil {
		t.Error("an enctype below 0")
	}
}

func someServers() []Server {
	return []Server{
		{netip.MustParseAddrPort("10.0.0.1:7777"), []Field{{"hostname", "Friday night"}, {"numplayers", "3"}}},
		{netip.MustParseAddrPort("10.92.105.110:24940"), []Field{{"hostname", "final"}, {"numplayers", ""}}},
	}
}

// read gives a list to a decoder in pieces.
func read(form Form, limits Limits, list []byte, size int) (servers []Server, err error) {
	d := NewDecoder(form, limits)
	for at := 0; at < len(list); at += size {
		d.Push(list[at:min(at+size, len(list))])
		for {
			var server Server
			ok, err := d.Next(&server)
			if err != nil && !errors.Is(err, io.EOF) {
				return servers, err
			}
			if !ok {
				break
			}
			servers = append(servers, server)
		}
	}
	return servers, d.Close()
}

func TestLists(t *testing.T) {
	for _, form := range []Form{Compact, Addresses, Info} {
		servers := someServers()
		list := AppendServers(nil, form, []string{"hostname", "numplayers"}, servers)
		if form != Info {
			for i := range servers {
				servers[i].Fields = nil
			}
		}
		for _, filling := range []string{"", "\x00\x00\x00\x00\x00\x00"} {
			whole := append(list[:len(list):len(list)], filling...)
			for size := 1; size <= len(whole); size++ {
				got, err := read(form, Limits{}, whole, size)
				if err != nil || !reflect.DeepEqual(got, servers) {
					t.Fatalf("%q in pieces of %d: %v, %v", form, size, got, err)
				}
			}
		}
		for cut := range len(list) {
			if got, err := read(form, Limits{}, list[:cut], 7); err == nil {
				t.Errorf("%q cut at %d: %v", form, cut, got)
			}
		}
	}
}

func TestGroups(t *testing.T) {
	list := `\fieldcount\3\groupid\hostname\other\7\A room` + "\\\x01language\x01de\x01odd" + `\8\Another.\\final\`
	got, err := read(Groups, Limits{}, []byte(list), 5)
	want := []Server{
		{netip.MustParseAddrPort("0.0.0.7:0"), []Field{{"groupid", "7"}, {"hostname", "A room"}, {"language", "de"}}},
		{netip.MustParseAddrPort("0.0.0.8:0"), []Field{{"groupid", "8"}, {"hostname", "Another."}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBadLists(t *testing.T) {
	for _, test := range []struct {
		name, list string
		form       Form
		want       string
	}{
		{"no number of fields", `\fieldcount\x\a`, Info, "number of fields"},
		{"too many fields", `\fieldcount\300\a`, Info, "more than 255 fields"},
		{"no address", `\fieldcount\1\ip\nowhere\final\`, Info, "address"},
		{"no field with an address", `\fieldcount\1\hostname\A room\final\`, Info, "no field has an address"},
		{"no address in text", `\ip\nowhere\`, Addresses, "address"},
		{"no group", `\fieldcount\1\groupid\x\`, Groups, "group"},
		{"a long value", `\ip\` + strings.Repeat("1", 5000), Addresses, "more than 4096 bytes"},
		{"a long end", strings.Repeat("1", 5000), Addresses, "more than 4096 bytes"},
		{"many servers", strings.Repeat("123456", 11), Compact, "more than 10 servers"},
		{"no end", "123456", Compact, io.ErrUnexpectedEOF.Error()},
	} {
		if _, err := read(test.form, Limits{Servers: 10}, []byte(test.list), 100); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct{ said, want string }{
		{`\fatal\1\error\Validation error`, "Validation error"},
		{`\fatal\1\error\Invalid source gamename` + "\x00\x00\x00\x3a*", "Invalid source gamename"},
		{`\echo\You failed to authenticate.\final\`, "You failed to authenticate."},
	} {
		if refused, _ := Refused([]byte(test.said)); !refused || Refusal([]byte(test.said)) != test.want {
			t.Errorf("%q: %v, %q", test.said, refused, Refusal([]byte(test.said)))
		}
	}
	for _, said := range []string{"", `\`, `\fa`, `\ech`} {
		if refused, maybe := Refused([]byte(said)); refused || !maybe {
			t.Errorf("%q: %v, %v", said, refused, maybe)
		}
	}
	if refused, maybe := Refused([]byte(`\ip\1.2.3.4:5`)); refused || maybe {
		t.Error("a list is a refusal")
	}
}

func FuzzDecoder(f *testing.F) {
	for _, form := range []Form{Compact, Addresses, Info} {
		f.Add(AppendServers(nil, form, []string{"hostname"}, someServers()), form == Compact, uint8(3))
	}
	f.Add([]byte(`\fieldcount\2\groupid\other\7\`+"\x01a\x01b"+kv.Terminator), false, uint8(1))
	f.Fuzz(func(t *testing.T, list []byte, compact bool, size uint8) {
		form := Addresses
		if compact {
			form = Compact
		}
		limits := Limits{Element: 100, Servers: 50}
		whole, err := read(form, limits, list, max(len(list), 1))
		pieces, again := read(form, limits, list, int(size)+1)
		if fmt.Sprint(whole) != fmt.Sprint(pieces) || (err == nil) != (again == nil) {
			t.Fatalf("whole: %v, %v; in pieces: %v, %v", whole, err, pieces, again)
		}
		if len(whole) > 50 {
			t.Fatal("more servers than the limit")
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(`\basic\\secure\ABCDEF`))
	f.Add([]byte(`\gamename\gmtest\enctype\2\validate\x`))
	f.Add([]byte(`\list\cmp\gamename\gmtest\where\a=1`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = ParseGreeting(b)
		_, _ = Refused(b)
		_, _ = InClear(b)
		_ = Refusal(b)
		message, err := ParseMessage(b)
		if list, ok := message.(List); ok && err == nil {
			raw, err := list.Append(nil)
			if err != nil {
				return
			}
			again, err := ParseMessage(raw[:len(raw)-len(kv.Terminator)])
			if err != nil || again != message {
				t.Fatalf("%v became %v, %v", message, again, err)
			}
		}
	})
}
