package sb_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// told puts events into words.
func told(event sb.Event) string {
	switch e := event.(type) {
	case sb.ServerAdded:
		return "added " + e.Server.Name()
	case sb.ServerUpdated:
		return fmt.Sprintf("changed %s %v", e.Server.Name(), e.Keys)
	case sb.ServerRemoved:
		return "removed " + e.Server.Name()
	}
	return fmt.Sprintf("%T", event)
}

func pollAll(w *sb.Watch) (list []string) {
	for {
		event, ok := w.Poll()
		if !ok {
			return list
		}
		list = append(list, told(event))
	}
}

// number is an address of its own for each i.
func number(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 6500)
}

// described makes a server of JSON, the way in which a program makes one of its own.
func described(t testing.TB, i int, text string) sb.Server {
	var server sb.Server
	require.NoError(t, json.Unmarshal([]byte(text), &server))
	server.Addr = number(i)
	return server
}

func TestServerListFollowsLists(t *testing.T) {
	master := newMaster(t, sbtest.Config{})
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr()})
	var list sb.ServerList
	watch := list.Watch()
	defer watch.Close()
	require.NoError(t, list.Fill(browser.List(t.Context(), sb.Query{})))
	require.Equal(t, []string{"added Friday night", "added Behind a NAT", "added Quiet's"}, pollAll(watch))
	before := list.Snapshot()

	require.NoError(t, list.Refresh(browser.List(t.Context(), sb.Query{})))
	require.Empty(t, pollAll(watch), "the same list again")

	servers := someServers()
	servers[1].Fields[2].Value = "7"
	master.Registry().Put(servers[1])
	master.Registry().Remove(game, servers[0].Addr)
	require.NoError(t, list.Refresh(browser.List(t.Context(), sb.Query{})))
	require.Equal(t, []string{"changed Behind a NAT [numplayers]", "removed Friday night"}, pollAll(watch))
	require.Equal(t, 2, list.Len())
	server, ok := list.Get(servers[1].Addr)
	require.True(t, ok)
	require.Equal(t, 7, server.NumPlayers())

	require.Equal(t, 3, before.Len(), "a snapshot never changes")
	require.Equal(t, 0, before.At(1).NumPlayers())

	broken := errors.New("broken")
	err := list.Refresh(func(yield func(sb.Server, error) bool) { yield(sb.Server{}, broken) })
	require.ErrorIs(t, err, broken)
	require.Equal(t, 2, list.Len(), "a list that broke removes nothing")

	late := list.Watch()
	defer late.Close()
	require.Equal(t, []string{"added Behind a NAT", "added Quiet's"}, pollAll(late))
	list.Clear()
	require.Zero(t, list.Len())
	require.Len(t, pollAll(watch), 2)
	watch.Close()
	watch.Close()
}

// What a direct query says stays when the list comes again, and changes of nothing are none.
func TestServerListLaysOver(t *testing.T) {
	var list sb.ServerList
	watch := list.Watch()
	defer watch.Close()
	listed := described(t, 1, `{"fields":{"hostname":"a","numplayers":"1"}}`)
	require.NoError(t, list.Put(listed))
	queried := described(t, 1, `{"ping_ms":20,"fields":{"hostname":"a","fraglimit":"30"},"players":[{"player_":"ann","score_":"2"}]}`)
	require.NoError(t, list.Put(queried))
	require.Equal(t, []string{"added a"}, pollAll(watch), "one change, for who had not looked")
	require.NoError(t, list.Put(listed))
	require.Empty(t, pollAll(watch))
	server, _ := list.Get(number(1))
	require.Equal(t, "30", server.Get("fraglimit"))
	require.Equal(t, 1, server.NumPlayers())
	require.Equal(t, 20*time.Millisecond, server.Ping)
	require.Equal(t, "ann", server.Players[0].Get("player_"))

	queried.Players = sb.Table{{{Key: "player_", Value: "bob"}}}
	queried.Ping = time.Millisecond
	queried.QueryErr = errors.New("late")
	require.NoError(t, list.Put(queried))
	require.Equal(t, []string{"changed a [@ping @players @error]"}, pollAll(watch))

	require.NoError(t, list.Put(described(t, 2, `{}`)))
	require.True(t, list.Remove(number(2)))
	require.False(t, list.Remove(number(2)))
	require.Empty(t, pollAll(watch), "came and went unseen")
	require.True(t, list.Remove(number(1)))
	require.NoError(t, list.Put(listed))
	require.Equal(t, []string{"changed a [@ping fraglimit @players @error]"}, pollAll(watch))
}

func TestServerListPutsAnswers(t *testing.T) {
	var list sb.ServerList
	asked := described(t, 1, `{"fields":{"hostname":"a"}}`)
	asked.Flags = sb.FlagNatNeg
	require.NoError(t, list.Put(asked))
	found := asked
	found.Flags, found.Private = sb.FlagNatNeg|sb.FlagDirect, netip.MustParseAddrPort("192.168.0.2:7777")
	require.NoError(t, list.Put(found), "the master tells more while the server is being asked")

	asked.Ping = 20 * time.Millisecond
	listed, err := list.PutAnswer(asked)
	require.NoError(t, err)
	require.True(t, listed)
	server, _ := list.Get(asked.Addr)
	require.Equal(t, found.Flags, server.Flags)
	require.Equal(t, found.Private, server.Private)
	require.Equal(t, 20*time.Millisecond, server.Ping)

	list.Remove(asked.Addr)
	listed, err = list.PutAnswer(asked)
	require.NoError(t, err)
	require.False(t, listed)
	require.Zero(t, list.Len(), "a server that is gone does not come back")
}

func TestServerListLimits(t *testing.T) {
	list := sb.ServerList{MaxServers: 2}
	for i := range 2 {
		require.NoError(t, list.Put(sb.Server{Addr: number(i)}))
	}
	err := list.Put(sb.Server{Addr: number(3)})
	require.ErrorIs(t, err, sb.ErrListFull)
	require.ErrorContains(t, err, "MaxServers is 2")
	require.NoError(t, list.Put(described(t, 1, `{"fields":{"a":"b"}}`)), "one of those that are there")

	small := sb.ServerList{MaxBytes: 10_000}
	count := 0
	for ; err == nil || count == 0; count++ {
		err = small.Put(described(t, count, fmt.Sprintf(`{"fields":{"name%d":"%0100d"}}`, count, count)))
	}
	require.ErrorIs(t, err, sb.ErrListFull)
	require.ErrorContains(t, err, "MaxBytes is 10000")
	require.InDelta(t, 25, count, 10)
	for i := range count {
		small.Remove(number(i))
	}
	require.NoError(t, small.Put(described(t, 1, `{"fields":{"a":"b"}}`)), "what was removed does not count")
}

func TestSortAndFilter(t *testing.T) {
	var list sb.ServerList
	for i, text := range []string{
		`{"ping_ms":30,"fields":{"hostname":"beta","numplayers":"9","gamever":"1.9"}}`,
		`{"ping_ms":5.5,"fields":{"hostname":"Alpha","numplayers":"10","gamever":"1.10"}}`,
		`{"fields":{"hostname":"gamma","numplayers":"10","mapname":"dm_bay"}}`,
		`{"ping_ms":200,"fields":{"hostname":"inf","numplayers":"","gamever":"beta"}}`,
	} {
		require.NoError(t, list.Put(described(t, 4-i, text)))
	}
	names := func(s sb.Snapshot) (list []string) {
		for _, server := range s.All() {
			list = append(list, server.Name())
		}
		return list
	}
	all := list.Snapshot()
	for _, test := range []struct {
		name   string
		orders []sb.Order
		want   []string
	}{
		{"none", nil, []string{"beta", "Alpha", "gamma", "inf"}},
		{"text in any case", []sb.Order{sb.By("hostname")}, []string{"Alpha", "beta", "gamma", "inf"}},
		{"downwards", []sb.Order{sb.By("hostname").Descending()}, []string{"inf", "gamma", "beta", "Alpha"}},
		{"numbers, the empty one last, equal ones as they were", []sb.Order{sb.By("numplayers")}, []string{"beta", "Alpha", "gamma", "inf"}},
		{"and downwards", []sb.Order{sb.By("numplayers").Descending()}, []string{"Alpha", "gamma", "beta", "inf"}},
		{"a second order", []sb.Order{sb.By("numplayers").Descending(), sb.By("hostname").Descending()}, []string{"gamma", "Alpha", "beta", "inf"}},
		{"ping, unknown last", []sb.Order{sb.By(sb.KeyPing)}, []string{"Alpha", "beta", "inf", "gamma"}},
		{"numbers in front of text", []sb.Order{sb.By("gamever")}, []string{"Alpha", "beta", "inf", "gamma"}},
		{"all as text", []sb.Order{sb.By("gamever").AsText().Descending()}, []string{"inf", "beta", "Alpha", "gamma"}},
		{"address", []sb.Order{sb.By(sb.KeyAddr)}, []string{"inf", "gamma", "Alpha", "beta"}},
		{"a field in another case of letters", []sb.Order{sb.By("MapName")}, []string{"gamma", "beta", "Alpha", "inf"}},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, names(all.Sort(test.orders...))) })
	}
	require.Equal(t, []string{"beta", "Alpha", "gamma", "inf"}, names(all), "sorting changes nothing")

	for filter, want := range map[string][]string{
		"":                                   {"beta", "Alpha", "gamma", "inf"},
		"numplayers > 9":                     {"Alpha", "gamma"},
		"hostname like '%A'":                 {"beta", "Alpha", "gamma"},
		"mapname is not null":                {"gamma"},
		"@ping < 100 and numplayers = 9":     {"beta"},
		"@ping is null":                      {"gamma"},
		"@addr = '10.0.0.4:6500'":            {"beta"},
		"not (hostname = 'inf') and @ping>6": {"beta"},
	} {
		expr, err := sb.ParseFilter(filter)
		require.NoError(t, err)
		require.Equal(t, want, names(all.Filter(expr.Match)), filter)
	}
	_, err := sb.ParseFilter("a = (")
	typed(t, err, err)
	require.Equal(t, []string{"Alpha"}, names(all.Filter(func(s sb.Server) bool { return s.Ping == 5500*time.Microsecond })))
	require.Len(t, slices.Collect(all.Servers()), 4)
}

func TestSince(t *testing.T) {
	var list sb.ServerList
	for i := range 5 {
		require.NoError(t, list.Put(described(t, i, fmt.Sprintf(`{"fields":{"hostname":"%c","n":"%d"}}`, 'a'+i, i))))
	}
	words := func(changes []sb.Change) (lines []string) {
		for _, c := range changes {
			lines = append(lines, fmt.Sprintf("%s %s %v %d %d", c.Kind, c.Server.Name(), c.Keys, c.Old, c.New))
		}
		return lines
	}
	before := list.Snapshot().Sort(sb.By("n"))
	require.Empty(t, before.Since(before))
	require.True(t, list.Remove(number(0)))
	require.NoError(t, list.Put(described(t, 9, `{"fields":{"hostname":"new","n":"2.5"}}`)))
	require.NoError(t, list.Put(described(t, 1, `{"fields":{"n":"9"}}`)))
	after := list.Snapshot().Sort(sb.By("n"))
	require.Equal(t, []string{"removed a [] 0 -1", "added new [] -1 1", "changed b [n] 1 4"}, words(after.Since(before)),
		"c, d and e stand where they stood among themselves")
	require.Equal(t, []string{"moved b [] 3 0"}, words(after.Sort(sb.By("hostname")).Filter(func(s sb.Server) bool { return s.Name() != "new" }).
		Since(after.Filter(func(s sb.Server) bool { return s.Name() != "new" })))[:1])
	require.Equal(t, "moved", sb.Moved.String())
	require.Equal(t, "change 77", sb.ChangeKind(77).String())
}

// Applying what Since says to the old places gives the new ones, whatever happened.
func TestSinceIsComplete(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var list sb.ServerList
	var old []string
	before := list.Snapshot()
	for range 200 {
		for range random.IntN(8) {
			i := random.IntN(12)
			if random.IntN(3) == 0 {
				list.Remove(number(i))
			} else {
				require.NoError(t, list.Put(described(t, i, fmt.Sprintf(`{"fields":{"n":"%d"}}`, random.IntN(20)))))
			}
		}
		after := list.Snapshot().Sort(sb.By("n"))
		var now []string
		for _, server := range after.All() {
			now = append(now, server.Addr.String()+"="+server.Get("n"))
		}
		// What is not told of stays in its order; all others are put at their new places.
		rest := slices.Clone(old)
		changes := after.Since(before)
		for _, c := range changes {
			if c.Old >= 0 {
				rest[c.Old] = ""
			}
		}
		rest = slices.DeleteFunc(rest, func(s string) bool { return s == "" })
		for _, c := range changes {
			if c.Kind != sb.Removed {
				rest = slices.Insert(rest, c.New, c.Server.Addr.String()+"="+c.Server.Get("n"))
			}
		}
		require.Equal(t, now, rest)
		old, before = now, after
	}
}

func TestServerListJSON(t *testing.T) {
	var list sb.ServerList
	latin := described(t, 1, `{"private":"192.168.0.1:7000","flags":["direct","natneg","private_ip"],"ping_ms":12.345678,"error":"what?",
		"fields":{"z":"last first","hostname":"Caf\u00e9","a":"","x;base64":"//4="},
		"players":[{"player_":"ann","score_":"1"},{"player_;base64":"6Q=="}],"teams":[{"team_t":"red"}],"unknown":1}`)
	require.Equal(t, "\xff\xfe", latin.Get("x"))
	require.Equal(t, "\xe9", latin.Players[1].Get("player_"))
	require.Equal(t, 12345678*time.Nanosecond, latin.Ping)
	require.NoError(t, list.Put(latin))
	require.NoError(t, list.Put(described(t, 2, `{}`)))
	b, err := json.Marshal(&list)
	require.NoError(t, err)
	var again sb.ServerList
	require.NoError(t, json.Unmarshal(b, &again))
	require.Empty(t, again.Snapshot().Since(list.Snapshot()))
	b2, err := json.Marshal(again.Snapshot())
	require.NoError(t, err)
	require.Equal(t, string(b), string(b2))
	require.NoError(t, json.Unmarshal([]byte("null"), &again))

	for _, bad := range []string{`{}`, `[1]`, `[{"addr":"x"}]`, `[{"addr":"1.2.3.4:5","fields":[]}]`, `[{"addr":"1.2.3.4:5","private":"y"}]`,
		`[{"addr":"1.2.3.4:5","fields":{"a;base64":"?"}}]`, `[{"addr":"1.2.3.4:5","fields":{"a":1}}]`} {
		require.Error(t, json.Unmarshal([]byte(bad), new(sb.ServerList)), bad)
	}
}

func TestWatchEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list sb.ServerList
		watch := list.Watch()
		var got []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for event := range watch.Events(t.Context()) {
				got = append(got, told(event))
			}
		}()
		for i := range 3 {
			require.NoError(t, list.Put(described(t, i, `{"fields":{"hostname":"a"}}`)))
			synctest.Wait()
		}
		watch.Close()
		<-ended
		require.Equal(t, []string{"added a", "added a", "added a"}, got)
	})
}

// A reader that never looks costs no more than the list, however much happens.
func TestFloodOfChanges(t *testing.T) {
	var list sb.ServerList
	watch := list.Watch()
	defer watch.Close()
	for i := range 100_000 {
		if err := list.Put(sb.Server{Addr: number(i)}); err != nil || !list.Remove(number(i)) {
			t.Fatal(i, err)
		}
	}
	require.Empty(t, pollAll(watch))
	for i := range 2000 {
		require.NoError(t, list.Put(described(t, 1, fmt.Sprintf(`{"fields":{"n":"%d"}}`, i))))
	}
	event, ok := watch.Poll()
	require.True(t, ok)
	require.Equal(t, "1999", event.(sb.ServerAdded).Server.Get("n"))
}

func TestTable(t *testing.T) {
	table := sb.Table{{{Key: "player_", Value: "ann"}, {Key: "score_", Value: "9"}}, {{Key: "player_", Value: "Bob"}, {Key: "score_", Value: "10"}, {Key: "team_", Value: "1"}}}
	require.Equal(t, []string{"player_", "score_", "team_"}, table.Columns())
	require.Equal(t, []string{"", "1"}, table.Column("team_"))
	require.Equal(t, 19, table.Sum("score_"))
	require.Equal(t, []string{"Bob", "ann"}, table.Sort(sb.By("score_").Descending()).Column("player_"))
	require.Equal(t, []string{"ann", "Bob"}, table.Column("player_"))
}
