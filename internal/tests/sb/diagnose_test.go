package sb_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// step finds a step of a report by its name.
func step(t *testing.T, report *sb.Diagnosis, name string) diagnosis.Step {
	t.Helper()
	for _, s := range report.Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no step %q in\n%s", name, report)
	return diagnosis.Step{}
}

// Every way in which a list fails, or is empty, and what is said of it.
func TestDiagnoseOfLists(t *testing.T) {
	const (
		resolve, connect, answer = "look the list master up", "connect to the list master", "be answered"
		decrypt, list, ask       = "decrypt the answer", "list servers", "ask servers directly"
	)
	wrong := func(sb.Config) sb.Config { return sb.Config{Game: game, Secret: "nosuch", Addr: "192.0.2.1"} }
	other := func(c sb.Config) sb.Config { c.Game, c.From = "nosuchgame", game; return c }
	for name, test := range map[string]struct {
		master  sbtest.Config
		change  func(sb.Config) sb.Config
		query   sb.Query
		empty   bool
		step    string
		outcome diagnosis.Outcome
		says    string // in Found, Err or Advice
	}{
		"no address":            {change: func(c sb.Config) sb.Config { c.Addr = ""; return c }, step: resolve, outcome: diagnosis.Failed, says: "set Game, Secret"},
		"a filter too long":     {query: sb.Query{Filter: string(make([]byte, 600))}, step: resolve, outcome: diagnosis.Failed, says: "511 bytes"},
		"no such name":          {change: func(c sb.Config) sb.Config { c.Addr = ""; c.Domain = "example.net"; c.Resolver = noNames; return c }, step: resolve, outcome: diagnosis.Failed, says: "is the Domain right"},
		"nobody listens":        {change: func(c sb.Config) sb.Config { c.DialContext = refuse; return c }, step: connect, outcome: diagnosis.Failed, says: "28910"},
		"silent to the game":    {master: sbtest.Config{Family: quirks.WFC}, change: other, step: answer, outcome: diagnosis.Failed, says: "is the name of the game right?"},
		"clear text":            {master: sbtest.Config{Family: quirks.OpenSpy}, change: other, step: answer, outcome: diagnosis.Failed, says: "Invalid source gamename"},
		"closed":                {master: sbtest.Config{Family: quirks.KR4uzi}, change: other, step: answer, outcome: diagnosis.Failed, says: "known to this back end"},
		"something else":        {master: sbtest.Config{Faults: sbtest.Faults{Fault: sbtest.Close, At: 5}}, step: answer, outcome: diagnosis.Failed, says: "is this a list master?"},
		"the master says why":   {change: other, step: decrypt, outcome: diagnosis.Failed, says: "the master says why"},
		"wrong secret":          {change: wrong, step: decrypt, outcome: diagnosis.Failed, says: "is the Secret"},
		"options nobody knows":  {master: sbtest.Config{Family: quirks.UniSpy}, step: answer, outcome: diagnosis.Warned, says: "answers a plain one"},
		"a list that stops":     {master: sbtest.Config{Faults: sbtest.Faults{Fault: sbtest.Close, At: 220}}, step: list, outcome: diagnosis.Warned, says: "what came is good"},
		"the filter":            {query: sb.Query{Where: sb.Where("numplayers").Greater(100)}, step: list, outcome: diagnosis.Failed, says: "without the filter there are 3 servers"},
		"no filter":             {master: sbtest.Config{Family: quirks.WFC}, step: list, outcome: diagnosis.Failed, says: "this master wants a filter"},
		"no servers":            {empty: true, step: list, outcome: diagnosis.Warned, says: "the master knows the game"},
		"no servers, or a typo": {master: sbtest.Config{Family: quirks.Crymp}, empty: true, step: list, outcome: diagnosis.Failed, says: "for a game that does not exist"},
		"hidden addresses":      {master: sbtest.Config{Family: quirks.WFC}, query: sb.Query{Filter: "maxplayers > 0"}, step: ask, outcome: diagnosis.Skipped, says: "the master hides"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.master.NoListen = true
				test.master.Games = games
				master, err := sbtest.New(test.master)
				require.NoError(t, err)
				defer master.Close()
				for _, server := range someServers() {
					server.Fields = append(server.Fields, sbtest.Field{Key: "gamename", Value: game})
					if !test.empty {
						master.Registry().Put(server)
					}
				}
				config := sb.Config{Game: game, Secret: secret, Addr: "192.0.2.1"}
				if test.change != nil {
					config = test.change(config)
				}
				if config.DialContext == nil {
					config.DialContext = piped(master)
				}
				config.ListenPacket = func(context.Context, string, string) (net.PacketConn, error) { return nil, errors.New("no network") }
				report, err := sb.Diagnose(t.Context(), config, test.query)
				require.NoError(t, err)
				got := step(t, report, test.step)
				require.Equal(t, test.outcome, got.Outcome, report.String())
				text := got.Found + got.Advice
				if got.Err != nil {
					text += got.Err.Error()
				}
				require.Contains(t, text, test.says, report.String())
				if test.outcome == diagnosis.Failed {
					require.ErrorContains(t, report.Err(), test.step)
				}
				require.NotContains(t, report.String(), secret)
			})
		})
	}
}

var noNames = lookup(func(string) ([]netip.Addr, error) { return nil, errors.New("no such host") })

func refuse(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }

// The way to the servers themselves.
func TestDiagnoseOfServers(t *testing.T) {
	living, dead := loopbackServer(t, &gameServer{name: "A", challenge: 3}), loopbackServer(t, &gameServer{mute: true})
	timeouts := map[netip.AddrPort]time.Duration{living: 10 * time.Second, dead: 20 * time.Millisecond}
	diagnose := func(server sbtest.GameServer, matchup natneg.Config) *sb.Diagnosis {
		master, err := sbtest.New(sbtest.Config{Games: games, QueryChallenge: true})
		require.NoError(t, err)
		defer master.Close()
		server.Game = game
		master.Registry().Put(server)
		browser := newBrowser(t, sb.Config{Addr: master.Addr(), QueryTimeout: timeouts[server.Addr], QueryAttempts: 2, NatNeg: matchup})
		defer browser.Close()
		report, err := browser.Diagnose(t.Context(), sb.Query{})
		require.NoError(t, err)
		return report
	}
	report := diagnose(sbtest.GameServer{Addr: living, Reachable: true}, natneg.Config{})
	require.True(t, report.OK(), report.String())
	require.Equal(t, diagnosis.Passed, step(t, report, "ask servers directly").Outcome)
	require.Contains(t, report.String(), living.String()+" answers after")
	require.Equal(t, diagnosis.Skipped, step(t, report, "reach the matchup servers").Outcome)
	b, err := json.Marshal(report)
	require.NoError(t, err)
	require.Contains(t, string(b), `"outcome":"ok"`)

	report = diagnose(sbtest.GameServer{Addr: dead, Reachable: true}, natneg.Config{})
	require.Contains(t, step(t, report, "ask servers directly").Advice, "firewall")
	require.ErrorIs(t, report.Err(), sb.ErrNoAnswer)

	matchup, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer matchup.Close()
	report = diagnose(sbtest.GameServer{Addr: dead, NatNeg: true}, natneg.Config{Servers: matchup.Addrs()})
	require.True(t, report.OK(), report.String())
	require.Contains(t, step(t, report, "ask servers directly").Advice, "NAT negotiation")
	require.Equal(t, diagnosis.Passed, step(t, report, "reach the matchup servers").Outcome, report.String())

	silent, err := natnegtest.New(natnegtest.Config{Faults: natnegtest.Faults{Silent: true}})
	require.NoError(t, err)
	defer silent.Close()
	report = diagnose(sbtest.GameServer{Addr: living}, natneg.Config{Servers: silent.Addrs(), DetectTimeout: 100 * time.Millisecond})
	require.Contains(t, step(t, report, "reach the matchup servers").Advice, "27901")
	require.Equal(t, diagnosis.Warned, step(t, report, "reach the matchup servers").Outcome, report.String())

	report = diagnose(sbtest.GameServer{Addr: living}, natneg.Config{Domain: "example.net", Resolver: noNames})
	require.Contains(t, step(t, report, "reach the matchup servers").Advice, "names")
	require.False(t, report.OK())
}

// A master of the older protocol goes through the same steps.
func TestDiagnoseOfAnOldMaster(t *testing.T) {
	master := newMaster(t, sbtest.Config{Old: true})
	defer master.Close()
	config := sb.Config{Game: game, Secret: secret, Addr: master.Addr(), Protocol: sb.QR1, ReplyTimeout: 10 * time.Second, QueryAttempts: 1, QueryTimeout: time.Millisecond}
	report, err := sb.Diagnose(t.Context(), config, sb.Query{Fields: []string{"hostname"}})
	require.NoError(t, err)
	require.Contains(t, step(t, report, "list servers").Found, "3 servers", report.String())
	config.Secret = "nosuch"
	report, err = sb.Diagnose(t.Context(), config, sb.Query{Fields: []string{"hostname"}})
	require.NoError(t, err)
	require.ErrorContains(t, report.Err(), "be answered", report.String())
}

func TestDiagnoseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newMaster(t, sbtest.Config{NoListen: true, Faults: sbtest.Faults{Fault: sbtest.Stall}})
		defer master.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		report, err := sb.Diagnose(ctx, sb.Config{Game: game, Secret: secret, Addr: "192.0.2.1", DialContext: piped(master)}, sb.Query{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.NotEmpty(t, report.Steps)
	})
}
