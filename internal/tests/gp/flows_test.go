package gp_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/quirks"
)

// Messages and requests wait for a player who is away.
func TestWaitingForLogin(t *testing.T) {
	server := gptest.New(gptest.Config{Accounts: accounts()})
	defer server.Close()
	session, err := gp.Login(t.Context(), inMemory(server), ann)
	require.NoError(t, err)
	require.NoError(t, session.SendMessage(t.Context(), 2, "while you were away"))
	require.NoError(t, session.RequestBuddy(t.Context(), 3, "hello"))
	require.ErrorIs(t, session.Authorize(t.Context(), 77), gp.ErrNoRequest)
	_, err = session.Profile(t.Context(), 2) // both have arrived when this is answered
	require.NoError(t, err)

	bob, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "bob", Password: "birch"})
	require.NoError(t, err)
	message := next[*gp.Message](t, bob)
	assert.Equal(t, "while you were away", message.Text)
	cid, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "cid", Password: "cedar"})
	require.NoError(t, err)
	request := next[*gp.BuddyRequest](t, cid)
	assert.Equal(t, "hello", request.Reason)
	cid.Deny(request.From)
	require.ErrorIs(t, cid.Authorize(t.Context(), request.From), gp.ErrNoRequest)
	for _, s := range []*gp.Session{session, bob, cid} {
		require.NoError(t, s.Close())
	}
}

// Revoking, blocking, and the events of the other side.
func TestRevokeAndBlock(t *testing.T) {
	server := gptest.New(gptest.Config{Accounts: accounts()})
	defer server.Close()
	session, err := gp.Login(t.Context(), inMemory(server), ann)
	require.NoError(t, err)
	defer session.Close()
	bob, err := gp.Login(t.Context(), inMemory(server), gp.UniqueNick{Nick: "bob", Password: "birch"})
	require.NoError(t, err)
	defer bob.Close()
	require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Away, Text: "tea"}))
	collect(t, bob, func(e gp.Event) bool { s, ok := e.(*gp.BuddyStatus); return ok && s.Text == "tea" })
	require.NoError(t, session.Block(t.Context(), 2))
	collect(t, bob, func(e gp.Event) bool { s, ok := e.(*gp.BuddyStatus); return ok && s.Status == gp.Offline })
	assert.Equal(t, []gp.ProfileID{2}, session.Roster().Blocked)
	require.NoError(t, session.Unblock(t.Context(), 2))
	collect(t, bob, func(e gp.Event) bool { s, ok := e.(*gp.BuddyStatus); return ok && s.Text == "tea" })
	assert.Empty(t, session.Roster().Blocked)
	require.NoError(t, session.Revoke(t.Context(), 2))
	revoked := next[*gp.BuddyRevoked](t, bob)
	assert.EqualValues(t, 1, revoked.From)
	assert.False(t, server.BuddyOf(2, 1))
	assert.Empty(t, bob.Roster().Buddies)
	require.NoError(t, session.Revoke(t.Context(), 2))
	refused := next[*gp.ServerError](t, session)
	assert.ErrorIs(t, refused.Err, gp.ErrNotBuddy)
	require.NoError(t, session.RequestBuddy(t.Context(), 2, ""))
	refused = next[*gp.ServerError](t, session)
	assert.ErrorIs(t, refused.Err, gp.ErrAlreadyBuddy)
}

// The newer status goes out beside the older, and comes in where a server has it.
func TestStatusInfo(t *testing.T) {
	server := gptest.New(gptest.Config{Accounts: accounts()})
	defer server.Close()
	config := inMemory(server)
	config.Revision = gp.DefaultRevision | gp.RevisionStatusInfo
	session, err := gp.Login(t.Context(), config, ann)
	require.NoError(t, err)
	defer session.Close()
	bob, err := gp.Login(t.Context(), config, gp.UniqueNick{Nick: "bob", Password: "birch"})
	require.NoError(t, err)
	defer bob.Close()
	game := gp.GameInfo{QueryPort: 6500, HostPort: 6501, SessionFlags: gp.SessionOpen | gp.SessionBehindNAT, Type: "ctf", Variant: "insta", Map: "facing worlds"}
	require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Playing, Text: "in game", Location: "here", Game: game}))
	events := collect(t, bob, func(e gp.Event) bool {
		s, ok := e.(*gp.BuddyStatus)
		return ok && s.Game != nil && s.Game.Map != ""
	})
	assert.Equal(t, &gp.BuddyStatus{ProfileID: 1, Status: gp.Playing, Text: "in game", Game: &game}, events[len(events)-1])
}

// Operations in flight are told apart by their ids, and errors without an id find their operation when it is clear.
func TestOperationsInFlight(t *testing.T) {
	session := logIn(t, gp.Config{OperationTimeout: 10 * time.Second}, "1", func(p *peer) {
		p.receive()
		p.receive()
		p.receive()
		p.send(`\error\\err\2561\errmsg\invalid\final\`) // whose?
		p.send(`\error\\err\2305\errmsg\not a buddy\final\`)
		p.send(`\pi\\profileid\30\sig\x\id\4\final\`)
		p.send(`\pi\\profileid\10\sig\x\id\2\final\`) // now it is clear
		p.receive()
		p.send(`\pi\\profileid\99\sig\x\id\5\final\`) // of somebody else
		p.receive()
		p.send(`\pi\\profileid\50\sig\x\final\`) // without an id
		p.receive()
		p.send(`\error\\err\4097\errmsg\taken\id\7\final\`)
		p.receive()
	})
	var wg sync.WaitGroup
	results := make([]error, 3)
	for i := range results {
		pending := i + 1
		wg.Go(func() { _, results[i] = session.Profile(t.Context(), gp.ProfileID(10*(i+1))) })
		require.Eventually(t, func() bool {
			return session.State().Counters.MessagesSent == uint64(1+pending)
		}, 5*time.Second, time.Millisecond)
	}
	wg.Wait()
	assert.NoError(t, results[0])
	assert.ErrorIs(t, results[1], gp.ErrNoSuchProfile)
	assert.NoError(t, results[2])
	refused := next[*gp.ServerError](t, session)
	assert.ErrorIs(t, refused.Err, gp.ErrNotBuddy)
	_, err := session.Profile(t.Context(), 40)
	assert.ErrorIs(t, err, gp.ErrNoSuchProfile)
	assert.ErrorContains(t, err, "asked for 40, got 99")
	_, err = session.Profile(t.Context(), 50)
	assert.NoError(t, err)
	assert.ErrorIs(t, session.RegisterUniqueNick(t.Context(), "x", ""), gp.ErrNickInUse)
}

// A fatal error ends the session even if the server keeps the connection (servers.md §5.1.5).
func TestFatalWithoutClose(t *testing.T) {
	gone := make(chan struct{})
	session := logIn(t, gp.Config{}, "1", func(p *peer) {
		p.send(`\error\\err\6\errmsg\elsewhere\fatal\\final\`)
		p.receive() // until the client closes
		close(gone)
	})
	closed := next[*gp.Closed](t, session)
	require.ErrorIs(t, closed.Err, gp.ErrLoggedInElsewhere)
	<-gone
	_, err := session.Profile(t.Context(), 1)
	require.ErrorIs(t, err, errClosed)
	require.ErrorIs(t, err, gp.ErrLoggedInElsewhere)
}

// Poll is for programs that look once a frame.
func TestPoll(t *testing.T) {
	server := gptest.New(gptest.Config{Accounts: accounts()})
	defer server.Close()
	session, err := gp.Login(t.Context(), inMemory(server), ann)
	require.NoError(t, err)
	steps := []gp.Step{}
	for event := session.Poll(); event != nil; event = session.Poll() {
		if step, ok := event.(*gp.StepChanged); ok {
			steps = append(steps, step.To)
		}
	}
	assert.Equal(t, []gp.Step{gp.StepResolving, gp.StepConnecting, gp.StepGreeting, gp.StepLoggingIn, gp.StepConnected}, steps)
	require.NoError(t, session.Close())
	require.NoError(t, session.Close())
	var last gp.Event
	for event := session.Poll(); event != nil; event = session.Poll() {
		last = event
	}
	assert.Equal(t, &gp.Closed{}, last)
}

// Everything that is logged or printed is without secrets.
func TestSecretsStayInside(t *testing.T) {
	var log bytes.Buffer
	server := gptest.New(gptest.Config{Accounts: []gptest.Account{
		{UniqueNick: "ann", Nick: "annie", Email: "ann@example.test", Password: "apple", AuthToken: "NDSann", PartnerChallenge: "pearl"},
	}})
	defer server.Close()
	config := inMemory(server)
	config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	identities := []gp.Identity{
		ann, gp.NickEmail{Nick: "annie", Email: "ann@example.test", Password: "apple"},
		gp.AuthToken{Token: "NDSann", PartnerChallenge: "pearl"}, gp.LoginTicket{Ticket: "NDSann"},
	}
	for _, identity := range identities {
		session, err := gp.Login(t.Context(), config, identity)
		printed := fmt.Sprintf("%v %+v %#v %s %v %v", identity, identity, identity, identity, err, gp.Account{Password: "apple", CDKey: "pearl"})
		if err == nil {
			printed += fmt.Sprintf("%+v", session.State()) + session.Ticket()[:0]
			require.NoError(t, session.ChangeAccount(t.Context(), "", "apple"))
			require.NoError(t, session.Close())
		}
		for _, secret := range []string{"apple", "pearl", "NDSann"} {
			assert.NotContains(t, printed, secret)
		}
	}
	for _, secret := range []string{"apple", "pearl", "NDSann"} {
		assert.NotContains(t, log.String(), secret)
	}
	assert.Contains(t, log.String(), "logging in")
	assert.Contains(t, log.String(), "gamename")
}

// Real sockets: the whole way over TCP, and searches on connections of their own.
func TestOverTCP(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.UniSpy} {
		server, err := gptest.Start(gptest.Config{Family: family, Accounts: accounts()})
		require.NoError(t, err)
		config := gp.Config{Game: "gmtest", Addr: server.Addr(), SearchAddr: server.SearchAddr(), AcceptUnverifiedProof: family == quirks.UniSpy}
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		searchAll(t, session.Searcher(), family)
		require.NoError(t, session.Close())
		server.Close()
		assert.False(t, server.Online(1))
	}
}

// searchAll does every search once.
func searchAll(t *testing.T, searcher *gp.Searcher, family quirks.Family) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var names []string
	for match, err := range searcher.Profiles(ctx, gp.ProfileQuery{Email: "Bob@example.test"}) {
		require.NoError(t, err)
		names = append(names, match.UniqueNick)
	}
	assert.Equal(t, []string{"bob"}, names)
	for _, err := range searcher.Profiles(ctx, gp.ProfileQuery{}) {
		require.Error(t, err)
	}
	unique, err := all(searcher.UniqueNick(ctx, "bob"))
	require.NoError(t, err)
	require.Len(t, unique, 1)
	assert.EqualValues(t, 2, unique[0].ProfileID)
	valid, err := searcher.ValidEmail(ctx, "bob@example.test")
	require.NoError(t, err)
	assert.True(t, valid)
	nicks, err := all(searcher.Nicks(ctx, "bob@example.test", "birch"))
	require.NoError(t, err)
	assert.Equal(t, []gp.NickPair{{Nick: "bobby", UniqueNick: "bob"}}, nicks)
	nicks, err = all(searcher.Nicks(ctx, "bob@example.test", "wrong"))
	if family == quirks.OpenSpy {
		require.ErrorIs(t, err, gp.ErrBadPassword)
	} else {
		require.NoError(t, err)
		assert.Empty(t, nicks)
	}
	profile, err := searcher.Check(ctx, "bobby", "bob@example.test", "birch")
	require.NoError(t, err)
	assert.EqualValues(t, 2, profile)
	_, err = searcher.Check(ctx, "bobby", "bob@example.test", "wrong")
	require.ErrorIs(t, err, gp.ErrBadPassword)
	_, err = searcher.Check(ctx, "bobby", "no@example.test", "birch")
	require.ErrorIs(t, err, gp.ErrBadEmail)
	profile, err = searcher.NewUser(ctx, gp.Account{Email: "eve@example.test", Nick: "eve", UniqueNick: "eve", Password: "e"})
	require.NoError(t, err)
	assert.EqualValues(t, 20001, profile)
	_, err = searcher.NewUser(ctx, gp.Account{Email: "eve@example.test", Nick: "eve", UniqueNick: "eve", Password: "e"})
	require.ErrorIs(t, err, gp.ErrNickInUse)
	others, err := all(searcher.Others(ctx))
	require.NoError(t, err)
	require.Len(t, others, 1)
	assert.EqualValues(t, 2, others[0].ProfileID)
	list, err := all(searcher.UniqueNicksOf(ctx, 2, 3))
	require.NoError(t, err)
	assert.Equal(t, []gp.Match{{ProfileID: 2, UniqueNick: "bob"}, {ProfileID: 3, UniqueNick: "cid"}}, list)
	free, err := all(searcher.Suggest(ctx, "bob"))
	require.NoError(t, err)
	assert.Len(t, free, 3)
	buddies, err := all(searcher.BuddiesOf(ctx, 2, 10))
	require.NoError(t, err)
	assert.Equal(t, []gp.ProfileID{1}, buddies)
	if family != quirks.OpenSpy {
		players, err := all(searcher.PlayersOf(ctx, 1))
		require.NoError(t, err)
		assert.Len(t, players, 1)
	}
}

// A search goes on while the server has more, up to the limit.
func TestSearchPages(t *testing.T) {
	server := gptest.New(gptest.Config{})
	defer server.Close()
	for i := range 45 {
		server.Add(gptest.Account{UniqueNick: fmt.Sprintf("p%d", i), FirstName: "Pat"})
	}
	config := gp.Config{Host: "192.0.2.1", DialContext: server.DialSearch}
	count := 0
	for _, err := range gp.NewSearcher(config).Profiles(t.Context(), gp.ProfileQuery{FirstName: "Pat"}) {
		require.NoError(t, err)
		count++
	}
	assert.Equal(t, 45, count)
	config.MaxResults = 30
	var last error
	for _, last = range gp.NewSearcher(config).Profiles(t.Context(), gp.ProfileQuery{FirstName: "Pat"}) {
	}
	assert.ErrorIs(t, last, gp.ErrTooManyResults)
}

// What is too much for one request is asked for in parts, when somebody takes the results, and again by who ranges again.
func TestSearchInParts(t *testing.T) {
	server := gptest.New(gptest.Config{})
	defer server.Close()
	var ids []gp.ProfileID
	for i := range 250 {
		ids = append(ids, server.Add(gptest.Account{UniqueNick: fmt.Sprintf("p%d", i)}))
	}
	requests := func(name string) (count int) {
		for _, text := range server.Received() {
			if strings.HasPrefix(text, `\`+name+`\`) {
				count++
			}
		}
		return count
	}
	searcher := gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: server.DialSearch})
	asked := slices.Clone(ids)
	search := searcher.UniqueNicksOf(t.Context(), asked...)
	clear(asked)
	require.Zero(t, requests("otherslist"))
	for round := range 2 {
		found, err := all(search)
		require.NoError(t, err)
		require.Len(t, found, 250)
		require.Equal(t, "p249", found[249].UniqueNick)
		require.Equal(t, 3*(round+1), requests("otherslist"))
	}
	for range search {
		break
	}
	require.Equal(t, 7, requests("otherslist"))

	_, err := all(searcher.UniqueNick(t.Context(), "p7", make([]gp.NamespaceID, 40)...))
	require.NoError(t, err)
	require.Equal(t, 3, requests("searchunique"))

	searcher = gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: server.DialSearch, MaxResults: 150})
	found, err := all(searcher.UniqueNicksOf(t.Context(), ids...))
	require.Len(t, found, 150)
	require.ErrorIs(t, err, gp.ErrTooManyResults)
}

// A server that always has more ends no search by itself: one that repeats a page is found out, and one that does not is
// stopped by the limit of results. Each page has a connection of its own.
func TestSearchNeverEnds(t *testing.T) {
	for _, test := range []struct {
		name    string
		page    func(n int) string
		want    error
		results int
	}{
		{"the same", func(int) string { return `\bsr\7\nick\x\bsrdone\\more\1\final\` }, gp.ErrProtocol, 1},
		{"always others", func(n int) string { return fmt.Sprintf(`\bsr\%d\nick\x\bsrdone\\more\1\final\`, n) }, gp.ErrTooManyResults, 20},
		{"more of nothing", func(int) string { return `\bsrdone\\more\1\final\` }, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			dials := 0
			var servers sync.WaitGroup
			defer servers.Wait()
			dial := func(context.Context, string, string) (net.Conn, error) {
				dials++
				client, end := net.Pipe()
				n := dials
				servers.Go(func() {
					defer end.Close()
					p := &peer{t: t, conn: end}
					request := p.receive()
					if n > 1 && !strings.Contains(request, fmt.Sprintf(`\skip\%d\`, n-1)) {
						t.Errorf("page %d is asked for with %s", n, request)
					}
					p.send(test.page(n))
					if again := p.receive(); again != "" {
						t.Errorf("the connection is used again: %s", again)
					}
				})
				return client, nil
			}
			searcher := gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: dial, MaxResults: 20})
			results := 0
			var last error
			for _, err := range searcher.Profiles(t.Context(), gp.ProfileQuery{Nick: "x"}) {
				if last = err; err == nil {
					results++
				}
			}
			if test.want == nil {
				require.NoError(t, last)
			} else {
				require.ErrorIs(t, last, test.want)
			}
			assert.Equal(t, test.results, results)
			assert.GreaterOrEqual(t, dials, max(1, test.results))
		})
	}
}

// So many searches at once and no more, over all searchers of a session; who waits too long is told why.
func TestSearchConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts(), Faults: gptest.Faults{Delay: 10 * time.Second}})
		defer server.Close()
		config := gp.Config{Host: "192.0.2.1", DialContext: server.DialSearch, SearchConnections: 2, SearchTimeout: 25 * time.Second}
		searcher := gp.NewSearcher(config)
		start := time.Now()
		var mu sync.Mutex
		var took []time.Duration
		var last error
		var searches sync.WaitGroup
		for range 5 {
			searches.Go(func() {
				valid, err := searcher.ValidEmail(t.Context(), "ann@example.test")
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(start))
				if err != nil {
					last = err
				} else {
					assert.True(t, valid)
				}
			})
		}
		searches.Wait()
		assert.Equal(t, []time.Duration{10 * time.Second, 10 * time.Second, 20 * time.Second, 20 * time.Second, 25 * time.Second}, took)
		require.True(t, isTimeout(last), "%v", last)
	})
}

// What changes together goes out together: one message for the profile, one for the account, in this order.
func TestUpdateTogether(t *testing.T) {
	got := make(chan []string, 1)
	session := logIn(t, gp.Config{}, "1", func(p *peer) {
		segment := make([]byte, 4096)
		n, _ := p.conn.Read(segment) // the pipe gives what one write wrote
		got <- strings.SplitAfter(string(segment[:n]), `\final\`)
		p.receive()
	})
	require.NoError(t, session.UpdateProfile(t.Context(), gp.ProfileUpdate{}), "nothing to send")
	require.NoError(t, session.UpdateProfile(t.Context(), gp.ProfileUpdate{
		FirstName: new("Ann"), Sex: new(gp.Female), Birthday: &gp.Birthday{Day: 31, Month: 12, Year: 1980}, Occupation: new(int64(3)),
		PublicMask: new(int64(gp.PublicAll)), Email: new("New@Mail.com"), Password: new("newpw"),
		Machine: &gp.Machine{
			OS: "Linux", CPU: gp.CPUAMD, CPUSpeed: 3000, MemoryMB: 512, VideoCards: [2]string{"Voodoo"}, VideoRAMMB: [2]int{128},
			Connection: gp.ConnectionDSL, ConnectionSpeed: 768, Network: new(true),
		},
	}))
	assert.Equal(t, []string{
		`\updatepro\\sesskey\1\firstname\Ann\sex\1\birthday\520882108\occ\3\videocard1string\Voodoo\osstring\Linux\publicmask\-1\partnerid\0\final\`,
		`\updateui\\sesskey\1\email\new@mail.com\passwordenc\eJeDglw_\cpubrandid\2\cpuspeed\3000\memory\32\videocard1ram\32\connectionid\4\connectionspeed\768\hasnetwork\1\final\`,
		"",
	}, <-got)
	assert.EqualValues(t, 3, session.State().Counters.MessagesSent)
	require.NoError(t, session.Close())
}
