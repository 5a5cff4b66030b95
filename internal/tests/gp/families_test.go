package gp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/quirks"
)

// families are those that speak presence.
var families = []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.WFC, quirks.DWC, quirks.UniSpy, quirks.KR4uzi, quirks.Section8, quirks.DumbSpy}

// familyName names the family of the original, too.
func familyName(family quirks.Family) string {
	if family == quirks.Original {
		return "original"
	}
	return string(family)
}

// identityFor is how somebody logs in at a family.
func identityFor(family quirks.Family, name string) gp.Identity {
	if family == quirks.WFC || family == quirks.DWC {
		return gp.AuthToken{Token: "NDS" + name, PartnerChallenge: "partner"}
	}
	password := map[string]string{"ann": "apple", "bob": "birch", "cid": "cedar"}[name]
	return gp.UniqueNick{Nick: name, Password: password}
}

// familyConfig is what a family needs of the client: two of them cannot prove themselves.
func familyConfig(server *gptest.Server, family quirks.Family) gp.Config {
	config := inMemory(server)
	config.AcceptUnverifiedProof = family == quirks.UniSpy || family == quirks.DumbSpy
	return config
}

// The same story at every family: log in, read profiles, befriend, talk, publish, invite, block, leave.
func TestFamilies(t *testing.T) {
	for _, family := range families {
		for _, segment := range []int{0, 1, 7} {
			t.Run(familyName(family), func(t *testing.T) {
				server := gptest.New(gptest.Config{Family: family, Accounts: accounts(), Faults: gptest.Faults{Segment: segment}})
				defer server.Close()
				story(t, server, family)
			})
		}
	}
}

func story(t *testing.T, server *gptest.Server, family quirks.Family) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	config := familyConfig(server, family)
	if config.AcceptUnverifiedProof {
		strict := config
		strict.AcceptUnverifiedProof = false
		_, err := gp.Login(ctx, strict, identityFor(family, "ann"))
		require.ErrorIs(t, err, gp.ErrProofMismatch)
	}
	session, err := gp.Login(ctx, config, identityFor(family, "ann"))
	require.NoError(t, err)
	defer session.Close()
	require.EqualValues(t, 1, session.ProfileID())
	if family == quirks.DumbSpy {
		closed := next[*gp.Closed](t, session) // all that it does after a login
		require.ErrorIs(t, closed.Err, gp.ErrServerClosed)
		return
	}

	own, err := session.Profile(ctx, 1)
	require.NoError(t, err)
	assert.Equal(t, "ann", own.UniqueNick)
	_, err = session.Profile(ctx, 999)
	require.ErrorIs(t, err, gp.ErrNoSuchProfile)
	require.NoError(t, session.UpdateProfile(ctx, gp.ProfileUpdate{FirstName: new("Ann")}))
	require.NoError(t, session.SetPresence(ctx, gp.Presence{Status: gp.Online, Text: "Lobby", Location: "gmtest://lobby"}))
	if family == quirks.KR4uzi { // knows no buddies
		refused := next[*gp.ServerError](t, session)
		assert.EqualValues(t, 0, refused.Err.Code)
		require.NoError(t, session.Close())
		return
	}

	bob, err := gp.Login(ctx, config, identityFor(family, "bob"))
	require.NoError(t, err)
	defer bob.Close()
	if family != quirks.Section8 { // which sends no statuses at login
		events := collect(t, bob, func(event gp.Event) bool { // the first may still be offline
			status, ok := event.(*gp.BuddyStatus)
			return ok && status.Text == "Lobby"
		})
		sees := events[len(events)-1].(*gp.BuddyStatus)
		assert.EqualValues(t, 1, sees.ProfileID)
		assert.Equal(t, gp.Online, sees.Status)
		assert.Equal(t, "gmtest://lobby", sees.Location)
	}
	text := "hello"
	if family == quirks.WFC {
		require.NoError(t, session.SendMessage(ctx, 2, "plain"))
		refused := next[*gp.ServerError](t, session)
		assert.EqualValues(t, 2304, refused.Err.Code)
		text = "GPCM1vMAT4567"
	}
	require.NoError(t, session.SendMessage(ctx, 2, text))
	message := next[*gp.Message](t, bob)
	assert.Equal(t, text, message.Text)
	assert.EqualValues(t, 1, message.From)
	assert.WithinDuration(t, time.Now(), message.Time, time.Minute)

	require.NoError(t, session.Invite(ctx, 2, 11057, "gmtest://192.0.2.1"))
	invitation := next[*gp.Invitation](t, bob)
	assert.Equal(t, gp.Invitation{From: 1, Time: invitation.Time, ProductID: 11057, Location: "gmtest://192.0.2.1"}, *invitation)

	befriend(ctx, t, server, family, session)

	require.NoError(t, bob.SetPresence(ctx, gp.Presence{Status: gp.Playing, Text: "Level 2"}))
	events := collect(t, session, func(event gp.Event) bool {
		status, ok := event.(*gp.BuddyStatus)
		return ok && status.ProfileID == 2 && status.Text == "Level 2"
	})
	assert.NotEmpty(t, events)
	known, _ := session.Roster().Buddy(2)
	assert.Equal(t, known.BuddyStatus, gp.BuddyStatus{ProfileID: 2, Status: gp.Playing, Text: "Level 2"})

	require.NoError(t, bob.Close())
	collect(t, session, func(event gp.Event) bool {
		status, ok := event.(*gp.BuddyStatus)
		return ok && status.ProfileID == 2 && status.Status == gp.Offline
	})
	require.NoError(t, session.Close())
	state := session.State()
	assert.Equal(t, gp.StepClosed, state.Step)
	assert.NoError(t, state.Err)
	assert.Zero(t, state.Counters.Malformed+state.Counters.Unknown, "%+v", state)
	assert.ErrorIs(t, session.SendMessage(ctx, 2, "x"), errClosed)
}

// befriend has a third player ask the first.
func befriend(ctx context.Context, t *testing.T, server *gptest.Server, family quirks.Family, session *gp.Session) {
	cid, err := gp.Login(ctx, familyConfig(server, family), identityFor(family, "cid"))
	require.NoError(t, err)
	defer cid.Close()
	require.NoError(t, cid.RequestBuddy(ctx, 1, "let me in"))
	if family == quirks.WFC { // adding from both sides is what makes friends
		require.NoError(t, session.RequestBuddy(ctx, 3, ""))
	} else {
		request := next[*gp.BuddyRequest](t, session)
		assert.EqualValues(t, 3, request.From)
		assert.Equal(t, "let me in", strings.TrimSpace(request.Reason))
		require.NoError(t, session.Authorize(ctx, 3))
	}
	authorized := next[*gp.BuddyAuthorized](t, cid)
	assert.EqualValues(t, 1, authorized.From)
	assert.True(t, server.BuddyOf(3, 1))
	require.NoError(t, cid.RemoveBuddy(ctx, 1))
	require.NoError(t, cid.Close())
}

// Every way to log in, at the families that have it, and what the others say.
func TestLoginKinds(t *testing.T) {
	errSilent := context.DeadlineExceeded
	for _, test := range []struct {
		family   quirks.Family
		identity gp.Identity
		want     error
	}{
		{quirks.Original, gp.UniqueNick{Nick: "ann", Password: "apple"}, nil},
		{quirks.Original, gp.NickEmail{Nick: "annie", Email: "Ann@Example.test", Password: "apple"}, nil},
		{quirks.Original, gp.AuthToken{Token: "NDSann", PartnerChallenge: "partner"}, nil},
		{quirks.Original, gp.UniqueNick{Nick: "ann", Password: "walnut"}, gp.ErrBadPassword},
		{quirks.Original, gp.UniqueNick{Nick: "nobody", Password: "x"}, gp.ErrBadNick},
		{quirks.Original, gp.NickEmail{Nick: "annie", Email: "no@example.test", Password: "apple"}, gp.ErrBadEmail},
		{quirks.Original, gp.NickEmail{Nick: "no", Email: "ann@example.test", Password: "apple"}, gp.ErrBadNick},
		{quirks.Original, gp.AuthToken{Token: "stale", PartnerChallenge: "partner"}, gp.ErrBadTicket},
		{quirks.Original, gp.LoginTicket{Ticket: "stale"}, gp.ErrBadTicket},
		{quirks.OpenSpy, gp.UniqueNick{Nick: "ann", Password: "walnut"}, gp.ErrBadPassword},
		{quirks.OpenSpy, gp.NickEmail{Nick: "no", Email: "ann@example.test", Password: "apple"}, gp.ErrBadNick},
		{quirks.OpenSpy, gp.NickEmail{Nick: "annie", Email: "ann@example.test", Password: "apple"}, nil},
		{quirks.WFC, gp.UniqueNick{Nick: "ann", Password: "apple"}, gp.ErrLoginRefused},
		{quirks.WFC, gp.AuthToken{Token: "NDSann", PartnerChallenge: "walnut"}, gp.ErrLoginRefused},
		{quirks.DWC, gp.UniqueNick{Nick: "ann", Password: "apple"}, errSilent},
		{quirks.DWC, gp.AuthToken{Token: "NDSann", PartnerChallenge: "walnut"}, gp.ErrProofMismatch},
		{quirks.UniSpy, gp.UniqueNick{Nick: "nobody", Password: "x"}, errSilent},
		{quirks.KR4uzi, gp.UniqueNick{Nick: "ann", Password: "walnut"}, gp.ErrBadPassword},
		{quirks.KR4uzi, gp.UniqueNick{Nick: "nobody", Password: "x"}, gp.ErrBadNick},
		{quirks.Section8, gp.UniqueNick{Nick: "ann", Password: "walnut"}, gp.ErrProofMismatch},
		{quirks.DumbSpy, gp.NickEmail{Nick: "annie", Email: "ann@example.test", Password: "apple"}, gp.ErrLoginRefused},
	} {
		server := gptest.New(gptest.Config{Family: test.family, Accounts: accounts()})
		config := inMemory(server)
		config.LoginTimeout = 20 * time.Millisecond
		if !errors.Is(test.want, errSilent) {
			config.LoginTimeout = 5 * time.Second
		}
		session, err := gp.Login(t.Context(), config, test.identity)
		if test.want == nil {
			require.NoError(t, err, "%s %v", test.family, test.identity)
			require.NoError(t, session.Close())
		} else {
			require.ErrorIs(t, err, test.want, "%s %v", test.family, test.identity)
			for _, secret := range []string{"apple", "walnut", "partner"} {
				assert.NotContains(t, err.Error(), secret)
			}
		}
		server.Close()
	}
}

// A ticket of one login serves for the next, at the original and at OpenSpy, which digest it differently.
func TestLoginTicket(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy} {
		server := gptest.New(gptest.Config{Family: family, Accounts: accounts()})
		session, err := gp.Login(t.Context(), inMemory(server), ann)
		require.NoError(t, err)
		server.RenewTicket(1, "renewed0123456789abcdef")
		next[*gp.TicketRenewed](t, session)
		ticket := session.Ticket()
		assert.Equal(t, "renewed0123456789abcdef", ticket)
		require.NoError(t, session.Close())
		again, err := gp.Login(t.Context(), inMemory(server), gp.LoginTicket{Ticket: ticket, TicketIsPassword: family == quirks.OpenSpy})
		require.NoError(t, err)
		assert.EqualValues(t, 1, again.ProfileID())
		require.NoError(t, again.Close())
		server.Close()
	}
}

// A second login of a profile ends the first where the family does that.
func TestSecondLogin(t *testing.T) {
	for _, family := range families {
		if family == quirks.DumbSpy {
			continue
		}
		server := gptest.New(gptest.Config{Family: family, Accounts: accounts()})
		first, err := gp.Login(t.Context(), familyConfig(server, family), identityFor(family, "ann"))
		require.NoError(t, err)
		second, err := gp.Login(t.Context(), familyConfig(server, family), identityFor(family, "ann"))
		require.NoError(t, err)
		if family == quirks.Original || family == quirks.WFC {
			closed := next[*gp.Closed](t, first)
			require.ErrorIs(t, closed.Err, gp.ErrLoggedInElsewhere)
			require.ErrorIs(t, first.Err(), gp.ErrLoggedInElsewhere)
		} else {
			_, err = first.Profile(t.Context(), 1)
			require.NoError(t, err, familyName(family))
		}
		require.NoError(t, first.Close())
		require.NoError(t, second.Close())
		server.Close()
	}
}

// New accounts, where there are any.
func TestRegister(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.KR4uzi, quirks.Section8} {
		server := gptest.New(gptest.Config{Family: family, Accounts: accounts()})
		account := gp.Account{Email: "Eve@example.test", Nick: "eve", UniqueNick: "eve", Password: "evepw"}
		session, err := gp.Register(t.Context(), inMemory(server), account)
		require.NoError(t, err, familyName(family))
		assert.EqualValues(t, 20001, session.ProfileID())
		require.NoError(t, session.Close())
		_, err = gp.Register(t.Context(), inMemory(server), account)
		require.ErrorIs(t, err, gp.ErrNickInUse, familyName(family))
		server.Close()
	}
}
