package gp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
)

// stuck is a resolver that answers when the context ends.
type stuck struct{}

func (stuck) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Cancelling ends a login at once at every step, and the error says which it was.
func TestCancelAtEveryStep(t *testing.T) {
	silent := func(p *peer) { _, _ = io.Copy(io.Discard, p.conn) }
	greets := func(p *peer) {
		p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
		silent(p)
	}
	login := func(ctx context.Context, config gp.Config) error {
		_, err := gp.Login(ctx, config, ann)
		return err
	}
	for _, test := range []struct {
		step   gp.Step
		script func(*peer)
		config gp.Config
		open   func(context.Context, gp.Config) error
	}{
		{gp.StepResolving, nil, gp.Config{Domain: "example.net", Resolver: stuck{}}, login},
		{gp.StepConnecting, nil, gp.Config{Host: "192.0.2.1", DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, login},
		{gp.StepGreeting, silent, gp.Config{Host: "192.0.2.1"}, login},
		{gp.StepRegistering, greets, gp.Config{Host: "192.0.2.1"}, func(ctx context.Context, config gp.Config) error {
			_, err := gp.Register(ctx, config, gp.Account{Email: "a@b", Nick: "a", Password: "b"})
			return err
		}},
		{gp.StepLoggingIn, greets, gp.Config{Host: "192.0.2.1"}, login},
	} {
		t.Run(test.step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.script != nil {
					test.config.DialContext = scripted(t, test.script)
				}
				reason := errors.New("the player pressed escape")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(reason) })
				start := time.Now()
				err := test.open(ctx, test.config)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, reason)
				require.Equal(t, time.Second, time.Since(start))
				failure, ok := errors.AsType[*gp.Error](err)
				require.True(t, ok)
				require.Equal(t, test.step, failure.Step)
				require.False(t, failure.Timeout())
			})
		})
	}
}

// A context that has ended before the call is an error like any other.
func TestContextEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	config := gp.Config{Addr: "127.0.0.1:1", SearchAddr: "127.0.0.1:1"}
	_, err := gp.Login(ctx, config, ann)
	require.ErrorIs(t, err, context.Canceled)
	_, err = gp.NewSearcher(config).ValidEmail(ctx, "a@b")
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range gp.NewSearcher(config).Profiles(ctx, gp.ProfileQuery{Nick: "a"}) {
		require.ErrorIs(t, err, context.Canceled)
	}
}

// manyErrors is an error that cannot be compared, as validators have them.
type manyErrors []error

func (manyErrors) Error() string { return "many" }

// errors.Is asks an Error about whatever the program looks for.
func TestErrorIsAnything(t *testing.T) {
	err := error(&gp.Error{Op: "login", Refused: true, Code: 260})
	require.NotErrorIs(t, err, manyErrors{})
	require.NotErrorIs(t, err, io.EOF)
	require.ErrorIs(t, err, gp.ErrBadPassword)
}

// Nobody logs in with nothing, and nothing is sent.
func TestLoginWithoutIdentity(t *testing.T) {
	for _, identity := range []gp.Identity{nil, gp.UniqueNick{Password: "x"}, gp.NickEmail{}, gp.AuthToken{}, gp.LoginTicket{}} {
		_, err := gp.Login(t.Context(), gp.Config{Host: "192.0.2.1", DialContext: func(context.Context, string, string) (net.Conn, error) {
			require.Fail(t, "dialled")
			return nil, io.EOF
		}}, identity)
		require.ErrorIs(t, err, gp.ErrInvalidText, "%T", identity)
	}
}

// An error is one line, whatever lies below.
func TestErrorsAreOneLine(t *testing.T) {
	_, err := gp.Login(t.Context(), gp.Config{
		Domain:      "example.net",
		Resolver:    names{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")},
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrUnexpectedEOF },
	}, ann)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotContains(t, err.Error(), "\n")
}
