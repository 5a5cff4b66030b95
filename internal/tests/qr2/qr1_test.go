package qr2_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/internal/wire/qr1wire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
)

// withFrags is a snapshot whose players also have what qstat prints of players of this protocol.
func withFrags(players int) qr2.Snapshot {
	s := snapshot(players)
	for i := range s.Players {
		s.Players[i] = append(s.Players[i], qr2.Field{Key: "frags_", Value: fmt.Sprint(i + 7)})
	}
	return s
}

// qstat knows QR1 under several names, and a form of QR2 that says how many players there are in one byte.
func TestQstatReadsOlderProtocols(t *testing.T) {
	program := peers.Program(t, "quakestat")
	for _, typ := range []string{"-gps", "-uns", "-sms", "-gs2"} {
		for _, players := range []int{0, 3, 64} {
			if typ == "-gs2" && players == 64 {
				continue // it takes one datagram, and that is shortened
			}
			t.Run(fmt.Sprintf("%s %d", typ, players), func(t *testing.T) {
				conn := listen(t)
				host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true})
				require.NoError(t, host.Update(withFrags(players)))
				out, err := exec.CommandContext(t.Context(), program, typ, conn.LocalAddr().String(), "-interval", "5", "-noportoffset", "-P", "-R", "-raw", "|").CombinedOutput()
				require.NoError(t, err, string(out))
				lines := strings.Split(strings.TrimSpace(string(out)), "\n")
				require.Equal(t, []string{"Friday night", "dm_bay", "64", fmt.Sprint(players)}, strings.Split(lines[0], "|")[2:6], string(out))
				rules := []string{"gamename=gmtest", "gamever=1.2", "gametype=dm", "gamemode=openplaying", "password=0", "numteams=2", "hostport=7777"}
				if typ != "-gs2" {
					rules = append(rules, "score_t0=3", "score_t1=5") // the names of the teams are with the players
				}
				require.ElementsMatch(t, rules, strings.Split(lines[1], "|"))
				require.Len(t, lines, 2+players, string(out))
				slices.Reverse(lines[2:])
				for i, line := range lines[2:] {
					// Teams are counted from 0 in QR1, and from 1 in gs2. What qstat prints as frags is the score there.
					want := fmt.Sprintf("player number %d of this long test|%d|%d|%s|||", i, i+7, 20+i, []string{"Red", "Blue"}[i%2])
					if typ == "-gs2" {
						want = fmt.Sprintf("player number %d of this long test|%d|%d|%s||0", i, 3*i, 20+i, []string{"0", "Red"}[i%2])
					}
					require.Equal(t, want, line)
				}
			})
		}
	}
}

// qstat takes text that follows a player's name for a part of it, unless it knows the key.
func TestQstatReadsNamesAlone(t *testing.T) {
	program := peers.Program(t, "quakestat")
	for _, keys := range [][]string{{"player_"}, {"player_", "pid_"}, {"pid_", "player_", "score_"}} {
		conn := listen(t)
		host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true})
		s := qr2.Snapshot{Server: fields("hostname", "x", "numplayers", "2")}
		for _, name := range []string{"ann", "bob"} {
			var player qr2.Fields
			for _, key := range keys {
				player = append(player, qr2.Field{Key: key, Value: map[string]string{"player_": name}[key] + "1"})
			}
			s.Players = append(s.Players, player)
		}
		require.NoError(t, host.Update(s))
		out, err := exec.CommandContext(t.Context(), program, "-gps", conn.LocalAddr().String(), "-interval", "5", "-P", "-raw", "|").CombinedOutput()
		require.NoError(t, err, string(out))
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		require.Len(t, lines, 3, string(out))
		for i, name := range []string{"bob1|", "ann1|"} {
			require.True(t, strings.HasPrefix(lines[1+i], name), "%v: %s", keys, out)
		}
	}
}

func TestGamedigReadsQR1(t *testing.T) {
	for _, players := range []int{0, 3, 64} {
		t.Run(fmt.Sprint(players), func(t *testing.T) {
			conn := listen(t)
			host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true})
			require.NoError(t, host.Update(snapshot(players)))
			out, err := peers.Node(t, "gamedig", gamedigScript, "protocol-gamespy1", fmt.Sprint(addrOf(t, conn).Port())).CombinedOutput()
			require.NoError(t, err, string(out))
			var state struct {
				Name, Map              string
				NumPlayers, MaxPlayers int
				Raw                    map[string]any
				Players                []struct {
					Name string
					Raw  map[string]any
				}
			}
			require.NoError(t, json.Unmarshal(out, &state), string(out))
			require.Equal(t, []any{"Friday night", "dm_bay", players, 64}, []any{state.Name, state.Map, state.NumPlayers, state.MaxPlayers})
			// gamedig makes numbers of what looks like one, and has another idea of teams.
			require.Equal(t, map[string]any{
				"hostname": "Friday night", "gamename": "gmtest", "gamever": 1.2, "mapname": "dm_bay", "gametype": "dm", "gamemode": "openplaying",
				"password": 0., "numplayers": float64(players), "maxplayers": 64., "numteams": 2., "hostport": 7777.,
				"team_t0": "Red", "team_t1": "Blue", "score_t0": 3., "score_t1": 5., "teams": map[string]any{},
			}, state.Raw)
			require.Len(t, state.Players, players)
			for i, player := range state.Players {
				require.Equal(t, fmt.Sprintf("player number %d of this long test", i), player.Name)
				require.Equal(t, map[string]any{"score": float64(3 * i), "ping": float64(20 + i), "team": float64(i % 2)}, player.Raw)
			}
		})
	}
}

// askQR1 sends a question and puts the answer together.
func askQR1(t *testing.T, host *qr2.Host, question string) (qr2wire.Data, []qr2wire.Field) {
	t.Helper()
	client := listen(t)
	_, err := client.WriteTo([]byte(question), host.GameConn().LocalAddr())
	require.NoError(t, err)
	var a qr1wire.Assembler
	for {
		reply, _ := receive(t, client)
		complete, err := a.Add(reply)
		require.NoError(t, err)
		if complete {
			return a.Data(), a.Pairs()
		}
	}
}

func TestQR1Questions(t *testing.T) {
	host := newHost(t, listen(t), qr2.Config{Game: game, NotPublic: true, AnswerRate: -1})
	s := snapshot(2)
	s.Server = append(s.Server, qr2.Field{Key: "weather", Value: `rain\storm`})
	require.NoError(t, host.Update(s))
	keys := func(pairs []qr2wire.Field) (list []string) {
		for _, pair := range pairs {
			list = append(list, pair.Key)
		}
		return list
	}
	for question, want := range map[string][]string{
		`\basic\`:                {"gamename", "gamever"},
		`\basic\\info\`:          {"gamename", "gamever", "hostname", "mapname", "gametype", "numplayers", "maxplayers", "gamemode", "hostport"},
		`\rules\`:                {"password", "numteams", "weather"},
		`\players\`:              {"player_0", "score_0", "ping_0", "team_0", "player_1", "score_1", "ping_1", "team_1", "team_t0", "score_t0", "team_t1", "score_t1"},
		`\echo\hello`:            {"echo"},
		`\basic\\echo\hello`:     {"gamename", "gamever", "echo"},
		`\basic\\secure\ABCDEF`:  {"gamename", "gamever"}, // no proof for strangers
		`\info\\secure\\echo\\x`: {"hostname", "mapname", "gametype", "numplayers", "maxplayers", "gamemode", "hostport", "echo"},
	} {
		_, pairs := askQR1(t, host, question)
		require.ElementsMatch(t, want, keys(pairs), question)
	}
	d, _ := askQR1(t, host, `\rules\`)
	require.Equal(t, "rain/storm", d.Value("weather"), "the protocol has no escapes")
	require.Equal(t, 9, host.State().Counters.QR1)

	// A hundred players come whole, in several datagrams; what is beyond eight is left out and counted.
	require.NoError(t, host.Update(snapshot(100)))
	d, _ = askQR1(t, host, `\status\`)
	require.Len(t, d.Players.Rows, 100)
	require.Zero(t, host.State().Counters.Shortened)
	require.NoError(t, host.Update(snapshot(180)))
	d, _ = askQR1(t, host, `\status\`)
	require.Less(t, len(d.Players.Rows), 180)
	require.Greater(t, len(d.Players.Rows), 100)
	require.Len(t, d.Teams.Rows, 2)
	require.Equal(t, 1, host.State().Counters.Shortened)
}

// QR1 cannot verify an address: where that is asked for, nothing is answered. Where it is off, questions are the game's.
func TestQR1IsRefusedOrTheGames(t *testing.T) {
	conn, client := listen(t), listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, RequireChallenge: true})
	_, err := client.WriteTo([]byte(`\status\`), conn.LocalAddr())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return host.State().Counters.WrongNumber == 1 }, 5*time.Second, time.Millisecond)

	off := newHost(t, listen(t), qr2.Config{Game: game, NotPublic: true, NoQR1: true})
	on := newHost(t, listen(t), qr2.Config{Game: game, NotPublic: true})
	for packet, host := range map[string]*qr2.Host{`\status\`: off, `\move\1\2`: on, `\`: on, `status`: on} {
		game := host.GameConn()
		_, err := client.WriteTo([]byte(packet), game.LocalAddr())
		require.NoError(t, err)
		got, _ := receive(t, game)
		require.Equal(t, packet, string(got))
	}
}
