package sb_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
	"github.com/relight-sdk/relight/sb"
)

var recordings = map[string]map[string]string{ // secrets by file and game
	"openspy": {"gmtest": "HA6zkS", "nosuchgame": "HA6zkS"},
	"wfc":     {"pokemondpds": "1vTlwb", "nosuch": "HA6zkS"},
	"kr4uzi":  {"gmtest": "HA6zkS", "battlefield2": "hW6m9a"},
}

// recorded is one connection of a recording.
type recorded struct {
	name    string
	conn    string
	request sbwire.ListRequest
	sent    []byte // the request
	more    []byte // what the client sent later
	reply   []byte // what the server sent, all of it
	eof     bool
}

// recordedLists finds the connections to a list master.
func recordedLists(t *testing.T, file string) (lists []recorded) {
	t.Helper()
	var current *recorded
	byConn := make(map[string]*recorded)
	for i, event := range transcript.Load(t, "testdata/"+file+".json").Events {
		current = byConn[event.Conn]
		switch {
		case event.Proto != "tcp":
		case event.Dir == transcript.Open:
			delete(byConn, event.Conn)
			if addr, err := netip.ParseAddrPort(event.Remote); err == nil && addr.Port() == 28910 {
				byConn[event.Conn] = &recorded{name: fmt.Sprintf("%s %d", event.Conn, i), conn: event.Conn}
			}
		case current == nil:
		case event.Dir == transcript.ClientToServer && current.sent == nil:
			request, err := sbwire.ParseListRequest(event.Payload)
			require.NoError(t, err)
			current.request, current.sent = request, event.Payload
			lists = append(lists, *current)
		default:
			last := &lists[len(lists)-1]
			for j := range lists {
				if lists[j].name == current.name {
					last = &lists[j]
				}
			}
			switch event.Dir {
			case transcript.ClientToServer:
				last.more = append(last.more, event.Payload...)
			case transcript.ServerToClient:
				last.reply = append(last.reply, event.Payload...)
			case transcript.EOF:
				last.eof = true
			}
		}
	}
	require.NotEmpty(t, lists)
	return lists
}

// play is a server that reads the request and plays the reply in pieces. The connection then stays open unless eof.
func (r recorded) play(t *testing.T, pieces [][]byte) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			got := make([]byte, len(r.sent))
			if _, err := io.ReadFull(server, got); err != nil {
				return
			}
			if !bytes.Equal(r.sent, got) {
				t.Errorf("sent % x\nrecorded % x", got, r.sent)
			}
			for _, piece := range pieces {
				if _, err := server.Write(piece); err != nil {
					return
				}
			}
			if r.eof {
				server.Close()
			}
			_, _ = io.Copy(io.Discard, server)
		}()
		return client, nil
	}
}

// Every list of the recordings, through the real browser: it sends what the probe sent and understands what came.
func TestTranscripts(t *testing.T) {
	for file, secrets := range recordings {
		for _, list := range recordedLists(t, file) {
			for cut, pieces := range cuts(list.reply) {
				t.Run(file+"/"+list.name+"/"+cut, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						config := sb.Config{Game: list.request.QueryFor, Secret: secrets[list.request.QueryFor], Addr: "192.0.2.1",
							DialContext: list.play(t, pieces), Challenge: func() [8]byte { return list.request.Challenge }}
						if list.request.Options&sbwire.OptionNoList != 0 {
							checkNoList(t, config, list)
							return
						}
						checkTranscript(t, config, list, file)
					})
				})
			}
		}
	}
}

// checkNoList opens the connection by sending a message on it.
func checkNoList(t *testing.T, config sb.Config, list recorded) {
	browser := newBrowser(t, config)
	defer browser.Close()
	// The browser asks for the field hostname there, the probe of wfc for another.
	if list.request.Fields[0] != "hostname" {
		return
	}
	require.NoError(t, browser.SendMessage(t.Context(), netip.MustParseAddrPort("1.2.3.4:5"), []byte("hello")))
	require.Equal(t, sb.StepConnected, browser.State().Step)
}

func checkTranscript(t *testing.T, config sb.Config, list recorded, file string) {
	browser := newBrowser(t, config)
	query := sb.Query{Filter: list.request.Filter, Fields: list.request.Fields, Plain: list.request.Options&sbwire.OptionFieldsForAll == 0,
		Limit: int(list.request.MaxServers), Groups: list.request.Options&sbwire.OptionGroups != 0}
	if list.request.Options&sbwire.OptionPush != 0 {
		checkPushes(t, browser, query)
		return
	}
	if list.request.Options&sbwire.OptionSourceIP != 0 {
		return // the browser does not combine it with a limit: the codec's vectors have it
	}
	servers, err := collect(t.Context(), browser, query)
	if len(list.reply) == 0 {
		require.ErrorIs(t, err, sb.ErrSilence)
		return
	}
	if list.request.QueryFor == "nosuchgame" {
		require.ErrorIs(t, err, sb.ErrRefused)
		require.ErrorContains(t, err, "Invalid source gamename")
		return
	}
	require.NoError(t, err)
	if file == "kr4uzi" && len(servers) > 0 && servers[0].Name() != "" {
		require.Contains(t, servers[0].Name(), "KR")
		if _, ok := servers[0].Lookup("numplayers"); ok {
			_, isNumber := servers[0].Int("numplayers")
			require.True(t, isNumber)
		}
	}
	for _, server := range servers {
		t.Log(server.Addr, server.Flags, server.Private, server.Name(), server.Map(), server.NumPlayers())
	}
}

// checkPushes follows the recording with updates of OpenSpy: one server in the list, which changes and is removed.
func checkPushes(t *testing.T, browser *sb.Browser, query sb.Query) {
	subscription, err := browser.Subscribe(t.Context(), query)
	require.NoError(t, err)
	defer subscription.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var kinds []string
	for event, err := range subscription.Events(ctx) {
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			break
		}
		switch e := event.(type) {
		case sb.ServerAdded:
			kinds = append(kinds, "added "+e.Server.Name())
		case sb.ServerUpdated:
			kinds = append(kinds, "updated "+e.Server.Name()+" "+e.Server.Map())
		case sb.ServerRemoved:
			kinds = append(kinds, "removed "+e.Server.Name())
		case sb.ListComplete:
			kinds = append(kinds, "complete")
		}
	}
	t.Log(kinds)
	require.NotEmpty(t, kinds)
	require.Equal(t, 3, subscription.State().Pushes)
}

// The recorded connection on which the probe asked for a server's details.
func TestTranscriptServerInfo(t *testing.T) {
	for _, list := range recordedLists(t, "openspy") {
		request, err := sbwire.ParseRequest(list.more[:min(9, len(list.more))])
		if err != nil {
			continue
		}
		info, ok := request.(sbwire.InfoRequest)
		if !ok {
			continue
		}
		random := rand.New(rand.NewPCG(3, 3))
		synctest.Test(t, func(t *testing.T) {
			dial := func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() {
					_, _ = io.ReadFull(server, make([]byte, len(list.sent)))
					head := list.reply[:143] // the list; the answer follows the request
					_, _ = server.Write(head)
					got := make([]byte, 9)
					if _, err := io.ReadFull(server, got); err != nil {
						return
					}
					if !bytes.Equal(got, list.more[:9]) {
						t.Errorf("asked % x, recorded % x", got, list.more[:9])
					}
					for rest := list.reply[143:]; len(rest) > 0; {
						n := min(1+random.IntN(40), len(rest))
						if _, err := server.Write(rest[:n]); err != nil {
							return
						}
						rest = rest[n:]
					}
					_, _ = io.Copy(io.Discard, server)
				}()
				return client, nil
			}
			// A subscription without pushes is the nearest to what the probe did: list, then a request on its connection.
			browser := newBrowser(t, sb.Config{Secret: secret, Addr: "192.0.2.1", DialContext: dial,
				Challenge: func() [8]byte { return list.request.Challenge }})
			subscription, err := browser.Subscribe(t.Context(), sb.Query{Fields: list.request.Fields})
			require.NoError(t, err)
			defer subscription.Close()
			server, err := browser.ServerInfo(t.Context(), info.Addr)
			require.NoError(t, err)
			require.Equal(t, "Probe Host", server.Name())
			count := 0
			for range server.Fields() {
				count++
			}
			require.Greater(t, count, 10)
		})
		return
	}
	t.Fatal("the recording has no info request")
}
