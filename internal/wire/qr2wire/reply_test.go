package qr2wire

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

// Every truncation of a single reply gives what is there, and says that it ends early.
func TestTruncatedReplies(t *testing.T) {
	d := sample()
	q := Query{Server: everything, Players: everything, Teams: everything}
	whole := AppendReply(nil, q, &d, nil)
	for n := range whole {
		got, err := ParseReply(q, whole[:n], nil)
		if !errors.Is(err, ErrTruncated) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if len(got.Server) > 0 && got.Server[0] != d.Server[0] {
			t.Fatalf("%d bytes: %v", n, got.Server)
		}
	}
	for i := range whole {
		for bit := range 8 {
			flipped := slices.Clone(whole)
			flipped[i] ^= 1 << bit
			_, _ = ParseReply(q, flipped, nil)
		}
	}
}

// Every truncation of the other packets gives an error that names the message and the field.
func TestTruncatedPackets(t *testing.T) {
	heartbeat, _ := Heartbeat{LocalPort: 1, Game: "g", Data: sample()}.Append(nil, 0)
	query, err := BasicQuery(Key{}, 1, 2).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		whole []byte
		parse func(b []byte) error
		good  []int // lengths at which a packet may end: what follows is optional
	}{
		"heartbeat":          {heartbeat[FromServerHeader:], func(b []byte) error { _, err := ParseHeartbeat(Key{}, b); return err }, heartbeatEnds(heartbeat[FromServerHeader:])},
		"challenge":          {[]byte("abcdef00C00002011964\x00"), func(b []byte) error { _, err := ParseChallenge(Key{}, b); return err }, nil},
		"add error":          {[]byte("\x01no\x00"), func(b []byte) error { _, err := ParseAddError(Key{}, b); return err }, nil},
		"client message":     {[]byte{1, 2, 3, 4}, func(b []byte) error { _, err := ParseClientMessage(Key{}, b); return err }, nil},
		"query":              {body(query), func(b []byte) error { _, _, err := ParseQuery(Key{}, b, false); return err }, nil},
		"challenge response": {[]byte("abc\x00"), func(b []byte) error { _, err := ParseChallengeResponse(b); return err }, nil},
	} {
		for n := range test.whole {
			err := test.parse(test.whole[:n])
			if slices.Contains(test.good, n) {
				continue
			}
			var typed *Error
			if !errors.As(err, &typed) || typed.Message != name || typed.Field == "" {
				t.Errorf("%s of %d bytes: %v", name, n, err)
			}
		}
	}
}

// heartbeatEnds are the lengths behind the sections.
func heartbeatEnds(b []byte) []int {
	d := sample()
	teams := len(appendTable(nil, &d.Teams, 1))
	players := len(appendTable(nil, &d.Players, 2))
	server := len(b) - teams - players
	return []int{server, server + 1, server + players, server + players + 1}
}

// Unreal Tournament 3 sends empty values in split replies (spec servers.md §3.6).
func TestEmptyValuesInSplitReply(t *testing.T) {
	packet := "splitnum\x00\x80" +
		"\x00numplayers\x005\x00\x00" +
		"\x01player_\x00\x00Sierra\x00\x00\x00\x00" + // Sierra, empty, empty
		"score_\x00\x001\x00\x002\x00 \x00\x00" + // 1, empty, 2, a blank
		"ping_\x00\x00\x00\x00\x00\x009\x008\x00\x00\x00" + // four empty ones, 9, 8
		"\x02team_t\x00\x00Red\x00\x00\x00"
	var a Assembler
	if complete, err := a.Add([]byte(packet)); err != nil || !complete {
		t.Fatal(complete, err)
	}
	d := a.Data()
	want := [][]string{{"Sierra", "1", ""}, {"", "", ""}, {"", "2", ""}, {"", "", ""}, {"", "", "9"}, {"", "", "8"}}
	if !reflect.DeepEqual(d.Players.Rows, want) {
		t.Errorf("got %q, want %q", d.Players.Rows, want)
	}
	if !reflect.DeepEqual(d.Teams, Table{Keys: []string{"team_t"}, Rows: [][]string{{"Red"}}}) {
		t.Errorf("got %q", d.Teams)
	}
}

// Empty values between others, and names that look like a section or a key: what the text around them says decides.
func TestEmptyValuesInTheMiddle(t *testing.T) {
	for name, test := range map[string]struct {
		players string // the values of player_
		want    []string
	}{
		"one":                   {"ann\x00\x00bob\x00", []string{"ann", "", "bob"}},
		"by turns":              {"ann\x00\x00bob\x00\x00cid\x00", []string{"ann", "", "bob", "", "cid"}},
		"first":                 {"\x00\x00ann\x00\x00", []string{"", "", "ann", ""}},
		"all":                   {"\x00\x00\x00\x00", []string{"", "", "", ""}},
		"a colour behind":       {"ann\x00\x00\x01bob\x00", []string{"ann", "", "\x01bob"}},
		"two and a colour":      {"ann\x00\x00\x00\x01bob\x00cid\x00", []string{"ann", "", "", "\x01bob", "cid"}},
		"another colour behind": {"ann\x00\x00\x00\x02bob\x00cid\x00", []string{"ann", "", "", "\x02bob", "cid"}},
		"colour, then empty":    {"ann\x00\x00\x01bob\x00\x00cid\x00", []string{"ann", "", "\x01bob", "", "cid"}},
	} {
		t.Run(name, func(t *testing.T) {
			packet := "splitnum\x00\x80\x00numplayers\x00" + string(rune('0'+len(test.want))) + "\x00numteams\x001\x00\x00" +
				"\x01player_\x00\x00" + test.players + "\x00" +
				"score_\x00\x00" + "7\x00\x00" + "\x00" +
				"\x02team_t\x00\x00Red\x00\x00\x00"
			var a Assembler
			if complete, err := a.Add([]byte(packet)); err != nil || !complete {
				t.Fatal(complete, err)
			}
			d := a.Data()
			var got []string
			for row := range d.Players.Rows {
				got = append(got, d.Players.Value(row, "player_"))
			}
			if !slices.Equal(got, test.want) || !slices.Equal(d.Players.Keys, []string{"player_", "score_"}) || d.Players.Value(0, "score_") != "7" {
				t.Errorf("got %q %q, want %q", d.Players.Keys, d.Players.Rows, test.want)
			}
			if !reflect.DeepEqual(d.Teams, Table{Keys: []string{"team_t"}, Rows: [][]string{{"Red"}}}) {
				t.Errorf("got %q", d.Teams)
			}
		})
	}
}

// Eight hostile packets cannot ask for megabytes: every key at the last index.
func TestHostileSplitReplyIsBounded(t *testing.T) {
	var a Assembler
	key := 0
	for number := range MaxSplit {
		packet := []byte("splitnum\x00" + string([]byte{byte(number)}) + "\x01")
		for len(packet) < maxSplitBody-10 {
			packet = append(packet, byte('A'+key/26/26), byte('A'+key/26%26), byte('A'+key%26), 0, 255, 'x', 0, 0)
			key++
		}
		if number == MaxSplit-1 {
			packet[len(splitnum)] |= splitFinal
		}
		if _, err := a.Add(packet); err != nil {
			t.Fatal(err)
		}
	}
	d := a.Data()
	if cells := len(d.Players.Keys) * len(d.Players.Rows); cells > 256*256 {
		t.Errorf("%d keys, %d rows, out of 16 kB", len(d.Players.Keys), len(d.Players.Rows))
	}
}

func TestLaterPacketWins(t *testing.T) {
	first := []byte("splitnum\x00\x00\x00hostname\x00h\x00\x00\x01player_\x00\x00ann\x00ahmedho\x00")
	second := []byte("splitnum\x00\x81\x01player_\x00\x01ahmedhofy22\x00cid\x00\x00\x00\x02\x00")
	for _, order := range [][][]byte{{first, second}, {second, first}, {second, second, first, first}} {
		var a Assembler
		for _, packet := range order {
			if _, err := a.Add(packet); err != nil {
				t.Fatal(err)
			}
		}
		if !a.Complete() {
			t.Fatal("not complete")
		}
		d := a.Data()
		want := [][]string{{"ann"}, {"ahmedhofy22"}, {"cid"}}
		if !reflect.DeepEqual(d.Players.Rows, want) {
			t.Errorf("got %q, want %q", d.Players.Rows, want)
		}
	}
	var a Assembler
	_, _ = a.Add(second)
	if a.Complete() || !slices.Equal(a.Missing(), []int{0}) || len(a.Data().Players.Rows) != 3 {
		t.Errorf("missing %v, data %q", a.Missing(), a.Data())
	}
	if _, err := a.Add([]byte("splitnum\x00\x05\x00")); err == nil {
		t.Error("a packet behind the last one was taken")
	}
	if _, err := a.Add([]byte("splitnum\x00\x08\x00")); err == nil {
		t.Error("packet 8 was taken")
	}
}

func TestKeyRegistry(t *testing.T) {
	r, err := NewRegistry(map[KeyID]string{50: "weather", 253: "kills_"})
	if err != nil {
		t.Fatal(err)
	}
	for id := range 256 {
		name := r.Name(KeyID(id))
		if number, ok := r.Number(name); name != "" && (!ok || number != KeyID(id)) {
			t.Errorf("%d is %q is %d", id, name, number)
		}
	}
	if r.Name(253) != "kills_" || r.Name(21) != "player_" || r.Name(0) != "" || r.Name(33) != "" || r.Name(254) != "" {
		t.Error("wrong names")
	}
	for _, bad := range []map[KeyID]string{{49: "a"}, {254: "a"}, {50: ""}, {50: "hostname"}, {50: "a", 51: "a"}, {50: "a\x00"}} {
		if _, err := NewRegistry(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	d := largeSample()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Split(&d, 0, WholeValues); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAssemble(b *testing.B) {
	d := largeSample()
	packets, err := Split(&d, 0, WholeValues)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var a Assembler
		for _, packet := range packets {
			if _, err := a.Add(packet); err != nil {
				b.Fatal(err)
			}
		}
		if got := a.Data(); len(got.Players.Rows) != len(d.Players.Rows) {
			b.Fatal(got)
		}
	}
}
