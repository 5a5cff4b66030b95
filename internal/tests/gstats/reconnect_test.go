package gstats_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// next waits for the next event of one type.
func next[E gstats.Event](t *testing.T, session *gstats.Session) E {
	t.Helper()
	for event := range session.Events(t.Context()) {
		if e, ok := event.(E); ok {
			return e
		}
	}
	require.Fail(t, "the event did not come")
	panic("unreachable")
}

// until waits for a step.
func until(t *testing.T, session *gstats.Session, step gstats.Step) *gstats.StepChanged {
	t.Helper()
	for {
		if event := next[*gstats.StepChanged](t, session); event.To == step {
			return event
		}
	}
}

// steady is a policy without chance.
var steady = gstats.Reconnect{Jitter: -1}

// A session gets its connection back, authenticates the players whose secrets it has, and tells of the others.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		config.Reconnect = &steady
		session := authenticated(t, config)
		first := session.Challenge()
		_, err := session.Authenticate(t.Context(), gstats.PasswordResponse{ProfileID: 20002, Response: gstats.PlayerResponse("birch", first)})
		require.NoError(t, err)
		_, err = session.Set(t.Context(), public, []byte("x"))
		require.NoError(t, err)
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, session.State().Players)

		server.SetFaults(gstatstest.Faults{Mute: []string{"getpd", "setpd"}})
		read, write := make(chan error, 1), make(chan error, 1)
		go func() { _, err := session.Get(t.Context(), public); read <- err }()
		go func() { _, err := session.Set(t.Context(), public, []byte("y")); write <- err }()
		synctest.Wait()
		server.SetFaults(gstatstest.Faults{})
		server.Drop()
		err = <-read
		require.ErrorIs(t, err, gstats.ErrInterrupted)
		require.ErrorIs(t, err, gstats.ErrServerClosed)
		require.False(t, err.(*gstats.Error).Uncertain)
		err = <-write
		require.ErrorIs(t, err, gstats.ErrInterrupted)
		require.True(t, err.(*gstats.Error).Uncertain)

		start := time.Now()
		synctest.Wait()
		state := session.State()
		require.Equal(t, gstats.StepReconnecting, state.Step)
		require.Equal(t, time.Now().Add(time.Second), state.NextTry)
		require.Empty(t, session.Challenge())
		_, err = session.Get(t.Context(), public)
		require.ErrorIs(t, err, gstats.ErrNotConnected)
		_, err = session.NewGame(t.Context())
		require.ErrorIs(t, err, gstats.ErrNotConnected)
		require.ErrorIs(t, game.Snapshot(t.Context()), gstats.ErrNotConnected)

		lost := next[*gstats.PlayerLost](t, session)
		require.EqualValues(t, 20002, lost.ProfileID)
		require.ErrorIs(t, lost.Err, gstats.ErrStale)
		until(t, session, gstats.StepConnected)
		require.Equal(t, time.Second, time.Since(start))
		require.NotEqual(t, first, session.Challenge())
		require.Equal(t, 1, session.State().Players)
		require.EqualValues(t, 1, session.State().Counters.Reconnects)
		_, err = session.Set(t.Context(), public, []byte("z"))
		require.NoError(t, err, "ann is authenticated again")

		// The game goes on, and the server is told again that it began.
		game.Int("score").Set(7)
		require.NoError(t, game.Finish(t.Context()))
		seen, err := server.WaitGame(t.Context(), gstatstest.Game.Done)
		require.NoError(t, err)
		require.True(t, seen.Begun)
		require.False(t, seen.Snapshots[0].Logged)
	})
}

// The waits double up to the longest, and end where the policy says so.
func TestReconnectWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		var dead atomic.Bool
		config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dead.Load() {
				return nil, errors.New("nobody there")
			}
			return server.Dial(ctx, network, address)
		}
		config.Reconnect = &gstats.Reconnect{First: time.Second, Max: 5 * time.Second, Jitter: -1, Attempts: 5}
		session := open(t, config)
		start := time.Now()
		dead.Store(true)
		server.Drop()
		for attempt, wait := range []time.Duration{1, 2, 4, 5, 5} {
			event := until(t, session, gstats.StepReconnecting)
			require.Equal(t, attempt+1, event.Attempt)
			require.Equal(t, wait*time.Second, time.Until(event.NextTry))
			require.NotEmpty(t, event.Reason)
		}
		<-session.Done()
		require.Equal(t, 17*time.Second, time.Since(start))
		require.ErrorContains(t, session.Err(), "nobody there")
	})
}

// A connection that lasts starts the waits anew; one that does not, does not.
func TestReconnectCountsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		config.Reconnect = &gstats.Reconnect{Jitter: -1}
		session := open(t, config)
		for _, test := range []struct {
			lasts   time.Duration
			attempt int
		}{{time.Second, 1}, {time.Second, 2}, {59 * time.Second, 3}, {time.Minute, 1}, {time.Second, 2}} {
			time.Sleep(test.lasts)
			server.Drop()
			require.Equal(t, test.attempt, until(t, session, gstats.StepReconnecting).Attempt)
			until(t, session, gstats.StepConnected)
		}
	})
}

// A game that is refused is not tried again, a player who is refused does not keep the others out.
func TestReconnectRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		config.Reconnect = &steady
		session := authenticated(t, config)
		_, err := session.Authenticate(t.Context(), bob)
		require.NoError(t, err)
		server.Add(gstatstest.Account{ProfileID: 20001, Nick: "ann", Password: "changed"})
		server.Drop()
		lost := next[*gstats.PlayerLost](t, session)
		require.EqualValues(t, 20001, lost.ProfileID)
		require.ErrorIs(t, lost.Err, gstats.ErrRefused)
		until(t, session, gstats.StepConnected)
		_, err = session.Set(t.Context(), gstats.Slot{Profile: 20002, Type: gstats.Private}, []byte("x"))
		require.NoError(t, err)
	})
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{Family: gstatstest.OpenSpy})
		other := gstatstest.New(gstatstest.Config{Family: gstatstest.OpenSpy, Secrets: map[string]string{"gmtest": "another"}})
		t.Cleanup(other.Close)
		var moved atomic.Bool
		config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if moved.Load() {
				return other.Dial(ctx, network, address)
			}
			return server.Dial(ctx, network, address)
		}
		config.Reconnect = &steady
		session := open(t, config)
		moved.Store(true)
		server.Drop()
		<-session.Done()
		require.ErrorIs(t, session.Err(), gstats.ErrRefused)
	})
}

// Close ends the wait for a connection, and a try to get one, at once.
func TestCloseWhileReconnecting(t *testing.T) {
	for _, faults := range []gstatstest.Faults{{}, {NoGreeting: true}, {Mute: []string{"authp"}}} {
		synctest.Test(t, func(t *testing.T) {
			server, config := serve(t, gstatstest.Config{})
			config.Reconnect = &steady
			session := authenticated(t, config)
			server.SetFaults(faults)
			server.Drop()
			if faults.NoGreeting || faults.Mute != nil {
				time.Sleep(5 * time.Second)
			}
			synctest.Wait()
			require.Empty(t, session.Challenge())
			start := time.Now()
			require.NoError(t, session.Close())
			require.Zero(t, time.Since(start))
		})
	}
}

// Open does not wait for the service, and connects when it is there.
func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		var there atomic.Bool
		config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if !there.Load() {
				return nil, errors.New("nobody there")
			}
			return server.Dial(ctx, network, address)
		}
		config.Reconnect = &steady
		session, err := gstats.Open(config)
		require.NoError(t, err)
		defer session.Close()
		_, err = session.Get(t.Context(), public)
		require.ErrorIs(t, err, gstats.ErrNotConnected)
		require.Equal(t, time.Now().Add(time.Second), until(t, session, gstats.StepReconnecting).NextTry)
		there.Store(true)
		until(t, session, gstats.StepConnected)
		require.Zero(t, session.State().Counters.Reconnects)
		_, err = session.Authenticate(t.Context(), ann)
		require.NoError(t, err)
	})
	synctest.Test(t, func(t *testing.T) {
		_, config := serve(t, gstatstest.Config{Family: gstatstest.OpenSpy})
		config.Secret = "wrong"
		session, err := gstats.Open(config)
		require.NoError(t, err)
		<-session.Done()
		require.ErrorIs(t, session.Err(), gstats.ErrRefused)
		require.NoError(t, session.Close())
	})
}

// names is a resolver that knows some names.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if addr, ok := n[host]; ok {
		return []netip.Addr{netip.MustParseAddr(addr)}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// The name of the original has the game in front; where there is none, one for all games is tried (spec gstats.md §1, servers.md
// §1).
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		for _, test := range []struct {
			names              names
			domain, host, addr string
			dialed             string
		}{
			{names{"gmtest.gamestats.example.net": "192.0.2.5", "gamestats.example.net": "192.0.2.6"}, "example.net", "", "", "192.0.2.5:29920"},
			{names{"gamestats.example.net": "192.0.2.6"}, "example.net", "", "", "192.0.2.6:29920"},
			{names{"other.example.net": "192.0.2.7"}, "example.net", "other.example.net", "", "192.0.2.7:29920"},
			{names{"stats.example.net": "192.0.2.8"}, "example.net", "other.example.net", "stats.example.net:1234", "192.0.2.8:1234"},
			{names{}, "example.net", "", "", ""},
			{names{"example.net": "192.0.2.9"}, "", "gmtest.example.net", "", ""},
		} {
			var dialed string
			config.Resolver, config.Domain, config.Host, config.Addr = test.names, test.domain, test.host, test.addr
			config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				dialed = address
				return server.Dial(ctx, network, address)
			}
			session, err := gstats.Connect(t.Context(), config)
			require.Equal(t, test.dialed, dialed)
			if test.dialed == "" {
				require.ErrorContains(t, err, "no such host")
				require.Equal(t, gstats.StepResolving, err.(*gstats.Error).Step)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, test.dialed, session.State().Peer)
			require.NoError(t, session.Close())
		}
	})
}
