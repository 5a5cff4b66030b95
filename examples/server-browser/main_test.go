package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

func TestMain(m *testing.M) {
	// A key that is pressed while the program ends leaves Bubble Tea's reader behind: what it has read has nowhere to go.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/charmbracelet/ultraviolet.(*TerminalReader).sendEvents"))
}

// once runs the program to its end and reads what it prints.
func once(t *testing.T, args ...string) []sb.Server {
	t.Helper()
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), append([]string{"-json", "-once"}, args...), nil, &out, &errs), errs.String())
	require.NotContains(t, out.String(), "HA6zkS")
	var servers []sb.Server
	for line := range strings.Lines(out.String()) {
		require.NotContains(t, line, "\x1b")
		require.NotContains(t, line, "\u009b")
		var server sb.Server
		require.NoError(t, json.Unmarshal([]byte(line), &server), line)
		servers = append(servers, server)
	}
	return servers
}

func TestOnce(t *testing.T) {
	t.Parallel()
	servers := once(t, "-embedded", "-servers", "50", "-sort", "-players")
	require.Len(t, servers, 50)
	silent, direct := 0, 0
	for i, server := range servers {
		if i > 0 {
			require.LessOrEqual(t, server.NumPlayers(), servers[i-1].NumPlayers())
		}
		if server.Flags&sb.FlagDirect != 0 {
			direct++
		}
		if server.QueryErr != nil {
			silent++
			continue
		}
		require.Positive(t, server.Ping, server.Name())
		require.Len(t, server.Players, server.NumPlayers())
	}
	require.Equal(t, 1, silent)
	require.NotZero(t, direct)
	require.Less(t, direct, 50)
}

func TestOnceFiltered(t *testing.T) {
	t.Parallel()
	for _, server := range once(t, "-embedded", "-servers", "40", "-filter", "numplayers > 3 and mapname like 'dm%'") {
		require.Greater(t, server.NumPlayers(), 3)
		require.True(t, strings.HasPrefix(server.Map(), "dm"))
	}
	servers := once(t, "-embedded", "-servers", "10", "-filter", "WIPER")
	require.Len(t, servers, 1)
	require.Contains(t, servers[0].Name(), "\x1b[2J", "JSON has what the server said")
}

// A game of the older protocols, list and queries.
func TestOld(t *testing.T) {
	t.Parallel()
	servers := once(t, "-embedded", "-old", "-servers", "10")
	require.Len(t, servers, 10)
	for _, server := range servers {
		require.Equal(t, sb.QR1, server.Protocol)
		require.Positive(t, server.Ping)
		require.NotEmpty(t, server.Map())
	}
}

func TestLAN(t *testing.T) {
	t.Parallel()
	servers := once(t, "-embedded", "-lan", "-servers", "5")
	require.GreaterOrEqual(t, len(servers), 5) // others may run on this machine
}

// What changes goes on being printed: a server comes, changes, and goes.
func TestLive(t *testing.T) {
	o := options{servers: 1}
	o.Game, o.Secret = "gmtest", "HA6zkS"
	master, err := qr2test.New(qr2test.Config{Games: map[string]string{o.Game: o.Secret}})
	require.NoError(t, err)
	defer master.Close()
	list, err := sbtest.New(sbtest.Config{Games: map[string]string{o.Game: o.Secret}, Registry: master.Registry()})
	require.NoError(t, err)
	defer list.Close()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	addr := conn.LocalAddr().String()
	put := func(name, players string) sbtest.GameServer {
		server := sbtest.GameServer{Game: o.Game, Addr: netip.MustParseAddrPort(addr), Reachable: true,
			Fields: []sbtest.Field{{Key: "hostname", Value: name}, {Key: "numplayers", Value: players}}}
		master.Registry().Put(server)
		return server
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	status := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		status <- run(ctx, []string{"-json", "-list", list.Addr(), "-filter", "numplayers > 0"}, nil, w, &errs)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	until := func(event, players string) {
		t.Helper()
		for {
			require.True(t, lines.Scan(), event)
			var line struct {
				Event  string
				Addr   string
				Fields map[string]string
			}
			require.NoError(t, json.Unmarshal(lines.Bytes(), &line), lines.Text())
			require.Equal(t, addr, line.Addr)
			if line.Event == event && (players == "" || line.Fields["numplayers"] == players) {
				return
			}
			require.Equal(t, "changed", line.Event, "it may be said at any time that it does not answer")
		}
	}
	put("Friday night", "3")
	until("added", "3")
	put("Friday night", "4")
	until("changed", "4")
	put("Friday night", "0")
	until("removed", "") // the filter does not want it any more
	put("Friday night", "1")
	until("added", "1")
	master.Registry().Remove(o.Game, netip.MustParseAddrPort(addr))
	until("removed", "")
	cancel()
	go io.Copy(io.Discard, r)
	require.Zero(t, <-status, errs.String())
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-embedded", "-servers", "10", "-diagnose"}, nil, &out, &errs), errs.String()+out.String())
	require.Contains(t, out.String(), "ok ")

	out.Reset()
	master, err := sbtest.New(sbtest.Config{Games: map[string]string{"gmtest": "other1"}})
	require.NoError(t, err)
	defer master.Close()
	require.Equal(t, 1, run(t.Context(), []string{"-list", master.Addr(), "-diagnose", "-json"}, nil, &out, &errs))
	require.True(t, json.Valid(out.Bytes()))
	require.Contains(t, out.String(), "failed")
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{
		{"-nonsense"}, {"extra"}, {"-once"}, {"-servers", "0"}, {"-every", "1ms"}, {"-lan", "-diagnose"}, {"-sort", "-"},
		{"-json", "-filter", "numplayers >"},
	} {
		require.Equal(t, 2, run(t.Context(), args, nil, io.Discard, io.Discard), args)
	}
	require.Zero(t, run(t.Context(), []string{"-h"}, nil, io.Discard, io.Discard))
	require.Equal(t, 1, run(t.Context(), []string{"-json", "-once", "-list", "127.0.0.1:1"}, nil, io.Discard, io.Discard))

	var errs bytes.Buffer
	require.Equal(t, 2, run(t.Context(), []string{"-embedded"}, strings.NewReader(""), io.Discard, &errs))
	require.Contains(t, errs.String(), "-json")
}

func TestHarmless(t *testing.T) {
	line := "{\"fields\":{\"hostname\":\"a\u009b2Jb\u202ec\u00e9\U0001F600\"}}"
	require.Equal(t, `{"fields":{"hostname":"a\u009b2Jb\u202ec`+"\u00e9\U0001F600\"}}", string(harmless([]byte(line))))
	var before, after any
	require.NoError(t, json.Unmarshal([]byte(line), &before))
	require.NoError(t, json.Unmarshal(harmless([]byte(line)), &after))
	require.Equal(t, before, after)
}
