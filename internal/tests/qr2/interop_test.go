package qr2_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/qr2"
)

// qstat calls its program quakestat in Debian. Of its types, gs3 asks without verifying its address, gs4 and ut3s verify it.
func TestQstatReadsEverything(t *testing.T) {
	program := peers.Program(t, "quakestat")
	for _, typ := range []string{"-gs3", "-gs4", "-ut3s"} {
		for _, players := range []int{0, 3, 64} {
			for _, challenge := range []bool{false, true} {
				if challenge && typ == "-gs3" {
					continue
				}
				t.Run(fmt.Sprintf("%s %d challenge=%t", typ, players, challenge), func(t *testing.T) {
					conn := listen(t)
					host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, RequireChallenge: challenge})
					s := snapshot(players)
					require.NoError(t, host.Update(s))
					out, err := exec.CommandContext(t.Context(), program, typ, conn.LocalAddr().String(), "-interval", "5", "-P", "-R", "-raw", "|").CombinedOutput()
					require.NoError(t, err, string(out))
					lines := strings.Split(strings.TrimSpace(string(out)), "\n")
					head := strings.Split(lines[0], "|")
					require.Equal(t, []string{"Friday night", "dm_bay", "64", fmt.Sprint(players)}, head[2:6], string(out))
					rules := strings.Split(lines[1], "|")
					// What is not in the first line: all of it, and nothing else.
					require.ElementsMatch(t, []string{"gamename=gmtest", "gamever=1.2", "gametype=dm", "gamemode=openplaying", "password=0",
						"numteams=2", "hostport=7777", "team_t0=Red", "team_t1=Blue", "score_t0=3", "score_t1=5"}, rules)
					require.Len(t, lines, 2+players)
					slices.Reverse(lines[2:])
					for i, line := range lines[2:] {
						// qstat names the teams from 1 on; of 0 it tells the number.
						team := []string{"0", "Red"}[i%2]
						require.Equal(t, fmt.Sprintf("player number %d of this long test|%d|%d|%s||0", i, 3*i, 20+i, team), line)
					}
					if players == 64 {
						require.Greater(t, host.State().SplitPackets, 1)
					}
				})
			}
		}
	}
}

const gamedigScript = `
const { GameDig } = require('gamedig')
const [type, port] = process.argv.slice(-2)
GameDig.query({ type, host: '127.0.0.1', port: Number(port), givenPortOnly: true, maxRetries: 1, socketTimeout: 3000 })
  .then(state => console.log(JSON.stringify(state)), error => { console.error(error); process.exit(1) })
`

func TestGamedigReadsEverything(t *testing.T) {
	for _, test := range []struct {
		protocol string
		players  int
	}{{"gamespy3", 0}, {"gamespy3", 3}, {"gamespy3", 64}, {"ut3", 64}, {"gamespy2", 3}} {
		for _, challenge := range []bool{false, true} {
			if challenge && test.protocol == "gamespy2" {
				continue // it does not verify its address
			}
			t.Run(fmt.Sprintf("%s %d challenge=%t", test.protocol, test.players, challenge), func(t *testing.T) {
				conn := listen(t)
				host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, RequireChallenge: challenge})
				require.NoError(t, host.Update(snapshot(test.players)))
				command := peers.Node(t, "gamedig", gamedigScript, "protocol-"+test.protocol, fmt.Sprint(addrOf(t, conn).Port()))
				out, err := command.CombinedOutput()
				require.NoError(t, err, string(out))
				var state struct {
					Name, Map              string
					NumPlayers, MaxPlayers int
					Raw                    map[string]any
					Players                []struct {
						Name string
						Raw  struct{ Score, Ping, Team int }
					}
				}
				require.NoError(t, json.Unmarshal(out, &state), string(out))
				require.Equal(t, "Friday night", state.Name)
				require.Equal(t, "dm_bay", state.Map)
				require.Equal(t, test.players, state.NumPlayers)
				require.Equal(t, 64, state.MaxPlayers)
				requireRaw(t, test.protocol, snapshot(test.players), state.Raw)
				require.Len(t, state.Players, test.players)
				for i, player := range state.Players {
					require.Equal(t, fmt.Sprintf("player number %d of this long test", i), player.Name)
					require.Equal(t, 3*i, player.Raw.Score)
					require.Equal(t, 20+i, player.Raw.Ping)
					require.Equal(t, i%2, player.Raw.Team)
				}
			})
		}
	}
}

// requireRaw compares everything that gamedig passes on as it came: every server key, player and team, and nothing else.
func requireRaw(t *testing.T, protocol string, s qr2.Snapshot, raw map[string]any) {
	t.Helper()
	want := make(map[string]any)
	for _, field := range s.Server {
		want[field.Key] = field.Value
	}
	table := func(list []qr2.Fields, rename map[string]string) []any {
		rows := []any{}
		for _, fields := range list {
			row := make(map[string]any)
			for _, field := range fields {
				row[rename[field.Key]] = field.Value
			}
			rows = append(rows, row)
		}
		return rows
	}
	if protocol == "gamespy2" {
		want["teams"] = table(s.Teams, map[string]string{"team_t": "name", "score_t": "score_t"})
		require.Equal(t, want, raw)
		return
	}
	if protocol == "ut3" {
		// gamedig moves what Unreal Tournament 3 has elsewhere.
		want["joininprogress"] = want["gamemode"]
		delete(want, "gamemode")
		delete(want, "mapname")
	}
	want["playerTeamInfo"] = map[string]any{
		"":  table(s.Players, map[string]string{"player_": "player", "score_": "score", "ping_": "ping", "team_": "team"}),
		"t": table(s.Teams, map[string]string{"team_t": "team", "score_t": "score"}),
	}
	require.Equal(t, want, raw)
}
