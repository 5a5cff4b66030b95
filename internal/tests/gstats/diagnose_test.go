package gstats_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/diagnosis"
)

func TestDiagnose(t *testing.T) {
	fine := func(config *gstats.Config) {}
	for _, test := range []struct {
		name     string
		server   gstatstest.Config
		change   func(*gstats.Config)
		player   gstats.Player
		outcomes string
		says     string
	}{
		{"all is well", gstatstest.Config{}, fine, ann, "ok ok ok ok ok ok", "profile 20001 is profile 20001"},
		{"without a player", gstatstest.Config{}, fine, nil, "ok ok ok ok skipped skipped", "no player was given"},
		{"a short challenge", gstatstest.Config{Challenge: func() string { return "ABC" }}, fine, ann, "ok ok warning ok ok ok", "its games never get in here"},
		{"no such name", gstatstest.Config{}, func(c *gstats.Config) { c.Addr, c.Domain, c.Resolver = "", "example.net", names{} }, ann, "failed skipped skipped skipped", "set Addr"},
		{"no greeting", gstatstest.Config{Faults: gstatstest.Faults{NoGreeting: true}}, fine, ann, "ok ok failed skipped skipped skipped", "it takes the connection and says nothing"},
		{"closed at once", gstatstest.Config{Faults: gstatstest.Faults{CloseAt: 1}}, fine, ann, "ok ok failed skipped skipped skipped", "closes the connection without a word"},
		{"a web server", gstatstest.Config{Faults: gstatstest.Faults{GarbageAt: 1, Garbage: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}}, fine, ann, "ok ok failed skipped skipped skipped", "a web server answers"},
		{"another service", gstatstest.Config{Faults: gstatstest.Faults{GarbageAt: 1, Garbage: []byte(`\lc\7\challenge\x\final\`)}}, fine, ann, "ok ok failed skipped skipped skipped", "check the port: the statistics service's is 29920"},
		{"a wrong secret", gstatstest.Config{Family: gstatstest.OpenSpy}, func(c *gstats.Config) { c.Secret = "wrong" }, ann, "ok ok ok failed skipped skipped", `check the name of the game ("gmtest"), and its secret`},
		{"a silent game", gstatstest.Config{Faults: gstatstest.Faults{Mute: []string{"auth"}}}, fine, ann, "ok ok ok failed skipped skipped", "do not answer a game that they do not know"},
		{"a wrong password", gstatstest.Config{}, fine, gstats.Password{ProfileID: 20001, Password: "peach"}, "ok ok ok ok failed skipped", "the password or key is wrong"},
		{"an old token", gstatstest.Config{}, fine, gstats.Token{Token: "old", Challenge: "x"}, "ok ok ok ok failed skipped", "get a new one"},
		{"reads that are not answered", gstatstest.Config{Faults: gstatstest.Faults{Mute: []string{"getpd"}}}, fine, ann, "ok ok ok ok ok failed", "does not answer reads"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := serve(t, test.server)
				test.change(&config)
				report, err := gstats.Diagnose(t.Context(), config, test.player)
				require.NoError(t, err)
				var outcomes []string
				for _, step := range report.Steps {
					outcomes = append(outcomes, step.Outcome.String())
				}
				assert.Equal(t, test.outcomes, strings.Join(outcomes, " "), "%v", report)
				assert.Equal(t, !strings.Contains(test.outcomes, "failed"), report.OK())
				assert.Contains(t, report.String(), test.says)
				for _, secret := range []string{"apple", "peach", secretKey} {
					assert.NotContains(t, report.String(), secret)
				}
			})
		})
	}
}

// An address that is dead is a warning if another works, and nothing that listens is said in words.
func TestDiagnoseAddresses(t *testing.T) {
	const nobody = "127.0.0.1:1" // a port of the system's choice may be given to another test
	report, err := gstats.Diagnose(t.Context(), gstats.Config{Game: "gmtest", Secret: "x", Addr: nobody}, nil)
	require.NoError(t, err)
	require.Contains(t, report.String(), "nothing listens there: is the server running? The usual port is 29920")
	_, err = gstats.Diagnose(t.Context(), gstats.Config{Game: "gmtest", Addr: "192.0.2.1"}, nil)
	require.ErrorIs(t, err, gstats.ErrNoSecret)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report, err = gstats.Diagnose(ctx, gstats.Config{Game: "gmtest", Secret: "x", Addr: nobody}, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, diagnosis.Skipped, report.Steps[len(report.Steps)-1].Outcome)
}
