package gstatswire

import (
	"bytes"
	"errors"
	"reflect"
	"regexp"
	"testing"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

var clientMessages = []Message{
	&Auth{Game: "gmtest", Response: "0123", Port: 6500},
	&NewGame{Connection: -5, SessionKey: 1000},
	&UpdateGame{SessionKey: 1000, Connection: 9, Done: true, Data: `\score_0\12`},
	&UpdateGame{SessionKey: 1000, Data: `\score_0\12`, Logged: true},
	&NewGame{SessionKey: 1000, Logged: true},
	&PlayerAuth{ProfileID: 100, Response: "ab", LocalID: 1},
	&PlayerAuth{Token: "tok", Response: "ab", LocalID: 2},
	&PlayerAuth{Nick: "ann", KeyHash: "ff", Response: "ab", LocalID: 3},
	&GetProfileID{Nick: "ann", KeyHash: "ff", LocalID: 4},
	&GetData{ProfileID: 7, Type: 1, Index: 2, LocalID: 5},
	&GetData{ProfileID: 7, Type: 1, Index: 2, Keys: []string{"a", "b"}, LocalID: 5, Since: 99},
	&GetData{ProfileID: 7, Type: 1, Index: 2, NoKeys: true, LocalID: 5},
	&SetData{ProfileID: 7, Type: 3, KeyValues: true, LocalID: 6, Data: []byte("\\a\\1\x00")},
	&SetData{ProfileID: 7, Type: 3, LocalID: 6, Data: []byte(`\final\ \length\0`)},
	&KeepAlive{},
}

var serverMessages = []Message{
	&Greeting{Challenge: "ABCDEFGHIJ"},
	&Session{Connection: -77},
	&PlayerReply{ProfileID: -3, LocalID: 2, Error: "Invalid token"},
	&ProfileIDReply{ProfileID: 5, LocalID: 2},
	&DataReply{Success: true, LocalID: 1, ProfileID: 2, Modified: 3, Data: []byte("\\x\x00\xff\\")},
	&DataReply{Success: true, Unchanged: true, LocalID: 1, ProfileID: 2, Missing: true},
	&DataReply{LocalID: 1, ProfileID: 2, Missing: true},
	&DataReply{Success: true, Unchanged: true, LocalID: 1, ProfileID: 2, Modified: 3, Data: []byte{}},
	&SetReply{Success: true, LocalID: 1, ProfileID: 2, Modified: 3},
	&ErrorReply{Code: 7, Fatal: true, Text: "no"},
	&KeepAlive{},
}

func TestRoundTrip(t *testing.T) {
	check := func(messages []Message, parse func([]byte) (Message, error)) {
		splitter := Splitter(0)
		for _, message := range messages {
			frame, err := AppendFrame(nil, message)
			if err != nil {
				t.Fatal(err)
			}
			splitter.Append(frame)
		}
		for _, want := range messages {
			body, ok, err := splitter.Next()
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			got, err := parse(Uncover(body))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		}
	}
	check(clientMessages, FromClient)
	check(serverMessages, FromServer)
}

// cuts says which of the beginnings of a message can be taken for a message: those that have all that it needs. Nobody can
// tell a shorter last number from a cut one.
var cuts = []struct {
	message Message
	taken   string
}{
	{&Auth{Game: "g", Response: "01", Port: 65}, `\\response(\\0?1?)?(\\|\\p|\\po|\\por)?$|\\port\\6`},
	{&NewGame{Connection: -5, SessionKey: 10}, `^\\newgame\\\\connid\\-5\\sesskey\\1`},
	{&NewGame{SessionKey: 10, Logged: true}, `^\\newgame\\\\sesskey\\1`},
	{&UpdateGame{SessionKey: 10, Connection: 9, Done: true, Data: `\a\1`, Logged: true}, `\\gamedata(\\?|\\[^\\]*(\\|\\d)?|\\.*\\dl\\1)$`},
	{&PlayerAuth{ProfileID: 10, Response: "ab", LocalID: 12}, `\\lid\\1`},
	{&PlayerAuth{Token: "tok", Response: "ab", LocalID: 12}, `\\lid\\1`},
	{&PlayerAuth{Nick: "ann", KeyHash: "ff", Response: "ab", LocalID: 12}, `\\lid\\1`},
	{&GetProfileID{Nick: "ann", KeyHash: "ff", LocalID: 12}, `\\lid\\1`},
	{&GetData{ProfileID: 7, Type: 1, Index: 2, Keys: []string{"a", "b"}, LocalID: 12, Since: 99}, `\\lid\\12?(\\|\\m|\\mo)?$|\\mod\\9`},
	{&SetData{ProfileID: 7, Type: 3, KeyValues: true, LocalID: 6, Data: []byte("\\a\\1\x00")}, `\\length\\5\\data\\\\a\\1\x00$`},
	{&SetData{ProfileID: 7, Type: 3, LocalID: 6, Data: []byte("0123456789")}, `\\length\\10\\data\\0123456789$`},
	{&SetData{ProfileID: 7, Type: 3, LocalID: 6}, `\\length\\0`},
	{&KeepAlive{}, `^\\ka`},

	{&Greeting{Challenge: "ABCDEFGHIJ"}, `\\challenge`}, // how long one must be is not the message's
	{&Session{Connection: -77}, `\\sesskey\\-7`},
	{&PlayerReply{ProfileID: -3, LocalID: 2, Error: "no"}, `\\lid\\2`},
	{&ProfileIDReply{ProfileID: 5, LocalID: 2}, `\\lid\\2`},
	{&DataReply{Success: true, LocalID: 1, ProfileID: 2, Modified: 3, Data: []byte("\\x\x00\xff\\")}, `\\pid\\2(\\|\\m|\\mo)?$|\\mod\\3(\\|\\l|\\le|\\len|\\leng|\\lengt)?$|\\length\\5\\data\\\\x\x00\xff\\$`},
	{&SetReply{Success: true, LocalID: 1, ProfileID: 2, Modified: 3}, `\\pid\\2(\\|\\m|\\mo)?$|\\mod\\3`},
	{&ErrorReply{Code: 7, Fatal: true, Text: "no"}, `^\\error(\\\\?|\\\\e|\\\\er|\\\\err\\7.*)?$`},
}

func TestCutAtEveryByte(t *testing.T) {
	for _, test := range cuts {
		body, err := test.message.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		parse := FromServer
		if _, err := FromClient(body); err == nil {
			parse = FromClient
		}
		if whole, err := parse(body); err != nil || !reflect.DeepEqual(normal(whole), normal(test.message)) {
			t.Fatalf("%q reads as %+v, %v", body, whole, err)
		}
		taken := regexp.MustCompile(`(?s)` + test.taken)
		for n := range body {
			_, err := parse(body[:n:n])
			if want := taken.MatchString(latin1(body[:n])); want != (err == nil) {
				t.Errorf("%q: %v", body[:n], err)
			}
		}
	}
}

// normal is a message without the difference between no data and none.
func normal(m Message) Message {
	if set, ok := m.(*SetData); ok {
		copied := *set
		copied.Data = append([]byte{}, set.Data...)
		return &copied
	}
	return m
}

// latin1 makes a character of each byte.
func latin1(b []byte) string {
	text := make([]rune, len(b))
	for i, c := range b {
		text[i] = rune(c)
	}
	return string(text)
}

// dwc's session keys have ten digits, more than 32 bits: the original keeps the low ones.
func TestLongSessionKey(t *testing.T) {
	for text, want := range map[string]int32{"7623737108": -966197484, "8423675734": -166258858, "4294967295": -1, "408666229": 408666229} {
		got, err := FromServer([]byte(`\lc\2\sesskey\` + text + `\proof\0\id\1`))
		if session, ok := got.(*Session); err != nil || !ok || session.Connection != want {
			t.Errorf("%s: %+v, %v; want %d", text, got, err, want)
		}
	}
	if _, err := FromServer([]byte(`\lc\2\sesskey\99999999999999999999`)); !errors.Is(err, ErrNotNumber) {
		t.Error(err)
	}
}

func TestLengthLies(t *testing.T) {
	for _, test := range []struct {
		body string
		data string
		err  error
	}{
		{`\getpdr\1\lid\1\pid\2\mod\3\length\4\data\abcd`, "abcd", nil},
		{`\getpdr\1\lid\1\pid\2\mod\3\length\2\data\abcd`, "ab", nil},
		{`\getpdr\1\lid\1\pid\2\mod\3\length\5\data\abcd`, "", ErrLength},
		{`\getpdr\1\lid\1\pid\2\mod\3\length\-1\data\abcd`, "", ErrLength},
		{`\getpdr\1\lid\1\pid\2\mod\3\length\99999999999999999999\data\abcd`, "", ErrNotNumber},
		{`\getpdr\1\lid\1\pid\2\mod\3\length\4`, "", ErrLength},
		{`\getpdr\1\lid\1\pid\2\mod\3\data\abcd`, "", ErrMissing},
		{`\getpdr\1\lid\1\pid\2\mod\3\data\\length\4`, "", ErrMissing}, // a length in the data is data
	} {
		got, err := FromServer([]byte(test.body))
		reply, _ := got.(*DataReply)
		if reply == nil || string(reply.Data) != test.data || !errors.Is(err, test.err) {
			t.Errorf("%s: %+v, %v", test.body, got, err)
		}
	}
}

// hidden makes data that reads \final\ once it is in that message.
func hidden(t *testing.T, m *DataReply, size int) {
	m.Data = bytes.Repeat([]byte("x"), size)
	body, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := len(body) - size/2
	gscrypt.GStatsXOR(body)
	copy(body[at:], kv.Terminator)
	gscrypt.GStatsXOR(body)
	m.Data = bytes.Clone(body[len(body)-size:])
}

func TestTerminatorInside(t *testing.T) {
	message := &DataReply{Success: true, LocalID: 1, ProfileID: 2, Modified: 3}
	hidden(t, message, 40)
	if _, err := AppendFrame(nil, message); !errors.Is(err, ErrTerminator) {
		t.Fatal(err)
	}
	wire, _ := message.Append(nil)
	gscrypt.GStatsXOR(wire)
	wire = append(wire, kv.Terminator...)
	next, _ := AppendFrame(nil, &KeepAlive{})
	for step := 1; step < len(wire); step++ {
		splitter := Splitter(0)
		var got []Message
		stream := append(bytes.Clone(wire), next...)
		for i := 0; i < len(stream); i += step {
			splitter.Append(stream[i:min(i+step, len(stream))])
			for {
				body, ok, err := splitter.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				m, err := FromServer(Uncover(body))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, m)
			}
		}
		if !reflect.DeepEqual(got, []Message{message, &KeepAlive{}}) {
			t.Fatalf("%d bytes at once: %+v", step, got)
		}
	}
}

// What the original writes into its disk log, and sends later (gstats.c: NewGame, SendGameSnapShot).
func TestLogged(t *testing.T) {
	for _, test := range []struct {
		message Message
		body    string
	}{
		{&NewGame{SessionKey: 1000, Logged: true}, `\newgame\\sesskey\1000\challenge\955478542`},
		{&UpdateGame{SessionKey: 1000, Data: `\a\b`, Logged: true}, "\\updgame\\\\sesskey\\1000\\connid\\0\\done\\0\\gamedata\\\x01a\x01b\\dl\\1"},
	} {
		if got, err := test.message.Append(nil); err != nil || string(got) != test.body {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestMask(t *testing.T) {
	for body, want := range map[string]string{
		`\authp\\nick\ann\keyhash\abc\resp\def\lid\1`:     `\authp\\nick\ann\keyhash\***\resp\***\lid\1`,
		`\authp\\authtoken\abc\resp\def\lid\1`:            `\authp\\authtoken\***\resp\***\lid\1`,
		`\auth\\gamename\gmtest\response\abc\port\0\id\1`: `\auth\\gamename\gmtest\response\***\port\0\id\1`,
		`\pauthr\7\lt\abc\lid\1`:                          `\pauthr\7\lt\***\lid\1`, // openspy gives a ticket
	} {
		if got := Mask([]byte(body)); got != want {
			t.Errorf("%s", got)
		}
	}
}

func TestFamilies(t *testing.T) {
	for _, test := range []struct {
		body string
		want Message
	}{
		{`\challenge\00000000000000000000`, &Greeting{Challenge: "00000000000000000000"}}, // UniSpy
		{`\sesskey\11111\lid\1`, &Session{Connection: 11111}},                             // UniSpy
		{`\lc\2\sesskey\9876543210\proof\0\id\1`, &Session{Connection: 1286608618}},       // dwc
		{`\getpdr\-1\lid\1\pid\5`, &DataReply{LocalID: 1, ProfileID: 5, Missing: true}},
		{`\setpdr\-1\lid\1\pid\5`, &SetReply{LocalID: 1, ProfileID: 5}},
		{`\lc\1\id\1\challenge\ABCDEFGHIJ`, &Greeting{Challenge: "ABCDEFGHIJ"}},                                                      // wfc
		{`\getpdr\1\pid\5\lid\0`, &DataReply{Success: true, ProfileID: 5, Missing: true}},                                            // wfc, nothing stored
		{`\getpdr\1\lid\3\pid\5\length\1\data\x`, &DataReply{Success: true, LocalID: 3, ProfileID: 5, Data: []byte{'x'}}},            // openspy, no mod
		{`\error\\err\7\fatal\\errmsg\no`, &ErrorReply{Code: 7, Fatal: true, Text: "no"}},                                            // both
		{`\pauthr\-1\errmsg\The password is wrong.\lid\1`, &PlayerReply{ProfileID: -1, LocalID: 1, Error: "The password is wrong."}}, // openspy
	} {
		got, err := FromServer(Uncover([]byte(test.body)))
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v", test.body, got, err)
		}
	}
}

func seeds(f *testing.F, messages []Message) {
	for _, message := range messages {
		body, err := message.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`\getpdr\1\lid\1\pid\2\mod\3\length\2147483647\data\abcd`))
	f.Add([]byte(`\setpd\\pid\1\ptype\1\dindex\0\kv\1\lid\1\length\-9223372036854775808\data\`))
}

func fuzz(f *testing.F, parse func([]byte) (Message, error)) {
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := parse(body)
		if err != nil {
			return
		}
		again, err := first.Append(nil)
		if err != nil {
			return // a NUL, which cannot be sent
		}
		second, err := parse(again)
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("%+v reads back as %+v, %v", first, second, err)
		}
	})
}

func FuzzFromServer(f *testing.F) { seeds(f, serverMessages); fuzz(f, FromServer) }

func FuzzFromClient(f *testing.F) { seeds(f, clientMessages); fuzz(f, FromClient) }

func FuzzSplitter(f *testing.F) {
	for _, message := range serverMessages {
		frame, _ := AppendFrame(nil, message)
		f.Add(frame, uint8(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		splitter := Splitter(1 << 10)
		size := max(int(step), 1)
		for i := 0; i < len(stream); i += size {
			splitter.Append(stream[i:min(i+size, len(stream))])
			for {
				body, ok, err := splitter.Next()
				if err != nil {
					return
				}
				if !ok {
					break
				}
				_, _ = FromServer(Uncover(body))
			}
			if pending := len(splitter.Pending()); pending > 1<<10+size+len(kv.Terminator) {
				t.Fatalf("%d bytes are held", pending)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	message := &SetData{ProfileID: 7, Type: 3, LocalID: 6, Data: bytes.Repeat([]byte("x"), 1000)}
	buffer := make([]byte, 0, 2000)
	b.ReportAllocs()
	b.SetBytes(1000)
	for b.Loop() {
		if _, err := AppendFrame(buffer, message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	frame, err := AppendFrame(nil, &DataReply{Success: true, LocalID: 1, ProfileID: 2, Data: bytes.Repeat([]byte("x"), 1000)})
	if err != nil {
		b.Fatal(err)
	}
	splitter := Splitter(0)
	b.ReportAllocs()
	b.SetBytes(1000)
	for b.Loop() {
		splitter.Append(frame)
		body, ok, err := splitter.Next()
		if !ok || err != nil {
			b.Fatal(ok, err)
		}
		if _, err := FromServer(Uncover(body)); err != nil {
			b.Fatal(err)
		}
	}
}
