package gstats_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// A server that does not read keeps nobody: a call ends with its context, also while it is being written, while it waits for
// another to be written, and while it waits for its turn.
func TestCancelWhateverItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		config := scripted(t, func(p *peer) {
			if p.greet() {
				<-release // reads nothing: net.Pipe holds every write
			}
		})
		session := open(t, config)
		calls := []func(context.Context) error{
			func(ctx context.Context) error { _, err := session.Set(ctx, public, []byte("x")); return err },
			func(ctx context.Context) error { _, err := session.Set(ctx, public, []byte("y")); return err },
			func(ctx context.Context) error { _, err := session.Get(ctx, public); return err },
			func(ctx context.Context) error { _, err := session.Get(ctx, public); return err },
			func(ctx context.Context) error { _, err := session.Authenticate(ctx, ann); return err },
			func(ctx context.Context) error { _, err := session.ProfileID(ctx, "ann", "00"); return err },
			func(ctx context.Context) error { _, err := session.NewGame(ctx); return err },
		}
		start := time.Now()
		results := make([]error, len(calls))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan struct{}, len(calls))
		for i, call := range calls {
			go func() {
				results[i] = call(ctx)
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		for range calls {
			<-done
		}
		require.Equal(t, time.Second, time.Since(start))
		for i, err := range results {
			require.ErrorIs(t, err, context.DeadlineExceeded, "call %d", i)
			var timeout net.Error
			require.ErrorAs(t, err, &timeout)
			require.True(t, timeout.Timeout())
			require.Equal(t, i == 0, err.(*gstats.Error).Uncertain, "call %d: only the first was being written", i)
		}
		// What was being written when it was cancelled goes on, up to the limit of a write: half a message would leave a stream that
		// means nothing.
		<-session.Done()
		require.Equal(t, 10*time.Second+250*time.Millisecond, time.Since(start))
		require.True(t, session.Err().(*gstats.Error).Timeout())
		close(release)
	})
}

// Close comes to an end whatever is under way, and tells everybody.
func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		session := authenticated(t, config)
		_, err := session.Get(t.Context(), public) // the server shows that it returns local ids
		require.ErrorIs(t, err, gstats.ErrNoData)
		server.SetFaults(gstatstest.Faults{Mute: []string{"getpd", "setpd"}})
		errs := make(chan error, 3)
		go func() { _, err := session.Get(t.Context(), public); errs <- err }()
		go func() { _, err := session.Get(t.Context(), public, "k"); errs <- err }()
		go func() { _, err := session.Set(t.Context(), public, nil); errs <- err }()
		synctest.Wait()
		require.Equal(t, 3, session.State().Pending)
		require.NoError(t, session.Close())
		uncertain := 0
		for range 3 {
			err := <-errs
			require.ErrorIs(t, err, net.ErrClosed)
			if err.(*gstats.Error).Uncertain {
				uncertain++
			}
		}
		require.Equal(t, 1, uncertain, "the write alone")
		var last gstats.Event
		for event := range session.Events(t.Context()) {
			last = event
		}
		require.Equal(t, &gstats.Closed{}, last)
		require.Equal(t, "closed on request", session.State().Reason)
		_, err = session.NewGame(t.Context())
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

// Connecting ends with its context, and at its own limit, at every step, and leaves nothing.
func TestConnectLimits(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults gstatstest.Faults
		step   gstats.Step
	}{
		{"no greeting", gstatstest.Faults{NoGreeting: true}, gstats.StepGreeting},
		{"half a greeting", gstatstest.Faults{StallAt: 20}, gstats.StepGreeting},
		{"no answer", gstatstest.Faults{Mute: []string{"auth"}}, gstats.StepAuthenticating},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := serve(t, gstatstest.Config{Faults: test.faults})
				start := time.Now()
				_, err := gstats.Connect(t.Context(), config)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorContains(t, err, "no connection within 20s")
				require.Equal(t, 20*time.Second, time.Since(start))
				require.Equal(t, test.step, err.(*gstats.Error).Step)

				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(assert.AnError) })
				start = time.Now()
				_, err = gstats.Connect(ctx, config)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, assert.AnError)
				require.Equal(t, time.Second, time.Since(start))
			})
		})
	}
}

// What is missing in a configuration is said before anything is sent.
func TestConfigurations(t *testing.T) {
	_, err := gstats.Connect(t.Context(), gstats.Config{Game: "gmtest", Addr: "192.0.2.1"})
	require.ErrorIs(t, err, gstats.ErrNoSecret)
	_, err = gstats.Connect(t.Context(), gstats.Config{Secret: "x", Addr: "192.0.2.1"})
	require.ErrorIs(t, err, gstats.ErrNoSecret)
	_, err = gstats.Connect(t.Context(), gstats.Config{Game: `a\b`, Secret: "x", Addr: "192.0.2.1"})
	require.ErrorIs(t, err, gstats.ErrInvalidText)
	_, err = gstats.Connect(t.Context(), gstats.Config{Game: "gmtest", Secret: "x"})
	require.ErrorContains(t, err, "no domain, host or address configured")
	_, err = gstats.Open(gstats.Config{Game: "gmtest"})
	require.ErrorIs(t, err, gstats.ErrNoSecret)
}

// A wrong secret and an unknown game end at once, with the server's words.
func TestWrongSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, family := range []gstatstest.Family{gstatstest.OpenSpy, gstatstest.Original} {
			_, config := serve(t, gstatstest.Config{Family: family})
			config.Secret = "wrong"
			config.Reconnect = &gstats.Reconnect{}
			start := time.Now()
			_, err := gstats.Connect(t.Context(), config)
			require.Error(t, err)
			require.Equal(t, gstats.StepAuthenticating, err.(*gstats.Error).Step, "%v", err)
			require.Zero(t, time.Since(start))
			require.NotContains(t, err.Error(), "wrong")
		}
	})
}

// What cannot be sent is not.
func TestWhatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		config.MaxMessage = 1000
		session := authenticated(t, config)
		before := len(server.Received())
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"a backslash in a key": func() error { _, err := session.Get(ctx, public, `a\b`); return err },
			"an empty key":         func() error { _, err := session.Get(ctx, public, ""); return err },
			"a separator in a key": func() error { _, err := session.Get(ctx, public, "a\x01b"); return err },
			"a backslash in a value": func() error {
				_, err := session.SetValues(ctx, public, map[string]string{"a": `b\c`})
				return err
			},
			"a NUL in a value":      func() error { _, err := session.SetValues(ctx, public, map[string]string{"a": "b\x00"}); return err },
			"an empty name":         func() error { _, err := session.SetValues(ctx, public, map[string]string{"": "b"}); return err },
			"too much":              func() error { _, err := session.Set(ctx, public, make([]byte, 1000)); return err },
			"a backslash in a nick": func() error { _, err := session.Authenticate(ctx, gstats.CDKey{Nick: `a\b`, Key: "k"}); return err },
			"a long password": func() error {
				_, err := session.Authenticate(ctx, gstats.Password{ProfileID: 1, Password: string(make([]byte, 100))})
				return err
			},
			"no password": func() error { _, err := session.Authenticate(ctx, gstats.Password{ProfileID: 1}); return err },
			"no profile":  func() error { _, err := session.Authenticate(ctx, gstats.Password{Password: "x"}); return err },
			"nobody":      func() error { _, err := session.Authenticate(ctx, nil); return err },
			"a backslash in a token": func() error {
				_, err := session.Authenticate(ctx, gstats.Token{Token: `a\`, Challenge: "x"})
				return err
			},
			"no hash":                 func() error { _, err := session.ProfileID(ctx, "ann", ""); return err },
			"a backslash in the hash": func() error { _, err := session.ProfileID(ctx, "ann", `\`); return err },
		} {
			err := call()
			require.ErrorIs(t, err, gstats.ErrInvalidText, name)
			require.False(t, err.(*gstats.Error).Uncertain, name)
		}
		game, err := session.NewGame(ctx)
		require.NoError(t, err)
		require.ErrorIs(t, game.SendSnapshot(ctx, "\\a\\\x00", false), gstats.ErrInvalidText)
		require.ErrorIs(t, game.SendSnapshot(ctx, `\a\`+string(make([]byte, 1000)), false), gstats.ErrInvalidText)
		synctest.Wait()
		require.Len(t, server.Received(), before+1)
		require.Zero(t, session.State().Pending)
	})
}

// More requests than Config.MaxPending fail at once; those that nobody waits for make room.
func TestTooManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		config.MaxPending = 3
		session := authenticated(t, config)
		_, err := session.Get(t.Context(), public) // the server shows that it returns local ids
		require.ErrorIs(t, err, gstats.ErrNoData)
		server.SetFaults(gstatstest.Faults{Mute: []string{"getpd"}})
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		for range 3 {
			go func() { _, err := session.Get(ctx, public); errs <- err }()
		}
		synctest.Wait()
		_, err = session.Get(t.Context(), public)
		require.ErrorIs(t, err, gstats.ErrTooMany)
		cancel()
		for range 3 {
			require.ErrorIs(t, <-errs, context.Canceled)
		}
		server.SetFaults(gstatstest.Faults{})
		for range 5 {
			_, err = session.Get(t.Context(), public)
			require.ErrorIs(t, err, gstats.ErrNoData)
		}
	})
}

// Players whom a server does not answer make room, too, though the server has shown nothing of what it returns.
func TestTooManyPlayers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := serve(t, gstatstest.Config{Faults: gstatstest.Faults{Mute: []string{"authp"}}})
		config.MaxPending = 3
		session := open(t, config)
		for range 5 {
			_, err := session.Authenticate(t.Context(), ann)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
}

// Nothing that is printed shows a secret.
func TestSecretsAreNotShown(t *testing.T) {
	secrets := []string{"apple", "0123456789abcdef0123456789abcdef", "NDSbob", "1234-5678"}
	for _, player := range []gstats.Player{
		ann, gstats.PasswordResponse{ProfileID: 1, Response: secrets[1]}, gstats.Token{Token: secrets[2], Challenge: secrets[0]},
		gstats.TokenResponse{Token: secrets[2], Response: secrets[1]}, gstats.CDKey{Nick: "ann", Key: secrets[3]},
		gstats.CDKeyResponse{Nick: "ann", KeyHash: secrets[1], Response: secrets[1]},
	} {
		requireHidden(t, player, secrets)
		requireHidden(t, &player, secrets)
	}
	_, config := serve(t, gstatstest.Config{})
	session := open(t, config)
	requireHidden(t, session, []string{secretKey})
}
