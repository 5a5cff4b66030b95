package gstats_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

const secretKey = "HA6zkS"

// accounts are the players of the tests.
func accounts() []gstatstest.Account {
	return []gstatstest.Account{
		{ProfileID: 20001, Nick: "ann", Password: "apple", CDKey: "1234-5678"},
		{ProfileID: 20002, Nick: "bob", Password: "birch", AuthToken: "NDSbob", PartnerChallenge: "chal"},
	}
}

var ann, bob = gstats.Password{ProfileID: 20001, Password: "apple"}, gstats.Password{ProfileID: 20002, Password: "birch"}

// serve starts a server in memory, and gives the configuration of its clients.
func serve(t *testing.T, config gstatstest.Config) (*gstatstest.Server, gstats.Config) {
	t.Helper()
	if config.Accounts == nil {
		config.Accounts = accounts()
	}
	config.Secrets = map[string]string{"gmtest": secretKey}
	server := gstatstest.New(config)
	t.Cleanup(server.Close)
	return server, gstats.Config{Game: "gmtest", Secret: secretKey, Addr: "192.0.2.1", DialContext: server.Dial}
}

func open(t *testing.T, config gstats.Config) *gstats.Session {
	t.Helper()
	session, err := gstats.Connect(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// families are the servers that gstatstest can imitate and that answer players; the others let games in.
var families = []gstatstest.Family{gstatstest.Original, gstatstest.OpenSpy, gstatstest.WFC, gstatstest.DWC}

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// The whole story over a real socket.
func TestStory(t *testing.T) {
	server, err := gstatstest.Start(gstatstest.Config{Secrets: map[string]string{"gmtest": secretKey}, Accounts: accounts()})
	require.NoError(t, err)
	defer server.Close()
	ctx := within(t, 10*time.Second)
	session, err := gstats.Connect(ctx, gstats.Config{Game: "gmtest", Secret: secretKey, Addr: server.Addr(), Port: 7777})
	require.NoError(t, err)
	defer session.Close()

	id, err := session.Authenticate(ctx, ann)
	require.NoError(t, err)
	require.EqualValues(t, 20001, id)
	id, err = session.Authenticate(ctx, gstats.PasswordResponse{ProfileID: 20002, Response: gstats.PlayerResponse("birch", session.Challenge())})
	require.NoError(t, err)
	require.EqualValues(t, 20002, id)
	id, err = session.Authenticate(ctx, gstats.CDKey{Nick: "ann", Key: "1234-5678"})
	require.NoError(t, err)
	require.EqualValues(t, 20001, id)
	id, err = session.Authenticate(ctx, gstats.Token{Token: "NDSbob", Challenge: "chal"})
	require.NoError(t, err)
	require.EqualValues(t, 20002, id)
	id, err = session.ProfileID(ctx, "ann", gstats.KeyHash("1234-5678"))
	require.NoError(t, err)
	require.EqualValues(t, 20001, id)
	_, err = session.Authenticate(ctx, gstats.Password{ProfileID: 20001, Password: "wrong"})
	require.ErrorIs(t, err, gstats.ErrRefused)

	slot := gstats.Slot{Profile: 20001, Type: gstats.Private, Index: 3}
	_, err = session.Get(ctx, slot)
	require.ErrorIs(t, err, gstats.ErrNoData)
	when, err := session.SetValues(ctx, slot, map[string]string{"wins": "8", "clan": "A-Team"})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), when, time.Minute)
	_, err = session.SetValues(ctx, slot, map[string]string{"wins": "9"})
	require.NoError(t, err)
	data, err := session.Get(ctx, slot)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"wins": "9", "clan": "A-Team"}, data.Values())
	data, err = session.Get(ctx, slot, "clan")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"clan": "A-Team"}, data.Values())
	_, err = session.GetSince(ctx, slot, time.Now().Add(time.Hour))
	require.ErrorIs(t, err, gstats.ErrUnchanged)

	blob := []byte("\x00\\final\\length\\99\\\xff\\data\\")
	slot.Type = gstats.Public
	_, err = session.Set(ctx, slot, blob)
	require.NoError(t, err)
	data, err = session.Get(ctx, slot)
	require.NoError(t, err)
	require.Equal(t, blob, data.Bytes)
	slot.Type = gstats.PublicReadOnly
	_, err = session.Set(ctx, slot, blob)
	require.ErrorIs(t, err, gstats.ErrReadOnly)

	game, err := session.NewGame(ctx)
	require.NoError(t, err)
	require.Equal(t, session.Challenge(), game.Challenge())
	game.Text("mapname").Set(`dm\bay`)
	player := game.NewPlayer("ann")
	player.Int("kills").Add(3)
	require.NoError(t, game.Snapshot(ctx))
	player.Int("kills").Add(1)
	player.Remove()
	require.NoError(t, game.Finish(ctx))
	require.ErrorIs(t, game.Snapshot(ctx), gstats.ErrGameOver)
	seen, err := server.WaitGame(ctx, gstatstest.Game.Done)
	require.NoError(t, err)
	require.Len(t, seen.Snapshots, 2)
	require.Equal(t, `\mapname\dm/bay\ctime_0\0\player_0\ann\kills_0\4\dtime_0\0`, seen.Snapshots[1].Data)
	require.Zero(t, session.State().Counters.Unmatched)

	require.NoError(t, session.Close())
	require.NoError(t, session.Close())
	require.NoError(t, session.Err())
}
