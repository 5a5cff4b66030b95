package gp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/gscrypt"
)

var errRefused = errors.New("connection refused")

// switchboard connects to the server that is there at the moment.
type switchboard struct {
	mu     sync.Mutex
	server *gptest.Server // nil: nobody answers
	start  time.Time
	dials  []time.Duration
}

func (b *switchboard) set(server *gptest.Server) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.server = server
}

func (b *switchboard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	b.mu.Lock()
	server := b.server
	if b.start.IsZero() {
		b.start = time.Now()
	}
	b.dials = append(b.dials, time.Since(b.start))
	b.mu.Unlock()
	if server == nil {
		return nil, errRefused
	}
	return server.Dial(ctx, network, address)
}

// reconnecting is a client whose waits have no chance in them.
func (b *switchboard) reconnecting() gp.Config {
	return gp.Config{
		Game: "gmtest", Host: "192.0.2.1", DialContext: b.dial,
		Reconnect: &gp.Reconnect{Random: func() float64 { return 0 }},
	}
}

// steps are those that the waiting events tell of.
func steps(session *gp.Session) (list []string) {
	for event := session.Poll(); event != nil; event = session.Poll() {
		if e, ok := event.(*gp.StepChanged); ok {
			list = append(list, e.To.String())
		}
	}
	return list
}

// The waits double up to the longest, the chance in them is what was given, and a connection that lasts starts them anew.
func TestReconnectSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		board := &switchboard{server: server}
		config := board.reconnecting()
		draws := []float64{0, 0.5, 0.25, 0, 0, 0, 0, 0, 0, 0}
		config.Reconnect.Max = 30 * time.Second
		config.Reconnect.Random = func() float64 {
			draw := draws[0]
			draws = draws[1:]
			return draw
		}
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		time.Sleep(100 * time.Second)
		require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Online}))
		steps(session)
		board.set(nil)
		server.Close()
		synctest.Wait()
		state := session.State()
		require.Equal(t, gp.StepReconnecting, state.Step)
		require.Equal(t, 1, state.Attempt)
		require.Equal(t, time.Now().Add(time.Second), state.NextTry)
		require.Contains(t, state.Reason, "server closed the connection")
		require.NoError(t, state.Err)
		require.Equal(t, []string{"reconnecting"}, steps(session))
		time.Sleep(80 * time.Second)
		synctest.Wait()
		// 1 s; 2 s less a quarter; 4 s less an eighth; 8, 16, 30, 30 s.
		want := []time.Duration{0}
		at := 100 * time.Second
		for _, wait := range []time.Duration{1000, 1500, 3500, 8000, 16000, 30000} {
			at += wait * time.Millisecond
			want = append(want, at)
		}
		require.Equal(t, want, board.dials)
		got := steps(session)
		require.Equal(t, []string{"resolving", "connecting", "reconnecting"}, got[:3])
		require.Equal(t, 7, session.State().Attempt)

		server = gptest.New(gptest.Config{Accounts: accounts()})
		board.set(server)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		require.Zero(t, session.State().Attempt)
		require.EqualValues(t, 1, session.State().Counters.Reconnects)
		require.True(t, server.Online(1))

		// It does not last a minute: the waits go on where they were. It does: they start anew.
		server.Close()
		synctest.Wait()
		require.Equal(t, 8, session.State().Attempt)
		server = gptest.New(gptest.Config{Accounts: accounts()})
		board.set(server)
		time.Sleep(30*time.Second + time.Minute)
		server.Close()
		synctest.Wait()
		require.Equal(t, 1, session.State().Attempt)

		// Close ends the wait at once.
		start := time.Now()
		require.NoError(t, session.Close())
		require.Zero(t, time.Since(start))
		require.NoError(t, session.Err())
		got = steps(session)
		require.Equal(t, "closed", got[len(got)-1])
	})
}

// What was set is set again, and the roster is compared: what is the same is not told twice.
func TestReconnectResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := accounts()
		list[0].Buddies = []gptest.ProfileID{2, 3, 4, 5}
		list = append(list,
			gptest.Account{ProfileID: 4, UniqueNick: "dora", Password: "date"}, gptest.Account{ProfileID: 5, UniqueNick: "eve", Password: "elm"})
		server := gptest.New(gptest.Config{Accounts: list})
		board := &switchboard{server: server}
		online := func(server *gptest.Server, nick, password, text string) *gp.Session {
			s, err := gp.Login(t.Context(), gp.Config{Host: "192.0.2.1", DialContext: server.Dial}, gp.UniqueNick{Nick: nick, Password: password})
			require.NoError(t, err)
			require.NoError(t, s.SetPresence(t.Context(), gp.Presence{Status: gp.Chatting, Text: text}))
			return s
		}
		others := []*gp.Session{online(server, "bob", "birch", "same"), online(server, "cid", "cedar", "before"), online(server, "dora", "date", "here")}
		session, err := gp.Login(t.Context(), board.reconnecting(), ann)
		require.NoError(t, err)
		defer session.Close()
		require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Playing, Text: "dm_bay"}))
		require.NoError(t, session.SetQuiet(t.Context(), gp.QuietUTMs))
		require.NoError(t, session.AcceptInvites(t.Context(), 11057))
		synctest.Wait()
		for session.Poll() != nil {
		}
		before := session.Roster()
		require.Len(t, before.Buddies, 4)

		// While nobody answers, requests fail at once, and settings are remembered.
		board.set(nil)
		server.Close()
		for _, other := range others {
			require.NoError(t, other.Close())
		}
		synctest.Wait()
		err = session.SendMessage(t.Context(), 2, "hello")
		require.ErrorIs(t, err, gp.ErrNotConnected)
		require.ErrorIs(t, err, gp.ErrServerClosed)
		failure, _ := errors.AsType[*gp.Error](err)
		require.Equal(t, gp.StepReconnecting, failure.Step)
		require.False(t, failure.Uncertain)
		_, err = session.FetchProfile(t.Context(), 2)
		require.ErrorIs(t, err, gp.ErrNotConnected)
		require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Away, Text: "cable"}))
		require.ErrorIs(t, session.SetPresence(t.Context(), gp.Presence{Text: strings.Repeat("x", 300)}), gp.ErrInvalidText)
		stale := session.Roster()
		require.True(t, stale.Stale)
		require.Equal(t, before.Buddies, stale.Buddies)

		// Bob does what he did; cid something else; dora is off line; eve is no buddy any more.
		list[0].Buddies = []gptest.ProfileID{2, 3, 4}
		server = gptest.New(gptest.Config{Accounts: list})
		defer server.Close()
		others = []*gp.Session{online(server, "bob", "birch", "same"), online(server, "cid", "cedar", "after")}
		board.set(server)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		var told []string
		for event := session.Poll(); event != nil; event = session.Poll() {
			switch e := event.(type) {
			case *gp.RosterChanged:
				told = append(told, fmt.Sprintf("%v %d", e.Change, e.ProfileID))
			case *gp.BuddyStatus:
				told = append(told, fmt.Sprintf("%d is %v %q", e.ProfileID, e.Status, e.Text))
			case *gp.BuddyList:
				told = append(told, "list")
			}
		}
		require.Equal(t, []string{`3 is chatting "after"`, "status 3", `4 is offline "Offline"`, "status 4"}, told)
		require.True(t, session.Roster().Stale)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"buddy removed 5", "fresh 0"}, changes(session))
		require.False(t, session.Roster().Stale)
		require.Len(t, session.Roster().Buddies, 3)
		received := strings.Join(server.Received(), "\n")
		require.Contains(t, received, `\status\5\sesskey\`)
		require.Contains(t, received, `\statstring\cable\`)
		require.Contains(t, received, `\quiet\2\id\1`)
		require.Contains(t, received, `\products\11057`)
		require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Away, Text: "cable"}))
		require.Equal(t, 1, strings.Count(strings.Join(server.Received(), "\n"), "cable"), "what was published is not sent again")
		for _, other := range others {
			require.NoError(t, other.Close())
		}
	})
}

// A server that sends no lists and says nothing of a buddy: the buddy stays, off line.
func TestReconnectWithoutLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proof := gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA")
		scripts := []string{`\bm\100\f\7\msg\|s|1|ss|x\final\\bm\100\f\8\msg\|s|2|ss|y\final\`, `\bm\100\f\8\msg\|s|2|ss|y\final\`}
		var servers sync.WaitGroup
		config := gp.Config{
			Host: "192.0.2.1", Challenge: func() string { return challenge }, Reconnect: &gp.Reconnect{Jitter: -1},
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				client, end := net.Pipe()
				script := scripts[0]
				scripts = scripts[1:]
				servers.Go(func() {
					defer end.Close()
					p := &peer{t: t, conn: end}
					p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
					p.receive()
					p.send(`\lc\2\sesskey\1\proof\` + proof + `\profileid\1\id\1\final\` + script)
					if len(scripts) == 1 {
						time.Sleep(time.Minute) // and then it closes
					} else {
						_, _ = io.Copy(io.Discard, end)
					}
				})
				return client, nil
			},
		}
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		time.Sleep(time.Minute + 7*time.Second)
		synctest.Wait()
		roster := session.Roster()
		require.False(t, roster.Stale)
		seven, _ := roster.Buddy(7)
		require.Equal(t, gp.BuddyStatus{ProfileID: 7}, seven.BuddyStatus)
		eight, _ := roster.Buddy(8)
		require.Equal(t, gp.Playing, eight.Status)
		require.NoError(t, session.Close())
		servers.Wait()
	})
}

// What was under way fails, and says whether the server may have done it.
func TestReconnectInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		defer server.Close()
		first := true
		hold := make(chan struct{})
		config := gp.Config{Host: "192.0.2.1", Challenge: func() string { return challenge }, Reconnect: &gp.Reconnect{Jitter: -1}, SendQueue: 1}
		var script sync.WaitGroup
		config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if !first {
				return server.Dial(ctx, network, address)
			}
			first = false
			client, end := net.Pipe()
			script.Go(func() {
				p := &peer{t: t, conn: end}
				p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
				p.receive()
				p.send(`\lc\2\sesskey\1\proof\` + gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA") + `\profileid\1\id\1\final\`)
				p.receive() // the profile that is asked for, and then no more
				<-hold
				_ = end.Close()
			})
			return client, nil
		}
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		results := make(map[string]error)
		var mu sync.Mutex
		var calls sync.WaitGroup
		call := func(name string, do func() error) {
			calls.Go(func() {
				err := do()
				mu.Lock()
				defer mu.Unlock()
				results[name] = err
			})
			synctest.Wait()
		}
		call("asked", func() error { _, err := session.FetchProfile(t.Context(), 2); return err })
		call("half written", func() error { return session.SendMessage(t.Context(), 2, "one") })
		call("waiting", func() error { return session.SendMessage(t.Context(), 2, "two") })
		call("no room", func() error { return session.SendMessage(t.Context(), 2, "three") })
		close(hold)
		calls.Wait()
		uncertain := func(name string) bool {
			failure, ok := errors.AsType[*gp.Error](results[name])
			require.True(t, ok, "%s: %v", name, results[name])
			return failure.Uncertain
		}
		assert.ErrorIs(t, results["asked"], gp.ErrInterrupted)
		assert.True(t, uncertain("asked"))
		assert.True(t, uncertain("half written"))
		assert.ErrorIs(t, results["waiting"], gp.ErrInterrupted)
		assert.False(t, uncertain("waiting"))
		assert.ErrorIs(t, results["no room"], gp.ErrQueueFull)
		assert.False(t, uncertain("no room"))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		profile, err := session.FetchProfile(t.Context(), 2)
		require.NoError(t, err)
		require.Equal(t, "bobby", profile.Nick)
		require.NoError(t, session.Close())
		script.Wait()
	})
}

// A message whose sender does not want to wait any longer is not sent later.
func TestSendTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		done := make(chan struct{})
		session := logIn(t, gp.Config{SendRate: 1}, "1", func(p *peer) {
			defer close(done)
			for {
				text := p.receive()
				if text == "" {
					return
				}
				got = append(got, text)
			}
		})
		for range 2 { // at once
			require.NoError(t, session.SendMessage(t.Context(), 7, "early"))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := session.SendMessage(ctx, 7, "too late")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 400*time.Millisecond, time.Since(start))
		failure, _ := errors.AsType[*gp.Error](err)
		require.False(t, failure.Uncertain)
		require.NoError(t, session.SendMessage(t.Context(), 7, "next"))
		require.Equal(t, time.Second, time.Since(start), "one in a second")
		require.NoError(t, session.SendMessage(t.Context(), 7, "next"))
		require.Equal(t, 2*time.Second, time.Since(start))
		require.NoError(t, session.Close())
		<-done
		require.NotContains(t, strings.Join(got, ""), "too late")
	})
}

// What a new try cannot mend ends the session; what it can does not.
func TestReconnectGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name   string
			change func(*gptest.Config)
			want   error // nil: it comes back
		}{
			{"same", func(*gptest.Config) {}, nil},
			{"password changed", func(c *gptest.Config) { c.Accounts[0].Password = "other" }, gp.ErrBadPassword},
			{"account gone", func(c *gptest.Config) { c.Accounts = c.Accounts[1:] }, gp.ErrBadNick},
			{"wrong proof", func(c *gptest.Config) { c.Faults.WrongProof = true }, gp.ErrProofMismatch},
			{"garbage", func(c *gptest.Config) {
				c.Faults.GarbageAt, c.Faults.Garbage = 1, []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
			}, nil},
			{"other profile", func(c *gptest.Config) { c.Accounts[0].ProfileID = 11 }, nil},
		} {
			t.Log(test.name)
			server := gptest.New(gptest.Config{Accounts: accounts()})
			board := &switchboard{server: server}
			config := board.reconnecting()
			session, err := gp.Login(t.Context(), config, ann)
			require.NoError(t, err)
			server.Close()
			changed := gptest.Config{Accounts: accounts()}
			test.change(&changed)
			server = gptest.New(changed)
			board.set(server)
			time.Sleep(40 * time.Second)
			synctest.Wait()
			switch {
			case test.want != nil:
				require.ErrorIs(t, session.Err(), test.want)
				require.Len(t, board.dials, 2)
			case test.name == "garbage":
				require.NoError(t, session.Err(), "a portal that answers for the server goes away again")
				require.Greater(t, len(board.dials), 1)
			case test.name == "other profile":
				require.ErrorContains(t, session.Err(), "another profile")
			default:
				require.Equal(t, gp.StepConnected, session.State().Step)
			}
			require.NoError(t, session.Close())
			server.Close()
		}

		// Another login of the profile, and a ban: a fatal error that is not known to pass.
		for _, text := range []string{`\error\\err\6\fatal\\errmsg\elsewhere\final\`, `\error\\err\1792\fatal\\errmsg\banned\final\`} {
			server := gptest.New(gptest.Config{Accounts: accounts()})
			board := &switchboard{server: server}
			session, err := gp.Login(t.Context(), board.reconnecting(), ann)
			require.NoError(t, err)
			require.True(t, server.Send(1, text))
			<-session.Done()
			require.Error(t, session.Err())
			require.Len(t, board.dials, 1)
			require.NoError(t, session.Close())
			server.Close()
		}
		// A database that is down for a moment is another matter.
		server := gptest.New(gptest.Config{Accounts: accounts()})
		board := &switchboard{server: server}
		session, err := gp.Login(t.Context(), board.reconnecting(), ann)
		require.NoError(t, err)
		require.True(t, server.Send(1, `\error\\err\4\fatal\\errmsg\try later\final\`))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		require.NoError(t, session.Close())

		// So many tries and no more.
		board = &switchboard{server: server}
		config := board.reconnecting()
		config.Reconnect.Attempts = 3
		session, err = gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		board.set(nil)
		server.Close()
		<-session.Done()
		require.ErrorIs(t, session.Err(), errRefused)
		require.Len(t, board.dials, 1+3)
		require.NoError(t, session.Close())
	})
}

// Tokens of a few minutes are asked for anew, and tickets follow the server.
func TestReconnectIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		board := &switchboard{server: server}
		config := board.reconnecting()
		asked := 0
		config.Reconnect.Identity = func(context.Context) (gp.Identity, error) {
			if asked++; asked == 1 {
				return nil, errRefused
			}
			return gp.AuthToken{Token: "NDSfresh", PartnerChallenge: "fresh"}, nil
		}
		session, err := gp.Login(t.Context(), config, gp.AuthToken{Token: "NDSann", PartnerChallenge: "partner"})
		require.NoError(t, err)
		server.Close()
		list := accounts()
		list[0].AuthToken, list[0].PartnerChallenge = "NDSfresh", "fresh"
		server = gptest.New(gptest.Config{Accounts: list})
		board.set(server)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		require.Equal(t, 2, asked)
		ticket := session.Ticket()
		require.NoError(t, session.Close())

		config = board.reconnecting()
		session, err = gp.Login(t.Context(), config, gp.LoginTicket{Ticket: ticket})
		require.NoError(t, err)
		require.NotEqual(t, ticket, session.Ticket(), "the server gave a new one")
		server.Send(1, `\error\\err\5\fatal\\errmsg\moment\final\`)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.NoError(t, session.Err())
		require.EqualValues(t, 1, session.State().Counters.Reconnects)
		require.NoError(t, session.Close())
		server.Close()
	})
}

// Closing in the middle of a try ends it.
func TestCloseWhileReconnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		silent := gptest.New(gptest.Config{Faults: gptest.Faults{NoGreeting: true}})
		defer silent.Close()
		board := &switchboard{server: server}
		session, err := gp.Login(t.Context(), board.reconnecting(), ann)
		require.NoError(t, err)
		board.set(silent)
		server.Close()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepGreeting, session.State().Step)
		start := time.Now()
		require.NoError(t, session.Close())
		require.Zero(t, time.Since(start))
		require.NoError(t, session.Err())
	})
}

// A connection that is dead without a word is noticed by the limit of silence, and replaced.
func TestReconnectAfterHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Family: "wfc", Accounts: accounts()})
		defer server.Close()
		board := &switchboard{server: server}
		config := board.reconnecting()
		config.PeerTimeout = 40 * time.Second
		var mu sync.Mutex
		var holes []*hole
		dial := config.DialContext
		config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			holes = append(holes, &hole{Conn: conn, fell: make(chan struct{})})
			return holes[len(holes)-1], nil
		}
		session, err := gp.Login(t.Context(), config, identityFor("wfc", "ann"))
		require.NoError(t, err)
		time.Sleep(30 * time.Second)
		holes[0].fall()
		time.Sleep(42 * time.Second)
		synctest.Wait()
		require.Equal(t, gp.StepConnected, session.State().Step)
		require.Len(t, holes, 2)
		require.NoError(t, session.Close())
	})
}

// hole is a connection from which at some time nothing comes any more, though it is open.
type hole struct {
	net.Conn
	once sync.Once
	fell chan struct{}
}

func (h *hole) fall() { h.once.Do(func() { close(h.fell) }) }

func (h *hole) Read(b []byte) (int, error) {
	for {
		n, err := h.Conn.Read(b)
		select {
		case <-h.fell:
			if err != nil {
				return 0, err
			}
		default:
			return n, err
		}
	}
}

func (h *hole) Write(b []byte) (int, error) {
	select {
	case <-h.fell:
		return len(b), nil
	default:
		return h.Conn.Write(b)
	}
}

// WFC forgets the buddies with the connection. Who asks again gets them back.
func TestReconnectAsksBuddies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ask := range []bool{false, true} {
			server := gptest.New(gptest.Config{Family: "wfc", Accounts: accounts()})
			config := (&switchboard{server: server}).reconnecting()
			config.Reconnect.AskBuddies = ask
			bob, err := gp.Login(t.Context(), inMemory(server), identityFor("wfc", "bob"))
			require.NoError(t, err)
			session, err := gp.Login(t.Context(), config, identityFor("wfc", "ann"))
			require.NoError(t, err)
			require.NoError(t, bob.SetPresence(t.Context(), gp.Presence{Status: gp.Playing, Text: "race"}))
			synctest.Wait()
			server.Drop(1)
			time.Sleep(time.Second)
			synctest.Wait()
			require.Equal(t, gp.StepConnected, session.State().Step)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			buddy, ok := session.Roster().Buddy(2)
			require.True(t, ok)
			require.Equal(t, ask, buddy.Text == "race", "%+v", buddy)
			require.NoError(t, session.Close())
			require.NoError(t, bob.Close())
			server.Close()
		}
	})
}
