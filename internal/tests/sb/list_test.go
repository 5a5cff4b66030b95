package sb_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// sbFamilies are the families that have a list master.
var sbFamilies = []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.WFC, quirks.DWC, quirks.UniSpy, quirks.KR4uzi, quirks.Crymp}

const wanted = "hostname like '%n%'" // two of the three

func TestListOfEveryFamily(t *testing.T) {
	for _, family := range sbFamilies {
		for _, segment := range []int{0, 1, 7} {
			t.Run(string(family), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					master := newMaster(t, sbtest.Config{Family: family, NoListen: true, Faults: sbtest.Faults{Segment: segment}})
					defer master.Close()
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
					defer browser.Close()
					servers, err := collect(t.Context(), browser, sb.Query{Filter: wanted})
					require.NoError(t, err)
					switch family {
					case quirks.UniSpy: // ignores the filter
						require.Equal(t, []string{"Friday night", "Behind a NAT", "Quiet's"}, names(servers))
					case quirks.Crymp: // so does this one, and the filter spoils the key list
						require.Len(t, servers, 3)
					default:
						require.Equal(t, []string{"Friday night", "Behind a NAT"}, names(servers))
						require.Equal(t, "dm_bay", servers[0].Map())
						require.Equal(t, 300, servers[1].MaxPlayers())
						require.NotZero(t, servers[1].Flags&sb.FlagNatNeg)
					}
					state := browser.State()
					require.Equal(t, sb.StepConnected, min(state.Step, sb.StepConnected))
					require.Equal(t, len(servers), state.Servers)
					require.Positive(t, state.BytesReceived)
				})
			})
		}
	}
}

func TestLimitFieldsAndPlain(t *testing.T) {
	master := newMaster(t, sbtest.Config{})
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr()})
	servers, err := collect(t.Context(), browser, sb.Query{Limit: 2, Fields: []string{"numplayers"}})
	require.NoError(t, err)
	require.Len(t, servers, 2)
	require.Equal(t, 3, servers[0].NumPlayers())
	require.Empty(t, servers[0].Name())
	require.Equal(t, netip.MustParseAddr("127.0.0.1"), browser.PublicAddr())

	servers, err = collect(t.Context(), browser, sb.Query{Plain: true, NoCache: false})
	require.NoError(t, err)
	require.Len(t, servers, 3)
	require.False(t, servers[0].HasFields(), "a reachable server comes without fields")
	require.True(t, servers[1].HasFields())

	requests := master.Requests()
	require.Equal(t, sbtest.Request{Game: game, Fields: []string{"numplayers"}, Options: 129, Limit: 2}, requests[0])
	require.Equal(t, sb.DefaultFields(), requests[1].Fields, "never an empty field list")
	require.Zero(t, requests[1].Options)
}

func TestLeavingTheLoopEndsTheConnection(t *testing.T) {
	master := newMaster(t, sbtest.Config{})
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr()})
	for server, err := range browser.List(t.Context(), sb.Query{}) {
		require.NoError(t, err)
		require.Equal(t, "Friday night", server.Name())
		break
	}
	require.Equal(t, sb.StepClosed, browser.State().Step)
}

// How each family says no, and what the browser makes of it.
func TestRefusalsOfEveryFamily(t *testing.T) {
	for _, test := range []struct {
		family quirks.Family
		game   string
		filter string
		is     error
		text   string
	}{
		{quirks.Original, "nosuchgame", "", sb.ErrRefused, "gamename not known"},
		{quirks.Original, game, "not (a", sb.ErrRefused, "ends too early"},
		{quirks.OpenSpy, "nosuchgame", "", sb.ErrRefused, "Invalid source gamename"},
		{quirks.OpenSpy, game, "not (a", nil, ""},
		{quirks.WFC, "nosuchgame", "a=1", sb.ErrSilence, "unknown"},
		{quirks.WFC, game, "", nil, ""},
		{quirks.DWC, "nosuchgame", "", sb.ErrSilence, "unknown"},
		{quirks.DWC, game, "not (a", sb.ErrSilence, "filter"},
		{quirks.KR4uzi, "nosuchgame", "", sb.ErrRefused, "without a byte"},
		{quirks.KR4uzi, game, "not (a", nil, ""},
		{quirks.UniSpy, "nosuchgame", "", sb.ErrSilence, "unknown"},
	} {
		t.Run(string(test.family)+"/"+test.game+"/"+test.filter, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				master := newMaster(t, sbtest.Config{Family: test.family, NoListen: true})
				defer master.Close()
				browser := newBrowser(t, sb.Config{Game: test.game, Addr: "192.0.2.1", DialContext: piped(master), ReplyTimeout: 3 * time.Second})
				start := time.Now()
				servers, err := collect(t.Context(), browser, sb.Query{Filter: test.filter})
				require.Empty(t, servers)
				if test.is == nil {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, test.is)
				require.ErrorContains(t, err, test.text)
				failure, ok := errors.AsType[*sb.Error](err)
				require.True(t, ok)
				require.Equal(t, "list", failure.Op)
				require.Equal(t, "192.0.2.1:28910", failure.Peer)
				require.Equal(t, test.is == sb.ErrSilence, failure.Timeout())
				require.LessOrEqual(t, time.Since(start), 6*time.Second, "asked twice at most")
				require.Contains(t, browser.State().Reason, test.text)
				require.NotContains(t, err.Error(), secret)
			})
		})
	}
}

func TestGroups(t *testing.T) {
	rooms := map[string][]sbtest.Group{game: {
		{ID: 3, Fields: []sbtest.Field{{Key: "hostname", Value: "Beginners"}, {Key: "numwaiting", Value: "5"}, {Key: "maxwaiting", Value: "50"}}},
		{ID: 0x01020304, Fields: []sbtest.Field{{Key: "hostname", Value: "Experts"}, {Key: "numservers", Value: "2"}}},
	}}
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.UniSpy} {
		t.Run(string(family), func(t *testing.T) {
			master := newMaster(t, sbtest.Config{Family: family, Groups: rooms})
			defer master.Close()
			browser := newBrowser(t, sb.Config{Addr: master.Addr()})
			var groups []sb.Group
			for group, err := range browser.Groups(t.Context()) {
				require.NoError(t, err)
				groups = append(groups, group)
			}
			require.Len(t, groups, 2)
			require.Equal(t, uint32(3), groups[0].ID)
			require.Equal(t, "Beginners", groups[0].Name)
			require.Equal(t, 5, groups[0].Waiting)
			require.Equal(t, 50, groups[0].MaxWaiting)
			require.Equal(t, uint32(0x01020304), groups[1].ID)
			require.Equal(t, 2, groups[1].Servers)
		})
	}
	t.Run("kr4uzi never ends the list", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			master := newMaster(t, sbtest.Config{Family: quirks.KR4uzi, NoListen: true})
			defer master.Close()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
			for _, err := range browser.Groups(t.Context()) {
				require.ErrorIs(t, err, sb.ErrSilence)
				require.ErrorContains(t, err, "servers")
			}
		})
	})
}

func TestNotConfigured(t *testing.T) {
	browser, err := sb.New(sb.Config{Game: game, Addr: "127.0.0.1:1"})
	require.NoError(t, err)
	_, err = collect(t.Context(), browser, sb.Query{})
	require.ErrorIs(t, err, sb.ErrNotConfigured)
	browser = newBrowser(t, sb.Config{})
	_, err = collect(t.Context(), browser, sb.Query{})
	require.ErrorIs(t, err, sb.ErrNotConfigured)
	require.ErrorContains(t, err, "list master")
	config := sb.Config{Secret: "verysecret"}
	for _, text := range []string{config.String(), config.GoString(), config.LogValue().String()} {
		require.NotContains(t, text, "verysecret")
	}
}

func TestServerFieldsAndJSON(t *testing.T) {
	master := newMaster(t, sbtest.Config{})
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr()})
	servers, err := collect(t.Context(), browser, sb.Query{Filter: "numplayers=0"})
	require.NoError(t, err)
	require.Len(t, servers, 1)
	server := servers[0]
	require.Equal(t, "Behind a NAT", server.Get("HostName"))
	number, ok := server.Int("maxplayers")
	require.True(t, ok)
	require.Equal(t, 300, number)
	_, ok = server.Int("hostname")
	require.False(t, ok)
	require.Equal(t, netip.MustParseAddrPort("192.168.0.2:6500"), server.Private)
	b, err := json.Marshal(server)
	require.NoError(t, err)
	require.JSONEq(t, `{"addr":"10.0.0.2:6501","private":"192.168.0.2:6500","flags":["natneg","private_ip","public_port","private_port","keys"],"fields":{"hostname":"Behind a NAT",
		"gamever":"","hostport":"7777","mapname":"ctf_two","gametype":"","numplayers":"0","maxplayers":"300","password":""}}`, string(b))
}
