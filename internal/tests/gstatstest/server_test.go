package gstatstest_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// raw is a client that knows messages and nothing else.
type raw struct {
	*testing.T
	net.Conn
	splitter interface {
		Append([]byte)
		Next() ([]byte, bool, error)
	}
	connection int32
}

func connect(t *testing.T, server *gstatstest.Server) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", server.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return &raw{T: t, Conn: conn, splitter: gstatswire.Splitter(0)}
}

// say sends a message.
func (r *raw) say(m gstatswire.Message) {
	r.Helper()
	frame, err := gstatswire.AppendFrame(nil, m)
	require.NoError(r, err)
	_, err = r.Write(frame)
	require.NoError(r, err)
}

// body reads a message in clear.
func (r *raw) body() (string, error) {
	buffer := make([]byte, 4096)
	for {
		body, ok, err := r.splitter.Next()
		if err != nil {
			return "", err
		}
		if ok {
			return string(gstatswire.Uncover(body)), nil
		}
		n, err := r.Read(buffer)
		if r.splitter.Append(buffer[:n]); err != nil && n == 0 {
			return "", err
		}
	}
}

// hear reads a message.
func (r *raw) hear() gstatswire.Message {
	r.Helper()
	body, err := r.body()
	require.NoError(r, err)
	m, err := gstatswire.FromServer([]byte(body))
	require.NoError(r, err, body)
	return m
}

// ask sends a message and reads the answer.
func (r *raw) ask(m gstatswire.Message) gstatswire.Message {
	r.Helper()
	r.say(m)
	return r.hear()
}

// auth authenticates the game.
func (r *raw) auth() *raw {
	r.Helper()
	greeting := r.hear().(*gstatswire.Greeting)
	session := r.ask(&gstatswire.Auth{Game: "gmtest", Response: gscrypt.GStatsResponse(greeting.Challenge, "HA6zkS"), Port: 6500}).(*gstatswire.Session)
	r.connection = session.Connection
	return r
}

func (r *raw) proof(secret string) string {
	return gscrypt.GStatsPlayerResponse(secret, gscrypt.GStatsChallenge(r.connection))
}

// ann authenticates the player ann.
func (r *raw) ann() *raw {
	r.Helper()
	require.Equal(r, &gstatswire.PlayerReply{ProfileID: 20001, LocalID: 1},
		r.ask(&gstatswire.PlayerAuth{ProfileID: 20001, Response: r.proof("apple"), LocalID: 1}))
	return r
}

// closed waits until the server has closed the connection.
func (r *raw) closed() {
	r.Helper()
	_, err := r.body()
	require.Error(r, err)
	timeout, ok := err.(net.Error)
	require.False(r, ok && timeout.Timeout(), "the server keeps the connection")
}

var now = time.Unix(1_800_000_000, 0)

func start(t *testing.T, config gstatstest.Config) *gstatstest.Server {
	t.Helper()
	if config.Secrets == nil {
		config.Secrets = map[string]string{"gmtest": "HA6zkS"}
	}
	if config.Now == nil {
		config.Now = func() time.Time { return now }
	}
	config.Accounts = append(config.Accounts,
		gstatstest.Account{ProfileID: 20001, Nick: "ann", Password: "apple", CDKey: "AAAA-1111"},
		gstatstest.Account{ProfileID: 20002, Nick: "bob", Password: "banana", AuthToken: "token", PartnerChallenge: "cherry"},
	)
	server, err := gstatstest.Start(config)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

func TestServerOriginal(t *testing.T) {
	server := start(t, gstatstest.Config{})
	client := connect(t, server).auth()
	const ann, bob = 20001, 20002

	t.Run("players", func(t *testing.T) {
		client.T = t
		reply := client.ask(&gstatswire.PlayerAuth{ProfileID: ann, Response: client.proof("banana"), LocalID: 4}).(*gstatswire.PlayerReply)
		require.Negative(t, reply.ProfileID)
		require.Equal(t, int32(4), reply.LocalID)
		require.False(t, server.Authenticated(ann))
		client.ann()
		require.True(t, server.Authenticated(ann))
		require.Equal(t, &gstatswire.PlayerReply{ProfileID: bob, LocalID: 5}, client.ask(&gstatswire.PlayerAuth{Token: "token", Response: client.proof("cherry"), LocalID: 5}))
		hash := gscrypt.GStatsKeyHash("AAAA-1111")
		require.Equal(t, &gstatswire.ProfileIDReply{ProfileID: ann, LocalID: 6}, client.ask(&gstatswire.GetProfileID{Nick: "ann", KeyHash: hash, LocalID: 6}))
		require.Equal(t, &gstatswire.ProfileIDReply{ProfileID: -1, LocalID: 6}, client.ask(&gstatswire.GetProfileID{Nick: "eve", KeyHash: hash, LocalID: 6}))
		made := client.ask(&gstatswire.PlayerAuth{Nick: "eve", KeyHash: hash, Response: client.proof("AAAA-1111"), LocalID: 7}).(*gstatswire.PlayerReply)
		require.Equal(t, &gstatswire.PlayerReply{ProfileID: 20003, LocalID: 7}, made)
		require.Equal(t, &gstatswire.ProfileIDReply{ProfileID: 20003, LocalID: 8}, client.ask(&gstatswire.GetProfileID{Nick: "eve", KeyHash: hash, LocalID: 8}))
	})

	t.Run("data", func(t *testing.T) {
		client.T = t
		set := func(kind int32, keyValues bool, data string) *gstatswire.SetReply {
			return client.ask(&gstatswire.SetData{ProfileID: ann, Type: kind, KeyValues: keyValues, LocalID: 9, Data: []byte(data)}).(*gstatswire.SetReply)
		}
		get := func(kind int32, since int64, keys ...string) *gstatswire.DataReply {
			return client.ask(&gstatswire.GetData{ProfileID: ann, Type: kind, Keys: keys, Since: since, LocalID: 10}).(*gstatswire.DataReply)
		}
		done := &gstatswire.SetReply{Success: true, LocalID: 9, ProfileID: ann, Modified: now.Unix()}
		require.Equal(t, done, set(1, true, "\\wins\\3\\losses\\1\x00"))
		require.Equal(t, done, set(1, true, "\\wins\\4\\ties\\2\x00"))
		require.Equal(t, `\wins\4\losses\1\ties\2`, string(get(1, 0).Data))
		require.Equal(t, `\ties\2\wins\4`, string(get(1, 0, "ties", "none", "wins").Data))
		require.Equal(t, now.Unix(), get(1, now.Unix()-1).Modified)
		require.True(t, get(1, now.Unix()).Unchanged)
		require.Equal(t, done, set(3, false, "\x00\\final\\\xff"))
		require.Equal(t, "\x00\\final\\\xff", string(get(3, 0).Data))
		require.False(t, set(0, false, "x").Success)
		require.False(t, set(2, false, "x").Success)
		nothing := get(2, 0)
		require.True(t, nothing.Success)
		require.Empty(t, nothing.Data)
		stored, ok := server.Stored(gstatstest.Slot{Profile: ann, Type: gstatstest.Private})
		require.True(t, ok)
		require.Equal(t, map[string]string{"wins": "4", "losses": "1", "ties": "2"}, stored.Values())
	})

	t.Run("strangers", func(t *testing.T) {
		stranger := connect(t, server).auth()
		require.False(t, stranger.ask(&gstatswire.GetData{ProfileID: ann, Type: 1, LocalID: 1}).(*gstatswire.DataReply).Success)
		require.False(t, stranger.ask(&gstatswire.SetData{ProfileID: ann, Type: 3, LocalID: 1}).(*gstatswire.SetReply).Success)
		require.True(t, stranger.ask(&gstatswire.GetData{ProfileID: ann, Type: 3, LocalID: 1}).(*gstatswire.DataReply).Success)
		require.False(t, stranger.ask(&gstatswire.GetData{ProfileID: 5, Type: 3, LocalID: 1}).(*gstatswire.DataReply).Success)
	})

	t.Run("games", func(t *testing.T) {
		client.T = t
		client.say(&gstatswire.NewGame{Connection: client.connection, SessionKey: 77})
		client.say(&gstatswire.UpdateGame{Connection: client.connection, SessionKey: 77, Data: `\map\q3dm17\kills_0\3\kills_12\4\score_t1\9\odd_x\1`})
		client.say(&gstatswire.UpdateGame{Connection: client.connection, SessionKey: 77, Done: true, Data: `\map\q3dm17`})
		game, err := server.WaitGame(t.Context(), gstatstest.Game.Done)
		require.NoError(t, err)
		require.Equal(t, gstatstest.Game{
			Name: "gmtest", Connection: client.connection, SessionKey: 77, Begun: true,
			Snapshots: []gstatstest.Snapshot{{Data: `\map\q3dm17\kills_0\3\kills_12\4\score_t1\9\odd_x\1`}, {Data: `\map\q3dm17`, Done: true}},
		}, game)
		require.Equal(t, []gstatstest.Game{game}, server.Games())
		require.Equal(t, gstatstest.Results{
			Server:  map[string]string{"map": "q3dm17", "odd_x": "1"},
			Players: map[int]map[string]string{0: {"kills": "3"}, 12: {"kills": "4"}},
			Teams:   map[int]map[string]string{1: {"score": "9"}},
		}, game.Snapshots[0].Results())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = server.WaitGame(ctx, func(g gstatstest.Game) bool { return g.Logged })
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestServerTurnsGamesAway(t *testing.T) {
	server := start(t, gstatstest.Config{})
	for name, message := range map[string]gstatswire.Message{
		"wrong response": &gstatswire.Auth{Game: "gmtest", Response: "0"},
		"unknown game":   &gstatswire.Auth{Game: "nonsense", Response: "0"},
		"no auth":        &gstatswire.PlayerAuth{ProfileID: 20001, Response: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			client := connect(t, server)
			client.hear()
			client.say(message)
			client.closed()
		})
	}
}
