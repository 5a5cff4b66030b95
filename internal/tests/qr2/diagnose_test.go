package qr2_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// complete is a snapshot that a diagnosis has nothing to say against.
func complete() qr2.Snapshot { return snapshot(3) }

// Every advice is reached, with the cause that it is for.
func TestDiagnose(t *testing.T) {
	const master = "203.0.113.1"
	for name, test := range map[string]struct {
		master   qr2test.Config
		faults   qr2test.Faults
		config   qr2.Config
		snapshot qr2.Snapshot
		none     bool // there is no master
		nat      string
		ok       bool
		is       error
		want     []string
	}{
		"listed": {ok: true, want: []string{"ok      be on its list", "since", "ok      be reached by players (203.0.113.1:16500)", "available"}},
		"not public": {config: qr2.Config{NotPublic: true},
			want: []string{"failed  be public: NotPublic is set", "try: leave NotPublic unset"}},
		"poor snapshot": {snapshot: qr2.Snapshot{Server: fields("hostname", "x", "maxplayers", "8")}, ok: true,
			want: []string{"warning read the snapshot: 2 server keys, 0 players, 0 teams; without hostport, gamever, mapname", "join at hostport"}},
		"name": {config: qr2.Config{Addr: "master.example.net"}, none: true,
			want: []string{"failed  find the master (master.example.net:27900)", "no such host", "misspelling"}},
		"same master": {config: qr2.Config{Addr: master, Masters: []string{"same.example.net"}}, none: false, is: qr2.ErrSameMaster,
			want: []string{"leave one of the two names out"}},
		"unavailable": {master: qr2test.Config{Unavailable: []string{game}}, is: qr2.ErrUnavailable,
			want: []string{"failed  ask whether the game is available", "does not serve this game any more"}},
		"unavailable for now": {master: qr2test.Config{TemporarilyUnavailable: []string{game}}, is: qr2.ErrTemporarilyUnavailable,
			want: []string{"asks again every minute"}},
		"silence": {faults: qr2test.Faults{Silent: true}, is: qr2.ErrNoAnswer,
			want: []string{"warning ask whether", "failed  hear from the master", "heartbeats: 3", "port 27900 gets out"}},
		"silence, but available": {faults: qr2test.Faults{NoChallenge: true}, is: qr2.ErrNoAnswer,
			want: []string{"the master takes no notice of this game"}},
		"several silent addresses": {config: qr2.Config{Addr: "many.example.net"}, none: true, is: qr2.ErrNoAnswer,
			want: []string{"failed  hear from the master", "port 27900 gets out"}},
		"wrong secret, in words": {master: qr2test.Config{Games: map[string]string{game: "other1"}}, is: qr2.ErrRefused,
			want: []string{"failed  answer its challenge", `"Invalid challenge response"`, "check Secret"}},
		"wrong secret, DWC": {master: qr2test.Config{Games: map[string]string{game: "other1"}, Family: qr2test.DWC}, is: qr2.ErrNotConfirmed,
			want: []string{"failed  answer its challenge", "took no notice of heartbeats with players", "check Secret"}},
		"wrong secret, kr4uzi": {master: qr2test.Config{Games: map[string]string{game: "other1"}, Family: qr2test.KR4uzi}, is: qr2.ErrNotConfirmed,
			want: []string{"failed  answer its challenge", "check Secret"}},
		"no profile, WFC": {master: qr2test.Config{Family: qr2test.WFC, Allow: func(qr2test.GameServer) bool { return false }}, is: qr2.ErrNotConfirmed,
			want: []string{"dwc_pid"}},
		"never confirmed": {faults: qr2test.Faults{NoRegistered: true}, is: qr2.ErrNotConfirmed, want: []string{"answer its challenge"}},
		"UniSpy": {master: qr2test.Config{Family: qr2test.UniSpy}, ok: true,
			want: []string{"skipped answer its challenge", "warning be on its list", "look for the server in a browser"}},
		"unknown game": {master: qr2test.Config{Games: map[string]string{"other": secret}}, is: qr2.ErrRefused,
			want: []string{"failed  be accepted", `"No such gamename"`, "check Game"}},
		"refused": {master: qr2test.Config{RefuseText: "You are banned"}, is: qr2.ErrRefused,
			want: []string{"failed  be accepted", `"You are banned"`, "the master's own words"}},
		"NAT": {master: qr2test.Config{NoProbe: true}, nat: otherHostIP, ok: true,
			want: []string{"a NAT has made port 40001 of this server's port 7777", "forward UDP port 7777", "or set NatNeg"}},
		"port forward": {master: qr2test.Config{NoProbe: true}, nat: otherHostIP, config: qr2.Config{LocalPort: 40001}, ok: true,
			want: []string{"warning be reached by players", "no query came from a stranger yet"}},
		"firewall": {master: qr2test.Config{NoProbe: true}, ok: true,
			want: []string{"warning be reached by players", "no query came from a stranger yet", "forward UDP port 7777"}},
		"private address": {master: qr2test.Config{NoProbe: true}, nat: "192.168.1.7:7777", ok: true,
			want: []string{"no address of the internet"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newMemnet()
				conn := network.listen(t, hostIP)
				defer conn.Close()
				if test.nat != "" {
					network.rename(conn, test.nat)
				}
				if !test.none {
					config := test.master
					if config.Games == nil {
						config.Games = map[string]string{game: secret}
					}
					config.Faults = test.faults
					config.Address, config.ProbeAddress, config.ListenPacket = master+":27900", master+":16500", network.listenPacket
					m, err := qr2test.New(config)
					require.NoError(t, err)
					defer m.Close()
				}
				config := test.config
				config.Game, config.Secret, config.Resolver = game, secret, someNames{}
				if config.Addr == "" {
					config.Addr = master
				}
				s := test.snapshot
				if s.Server == nil {
					s = complete()
				}
				report, err := qr2.Diagnose(t.Context(), config, conn, s)
				require.NoError(t, err)
				text := report.String()
				for _, want := range test.want {
					require.Contains(t, text, want)
				}
				require.Equal(t, test.ok, report.OK(), text)
				if test.is != nil {
					require.ErrorIs(t, report.Err(), test.is)
				}
				require.NotContains(t, text, secret)
				require.True(t, strings.HasPrefix(text, "qr2 host of gmtest at 198.51.100.7:7777\n"), text)
				// It is off the list, and the connection is the caller's again.
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
				_, _, err = conn.ReadFrom(make([]byte, 10))
				require.True(t, err == nil || errors.As(err, new(net.Error)))
			})
		})
	}
}

// someNames knows some names.
type someNames struct{}

func (someNames) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	switch host {
	case "same.example.net":
		return []netip.Addr{netip.MustParseAddr("203.0.113.1")}, nil
	case "many.example.net":
		return []netip.Addr{netip.MustParseAddr("203.0.113.8"), netip.MustParseAddr("203.0.113.9")}, nil
	}
	return nil, errors.New("no such host")
}

// What cannot be diagnosed at all is an error; the rest is in the report.
func TestDiagnoseWhatDoesNotRun(t *testing.T) {
	_, err := qr2.Diagnose(t.Context(), qr2.Config{Game: game}, nil, complete())
	require.ErrorIs(t, err, qr2.ErrInvalid)
	report, err := qr2.Diagnose(t.Context(), qr2.Config{Game: game, NotPublic: true}, nil, qr2.Snapshot{Server: fields("a", "1", "a", "2")})
	require.NoError(t, err)
	require.ErrorIs(t, report.Err(), qr2.ErrInvalid)

	host, err := qr2.NewHost(listen(t), qr2.Config{Game: game, Secret: secret, Addr: "127.0.0.1:1"})
	require.NoError(t, err)
	defer host.Close()
	report, err = host.Diagnose(t.Context())
	require.NoError(t, err)
	require.Contains(t, report.String(), "failed  read the snapshot: there is none")
	require.Contains(t, report.String(), "call Run")

	// A socket that does not lead to the master's family of addresses.
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6: ", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	report, err = qr2.Diagnose(ctx, qr2.Config{Game: game, Secret: secret, Addr: "127.0.0.1:1", SkipAvailability: true}, conn, complete())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Contains(t, report.String(), "this machine does not send there")
}
