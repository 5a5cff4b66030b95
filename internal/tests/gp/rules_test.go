package gp_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// code is the server's code in an error, or -1.
func code(err error) int {
	if failure, ok := errors.AsType[*gp.Error](err); ok && failure.Refused {
		return int(failure.Code)
	}
	return -1
}

// The commands for profiles, names and keys, and what the original refused.
func TestProfileCommands(t *testing.T) {
	server := gptest.New(gptest.Config{Accounts: accounts()})
	defer server.Close()
	session, err := gp.Login(t.Context(), inMemory(server), ann)
	require.NoError(t, err)
	defer session.Close()
	ctx := t.Context()

	require.ErrorIs(t, session.DeleteProfile(ctx), gp.ErrLastProfile)
	second, err := session.NewProfile(ctx, "second", "")
	require.NoError(t, err)
	_, err = session.NewProfile(ctx, "second", "")
	require.ErrorIs(t, err, gp.ErrNickInUse)
	again, err := session.NewProfile(ctx, "third", "second")
	require.NoError(t, err)
	require.Equal(t, second, again, "the profile has another nick now")
	_, err = session.NewProfile(ctx, "fourth", "second")
	require.Equal(t, 1025, code(err))
	failure, _ := errors.AsType[*gp.Error](err)
	require.EqualValues(t, 1024, failure.Class())
	require.False(t, failure.Fatal)
	require.Equal(t, "new profile", failure.Op)

	require.ErrorIs(t, session.RegisterUniqueNick(ctx, "BOB", ""), gp.ErrNickInUse)
	require.NoError(t, session.RegisterUniqueNick(ctx, "annie", "0000-1111"))
	other, err := gp.Login(ctx, inMemory(server), gp.UniqueNick{Nick: "bob", Password: "birch"})
	require.NoError(t, err)
	defer other.Close()
	require.ErrorIs(t, session.RegisterCDKey(ctx, "", 1), gp.ErrBadCDKey)
	require.NoError(t, session.RegisterCDKey(ctx, "1234-5678", 1))
	require.NoError(t, session.RegisterCDKey(ctx, "1234-5678", 1))
	require.ErrorIs(t, session.RegisterCDKey(ctx, "8765-4321", 1), gp.ErrCDKeyInUse)
	require.ErrorIs(t, other.RegisterCDKey(ctx, "1234-5678", 1), gp.ErrCDKeyInUse)

	require.NoError(t, session.Block(ctx, 3))
	require.NoError(t, session.Block(ctx, 3))
	assert.Equal(t, 4609, code(next[*gp.ServerError](t, session).Err))
	require.NoError(t, session.Unblock(ctx, 3))
	require.NoError(t, session.Unblock(ctx, 3))
	assert.Equal(t, 4865, code(next[*gp.ServerError](t, session).Err))

	require.NoError(t, session.DeleteProfile(ctx))
	require.NoError(t, session.Err())
	_, err = gp.Login(ctx, inMemory(server), gp.UniqueNick{Nick: "annie", Password: "apple"})
	require.ErrorIs(t, err, gp.ErrBadNick, "the profile is gone")
}

// A new account whose nick exists: the server may say whose it is.
func TestExistingProfile(t *testing.T) {
	_, err := gp.Register(t.Context(), gp.Config{Host: "192.0.2.1", DialContext: scripted(t, func(p *peer) {
		p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
		p.receive()
		p.send(`\error\\err\513\fatal\\errmsg\exists\pid\4711\id\1\final\`)
	})}, gp.Account{Email: "a@b", Nick: "a", Password: "b"})
	require.ErrorIs(t, err, gp.ErrNickInUse)
	failure, _ := errors.AsType[*gp.Error](err)
	require.EqualValues(t, 4711, failure.ExistingProfile)
	require.True(t, failure.Fatal)
	require.EqualValues(t, 512, failure.Class())
}

// Every code of the protocol has words, and its class is the operation's (spec gp.md §2.2).
func TestErrorCodes(t *testing.T) {
	known := 0
	for n := range gp.ErrorCode(0x2000) {
		if n.Known() {
			known++
			assert.NotEmpty(t, n.String())
			assert.True(t, n.Class().Known())
		}
	}
	assert.Equal(t, 77, known)
	for sentinel, codes := range map[error][]gp.ErrorCode{
		gp.ErrBadPassword: {260, 514, 3587}, gp.ErrBadNick: {258, 261, 265, 3586}, gp.ErrBadEmail: {259, 3585},
		gp.ErrBadTicket: {266, 267, 268}, gp.ErrNickInUse: {513, 516, 1026, 1281, 4097, 4098}, gp.ErrBadNewNick: {515},
		gp.ErrNoSuchProfile: {1538, 2561}, gp.ErrAlreadyBuddy: {1539}, gp.ErrNotBuddy: {2305, 2817, 3841},
		gp.ErrBuddyOffline: {2307}, gp.ErrBlocked: {1540, 1541, 1795, 1796}, gp.ErrLastProfile: {3073},
		gp.ErrBadCDKey: {4353}, gp.ErrCDKeyInUse: {4354, 4355}, gp.ErrEmailInUse: {769}, gp.ErrNotLoggedIn: {2, 3},
		gp.ErrLoggedInElsewhere: {6},
	} {
		matched := 0
		for n := range gp.ErrorCode(0x2000) {
			if errors.Is(&gp.Error{Refused: true, Code: n}, sentinel) {
				matched++
			}
		}
		assert.Equal(t, len(codes), matched, "%v", sentinel)
		for _, n := range codes {
			assert.ErrorIs(t, &gp.Error{Refused: true, Code: n}, sentinel)
		}
	}
}

// A player who wants quiet gets messages later, game messages not at all, and requests when the quiet is over; the others
// see it in the status.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		defer server.Close()
		config := inMemory(server)
		config.Quiet = gp.QuietLists
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		defer session.Close()
		bob, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "bob", Password: "birch"})
		require.NoError(t, err)
		defer bob.Close()
		cid, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "cid", Password: "cedar"})
		require.NoError(t, err)
		defer cid.Close()
		require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Away}))
		require.NoError(t, session.SetQuiet(t.Context(), gp.QuietAll))
		synctest.Wait()
		buddy, _ := bob.Roster().Buddy(1)
		require.Equal(t, gp.QuietAll, buddy.QuietFlags)
		require.NoError(t, bob.SendMessage(t.Context(), 1, "psst"))
		require.NoError(t, bob.SendGameMessage(t.Context(), 1, "data"))
		require.NoError(t, cid.RequestBuddy(t.Context(), 1, "let me in"))
		synctest.Wait()
		for event := session.Poll(); event != nil; event = session.Poll() {
			switch event.(type) {
			case *gp.Message, *gp.GameMessage, *gp.BuddyRequest:
				require.Failf(t, "not quiet", "%T", event)
			}
		}
		require.NoError(t, session.SetQuiet(t.Context(), gp.QuietNone))
		synctest.Wait()
		require.Equal(t, "psst", next[*gp.Message](t, session).Text)
		require.EqualValues(t, 3, next[*gp.BuddyRequest](t, session).From)
		require.ErrorIs(t, next[*gp.ServerError](t, bob).Err, gp.ErrBuddyOffline, "a game message does not wait")
	})
}
