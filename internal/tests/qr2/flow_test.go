package qr2_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

const (
	game   = "gmtest"
	secret = "HA6zkS"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var families = []qr2test.Family{
	qr2test.Original, qr2test.OpenSpy, qr2test.WFC, qr2test.DWC, qr2test.UniSpy, qr2test.KR4uzi, qr2test.Crymp,
}

func startMaster(t *testing.T, config qr2test.Config) *qr2test.Master {
	t.Helper()
	if config.Games == nil {
		config.Games = map[string]string{game: secret}
	}
	master, err := qr2test.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	return master
}

func listen(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func newHost(t *testing.T, conn net.PacketConn, config qr2.Config) *qr2.Host {
	t.Helper()
	if config.Game == "" {
		config.Game, config.Secret = game, secret
	}
	host, err := qr2.NewHost(conn, config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = host.Close() })
	require.NoError(t, host.Update(snapshot(2)))
	return host
}

// run runs a host until stop is called, which waits for it.
func run(t *testing.T, host *qr2.Host) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- host.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// fields makes fields of names and values by turns.
func fields(pairs ...string) (list qr2.Fields) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, qr2.Field{Key: pairs[i], Value: pairs[i+1]})
	}
	return list
}

func snapshot(players int) qr2.Snapshot {
	s := qr2.Snapshot{
		Server: fields("hostname", "Friday night", "gamename", game, "gamever", "1.2", "mapname", "dm_bay", "gametype", "dm",
			"numplayers", fmt.Sprint(players), "maxplayers", "64", "gamemode", "openplaying", "password", "0",
			"numteams", "2", "hostport", "7777"),
		Teams: []qr2.Fields{fields("team_t", "Red", "score_t", "3"), fields("team_t", "Blue", "score_t", "5")},
	}
	for i := range players {
		s.Players = append(s.Players, fields("player_", fmt.Sprintf("player number %d of this long test", i),
			"score_", fmt.Sprint(i*3), "ping_", fmt.Sprint(20+i), "team_", fmt.Sprint(i%2)))
	}
	return s
}

// until takes events until one matches.
func until[E qr2.Event](t *testing.T, host *qr2.Host, match func(E) bool) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for event := range host.Events(ctx) {
		if e, ok := event.(E); ok && match(e) {
			return e
		}
	}
	require.FailNow(t, "the event did not come", "%+v", host.State())
	panic("unreachable")
}

func untilStep(t *testing.T, host *qr2.Host, step qr2.Step) *qr2.MasterChanged {
	t.Helper()
	return until(t, host, func(e *qr2.MasterChanged) bool { return e.Step == step })
}

func addrOf(t *testing.T, conn net.PacketConn) netip.AddrPort {
	t.Helper()
	addr, err := netip.ParseAddrPort(conn.LocalAddr().String())
	require.NoError(t, err)
	return addr
}

func TestListedByEveryFamily(t *testing.T) {
	for _, family := range families {
		for _, challenge := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q challenge=%t", family, challenge), func(t *testing.T) {
				master := startMaster(t, qr2test.Config{Family: family, QueryChallenge: challenge})
				conn := listen(t)
				host := newHost(t, conn, qr2.Config{Addr: master.Addr()})
				if family == qr2test.DWC {
					// It fails on players, and gets them in vain for 20 s: see TestMasterStartedAnew.
					alone := snapshot(2)
					alone.Players, alone.Teams = nil, nil
					require.NoError(t, host.Update(alone))
				}
				stop := run(t, host)
				step := qr2.StepListed
				if family == qr2test.UniSpy {
					step = qr2.StepAnswered
				}
				untilStep(t, host, step)
				require.Eventually(t, func() bool { return len(master.Registry().List(game)) == 1 }, 5*time.Second, time.Millisecond)
				server := master.Registry().List(game)[0]
				require.Equal(t, addrOf(t, conn), server.Addr)
				require.Equal(t, "Friday night", server.Value("hostname"))
				if family != qr2test.DWC {
					require.Equal(t, "player number 1 of this long test", server.Players[1][0].Value)
					require.Equal(t, "5", server.Teams[1][1].Value)
				}
				require.NoError(t, host.Update(snapshot(2)))

				if family == qr2test.Original || family == qr2test.OpenSpy {
					require.Eventually(t, func() bool { return master.Registry().List(game)[0].Reachable }, 5*time.Second, time.Millisecond)
					require.Equal(t, master.ProbeAddr(), host.State().Masters[0].ProbedBy.String())
				}
				if family != qr2test.Crymp && family != qr2test.UniSpy {
					require.Equal(t, addrOf(t, conn), host.State().Public)
				}

				answer, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
				require.NoError(t, err)
				require.Equal(t, "dm_bay", answer.Value("mapname"))
				require.Len(t, answer.Players, 2)

				// A client message, acknowledged.
				require.NoError(t, master.Relay(t.Context(), addrOf(t, conn), []byte("hello")))
				message := until(t, host, func(*qr2.ClientMessage) bool { return true })
				require.Equal(t, "hello", string(message.Data))

				stop()
				require.Equal(t, qr2.StepStopped, host.State().Masters[0].Step)
				if family != qr2test.KR4uzi && family != qr2test.Crymp {
					require.Eventually(t, func() bool { return len(master.Registry().List(game)) == 0 }, 5*time.Second, time.Millisecond)
				}
			})
		}
	}
}
