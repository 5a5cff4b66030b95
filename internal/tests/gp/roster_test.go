package gp_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// changes are the roster changes that are waiting, each as "what profile".
func changes(session *gp.Session) (list []string) {
	for event := session.Poll(); event != nil; event = session.Poll() {
		if e, ok := event.(*gp.RosterChanged); ok {
			list = append(list, fmt.Sprintf("%v %d", e.Change, e.ProfileID))
		}
	}
	return list
}

// The roster is what the server told, and every change of it is told.
func TestRoster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := accounts()
		list[0].Blocked = []gptest.ProfileID{9}
		server := gptest.New(gptest.Config{Accounts: list})
		defer server.Close()
		session, err := gp.Login(t.Context(), inMemory(server), ann)
		require.NoError(t, err)
		defer session.Close()
		synctest.Wait()
		assert.Equal(t, []string{"many changes 0", "many changes 0", "status 2"}, changes(session), "the lists, and bob is offline")
		first := session.Roster()
		assert.Same(t, first, session.Roster(), "nothing has changed")
		require.Len(t, first.Buddies, 1)
		assert.Equal(t, gp.Offline, first.Buddies[0].Status)
		assert.True(t, first.IsBlocked(9))
		assert.False(t, first.IsBlocked(2))

		bob, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "bob", Password: "birch"})
		require.NoError(t, err)
		defer bob.Close()
		require.NoError(t, bob.SetPresence(t.Context(), gp.Presence{Status: gp.Playing, Text: "dm_bay", Location: "gmtest://bay"}))
		synctest.Wait()
		assert.Equal(t, []string{"status 2"}, changes(session))
		buddy, ok := session.Roster().Buddy(2)
		require.True(t, ok)
		assert.Equal(t, "dm_bay", buddy.Text)
		assert.Equal(t, "gmtest://bay", buddy.Location)
		assert.Nil(t, buddy.Profile, "nobody asked")
		assert.Equal(t, gp.Offline, first.Buddies[0].Status, "a snapshot does not change")
		assert.Greater(t, session.Roster().Version, first.Version)
		require.True(t, server.Send(1, `\bm\100\f\2\msg\|s|2|ss|dm_bay|ls|gmtest://bay|ip|0|p|0\final\`))
		synctest.Wait()
		assert.Empty(t, changes(session), "the same again is no news")
		assert.EqualValues(t, 1, session.State().Counters.Unchanged)

		profile, err := session.Profile(t.Context(), 2)
		require.NoError(t, err)
		buddy, _ = session.Roster().Buddy(2)
		assert.Equal(t, profile, buddy.Profile)
		assert.NotSame(t, profile, buddy.Profile)
		assert.Equal(t, []string{"profile 2"}, changes(session))

		// A request that is accepted, and one that is denied.
		cid, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "cid", Password: "cedar"})
		require.NoError(t, err)
		defer cid.Close()
		require.NoError(t, cid.RequestBuddy(t.Context(), 1, "let me in"))
		synctest.Wait()
		_, ok = cid.Roster().Buddy(1)
		assert.False(t, ok)
		require.Len(t, cid.Roster().Outgoing, 1)
		assert.Equal(t, gp.OutgoingRequest{To: 1, Time: time.Now(), Reason: "let me in"}, cid.Roster().Outgoing[0])
		require.Len(t, session.Roster().Incoming, 1)
		request := session.Roster().Incoming[0]
		assert.EqualValues(t, 3, request.From)
		assert.Equal(t, "let me in", request.Reason)
		assert.Len(t, request.Signature(), 32)
		assert.Equal(t, []string{"request received 3"}, changes(session))
		assert.Equal(t, []string{"request sent 1"}, changes(cid))
		require.NoError(t, session.AuthorizeWith(t.Context(), 3, request.Signature()))
		synctest.Wait()
		assert.Equal(t, []string{"request answered 3"}, changes(session))
		assert.Empty(t, session.Roster().Incoming)
		assert.Equal(t, []string{"request settled 1", "buddy added 1", "status 1"}, changes(cid))
		assert.Empty(t, cid.Roster().Outgoing)
		_, ok = cid.Roster().Buddy(1)
		assert.True(t, ok)
		require.NoError(t, cid.RequestBuddy(t.Context(), 2, ""))
		synctest.Wait()
		changes(bob)
		bob.Deny(3)
		bob.Deny(3)
		assert.Equal(t, []string{"request answered 3"}, changes(bob))

		// A request that the server refuses.
		require.NoError(t, session.RequestBuddy(t.Context(), 777, ""))
		synctest.Wait()
		assert.Equal(t, []string{"request sent 777", "request settled 777"}, changes(session))
		assert.Empty(t, session.Roster().Outgoing)

		require.NoError(t, session.Block(t.Context(), 3))
		require.NoError(t, session.Unblock(t.Context(), 3))
		require.NoError(t, session.Unblock(t.Context(), 3))
		require.NoError(t, cid.RemoveBuddy(t.Context(), 1))
		require.NoError(t, bob.Revoke(t.Context(), 1))
		synctest.Wait()
		assert.Equal(t, []string{"blocked 3", "unblocked 3", "buddy removed 2"}, changes(session))
		assert.Contains(t, changes(cid), "buddy removed 1")
		assert.Empty(t, session.Roster().Buddies)

		// OpenSpy says of somebody who has removed the player that they are offline, and would make them a buddy again.
		server.Send(1, `\bm\100\f\2\msg\|s|0|ss|Offline\final\`)
		synctest.Wait()
		assert.Empty(t, changes(session))
		assert.Empty(t, session.Roster().Buddies)
		server.Send(1, `\bm\100\f\2\msg\|s|1|ss|Online\final\`)
		server.Send(1, `\bm\100\f\2\msg\|s|0|ss|Offline\final\`)
		synctest.Wait()
		assert.Equal(t, []string{"buddy added 2", "status 2"}, changes(session))
	})
}

// Profiles are asked for once, kept for a while, and let go when there are too many.
func TestProfileCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		defer server.Close()
		config := inMemory(server)
		config.ProfileCache = 2
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		defer session.Close()
		asked := func() (count int) {
			for _, text := range server.Received() {
				if strings.HasPrefix(text, `\getprofile\`) {
					count++
				}
			}
			return count
		}
		profile := func(id gp.ProfileID, want int) *gp.Profile {
			t.Helper()
			p, err := session.Profile(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, want, asked())
			return p
		}
		p := profile(2, 1)
		p.Nick = "changed by the program"
		require.Equal(t, "bobby", profile(2, 1).Nick)
		time.Sleep(10 * time.Minute)
		profile(2, 2)
		session.ForgetProfile(2)
		profile(2, 3)
		_, err = session.FetchProfile(t.Context(), 2)
		require.NoError(t, err)
		require.Equal(t, 4, asked())
		profile(1, 5)
		profile(2, 5)
		profile(3, 6) // the first makes room
		profile(2, 6)
		require.NoError(t, session.UpdateProfile(t.Context(), gp.ProfileUpdate{FirstName: new("Ann")}))
		require.Equal(t, "Ann", profile(1, 7).FirstName)
		require.NoError(t, session.UpdateProfile(t.Context(), gp.ProfileUpdate{FirstName: new("Anne")}))
		require.Equal(t, "Anne", profile(1, 8).FirstName, "an update forgets the own profile")
	})
}

// FetchProfiles fills the roster without being asked, and asks once for each.
func TestFetchProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := accounts()
		list[0].Buddies = []gptest.ProfileID{2, 3, 99}
		server := gptest.New(gptest.Config{Accounts: list})
		defer server.Close()
		config := inMemory(server)
		config.FetchProfiles = true
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		defer session.Close()
		synctest.Wait()
		bob, _ := session.Roster().Buddy(2)
		require.NotNil(t, bob.Profile)
		assert.Equal(t, "bobby", bob.Profile.Nick)
		cid, _ := session.Roster().Buddy(3)
		assert.Equal(t, "ciddy", cid.Profile.Nick)
		nobody, ok := session.Roster().Buddy(99)
		assert.True(t, ok)
		assert.Nil(t, nobody.Profile, "the server does not know them")
		sent := session.State().Counters.MessagesSent
		assert.EqualValues(t, 1+3, sent)
		dora := server.Add(gptest.Account{UniqueNick: "dora", Password: "date"})
		newcomer, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "dora", Password: "date"})
		require.NoError(t, err)
		require.NoError(t, newcomer.RequestBuddy(t.Context(), 1, ""))
		synctest.Wait()
		require.Len(t, session.Roster().Incoming, 1)
		require.NotNil(t, session.Roster().Incoming[0].Profile)
		assert.Equal(t, dora, session.Roster().Incoming[0].Profile.ProfileID)
		eve := server.Add(gptest.Account{UniqueNick: "eve", Password: "elder"})
		require.NoError(t, session.RequestBuddy(t.Context(), eve, ""))
		synctest.Wait()
		require.Len(t, session.Roster().Outgoing, 1)
		require.NotNil(t, session.Roster().Outgoing[0].Profile)
		assert.Equal(t, "eve", session.Roster().Outgoing[0].Profile.UniqueNick)
		require.NoError(t, newcomer.Close())
	})
}
