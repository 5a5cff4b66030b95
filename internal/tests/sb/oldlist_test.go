package sb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/sb1wire"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

func addresses(servers []sb.Server) (list []string) {
	for _, server := range servers {
		list = append(list, server.Addr.String())
	}
	return list
}

func TestOldList(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.Net333} {
		for enctype := range 3 {
			t.Run(fmt.Sprint(string(family), " enctype ", enctype), func(t *testing.T) {
				for _, segment := range []int{0, 1} {
					synctest.Test(t, func(t *testing.T) {
						master := newMaster(t, sbtest.Config{NoListen: true, Old: true, Family: family, Faults: sbtest.Faults{Segment: segment},
							Groups: map[string][]sbtest.Group{game: {{ID: 7, Fields: []sbtest.Field{{Key: "hostname", Value: "A room"}, {Key: "numwaiting", Value: "2"}}}}}})
						defer master.Close()
						browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master), Protocol: sb.QR1, Enctype: enctype})
						all := []string{"10.0.0.1:6500", "10.0.0.2:6501", "10.0.0.3:6502"}

						servers, err := collect(t.Context(), browser, sb.Query{})
						require.NoError(t, err)
						require.Equal(t, all, addresses(servers))
						require.Equal(t, sb.QR1, servers[0].Protocol)

						servers, err = collect(t.Context(), browser, sb.Query{Text: true, Limit: 2})
						require.NoError(t, err)
						require.Equal(t, all[:2], addresses(servers))
						if family == quirks.Net333 {
							return // it has addresses only
						}

						servers, err = collect(t.Context(), browser, sb.Query{Fields: []string{"hostname"}, Where: sb.Where("numplayers").Greater(2)})
						require.NoError(t, err)
						require.Equal(t, []string{"Friday night", "Quiet's"}, names(servers))
						require.Equal(t, "dm_bay", servers[1].Map())
						require.Equal(t, all[2], servers[1].Addr.String(), "openspy-core's ports are put right")

						for group, err := range browser.Groups(t.Context()) {
							require.NoError(t, err)
							require.Equal(t, sb.Group{ID: 7, Name: "A room", Waiting: 2, Server: group.Server}, group)
						}
					})
				}
			})
		}
	}
}

func TestOldListRefusals(t *testing.T) {
	for _, test := range []struct {
		family quirks.Family
		config sb.Config
		words  string
	}{
		{quirks.OpenSpy, sb.Config{Secret: "wrong"}, "Validation error"},
		{quirks.OpenSpy, sb.Config{Game: "nosuch"}, "Invalid source gamename"},
		{quirks.Net333, sb.Config{Secret: "wrong"}, "Secret of the game right"},
	} {
		for enctype := range 3 {
			synctest.Test(t, func(t *testing.T) {
				master := newMaster(t, sbtest.Config{NoListen: true, Old: true, Family: test.family})
				defer master.Close()
				config := test.config
				config.Addr, config.DialContext, config.Protocol, config.Enctype = "192.0.2.1", piped(master), sb.QR1, enctype
				_, err := collect(t.Context(), newBrowser(t, config), sb.Query{})
				require.ErrorIs(t, err, sb.ErrRefused)
				require.ErrorContains(t, err, test.words)
				require.NotContains(t, err.Error(), "wrong:")
			})
		}
	}
}

// TestOldListFaults has the master stall, close and talk nonsense at every byte.
func TestOldListFaults(t *testing.T) {
	for enctype := range 3 {
		for _, fault := range []sbtest.Fault{sbtest.Stall, sbtest.Close, sbtest.Garbage} {
			for at := range 140 {
				synctest.Test(t, func(t *testing.T) {
					master := newMaster(t, sbtest.Config{NoListen: true, Old: true, Faults: sbtest.Faults{Fault: fault, At: at}})
					defer master.Close()
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master), Protocol: sb.QR1, Enctype: enctype, MaxServers: 100})
					start := time.Now()
					servers, err := collect(t.Context(), browser, sb.Query{})
					require.LessOrEqual(t, time.Since(start), 11*time.Second)
					if err == nil {
						require.True(t, len(servers) == 3 || fault == sbtest.Garbage, "%d servers", len(servers))
						return
					}
					failure, ok := errors.AsType[*sb.Error](err)
					require.True(t, ok, "%v", err)
					if fault == sbtest.Stall {
						require.ErrorIs(t, err, sb.ErrSilence)
						require.True(t, failure.Timeout())
					}
				})
			}
		}
	}
}

func TestOldListLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name  string
			list  string
			query sb.Query
			words string
		}{
			{"servers for ever", strings.Repeat("123456", 5000), sb.Query{}, "more than 1000 servers in one list"},
			{"a value without end", `\ip\` + strings.Repeat("9", 20000), sb.Query{Text: true}, "more than 16384 bytes in one value"},
			{"too many fields", `\fieldcount\9999\` + strings.Repeat(`a\`, 9999), sb.Query{Fields: []string{"a"}}, "more than 255 fields"},
		} {
			master := newMaster(t, sbtest.Config{NoListen: true, Old: true, Faults: sbtest.Faults{Body: func([]byte) []byte { return []byte(test.list) }}})
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master), Protocol: sb.QR1, MaxServers: 1000})
			_, err := collect(t.Context(), browser, test.query)
			require.ErrorIs(t, err, sb.ErrMalformed, test.name)
			require.ErrorContains(t, err, test.words, test.name)
			master.Close()
		}
	})
}

func TestOldListCancelled(t *testing.T) {
	for _, at := range []int{0, 10, 20, 25} {
		synctest.Test(t, func(t *testing.T) {
			master := newMaster(t, sbtest.Config{NoListen: true, Old: true, Faults: sbtest.Faults{Fault: sbtest.Stall, At: at}})
			defer master.Close()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master), Protocol: sb.QR1})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := collect(ctx, browser, sb.Query{})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 100*time.Millisecond, time.Since(start))
		})
	}
}

// TestTheOlderProtocolHasListsOnly is about everything else that masters of today can do.
func TestTheOlderProtocolHasListsOnly(t *testing.T) {
	browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", Protocol: sb.QR1})
	addr := netip.MustParseAddrPort("10.0.0.1:6500")
	_, err := browser.Subscribe(t.Context(), sb.Query{})
	require.ErrorIs(t, err, sb.ErrNotConfigured)
	require.ErrorIs(t, browser.SendMessage(t.Context(), addr, []byte("x")), sb.ErrNotConfigured)
	_, err = collect(t.Context(), newBrowser(t, sb.Config{Addr: "192.0.2.1", Protocol: sb.QR1, Enctype: 3}), sb.Query{})
	require.ErrorIs(t, err, sb.ErrNotConfigured)
}

// TestRecordedOldLists replays what real masters said, byte by byte and as a whole, and compares what we say with what our
// client said then.
func TestRecordedOldLists(t *testing.T) {
	file := transcript.Load(t, "testdata/oldlist.json")
	for _, label := range file.Labels() {
		t.Run(label, func(t *testing.T) {
			events := file.Conn(label)
			config := sb.Config{Addr: "192.0.2.1", Protocol: sb.QR1, Game: "gmtest", Secret: "HA6zkS"}
			if strings.HasPrefix(label, "333") {
				config.Game, config.Secret = "ut", "Z5Nfb0"
			}
			var query sb.Query
			parts := strings.Split(label, "-")
			config.Enctype = int(parts[2][0] - '0')
			switch parts[1] {
			case "text":
				query.Text = true
			case "info":
				query.Fields = []string{"hostname", "mapname", "numplayers"}
			case "groups":
				query.Groups = true
			case "wrong":
				config.Secret = "wrong1"
			case "nosuch":
				config.Game = "nosuch"
			}
			sent := transcript.Bytes(events, transcript.ClientToServer)
			received := transcript.Bytes(events, transcript.ServerToClient)
			greeting := len(sb1wire.AppendGreeting(nil, "ABCDEF"))
			for _, size := range []int{1, 1500} {
				synctest.Test(t, func(t *testing.T) {
					config.DialContext = func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						go func() {
							defer server.Close()
							_, _ = server.Write(received[:greeting])
							request := make([]byte, len(sent))
							if _, err := io.ReadFull(server, request); err != nil || string(request) != string(sent) {
								return // the master says no more, and the test fails
							}
							for piece := range slices.Chunk(received[greeting:], size) {
								if _, err := server.Write(piece); err != nil {
									return
								}
							}
						}()
						return client, nil
					}
					servers, err := collect(t.Context(), newBrowser(t, config), query)
					switch {
					case parts[1] == "wrong", parts[1] == "nosuch":
						require.ErrorIs(t, err, sb.ErrRefused)
						if parts[0] == "os" {
							require.ErrorContains(t, err, map[string]string{"wrong": "Validation error\"", "nosuch": "Invalid source gamename\""}[parts[1]])
						}
						return
					case parts[1] == "groups":
						require.NoError(t, err)
						require.Len(t, servers, 1)
						require.Equal(t, uint32(7), servers[0].GroupID())
						require.Equal(t, "A room", servers[0].Name())
						require.Equal(t, "de", servers[0].Get("language"))
						return
					}
					require.NoError(t, err)
					if parts[0] == "os" {
						require.Equal(t, []string{"127.0.0.68:26500"}, addresses(servers))
						if parts[1] == "info" {
							require.Equal(t, "Relight host", servers[0].Name())
						}
						return
					}
					require.Len(t, servers, 12)
					require.Equal(t, "127.9.11.12:7789", servers[11].Addr.String())
				})
			}
		})
	}
}

// TestGreetingInPieces has a master whose \final\ behind the greeting comes late: it is not an empty list. Where it is one, that
// is known when nothing follows.
func TestGreetingInPieces(t *testing.T) {
	list := "\x0a\x00\x00\x01\x19\x64"
	for _, test := range []struct {
		name   string
		pieces []string // behind the six letters
		stays  bool     // the connection stays open
		want   []string
	}{
		{"with the list", []string{`\final\` + list + `\final\`}, false, []string{"10.0.0.1:6500"}},
		{"in front of the list", []string{`\final\`, list + `\final\`}, false, []string{"10.0.0.1:6500"}},
		{"byte by byte", strings.Split(`\final\`+list+`\final\`, ""), true, []string{"10.0.0.1:6500"}},
		{"the list of a master that sends none", []string{list, `\final\`}, true, []string{"10.0.0.1:6500"}},
		{"and an empty list", []string{`\final\`, `\final\`}, true, nil},
		{"an empty list alone", []string{`\fin`, `al\`}, false, nil},
		{"the same, and the master stays", []string{`\final\`}, true, nil},
	} {
		for enctype := range 2 {
			t.Run(fmt.Sprint(test.name, " ", enctype), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, master := net.Pipe()
					go func() {
						_, _ = master.Write([]byte(`\basic\\secure\ABCDEF`))
						_, _ = master.Read(make([]byte, 4096))
						for _, piece := range test.pieces {
							_, _ = master.Write([]byte(piece))
						}
						if test.stays {
							_, _ = master.Read(make([]byte, 1))
						}
						master.Close()
					}()
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: dialling(client), Protocol: sb.QR1, Enctype: enctype})
					servers, err := collect(t.Context(), browser, sb.Query{})
					require.NoError(t, err)
					require.Equal(t, test.want, addresses(servers))
				})
			})
		}
	}
}
