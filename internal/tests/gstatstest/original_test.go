package gstatstest_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

// recordedServer is the server that the original client talked to when it was recorded.
func recordedServer(t *testing.T) *gstatstest.Server {
	server := start(t, gstatstest.Config{
		Challenge: func() string { return "ABCDEFGHIJ" }, Connection: func() int32 { return 1234567 },
	})
	server.Put(gstatstest.Slot{Profile: 20002, Type: gstatstest.Public, Index: 7}, gstatstest.FinalInside(), time.Time{})
	return server
}

// The server says to the original client what it said when that understood it, in whatever pieces the client's bytes come.
func TestOriginalClientReplayed(t *testing.T) {
	events := transcript.Load(t, "testdata/original-client.json").Conn("client")
	said, heard := transcript.Bytes(events, transcript.ClientToServer), transcript.Bytes(events, transcript.ServerToClient)
	for _, size := range []int{1, 7, 100, len(said)} {
		server := recordedServer(t)
		client := connect(t, server)
		go func() { // the server's answers must be read at the same time
			for rest := said; len(rest) > 0; {
				n := min(size, len(rest))
				if _, err := client.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		got := make([]byte, len(heard))
		_, err := io.ReadFull(client, got)
		require.NoError(t, err)
		require.Equal(t, heard, got)
		plain, err := server.WaitGame(t.Context(), func(g gstatstest.Game) bool { return g.Done() && g.Snapshots[0].Data == `\a\1\b\2` })
		require.NoError(t, err)
		games := server.Games()
		require.Len(t, games, 2)
		require.Equal(t, plain, games[1])
		require.Len(t, games[0].Snapshots, 2)
		require.Equal(t, gstatstest.Results{
			Server: map[string]string{"hostname": "My l33t Server", "gamever": "1.230000", "map": "q3/dm17"},
			Players: map[int]map[string]string{
				0: {"player": "Bob!", "points": "6", "ctime": "0", "ping": "75.500000"},
				1: {"player": "Joey", "points": "3", "ctime": "0", "dtime": "0"},
			},
			Teams: map[int]map[string]string{0: {"team": "Red", "score": "9", "ctime": "0"}},
		}, games[0].Snapshots[1].Results())
		server.Close()
	}
}

// What the original client says is what our messages say, byte for byte: of a connection with everything in it, and of one
// that brings games that were kept on disk.
func TestOriginalClientEncodedAgain(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"client": {"auth": 1, "authp": 4, "getpid": 2, "getpd": 14, "setpd": 3, "newgame": 2, "updgame": 3},
		"log":    {"auth": 1, "newgame": 3, "updgame": 4},
	} {
		t.Run(name, func(t *testing.T) {
			said := transcript.Bytes(transcript.Load(t, "testdata/original-"+name+".json").Conn("client"), transcript.ClientToServer)
			var again []byte
			kinds := make(map[string]int)
			for _, body := range bodies(t, said) {
				kinds[strings.Split(body, `\`)[1]]++
				message, err := gstatswire.FromClient([]byte(body))
				require.NoError(t, err)
				if get, ok := message.(*gstatswire.GetData); ok && len(get.Keys) > 0 {
					require.Empty(t, get.Keys[0]) // the driver's list began with a backslash, as the SDK's documentation has it
				}
				again, err = gstatswire.AppendFrame(again, message)
				require.NoError(t, err)
			}
			require.Equal(t, string(said), string(again))
			require.Equal(t, want, kinds)
		})
	}
}

// Games that the original has kept on disk come with the connection after.
func TestOriginalClientLog(t *testing.T) {
	server := recordedServer(t)
	client := connect(t, server)
	_, err := client.Write(transcript.Bytes(transcript.Load(t, "testdata/original-log.json").Conn("client"), transcript.ClientToServer))
	require.NoError(t, err)
	live, err := server.WaitGame(t.Context(), func(g gstatstest.Game) bool { return g.Done() && !g.Logged })
	require.NoError(t, err)
	const stood = `\player_0\Bob\kills_0\3\hostname\lab\ctime_0\0`
	require.Equal(t, []gstatstest.Game{
		{Name: "gmtest", Connection: 1234567, SessionKey: 0, Begun: true, Logged: true, Snapshots: []gstatstest.Snapshot{
			{Data: stood, Logged: true}, {Data: stood, Logged: true, Done: true},
		}},
		{Name: "gmtest", Connection: 1234567, SessionKey: 1, Begun: true, Logged: true, Snapshots: []gstatstest.Snapshot{
			{Data: `\a\1`, Logged: true, Done: true},
		}},
		{Name: "gmtest", Connection: 1234567, SessionKey: live.SessionKey, Begun: true, Snapshots: []gstatstest.Snapshot{{Data: `\a\2`, Done: true}}},
	}, server.Games())
}
