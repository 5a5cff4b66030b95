package qr1wire

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

func TestParseQuery(t *testing.T) {
	for _, test := range []struct {
		packet string
		want   Query
	}{
		{`\basic\`, Query{Sections: Basic}},
		{`\basic\\info\`, Query{Sections: Basic | Info}}, // the original's server browsing
		{`\status\`, Query{Sections: Status}},
		{`\status\xserverquery`, Query{Sections: Status}}, // gamedig
		{`\status`, Query{Sections: Status}},
		{"\\status\\\x00\\echo\\x", Query{Sections: Status}},
		{`\info\rules\players\`, Query{Sections: Info | Rules | Players}},
		{`\info\\rules\\players\`, Query{Sections: Info | Rules | Players}},
		{`\echo\test`, Query{Echo: []byte("test")}}, // spec sb.md §B.5
		{`\echo\`, Query{Echo: []byte{}}},
		{`\echo\basic`, Query{Echo: []byte("basic")}},
		{`\status\\echo\a\echo\b`, Query{Sections: Status, Echo: []byte("a")}},
		{`\basic\\secure\AbCdEf`, Query{Sections: Basic, Secure: []byte("AbCdEf")}},
		{`\rules\\nonsense\1\\players\`, Query{Sections: Rules | Players}},
	} {
		q, err := ParseQuery([]byte(test.packet))
		if err != nil || !reflect.DeepEqual(q, test.want) {
			t.Errorf("%s: %+v, %v; want %+v", test.packet, q, err, test.want)
		}
		again, err := ParseQuery(q.Append(nil))
		if err != nil || !reflect.DeepEqual(again, q) {
			t.Errorf("%s: written as %s, read as %+v, %v", test.packet, q.Append(nil), again, err)
		}
	}
	for _, packet := range []string{
		"", `\`, `\\`, "basic", `\basics\`, `\Basic\`, `\heartbeat\27015\gamename\gmtest`, `\hostname\x\final\`, `\validate\abc`,
		`\echo\` + strings.Repeat("x", MaxEcho+1), `\secure\` + strings.Repeat("x", MaxChallenge+1), `\status\` + strings.Repeat("x", MaxQuery),
	} {
		if q, err := ParseQuery([]byte(packet)); err == nil {
			t.Errorf("%q was read as %+v", packet, q)
		}
	}
}

// Every datagram that arrives on a game's socket may be a question.
func TestParseQueryDoesNotAllocate(t *testing.T) {
	packet := []byte(`\status\\echo\hello`)
	if allocs := testing.AllocsPerRun(100, func() {
		if _, err := ParseQuery(packet); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func fields(pairs ...string) (list []qr2wire.Field) {
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, qr2wire.Field{Key: pair[0], Value: pair[1]})
	}
	return list
}

// packets are the whole datagrams of an answer.
func packets(d *qr2wire.Data, sections Sections) (list [][]byte, left int) {
	bodies, left := Pack(d, sections)
	for i, body := range bodies {
		list = append(list, AppendEnd(slices.Clone(body), 7, i+1, i == len(bodies)-1))
	}
	return list, left
}

func TestPack(t *testing.T) {
	d := qr2wire.Data{
		Server: fields("hostname", "Friday night", "gamename", "gmtest", "password", "", "path", `C:\x`),
		Players: qr2wire.Table{Keys: []string{"pid_", "score_", "player_"},
			Rows: [][]string{{"7", "12", "ann"}, {"8", "", "bob"}}},
		Teams: qr2wire.Table{Keys: []string{"team_t"}, Rows: [][]string{{"Red"}}},
	}
	for sections, want := range map[Sections]string{
		0:       `\queryid\7.1\final\`,
		Basic:   `\gamename\gmtest\queryid\7.1\final\`,
		Info:    `\hostname\Friday night\queryid\7.1\final\`,
		Rules:   `\password\\path\C:/x\queryid\7.1\final\`,
		Players: `\player_0\ann\score_0\12\pid_0\7\player_1\bob\score_1\\pid_1\8\team_t0\Red\queryid\7.1\final\`,
	} {
		list, left := packets(&d, sections)
		if len(list) != 1 || left != 0 || string(list[0]) != want {
			t.Errorf("%b: %s, %d left; want %s", sections, list, left, want)
		}
	}
	// Names without a key behind them that qstat knows.
	d.Players.Keys[1] = "clan_"
	list, _ := packets(&d, Players)
	if want := `\pid_0\7\pid_1\8\clan_0\12\clan_1\\player_0\ann\player_1\bob\team_t0\Red\queryid\7.1\final\`; string(list[0]) != want {
		t.Errorf("got %s, want %s", list[0], want)
	}
}

// big is data of many datagrams.
func big(players int) qr2wire.Data {
	d := qr2wire.Data{Server: fields("gamename", "gmtest", "hostname", "Big", "numplayers", fmt.Sprint(players))}
	d.Players.Keys = []string{"player_", "score_", "ping_"}
	for i := range players {
		d.Players.Rows = append(d.Players.Rows, []string{fmt.Sprintf("player number %d of a long test", i), fmt.Sprint(i), "20"})
	}
	d.Teams = qr2wire.Table{Keys: []string{"team_t", "score_t"}, Rows: [][]string{{"Red", "1"}, {"Blue", "2"}}}
	return d
}

func TestAnswersOfManyDatagrams(t *testing.T) {
	d := big(100)
	list, left := packets(&d, Status)
	if len(list) < 3 || left != 0 {
		t.Fatalf("%d datagrams, %d left", len(list), left)
	}
	// In any order, twice, and with each of them missing.
	for first := range list {
		var a Assembler
		for i := range list {
			at := (first + i*2) % len(list)
			if len(list)%2 == 0 {
				at = (first + len(list) - i) % len(list)
			}
			for range 2 {
				complete, err := a.Add(list[at])
				if err != nil || complete != (i == len(list)-1) {
					t.Fatalf("from %d, %d: complete %t, %v", first, i, complete, err)
				}
			}
			if i == len(list)-2 && len(a.Missing()) > 1 {
				t.Errorf("missing %d", a.Missing())
			}
		}
		if !reflect.DeepEqual(a.Data(), d) {
			t.Fatalf("got %+v", a.Data())
		}
	}
	for _, packet := range list {
		if len(packet) > MaxSize {
			t.Errorf("a datagram of %d bytes", len(packet))
		}
	}
}

// An echo or a validation fits behind the keys of every datagram.
func TestRoomForTheEnd(t *testing.T) {
	d := big(100)
	bodies, _ := Pack(&d, Status)
	for _, body := range bodies {
		for _, end := range [][]byte{AppendEcho(nil, make([]byte, MaxEcho)), AppendValidate(nil, strings.Repeat("A", 88))} {
			if n := len(AppendEnd(slices.Concat(body, end), 1<<32-1, MaxPackets, true)); n > MaxSize {
				t.Errorf("%d bytes", n)
			}
		}
	}
}

// What does not fit is left out from the end, players first, and counted; what remains is whole.
func TestPackLeavesOut(t *testing.T) {
	d := big(256)
	list, left := packets(&d, Status)
	var a Assembler
	for _, packet := range list {
		if _, err := a.Add(packet); err != nil {
			t.Fatal(err)
		}
	}
	got := a.Data()
	if len(list) != MaxPackets || left == 0 || len(got.Players.Rows) != 256-left || !a.Complete() {
		t.Errorf("%d datagrams, %d players, %d left", len(list), len(got.Players.Rows), left)
	}
	d.Players.Rows = d.Players.Rows[:256-left]
	if !reflect.DeepEqual(got, d) {
		t.Error("what remains differs")
	}

	d = big(3)
	for i := range 300 {
		d.Server = append(d.Server, qr2wire.Field{Key: fmt.Sprintf("rule%d", i), Value: strings.Repeat("x", 100)})
	}
	d.Server = append(d.Server, qr2wire.Field{Key: "long", Value: strings.Repeat("x", 5000)})
	list, left = packets(&d, Status)
	if len(list) != MaxPackets || left < 200 {
		t.Errorf("%d datagrams, %d left", len(list), left)
	}
	d.Server = fields("long", strings.Repeat("x", 5000), "short", "y")
	list, left = packets(&d, Rules)
	if left != 1 || string(list[0]) != `\short\y\queryid\7.1\final\` {
		t.Errorf("%s, %d left", list, left)
	}
}

func TestAssembler(t *testing.T) {
	type step struct {
		packet   string
		complete bool
		fails    bool
	}
	for _, test := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"one datagram without a number", []step{{`\hostname\x\final\`, true, false}}, "hostname=x;"},
		{"final before the number, as the original", []step{{`\a\1\final\\queryid\5.1`, true, false}}, "a=1;"},
		{"not numbered", []step{{`\a\1`, false, false}, {`\a\1`, false, false}, {`\b\2\final\`, true, false}}, "a=1;b=2;"},
		{"counted from 0", []step{{`\b\2\queryid\5.1\final\`, true, false}, {`\a\1\queryid\5.0`, true, false}}, "a=1;b=2;"},
		{"no end", []step{{`\a\1\queryid\5.1`, false, false}, {`\b\2\queryid\5.2`, false, false}}, "a=1;b=2;"},
		{"the answer to an older question", []step{{`\a\1\queryid\5.1`, false, false}, {`\b\2\queryid\4.1\final\`, false, true}, {`\b\2\queryid\5.2\final\`, true, false}}, "a=1;b=2;"},
		{"the answer to a newer question", []step{{`\a\1\queryid\5.1`, false, false}, {`\b\2\queryid\6.1\final\`, true, false}}, "b=2;"},
		{"two ends", []step{{`\a\1\queryid\5.2\final\`, false, false}, {`\b\2\queryid\5.3\final\`, false, true}, {`\b\2\queryid\5.1`, true, false}}, "b=2;a=1;"},
		{"an end before what is there", []step{{`\a\1\queryid\5.2`, false, false}, {`\b\2\queryid\5.1\final\`, false, true}}, "a=1;"},
		{"a number that is too high", []step{{`\a\1\queryid\5.32`, false, true}, {`\a\1\queryid\5.99999`, false, false}}, "a=1;"},
		{"NULs behind", []step{{"\\a\\1\\queryid\\5.1\\final\\\x00", true, false}}, "a=1;"},
		{"nothing", []step{{"", false, true}, {"a", false, true}}, ""},
		{"the later value", []step{{`\a\1\a\2\queryid\5.1\final\`, true, false}}, "a=2;"},
	} {
		var a Assembler
		for i, step := range test.steps {
			complete, err := a.Add([]byte(step.packet))
			if complete != step.complete || (err != nil) != step.fails {
				t.Errorf("%s, step %d: complete %t, %v", test.name, i, complete, err)
			}
		}
		var got strings.Builder
		for _, field := range a.Data().Server {
			got.WriteString(field.Key + "=" + field.Value + ";")
		}
		if got.String() != test.want {
			t.Errorf("%s: %s, want %s", test.name, got.String(), test.want)
		}
	}
}

func TestData(t *testing.T) {
	var a Assembler
	_, err := a.Add([]byte(`\player_0\ann\player_3\bob\frags_3\5\team_t1\Blue\score_t1\7\score_t0\3\map_\x\player_300\z\player_01\y\_1\w\final\`))
	if err != nil {
		t.Fatal(err)
	}
	want := qr2wire.Data{
		Server:  fields("map_", "x", "player_300", "z", "player_01", "y", "_1", "w"),
		Players: qr2wire.Table{Keys: []string{"player_", "frags_"}, Rows: [][]string{{"ann", ""}, {"bob", "5"}}},
		Teams:   qr2wire.Table{Keys: []string{"team_t", "score_t"}, Rows: [][]string{{"", "3"}, {"Blue", "7"}}},
	}
	if got := a.Data(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	// A flood of keys makes no large tables.
	var flood []byte
	for i := range 300 {
		flood = fmt.Appendf(flood, `\k%c%c_255\x`, 'a'+i%26, 'a'+i/26)
	}
	a = Assembler{}
	if _, err := a.Add(flood); err != nil {
		t.Fatal(err)
	}
	if got := a.Data(); len(got.Players.Keys) != maxColumns || len(got.Server) != 300-maxColumns {
		t.Errorf("%d columns, %d keys", len(got.Players.Keys), len(got.Server))
	}
}

// Cut at every byte: nothing is made up, and the whole is complete.
func TestTruncated(t *testing.T) {
	d := big(2)
	list, _ := packets(&d, Status)
	for n := range list[0] {
		var a Assembler
		if complete, _ := a.Add(list[0][:n]); complete && n < len(list[0])-1 { // without its last backslash the end is still there
			t.Errorf("complete at byte %d of %d", n, len(list[0]))
		}
		for _, field := range a.Data().Server {
			if !slices.ContainsFunc(d.Server, func(f qr2wire.Field) bool { return strings.HasPrefix(f.Value, field.Value) }) {
				t.Errorf("at %d: %+v", n, field)
			}
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{`\basic\\info\`, `\status\xserverquery`, `\echo\x\secure\y`, `\info\rules\`, "\\status\x00\\", `\\\\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := ParseQuery(b)
		if err != nil {
			return
		}
		if !IsQuery(b) {
			t.Fatal("read, but not a question")
		}
		if q.Sections == 0 && q.Echo == nil && q.Secure == nil {
			t.Fatal("asks for nothing")
		}
	})
}

func FuzzAssembler(f *testing.F) {
	d := big(60)
	list, _ := packets(&d, Status)
	f.Add(list[0], list[1], list[len(list)-1])
	f.Add([]byte(`\a\1\final\\queryid\5.1`), []byte(`\b\2\queryid\5.0`), []byte(`\queryid\.\final\`))
	f.Add([]byte(`\player_255\x\score_t255\y`), []byte(`\player_\x`), []byte("\\\x00"))
	f.Fuzz(func(t *testing.T, first, second, third []byte) {
		var a Assembler
		for _, packet := range [][]byte{first, second, third, first} {
			_, _ = a.Add(packet)
		}
		d := a.Data()
		if len(d.Players.Rows) > qr2wire.MaxRows || len(d.Teams.Rows) > qr2wire.MaxRows || len(d.Players.Keys) > maxColumns {
			t.Fatal("too large")
		}
		if len(a.Missing()) == 0 && a.final != 0 && !a.Complete() {
			t.Fatal("nothing is missing")
		}
		bodies, _ := Pack(&d, Status)
		if len(bodies) > MaxPackets {
			t.Fatalf("%d datagrams", len(bodies))
		}
		for _, body := range bodies {
			if len(body) > MaxSize-reserved {
				t.Fatalf("%d bytes", len(body))
			}
		}
	})
}

// The snapshot of the figures, as \status\: read, and made.
func BenchmarkPack(b *testing.B) {
	d := big(16)
	b.ReportAllocs()
	for b.Loop() {
		Pack(&d, Status)
	}
}

func BenchmarkAssemble(b *testing.B) {
	d := big(16)
	list, _ := packets(&d, Status)
	b.ReportAllocs()
	for b.Loop() {
		var a Assembler
		for _, packet := range list {
			if _, err := a.Add(packet); err != nil {
				b.Fatal(err)
			}
		}
		_ = a.Data()
	}
}

func BenchmarkParseQuery(b *testing.B) {
	packet := []byte(`\basic\\info\`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseQuery(packet); err != nil {
			b.Fatal(err)
		}
	}
}

// Several numbers in one datagram, as 333networks' Masterserver-Qt5 answered a \status\.
func TestNumbersInOneDatagram(t *testing.T) {
	answer := `\gamename\333networks\gamever\Qt-0.28\location\0\queryid\5.1\hostname\lab.example.net\hostport\28900` +
		`\gametype\Masterserver\mapname\333networks\numplayers\0\maxplayers\0\gamemode\openplaying\queryid\5.2` +
		`\mutators\none\AdminName\lab\AdminEMail\lab@example.net\queryid\5.3\final\`
	var a Assembler
	if complete, err := a.Add([]byte(answer)); !complete || err != nil {
		t.Errorf("%v, %v, missing %v", complete, err, a.Missing())
	}
	if got := len(a.Data().Server); got != 13 {
		t.Errorf("%d keys: %v", got, a.Data().Server)
	}
}
