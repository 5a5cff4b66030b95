package sb_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/qr1wire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/sb"
)

// oldServer answers QR1 questions. change may reorder, drop and spoil the datagrams of an answer.
func oldServer(name string, players int, change func(datagrams [][]byte) [][]byte) *gameServer {
	data := &qr2wire.Data{Server: []qr2wire.Field{{Key: "gamename", Value: "oldgame"}, {Key: "hostname", Value: name}, {Key: "mapname", Value: "dm_bay"}, {Key: "timelimit", Value: "20"}},
		Players: qr2wire.Table{Keys: []string{"player_", "frags_"}}}
	for i := range players {
		data.Players.Rows = append(data.Players.Rows, []string{"player number " + strconv.Itoa(i) + strings.Repeat("x", 60), strconv.Itoa(i)})
	}
	var questions atomic.Uint32
	return &gameServer{script: func(b []byte) (datagrams [][]byte) {
		query, err := qr1wire.ParseQuery(b)
		if err != nil {
			return nil
		}
		number := questions.Add(1)
		bodies, _ := qr1wire.Pack(data, query.Sections)
		for i, body := range bodies {
			datagrams = append(datagrams, qr1wire.AppendEnd(slices.Clone(body), number, i+1, i == len(bodies)-1))
		}
		if change != nil {
			datagrams = change(datagrams)
		}
		return datagrams
	}}
}

func TestOldQuery(t *testing.T) {
	unmarked := func(datagrams [][]byte) [][]byte {
		for i := range datagrams {
			datagrams[i] = []byte(strings.ReplaceAll(string(datagrams[i]), `\final\`, ""))
		}
		return datagrams
	}
	for _, test := range []struct {
		name    string
		players int
		change  func([][]byte) [][]byte
		query   sb.DirectQuery
		seconds float64
	}{
		{"one datagram", 3, nil, sb.DirectQuery{}, 0.06},
		{"many in reverse", 60, func(d [][]byte) [][]byte { slices.Reverse(d); return d }, sb.DirectQuery{}, 0.06},
		{"each three times", 60, func(d [][]byte) [][]byte { return slices.Concat(d, d, d) }, sb.DirectQuery{}, 0.06},
		{"no last one", 60, unmarked, sb.DirectQuery{}, 2.21},
		{"one is lost at first", 60, func() func(d [][]byte) [][]byte {
			asked := 0
			return func(d [][]byte) [][]byte {
				if asked++; asked == 1 {
					return slices.Delete(d, 1, 2)
				}
				return d
			}
		}(), sb.DirectQuery{}, 0.56},
		{"basic and info", 3, nil, sb.DirectQuery{Fields: []string{"hostname"}}, 0.06},
		{"rules, too", 3, nil, sb.DirectQuery{Fields: []string{"hostname", "timelimit"}}, 0.06},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				browser, addrs, _, stop := on(t, simnet.Options{Delay: 30 * time.Millisecond}, sb.Config{Protocol: sb.QR1}, oldServer("Old", test.players, test.change))
				defer stop()
				start := time.Now()
				server, err := browser.Query(t.Context(), addrs[0], test.query)
				require.NoError(t, err)
				require.InDelta(t, test.seconds, time.Since(start).Seconds(), 0.01)
				require.Equal(t, "Old", server.Name())
				require.Equal(t, sb.QR1, server.Protocol)
				require.InDelta(t, 60, server.Ping.Milliseconds(), 3)
				_, hasFinal := server.Lookup("final")
				_, hasNumber := server.Lookup("queryid")
				require.False(t, hasFinal || hasNumber)
				if len(test.query.Fields) > 0 {
					require.Empty(t, server.Players)
					require.Equal(t, len(test.query.Fields) > 1, server.Get("timelimit") != "")
					return
				}
				require.Len(t, server.Players, test.players)
				require.Equal(t, "2", server.Players[2].Get("frags_"))
			})
		})
	}
}

// Which protocol a server is asked in: the query's, else the server's own, else the Config's.
func TestProtocolOfAQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{}, oldServer("Old", 1, nil), &gameServer{name: "New"})
		defer stop()
		list := []sb.Server{{Addr: addrs[0], Protocol: sb.QR1}, {Addr: addrs[1]}}
		var found []string
		for server, err := range browser.QueryAll(t.Context(), slices.Values(list), sb.DirectQuery{}) {
			require.NoError(t, err)
			require.NoError(t, server.QueryErr)
			found = append(found, server.Protocol.String()+" "+server.Name())
		}
		require.ElementsMatch(t, []string{"QR1 Old", "QR2 New"}, found)
		_, err := browser.Query(t.Context(), addrs[0], sb.DirectQuery{})
		require.ErrorIs(t, err, sb.ErrNoAnswer)
		_, err = browser.Query(t.Context(), addrs[0], sb.DirectQuery{Protocol: sb.QR1})
		require.NoError(t, err)
		_, err = browser.Query(t.Context(), addrs[0], sb.DirectQuery{Protocol: 9})
		require.ErrorIs(t, err, sb.ErrNotConfigured)
	})
}

// A hundred old servers over a bad network.
func TestOldQueriesOverABadNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers []*gameServer
		for i := range 100 {
			servers = append(servers, oldServer("server "+strconv.Itoa(i), i%80, nil))
		}
		browser, addrs, _, stop := on(t, simnet.Options{Loss: 0.1, Duplicate: 0.1, Delay: 20 * time.Millisecond, Jitter: 60 * time.Millisecond, Seed: 5}, sb.Config{Protocol: sb.QR1}, servers...)
		defer stop()
		answered := 0
		for server, err := range browser.QueryAll(t.Context(), all(addrs), sb.DirectQuery{}) {
			require.NoError(t, err)
			if server.QueryErr != nil {
				require.ErrorIs(t, server.QueryErr, sb.ErrNoAnswer)
				continue
			}
			i := slices.Index(addrs, server.Addr)
			require.Equal(t, "server "+strconv.Itoa(i), server.Name())
			require.Equal(t, i%80, len(server.Players))
			answered++
		}
		require.GreaterOrEqual(t, answered, 80)
		t.Logf("%d of 100, %+v", answered, browser.QueryStats())
	})
}

func all(addrs []netip.AddrPort) func(func(sb.Server) bool) {
	return func(yield func(sb.Server) bool) {
		for _, addr := range addrs {
			if !yield(sb.Server{Addr: addr}) {
				return
			}
		}
	}
}

// Servers that misbehave are given up in time, with what there was of a good answer, and others are not disturbed.
func TestHostileServers(t *testing.T) {
	head := func(b []byte) []byte {
		_, key, _, err := qr2wire.ParseToServer(b)
		if err != nil {
			return nil
		}
		return qr2wire.AppendFromServer(nil, qr2wire.TypeQuery, key)
	}
	part := func(number byte, text string) string { return "splitnum\x00" + string([]byte{number}) + text }
	// qr2 answers every query with these bodies, and every challenge request with 0.
	qr2 := func(bodies ...string) func([]byte) [][]byte {
		return func(b []byte) (out [][]byte) {
			if kind, key, _, _ := qr2wire.ParseToServer(b); kind == qr2wire.TypePrequery {
				return [][]byte{qr2wire.AppendPrequeryReply(nil, key, 0)}
			}
			for _, body := range bodies {
				out = append(out, append(head(b), body...))
			}
			return out
		}
	}
	old := func(datagrams ...string) func([]byte) [][]byte {
		return func([]byte) (out [][]byte) {
			for _, datagram := range datagrams {
				out = append(out, []byte(datagram))
			}
			return out
		}
	}
	many := func(make func(i int) string) (list []string) {
		for i := range 300 {
			list = append(list, make(i))
		}
		return list
	}
	long := strings.Repeat("n", 255)
	for _, test := range []struct {
		name     string
		protocol sb.Protocol
		script   func([]byte) [][]byte
		want     error
		hostname string
	}{
		{"a gap", sb.QR2, qr2(part(0, "\x00hostname\x00Gap\x00\x00"), part(0x82, "\x01")), sb.ErrIncomplete, "Gap"},
		{"duplicates", sb.QR2, qr2(part(0, "\x00hostname\x00Twice\x00"), part(0, "\x00hostname\x00Twice\x00"), part(0x81, "\x01"), part(0x81, "\x01")), nil, "Twice"},
		{"names of 255 bytes", sb.QR2, qr2(part(0x80, "\x00hostname\x00Long\x00"+long+"\x00"+long+"\x00\x00")), nil, "Long"},
		{"two last ones", sb.QR2, qr2(part(0x83, ""), part(0x81, ""), part(0, "\x00hostname\x00Two\x00\x00"), part(2, "")), sb.ErrIncomplete, "Two"},
		{"behind the last one", sb.QR2, qr2(part(0x81, ""), part(5, ""), part(0x80|7, "")), sb.ErrIncomplete, ""},
		{"a number above 7", sb.QR2, qr2(part(9, "")), sb.ErrNoAnswer, ""},
		{"parts without end", sb.QR2, qr2(many(func(i int) string { return part(byte(i%8), "\x00hostname\x00"+strconv.Itoa(i)+"\x00\x00") })...), sb.ErrIncomplete, "7"},
		{"a packet of 3000 bytes", sb.QR2, qr2(part(0, strings.Repeat("x", 3000))), sb.ErrNoAnswer, ""},
		{"a count that lies", sb.QR2, qr2("hostname\x00Liar\x00\x00\xFF\xFFplayer_\x00\x00ann\x00"), nil, "Liar"},
		{"answers of another kind", sb.QR2, func(b []byte) [][]byte { return [][]byte{{5, 0, 0, 0, 0}, []byte(`\hostname\x\final\`), {}, {0}} }, sb.ErrNoAnswer, ""},

		{"a gap", sb.QR1, old(`\hostname\Gap\queryid\1.1`, `\a\b\queryid\1.3\final\`), sb.ErrIncomplete, "Gap"},
		{"two last ones", sb.QR1, old(`\hostname\Two\queryid\1.1`, `\a\b\queryid\1.5\final\`, `\a\b\queryid\1.3\final\`), sb.ErrIncomplete, "Two"},
		{"numbers that are none", sb.QR1, old(`\hostname\Odd\queryid\x.y\final\`), nil, "Odd"},
		{"a number above 31", sb.QR1, old(`\hostname\x\queryid\1.99\final\`), sb.ErrNoAnswer, ""},
		{"datagrams without end", sb.QR1, old(many(func(i int) string { return fmt.Sprintf(`\hostname\Flood\k%d\v`, i) })...), nil, "Flood"},
		{"questions without end", sb.QR1, old(many(func(i int) string { return fmt.Sprintf(`\hostname\%d\queryid\%d.2`, i, i) })...), sb.ErrIncomplete, "299"},
		{"a question of long ago", sb.QR1, old(`\hostname\Now\queryid\7.1`, `\hostname\Then\queryid\6.1\final\`), nil, "Now"},
		{"binary", sb.QR1, old("\x00\x01\x02", "", "x"), sb.ErrNoAnswer, ""},
	} {
		t.Run(test.protocol.String()+" "+test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{Protocol: test.protocol}, &gameServer{script: test.script}, &gameServer{name: "Good"}, oldServer("Good", 2, nil))
				defer stop()
				start := time.Now()
				list := []sb.Server{{Addr: addrs[0]}, {Addr: addrs[1], Protocol: sb.QR2}, {Addr: addrs[2], Protocol: sb.QR1}}
				good := 0
				for server, err := range browser.QueryAll(t.Context(), slices.Values(list), sb.DirectQuery{}) {
					require.NoError(t, err)
					if server.Addr != addrs[0] {
						require.Equal(t, "Good", server.Name())
						good++
						continue
					}
					require.Equal(t, test.hostname, server.Name())
					if test.want == nil {
						require.NoError(t, server.QueryErr)
					} else {
						require.ErrorIs(t, server.QueryErr, test.want)
					}
				}
				require.Equal(t, 2, good)
				require.Less(t, time.Since(start), 5*time.Second)
			})
		})
	}
}

// An answer counts only if it comes from the address that was asked, and then only with the right key.
func TestAnswersOfOthers(t *testing.T) {
	for _, protocol := range []sb.Protocol{sb.QR1, sb.QR2} {
		synctest.Test(t, func(t *testing.T) {
			network := simnet.New(t, simnet.Options{})
			browser := newBrowser(t, sb.Config{Protocol: protocol, ListenPacket: network.Host("10.9.0.1").ListenPacket})
			asked, other := network.Host("10.8.0.1").Listen(6500), network.Host("10.8.0.2").Listen(6500)
			end := network.Start()
			done := make(chan struct{})
			server := &gameServer{name: "Somebody else"}
			if protocol == sb.QR1 {
				server = oldServer("Somebody else", 1, nil)
			}
			go func() {
				defer close(done)
				buf := make([]byte, 2048)
				for {
					n, from, err := asked.ReadFrom(buf)
					if err != nil {
						return
					}
					for _, answer := range server.answers(buf[:n]) {
						_, _ = other.WriteTo(answer, from)
					}
				}
			}()
			addr := asked.LocalAddr().(*net.UDPAddr).AddrPort()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, err := browser.Query(ctx, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), sb.DirectQuery{})
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotZero(t, browser.QueryStats().Ignored)
			asked.Close()
			other.Close()
			<-done
			end()
		})
	}
}
