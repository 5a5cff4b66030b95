package qr2wire

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func sample() Data {
	return Data{
		Server:  []Field{{"hostname", "Friday night"}, {"mapname", "dm_bay"}, {"gamevariant", ""}, {"numplayers", "2"}},
		Players: Table{Keys: []string{"player_", "score_"}, Rows: [][]string{{"ann", "12"}, {"b\x01b\xab", "-3"}}},
		Teams:   Table{Keys: []string{"team_t"}, Rows: [][]string{{"Red"}}},
	}
}

func largeSample() Data {
	d := sample()
	for range 60 {
		d.Players.Rows = append(d.Players.Rows, []string{strings.Repeat("n", 60), "1"})
	}
	return d
}

func body(b []byte) []byte { return b[ToServerHeader:] }

func FuzzParseHeartbeat(f *testing.F) {
	for _, state := range []StateChanged{StatePeriodic, StateUpdated, StateShutdown, StateInitial} {
		b, _ := Heartbeat{LocalPort: 6500, Game: "gmtest", State: state, ReportPublic: true, Data: sample()}.Append(nil, 0)
		f.Add(b[FromServerHeader:])
	}
	f.Add([]byte("a\x00b\x00\x00\xff\xff\x00"))
	f.Add([]byte("a\x00b\x00\x00\xff\xffk\x00\x00"))
	f.Add([]byte("statechanged\x002\x00gamename\x00" + strings.Repeat("a", 2*MaxSize) + "\x00\x00"))
	f.Add([]byte("statechanged\x00256\x00\x00"))
	f.Add([]byte("statechanged\x000\x00statechanged\x00\x00\x00"))
	head := []string{"localport", "natneg", "statechanged", "gamename", "publicip", "publicport"}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeartbeat(Key{1}, b)
		if err != nil {
			return
		}
		if len(h.Data.Players.Rows) > len(b) {
			t.Fatalf("%d players out of %d bytes", len(h.Data.Players.Rows), len(b))
		}
		packet, cut := h.Append(nil, 0)
		if len(packet) > MaxSize {
			t.Fatalf("%d bytes", len(packet))
		}
		all, _ := h.Size()
		if cut || all >= MaxSize {
			return
		}
		// A second key of the head is among the server's own: written again, it may become the first. Hosts have none.
		if slices.ContainsFunc(h.Data.Server, func(f Field) bool { return slices.Contains(head, f.Key) || strings.HasPrefix(f.Key, "localip") }) {
			return
		}
		again, err := ParseHeartbeat(Key{1}, packet[FromServerHeader:])
		if err != nil {
			t.Fatalf("%+v: %v", h, err)
		}
		// A goodbye has no data, and an address without a port or the other way round is not worth telling apart.
		if h.State != StateShutdown && !reflect.DeepEqual(again.Data.Players, h.Data.Players) {
			t.Fatalf("%+v\n%+v", h, again)
		}
	})
}

func FuzzParseChallenge(f *testing.F) {
	for _, text := range []string{"pzSPtg3d7F000B321964", "YXTA4D5807F000F3240B7", "YXTA4D580 A 0 0 2 1F2", "ABCDEFGHIJKLMNOPQRST", "x", "", strings.Repeat("0", 64), strings.Repeat("0", 65)} {
		f.Add([]byte(text + "\x00"))
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseChallenge(Key{1, 2}, b)
		if err != nil {
			return
		}
		again, err := ParseChallenge(c.Key, body(c.Append(nil)))
		if err != nil || again != c {
			t.Fatalf("%+v became %+v (%v)", c, again, err)
		}
	})
}

func FuzzParseMessages(f *testing.F) {
	f.Add([]byte("\x01No such gamename\x00"))
	f.Add(AppendCookie([]byte{0, 0, 0, 1}, [4]byte{1, 2, 3, 4}))
	f.Add([]byte("-2147483648\x00"))
	f.Add([]byte("4294967295\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := ParseAddError(Key{}, b); err == nil {
			if again, err := ParseAddError(Key{}, body(e.Append(nil))); err != nil || again != e {
				t.Fatalf("%+v became %+v (%v)", e, again, err)
			}
		}
		if m, err := ParseClientMessage(Key{}, b); err == nil && !bytes.Equal(body(m.Append(nil)), b) {
			t.Fatalf("%+v became %x", m, m.Append(nil))
		}
		if n, err := ParsePrequeryReply(b); err == nil {
			if again, err := ParsePrequeryReply(AppendPrequeryReply(nil, Key{}, n)[FromServerHeader:]); err != nil || again != n {
				t.Fatalf("%d became %d (%v)", n, again, err)
			}
		}
		_, _ = ParseMessageAck(b)
		_, _ = ParseChallengeResponse(b)
		_, _, _, _ = ParseFromServer(b)
		_, _, _, _ = ParseToServer(b)
		Cookie(b)
	})
}

func FuzzParseQuery(f *testing.F) {
	for _, q := range []Query{FullQuery(Key{}), BasicQuery(Key{}, 1, 8, 5), {Challenged: true, Number: -5, Server: everything}} {
		b, _ := q.Append(nil)
		f.Add(body(b), q.Challenged)
	}
	f.Add([]byte{254, 1, 2}, false)
	f.Add([]byte{}, true)
	d := sample()
	f.Fuzz(func(t *testing.T, b []byte, challenged bool) {
		q, rest, err := ParseQuery(Key{}, b, challenged)
		if err != nil {
			return
		}
		again, err := q.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		parsed, _, err := ParseQuery(Key{}, body(again), challenged)
		if err != nil || !reflect.DeepEqual(parsed, q) || rest > len(b) {
			t.Fatalf("%+v became %+v (%v)", q, parsed, err)
		}
		reply, left := FitReply(nil, q, &d, nil, 200)
		if len(reply) > 200 {
			t.Fatalf("%d bytes", len(reply))
		}
		if left == 0 {
			if _, err := ParseReply(q, reply, nil); err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
		}
	})
}

func FuzzParseReply(f *testing.F) {
	d := sample()
	full := Query{Server: everything, Players: everything, Teams: everything}
	f.Add(AppendReply(nil, full, &d, nil), true)
	f.Add(AppendReply(nil, BasicQuery(Key{}, 1, 5), &d, nil), false)
	f.Add([]byte("a\x00b\x00\x00\xff\xffk\x00\x00"), true)
	f.Add([]byte("\x00\xff\xff\x00\xff\xff\x00"), true)
	f.Fuzz(func(t *testing.T, b []byte, all bool) {
		q := BasicQuery(Key{}, 1, 5, 200)
		q.Players.IDs = []byte{21, 22}
		if all {
			q = full
		}
		d, err := ParseReply(q, b, nil)
		if len(d.Players.Rows)+len(d.Teams.Rows) > len(b) {
			t.Fatalf("%d rows out of %d bytes", len(d.Players.Rows)+len(d.Teams.Rows), len(b))
		}
		if err == nil && all {
			if again, err := ParseReply(q, AppendReply(nil, q, &d, nil), nil); err != nil || len(again.Server) != len(d.Server) {
				t.Fatalf("%+v became %+v (%v)", d, again, err)
			}
		}
	})
}

func FuzzAssembler(f *testing.F) {
	d := largeSample()
	for _, mode := range []SplitMode{WholeValues, CutValues} {
		packets, err := Split(&d, 0, mode)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packets[0], packets[1])
	}
	// Unreal Tournament 3: empty values.
	f.Add([]byte("splitnum\x00\x80\x01player_\x00\x00Sierra Vasquez\x00\x00\x00\x00score_\x00\x0012\x00\x00\x00\x02\x00"), []byte("splitnum\x00\x00"))
	f.Add([]byte("splitnum\x00\x81\x01player_\x00\xffa\x00b\x00"), []byte("splitnum\x00\x07\x00"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var a Assembler
		_, _ = a.Add(first)
		_, _ = a.Add(second)
		complete, _ := a.Add(first)
		if complete != a.Complete() || complete && len(a.Missing()) > 0 {
			t.Fatalf("complete %t, missing %v", complete, a.Missing())
		}
		d := a.Data()
		if len(d.Players.Rows) > MaxRows || len(d.Teams.Rows) > MaxRows {
			t.Fatalf("%d rows", len(d.Players.Rows))
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("player_", "ann", 60, 400, true)
	f.Add("p_", "", 255, 300, false)
	f.Add(strings.Repeat("k", 90), strings.Repeat("v", 90), 9, 256, false)
	f.Fuzz(func(t *testing.T, key, value string, rows, limit int, cut bool) {
		d := Data{Server: []Field{{key, value}}, Players: Table{Keys: []string{key, key + "2"}}}
		for i := range min(max(rows, 0), MaxRows) {
			d.Players.Rows = append(d.Players.Rows, []string{value + "x", strings.Repeat("y", i%50+1)})
		}
		limit = min(max(limit, 128), MaxSize)
		if d.Check() != nil || key[0] < ' ' || strings.HasPrefix(key, "num") || value+"x" == " " || value == " " {
			return
		}
		mode := WholeValues
		if cut {
			mode = CutValues
		}
		packets, err := Split(&d, limit, mode)
		if err != nil {
			return
		}
		var a Assembler
		for i := range packets {
			if len(packets[i])+FromServerHeader > limit {
				t.Fatalf("packet %d has %d bytes", i, len(packets[i]))
			}
			if _, err := a.Add(packets[len(packets)-1-i]); err != nil {
				t.Fatal(err)
			}
		}
		got := a.Data()
		if !a.Complete() || !reflect.DeepEqual(got.Server, d.Server) || !reflect.DeepEqual(got.Players.Rows, d.Players.Rows) {
			t.Fatalf("%q\nbecame\n%q", d, got)
		}
	})
}
