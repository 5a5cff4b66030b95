package qr2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// stage is a master and a host on a simulated network, in a synctest bubble.
type stage struct {
	master *qr2test.Master
	host   *qr2.Host
	conn   net.PacketConn
	client net.PacketConn
	done   chan error
	cancel context.CancelFunc
}

func newStage(t *testing.T, options simnet.Options, masterConfig qr2test.Config, config qr2.Config) (*stage, func()) {
	network := simnet.New(t, options)
	masterHost, gameHost, clientHost := network.Host("10.0.0.1"), network.Host("10.0.0.2"), network.Host("10.0.0.3")
	stopNetwork := network.Start()
	masterConfig.ListenPacket = masterHost.ListenPacket
	masterConfig.Address, masterConfig.ProbeAddress = ":27900", ":16500"
	masterConfig.Games = map[string]string{game: secret}
	master, err := qr2test.New(masterConfig)
	require.NoError(t, err)
	s := &stage{master: master, conn: gameHost.Listen(7777), client: clientHost.Listen(5000), done: make(chan error, 1)}
	config.Game, config.Secret = game, secret
	if config.Addr == "" {
		config.Addr = "10.0.0.1"
	}
	s.host, err = qr2.NewHost(s.conn, config)
	require.NoError(t, err)
	require.NoError(t, s.host.Update(snapshot(4)))
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() { s.done <- s.host.Run(ctx) }()
	return s, func() {
		cancel()
		<-s.done
		require.NoError(t, s.host.Close())
		require.NoError(t, s.conn.Close())
		require.NoError(t, s.client.Close())
		require.NoError(t, s.master.Close())
		stopNetwork()
	}
}

func TestListedOverLossyNetwork(t *testing.T) {
	for _, family := range families {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%q %d", family, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, stop := newStage(t, simnet.Options{Loss: 0.2, Duplicate: 0.2, Delay: 30 * time.Millisecond, Jitter: 40 * time.Millisecond, Seed: seed},
						qr2test.Config{Family: family, QueryChallenge: seed%2 == 1}, qr2.Config{})
					defer stop()
					// kr4uzi's server never repeats a lost challenge, and sweeps after a minute; DWC wants a heartbeat without players.
					limit := 45 * time.Second
					if family == qr2test.KR4uzi || family == qr2test.DWC {
						limit = 5 * time.Minute
					}
					start := time.Now()
					for len(s.master.Registry().List(game)) == 0 {
						require.Less(t, time.Since(start), limit, "%+v", s.host.State())
						time.Sleep(100 * time.Millisecond)
					}
					_, err := qr2test.Query(t.Context(), s.client, netip.MustParseAddrPort("10.0.0.2:7777"))
					if err != nil {
						_, err = qr2test.Query(t.Context(), s.client, netip.MustParseAddrPort("10.0.0.2:7777"))
					}
					require.NoError(t, err)
				})
			})
		}
	}
}

// A host that changes something all the time stays listed for as long as it runs, whatever the family counts.
func TestStaysListed(t *testing.T) {
	for _, family := range families {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, stop := newStage(t, simnet.Options{Delay: 20 * time.Millisecond}, qr2test.Config{Family: family}, qr2.Config{})
				defer stop()
				time.Sleep(time.Second)
				if family == qr2test.DWC {
					time.Sleep(20 * time.Second) // until the heartbeat without players
				}
				for i := range 300 {
					require.Len(t, s.master.Registry().List(game), 1, "after %d s", i*4)
					time.Sleep(4 * time.Second)
					changed := snapshot(4)
					changed.Server[3].Value = fmt.Sprintf("map%d", i)
					require.NoError(t, s.host.Update(changed))
				}
				require.Equal(t, "map", s.master.Registry().List(game)[0].Value("mapname")[:3])

				// The master is started anew: the host notices, and is listed again.
				s.master.Forget()
				require.Empty(t, s.master.Registry().List(game))
				time.Sleep(61 * time.Second)
				require.Len(t, s.master.Registry().List(game), 1)

				// The host falls silent for ever.
				s.cancel()
				synctest.Wait()
				time.Sleep(80 * time.Second)
				if family != qr2test.UniSpy {
					require.Empty(t, s.master.Registry().List(game))
				}
			})
		})
	}
}

// servers.md §3.1: answering the challenge to a goodbye would list the dead server again.
func TestNoAnswerAfterGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := newStage(t, simnet.Options{Delay: 20 * time.Millisecond}, qr2test.Config{Family: qr2test.OpenSpy}, qr2.Config{})
		defer stop()
		time.Sleep(time.Second)
		s.cancel()
		synctest.Wait()
		time.Sleep(5 * time.Second)
		require.Empty(t, s.master.Registry().List(game))
		require.Equal(t, 2, s.master.Stats().Shutdowns)
		require.Positive(t, s.host.State().Counters.AfterGoodbye)
		require.Equal(t, 1, s.master.Stats().Responses)
	})
}

func TestFaultsAreReported(t *testing.T) {
	for name, test := range map[string]struct {
		config qr2test.Config
		step   qr2.Step
		is     error
		text   string
	}{
		"silent":       {qr2test.Config{Faults: qr2test.Faults{Silent: true}}, qr2.StepNoAnswer, qr2.ErrNoAnswer, "three heartbeats"},
		"no challenge": {qr2test.Config{Faults: qr2test.Faults{NoChallenge: true}}, qr2.StepNoAnswer, qr2.ErrNoAnswer, ""},
		"wrong key":    {qr2test.Config{Faults: qr2test.Faults{WrongKey: true}}, qr2.StepNoAnswer, qr2.ErrNoAnswer, ""},
		"garbage":      {qr2test.Config{Faults: qr2test.Faults{Garbage: true}}, qr2.StepNoAnswer, qr2.ErrNoAnswer, ""},
		"refused":      {qr2test.Config{RefuseText: "Go away", RefuseCode: 4}, qr2.StepRefused, qr2.ErrRefused, `"Go away" (code 4)`},
		"bad secret":   {qr2test.Config{Faults: qr2test.Faults{RejectResponse: true}}, qr2.StepRefused, qr2.ErrRefused, "Invalid challenge response"},
		"unavailable":  {qr2test.Config{Unavailable: []string{game}}, qr2.StepUnavailable, qr2.ErrUnavailable, ""},
		"for now":      {qr2test.Config{TemporarilyUnavailable: []string{game}}, qr2.StepUnavailable, qr2.ErrTemporarilyUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				s, stop := newStage(t, simnet.Options{Delay: 20 * time.Millisecond}, test.config,
					qr2.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
				defer stop()
				time.Sleep(35 * time.Second)
				state := s.host.State().Masters[0]
				require.Equal(t, test.step, state.Step)
				require.ErrorIs(t, state.Err, test.is)
				require.ErrorContains(t, state.Err, test.text)
				var failure *qr2.Error
				require.ErrorAs(t, state.Err, &failure)
				require.Equal(t, errors.Is(test.is, qr2.ErrNoAnswer), failure.Timeout())
				require.NotContains(t, log.String(), secret)
				require.Contains(t, log.String(), test.is.Error())
				// Queries are answered all the same.
				_, err := qr2test.Query(t.Context(), s.client, netip.MustParseAddrPort("10.0.0.2:7777"))
				require.NoError(t, err)
				require.Empty(t, s.master.Registry().List(game))
			})
		})
	}
}

type failingResolver struct{ fail atomic.Bool }

func (r *failingResolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if r.fail.Load() {
		return nil, errors.New("no such host")
	}
	return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
}

func TestNameIsLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(failingResolver)
		resolver.fail.Store(true)
		s, stop := newStage(t, simnet.Options{}, qr2test.Config{}, qr2.Config{Addr: "master.example.net", Resolver: resolver})
		defer stop()
		time.Sleep(10 * time.Second)
		state := s.host.State().Masters[0]
		require.Equal(t, qr2.StepUnresolved, state.Step)
		require.EqualError(t, state.Err, "qr2: resolve (master.example.net:27900): resolve master.example.net: no such host")
		_, err := qr2test.Query(t.Context(), s.client, netip.MustParseAddrPort("10.0.0.2:7777"))
		require.NoError(t, err)
		resolver.fail.Store(false)
		time.Sleep(20 * time.Second)
		require.Equal(t, qr2.StepListed, s.host.State().Masters[0].Step)
	})
}

// Listed within two round trips, challenge and confirmation, also when nobody answers the availability check.
func TestListedAtOnce(t *testing.T) {
	for _, faults := range []qr2test.Faults{{}, {NoAvailability: true}} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			s, stop := newStage(t, simnet.Options{Delay: 25 * time.Millisecond}, qr2test.Config{Faults: faults}, qr2.Config{})
			defer stop()
			event := untilStep(t, s.host, qr2.StepListed)
			require.LessOrEqual(t, event.Since.Sub(start), 101*time.Millisecond)
			time.Sleep(5 * time.Second)
			want := qr2.AvailabilityYes
			if faults.NoAvailability {
				want = qr2.AvailabilitySilent
			}
			require.Equal(t, want, s.host.State().Masters[0].Availability)
		})
	}
}

// The game is not available: what was listed meanwhile is taken off, and stays off.
func TestUnavailableGameIsTakenOffTheList(t *testing.T) {
	for _, config := range []qr2test.Config{{Unavailable: []string{game}}, {TemporarilyUnavailable: []string{game}, Family: qr2test.OpenSpy}} {
		synctest.Test(t, func(t *testing.T) {
			s, stop := newStage(t, simnet.Options{Delay: 25 * time.Millisecond}, config, qr2.Config{})
			defer stop()
			time.Sleep(10 * time.Second)
			require.Equal(t, qr2.StepUnavailable, s.host.State().Masters[0].Step)
			for range 300 {
				require.Empty(t, s.master.Registry().List(game))
				time.Sleep(time.Second)
			}
		})
	}
}

// A LAN server sends nothing by itself.
func TestNotPublicSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := newStage(t, simnet.Options{}, qr2test.Config{}, qr2.Config{NotPublic: true})
		defer stop()
		time.Sleep(5 * time.Minute)
		require.Zero(t, s.master.Stats())
		require.Empty(t, s.host.State().Masters)
	})
}

// Whatever arrives, from the master's address or not: the host goes on, and counts.
func TestHostileBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := newStage(t, simnet.Options{}, qr2test.Config{}, qr2.Config{})
		defer stop()
		random := rand.New(rand.NewPCG(1, 2))
		to := &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 7777}
		for i := range 5000 {
			b := make([]byte, random.IntN(100))
			for j := range b {
				b[j] = byte(random.Uint32())
			}
			if len(b) > 3 && i%4 != 0 {
				copy(b, "\xfe\xfd")
				b[2] = byte(random.IntN(12))
			}
			_, err := s.client.WriteTo(b, to)
			require.NoError(t, err)
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		require.Equal(t, qr2.StepListed, s.host.State().Masters[0].Step)
		require.Positive(t, s.host.State().Counters.Malformed)
		require.Positive(t, s.host.State().Counters.WrongKey)
		_, err := qr2test.Query(t.Context(), s.client, netip.MustParseAddrPort("10.0.0.2:7777"))
		require.NoError(t, err)
	})
}

// The game's packets go through unchanged, in both directions.
func TestGameConn(t *testing.T) {
	conn, player := listen(t), listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true})
	gameConn := host.GameConn()
	for _, payload := range []string{"hello", "\xfe\xfd", "\xfe\xfd\x0bunknown", "\\move\\", ""} {
		_, err := player.WriteTo([]byte(payload), conn.LocalAddr())
		require.NoError(t, err)
		got, from := receive(t, gameConn)
		require.Equal(t, payload, string(got))
		_, err = gameConn.WriteTo(got, from)
		require.NoError(t, err)
		back, _ := receive(t, player)
		require.Equal(t, payload, string(back))
	}
	require.NoError(t, host.Close())
	require.NoError(t, host.Close())
	// The connection lives on without the host.
	_, err := player.WriteTo([]byte("\xfe\xfd\x00 later"), conn.LocalAddr())
	require.NoError(t, err)
	got, _ := receive(t, gameConn)
	require.Equal(t, "\xfe\xfd\x00 later", string(got))
	require.ErrorIs(t, host.Run(t.Context()), net.ErrClosed)
	require.ErrorIs(t, host.Update(snapshot(1)), net.ErrClosed)
}

func TestBareConnectionComesBack(t *testing.T) {
	conn, player := listen(t), listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true})
	require.NoError(t, host.Close())
	_, err := player.WriteTo([]byte("mine again"), conn.LocalAddr())
	require.NoError(t, err)
	got, _ := receive(t, conn)
	require.Equal(t, "mine again", string(got))
}

func TestClosedConnectionEndsRun(t *testing.T) {
	conn := listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true})
	done := make(chan error, 1)
	go func() { done <- host.Run(context.Background()) }()
	require.NoError(t, host.GameConn().Close())
	require.ErrorIs(t, <-done, net.ErrClosed)
	_, _, err := host.GameConn().ReadFrom(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestRunAgainListsAgain(t *testing.T) {
	master := startMaster(t, qr2test.Config{})
	host := newHost(t, listen(t), qr2.Config{Addr: master.Addr()})
	for range 3 {
		stop := run(t, host)
		untilStep(t, host, qr2.StepListed)
		stop()
		untilStep(t, host, qr2.StepStopped)
	}
}

func TestUpdateRefuses(t *testing.T) {
	host := newHost(t, listen(t), qr2.Config{Game: game, NotPublic: true})
	for name, test := range map[string]struct {
		snapshot qr2.Snapshot
		is       error
		text     string
	}{
		"NUL":       {qr2.Snapshot{Server: fields("hostname", "a\x00b")}, qr2.ErrInvalid, "hostname"},
		"empty key": {qr2.Snapshot{Server: fields("", "a")}, qr2.ErrInvalid, "empty"},
		"twice":     {qr2.Snapshot{Server: fields("a", "1", "a", "2")}, qr2.ErrInvalid, `"a" is there twice`},
		"own":       {qr2.Snapshot{Server: fields("localip0", "1")}, qr2.ErrInvalid, "localip0"},
		"one value": {qr2.Snapshot{Server: fields("motd", strings.Repeat("x", 1400))}, qr2.ErrTooBig, `"motd" takes 1406 bytes`},
		"all":       {snapshot(250), qr2.ErrTooBig, "8 packets have"},
		"rows":      {qr2.Snapshot{Players: make([]qr2.Fields, 257)}, qr2.ErrInvalid, "256"},
	} {
		err := host.Update(test.snapshot)
		require.ErrorIs(t, err, test.is, name)
		require.ErrorContains(t, err, test.text, name)
	}
	require.NoError(t, host.Update(snapshot(100)))
}

func TestSecretIsHidden(t *testing.T) {
	config := qr2.Config{Game: game, Secret: secret}
	for _, text := range []string{fmt.Sprintf("%v", config), fmt.Sprintf("%+v", config), fmt.Sprintf("%#v", config), config.String()} {
		require.NotContains(t, text, secret)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(io.MultiWriter(&log), nil)).Info("x", "config", config)
	require.NotContains(t, log.String(), secret)
}

// A player behind NAT: the cookie travels through the master, both sides negotiate, game packets flow on the very socket
// that is listed.
func TestPlayerJoinsThroughNatNeg(t *testing.T) {
	matchup, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer matchup.Close()
	master := startMaster(t, qr2test.Config{})
	negotiation := natneg.Config{Game: game, Servers: matchup.Addrs()}
	conn := listen(t)
	host := newHost(t, conn, qr2.Config{Addr: master.Addr(), NatNeg: &negotiation})
	stop := run(t, host)
	defer stop()
	untilStep(t, host, qr2.StepListed)
	require.Eventually(t, func() bool { s := master.Registry().List(game); return len(s) == 1 && s[0].NatNeg }, 5*time.Second, time.Millisecond)

	cookie := natneg.Cookie{1, 2, 3, 4}
	require.NoError(t, master.Relay(t.Context(), addrOf(t, conn), qr2wire.AppendCookie(nil, cookie)))
	guest, err := natneg.Negotiate(t.Context(), listen(t), negotiation, cookie, natneg.Guest)
	require.NoError(t, err)
	defer guest.Close()
	ended := until(t, host, func(*qr2.JoinEnded) bool { return true })
	require.NoError(t, ended.Err)
	require.Equal(t, cookie, ended.Cookie)
	require.Equal(t, addrOf(t, conn), guest.Remote)

	_, err = guest.Conn.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(guest.Remote))
	require.NoError(t, err)
	got, from := receive(t, host.GameConn())
	require.Equal(t, "hello", string(got))
	require.Equal(t, ended.Result.Remote.String(), from.String())
	require.NoError(t, guest.Conn.Close())
}
