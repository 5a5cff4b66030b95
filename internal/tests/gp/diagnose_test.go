package gp_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/internal/quirks"
)

// outcomes are how the steps of a report went, as "name: outcome".
func outcomes(report *gp.Diagnosis) (list []string) {
	for _, step := range report.Steps {
		list = append(list, step.Name+": "+step.Outcome.String())
	}
	return list
}

// both dials the connection manager or the search service of a server, by the port.
func both(server *gptest.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ":29901") {
			return server.DialSearch(ctx, network, address)
		}
		return server.Dial(ctx, network, address)
	}
}

// All is well.
func TestDiagnose(t *testing.T) {
	server, err := gptest.Start(gptest.Config{Accounts: accounts()})
	require.NoError(t, err)
	defer server.Close()
	config := gp.Config{Game: "gmtest", Addr: server.Addr(), SearchAddr: server.SearchAddr()}
	report, err := gp.Diagnose(t.Context(), config, ann)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report)
	assert.Equal(t, []string{
		"find the connection manager: ok", "connect to the connection manager: ok", "be greeted: ok", "log in: ok",
		"check that the server knows the password: ok", "reach the search service: ok",
	}, outcomes(report))
	assert.NotContains(t, report.String(), "apple")
	report, err = gp.Diagnose(t.Context(), config, nil)
	require.NoError(t, err)
	require.True(t, report.OK())
	assert.Contains(t, outcomes(report), "log in: skipped")

	_, err = gp.Diagnose(t.Context(), gp.Config{}, ann)
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = gp.Diagnose(ctx, config, ann)
	require.ErrorIs(t, err, context.Canceled)
}

// Each thing that can be wrong is named, with something to try.
func TestDiagnoseFailures(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	silent := func(p *peer) { _, _ = io.Copy(io.Discard, p.conn) }
	for _, test := range []struct {
		name     string
		family   quirks.Family
		faults   gptest.Faults
		config   gp.Config
		identity gp.Identity
		script   func(*peer)
		step     string // that failed
		says     string // somewhere
	}{
		{name: "wrong password", identity: gp.UniqueNick{Nick: "ann", Password: "walnut"}, step: "log in", says: "the password is wrong"},
		{name: "wrong name", identity: gp.UniqueNick{Nick: "nobody", Password: "x"}, step: "log in", says: "namespace 1 and partner 0"},
		{name: "wrong e-mail", identity: gp.NickEmail{Nick: "ann", Email: "x@y", Password: "x"}, step: "log in", says: "check the e-mail"},
		{name: "stale token", identity: gp.AuthToken{Token: "old", PartnerChallenge: "x"}, step: "log in", says: "get a new one"},
		{name: "wfc", family: quirks.WFC, identity: ann, step: "log in", says: `the name of the game ("gmtest")`},
		{name: "no answer", family: quirks.UniSpy, config: gp.Config{LoginTimeout: time.Second}, identity: gp.UniqueNick{Nick: "nobody", Password: "x"}, step: "log in", says: "do not answer a login"},
		{name: "empty", identity: gp.UniqueNick{}, step: "log in", says: "empty"},
		{name: "wrong proof", faults: gptest.Faults{WrongProof: true}, identity: ann, step: "check that the server knows the password", says: "AcceptUnverifiedProof"},
		{name: "no greeting", script: silent, config: gp.Config{LoginTimeout: time.Second}, identity: ann, step: "be greeted", says: "says nothing"},
		{name: "closes", script: func(*peer) {}, identity: ann, step: "be greeted", says: "closes the connection"},
		{name: "another protocol", script: func(p *peer) { p.send("SSH-2.0-OpenSSH_9.2\r\n"); silent(p) }, identity: ann, step: "be greeted", says: "something else answers"},
		{name: "captive portal", script: func(p *peer) { p.send("HTTP/1.1 302 Found\r\nLocation: http://login.example\r\n\r\n"); silent(p) }, identity: ann, step: "be greeted", says: "open a web page first"},
		{name: "refuses all", script: func(p *peer) { p.send(`\error\\err\4\fatal\\errmsg\down\final\`); silent(p) }, identity: ann, step: "be greeted", says: "ask who runs it"},
		{name: "nothing listens", config: gp.Config{Addr: "127.0.0.1:1"}, identity: ann, step: "connect to the connection manager", says: "nothing listens there: is the server running? The usual port is 29900"},
		{name: "web server", config: gp.Config{Addr: web.Listener.Addr().String(), LoginTimeout: time.Second}, identity: ann, step: "be greeted", says: "web servers wait for the client to begin"},
		{name: "no such name", config: gp.Config{Domain: "example.net", Resolver: names{}}, identity: ann, step: "find the connection manager", says: "DNS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := test.config
			config.Game = "gmtest"
			if config.LoginTimeout == 0 {
				config.LoginTimeout = 10 * time.Second
			}
			config.SearchTimeout = 20 * time.Millisecond
			switch {
			case test.script != nil:
				config.Host = "192.0.2.1"
				dial := scripted(t, test.script)
				dialled := false
				config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					if dialled {
						return nil, errRefused
					}
					dialled = true
					return dial(ctx, network, address)
				}
			case config.Addr+config.Domain == "":
				server := gptest.New(gptest.Config{Family: test.family, Accounts: accounts(), Faults: test.faults})
				defer server.Close()
				config.Host, config.DialContext = "192.0.2.1", both(server)
			}
			report, err := gp.Diagnose(t.Context(), config, test.identity)
			require.NoError(t, err)
			require.False(t, report.OK())
			for _, step := range report.Steps {
				if step.Outcome == diagnosis.Failed {
					require.Equal(t, test.step, step.Name, "%v", report)
					require.NotEmpty(t, step.Advice)
					break
				}
			}
			require.Contains(t, report.String(), test.says)
			require.NotContains(t, report.String(), "walnut")
		})
	}
}

// A dead address before a live one costs every login its time-out: the login works, and the report says so.
func TestDiagnoseDeadAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		defer server.Close()
		config := gp.Config{
			Domain: "example.net", Resolver: names{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasPrefix(address, "192.0.2.1:") {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return both(server)(ctx, network, address)
			},
		}
		report, err := gp.Diagnose(t.Context(), config, ann)
		require.NoError(t, err)
		require.True(t, report.OK(), "%v", report)
		require.Contains(t, report.String(), "1 of 2 addresses of the name are dead")
		require.Contains(t, outcomes(report), "log in: warning")
		require.Contains(t, outcomes(report), "reach the search service: ok")
	})
}
