package gp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// What a user's test does to its launcher: throw the player out, and say things that no real server would.
func TestKickAndRawMessages(t *testing.T) {
	server := gptest.New(gptest.Config{Accounts: []gptest.Account{{UniqueNick: "ann", Password: "secret"}}})
	defer server.Close()
	session, err := gp.Login(t.Context(), gp.Config{Game: "gmtest", Addr: "192.0.2.1", DialContext: server.Dial}, gp.UniqueNick{Nick: "ann", Password: "secret"})
	require.NoError(t, err)
	defer session.Close()
	id := session.ProfileID()
	require.False(t, server.Send(id+1, `\ka\\final\`), "nobody of that number is logged in")
	require.True(t, server.Send(id, `\bm\1\f\7\msg\hello\final\\nonsense\\final\`))
	for event := range session.Events(t.Context()) {
		if message, ok := event.(*gp.Message); ok {
			require.Equal(t, gp.ProfileID(7), message.From)
			require.Equal(t, "hello", message.Text)
			break
		}
	}
	server.Kick(id)
	for event := range session.Events(t.Context()) {
		if closed, ok := event.(*gp.Closed); ok {
			require.ErrorIs(t, closed.Err, gp.ErrLoggedInElsewhere)
		}
	}
	require.ErrorIs(t, session.Err(), gp.ErrLoggedInElsewhere)
	require.EqualValues(t, 1, session.State().Counters.Unknown)
	require.Eventually(t, func() bool { return !server.Online(id) }, 5*time.Second, time.Millisecond, "the server notices that the connection has ended")
}

// The signature of direct links is made of the owner's password and both numbers (spec gp.md §4.3).
func TestPeerSignature(t *testing.T) {
	require.Equal(t, "68c0e9136c1b3a0b1c129a9414b7344d", gp.PeerSignature("alicepw", 20001, 20002), "MD5 of alicepw2000120002")
}
