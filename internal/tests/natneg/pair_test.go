package natneg_test

import (
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// lab is a simulated network with matchup servers and two players.
type lab struct {
	network     *simnet.Network
	server      *natnegtest.Server
	guest, host *simnet.Host
}

// newLab builds one; stop it before the bubble ends.
func newLab(t testing.TB, options simnet.Options, config natnegtest.Config) (l *lab, stop func()) {
	t.Helper()
	l = &lab{network: simnet.New(t, options)}
	hosts := make(map[string]*simnet.Host)
	for _, ip := range []string{"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"} {
		hosts[ip] = l.network.Host(ip)
	}
	l.guest, l.host = l.network.Host("203.0.113.1"), l.network.Host("192.0.2.1")
	config.Conns = []net.PacketConn{
		hosts["198.51.100.1"].Listen(27901), hosts["198.51.100.2"].Listen(27901), hosts["198.51.100.3"].Listen(27901),
		hosts["198.51.100.4"].Listen(30695), hosts["198.51.100.1"].Listen(30695),
	}
	server, err := natnegtest.New(config)
	require.NoError(t, err)
	l.server = server
	stopNetwork := l.network.Start()
	return l, func() {
		require.NoError(t, server.Close())
		stopNetwork()
	}
}

// config is that of a player.
func (l *lab) config(player *simnet.Host) natneg.Config {
	return natneg.Config{Game: "gmtest", Servers: l.server.Addrs(), ListenPacket: player.ListenPacket}
}

func TestTwoPeers(t *testing.T) {
	for _, network := range []simnet.Options{
		{Delay: 20 * time.Millisecond},
		{Delay: 20 * time.Millisecond, Duplicate: 0.3, Jitter: 100 * time.Millisecond},
		{Delay: 20 * time.Millisecond, Loss: 0.05, Jitter: 30 * time.Millisecond},
		{Delay: 20 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Jitter: 30 * time.Millisecond},
	} {
		for _, game := range []bool{false, true} {
			for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.WFC, quirks.DWC} {
				for version := 2; version <= 4; version++ {
					name := fmt.Sprintf("%s/version %d/game socket %v/loss %v", family, version, game, network.Loss)
					if family == quirks.Original {
						name = "original" + name
					}
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							network.Seed = uint64(version)
							l, stop := newLab(t, network, natnegtest.Config{Family: family})
							defer stop()
							guest, host := l.config(l.guest), l.config(l.host)
							guest.Version, host.Version = version, version
							var guestConn, hostConn net.PacketConn
							if game {
								guestConn, hostConn = l.guest.Listen(7777), l.host.Listen(7778)
							}
							outcomes := both(t.Context(), guestConn, hostConn, guest, host)
							talk(t, outcomes)
							if game {
								require.Equal(t, mustAddr("192.0.2.1:7778"), outcomes[0].result.Remote)
								require.Equal(t, mustAddr("203.0.113.1:7777"), outcomes[1].result.Remote)
							}
							if network.Loss == 0 {
								require.Less(t, outcomes[0].took, 2*time.Second)
								require.False(t, outcomes[0].result.Corrected)
								for _, o := range outcomes {
									require.Positive(t, o.result.RoundTrip)
									require.Len(t, o.result.Servers, 3)
									require.True(t, o.result.Servers[0].Answered)
								}
							}
						})
					})
				}
			}
		}
	}
}

// UniSpy never sends CONNECT: nothing but the time limit tells.
func TestUniSpyNeverConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Family: quirks.UniSpy})
		defer stop()
		outcomes := both(t.Context(), nil, nil, l.config(l.guest), l.config(l.host))
		for _, o := range outcomes {
			e := asError(t, o.err)
			require.ErrorIs(t, e, natneg.ErrPeerAbsent)
			require.True(t, e.Timeout())
			require.Equal(t, natneg.StepWait, e.Step)
			require.Equal(t, 15*time.Second, o.took.Truncate(time.Second))
			// This family tells how it sees us.
			require.True(t, e.Servers[0].Observed.IsValid())
		}
	})
}

// Versions may differ between the sides; each gets CONNECT in its own.
func TestMixedVersions(t *testing.T) {
	for guestVersion := 2; guestVersion <= 4; guestVersion++ {
		for hostVersion := 2; hostVersion <= 4; hostVersion++ {
			synctest.Test(t, func(t *testing.T) {
				l, stop := newLab(t, simnet.Options{Delay: 30 * time.Millisecond, Loss: 0.1, Seed: 4}, natnegtest.Config{})
				defer stop()
				guest, host := l.config(l.guest), l.config(l.host)
				guest.Version, host.Version = guestVersion, hostVersion
				talk(t, both(t.Context(), nil, nil, guest, host))
			})
		}
	}
}

// The servers' guess is wrong for one side; the pings of the other put it right.
func TestWrongGuessIsCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{Delay: 10 * time.Millisecond}, natnegtest.Config{Faults: natnegtest.Faults{
			Guess: func(role uint8, real addrPort) addrPort {
				if role == 0 {
					return mustAddr("192.0.2.1:9") // nobody listens there
				}
				return real
			},
		}})
		defer stop()
		outcomes := both(t.Context(), nil, l.host.Listen(7778), l.config(l.guest), l.config(l.host))
		talk(t, outcomes)
		require.True(t, outcomes[0].result.Corrected)
		require.Equal(t, mustAddr("192.0.2.1:9"), outcomes[0].result.Guess)
		require.Equal(t, mustAddr("192.0.2.1:7778"), outcomes[0].result.Remote)
		require.False(t, outcomes[1].result.Corrected)
	})
}

// One matchup server of three is down. The original gives up.
func TestDeadServerIsTolerated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Family: quirks.WFC, Faults: natnegtest.Faults{Dead: []int{natnegtest.Server3}}})
		defer stop()
		outcomes := both(t.Context(), nil, nil, l.config(l.guest), l.config(l.host))
		talk(t, outcomes)
		require.True(t, outcomes[0].result.Servers[0].Answered)
	})
}

// Only two servers are configured: the third port type goes to the second of them.
func TestTwoServers(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Family: family})
			defer stop()
			guest, host := l.config(l.guest), l.config(l.host)
			guest.Servers, host.Servers = guest.Servers[:2], host.Servers[:2]
			talk(t, both(t.Context(), nil, nil, guest, host))
		})
	}
}

// The partner's first packets may arrive before this side has its result: they wait.
func TestEarlyGamePacketsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{Delay: 10 * time.Millisecond}, natnegtest.Config{ConnectDelay: time.Second})
		defer stop()
		hostConn := l.host.Listen(7778)
		early := l.guest.Listen(5000)
		defer early.Close()
		go func() { _, _ = early.WriteTo([]byte("early"), hostConn.LocalAddr()) }()
		outcomes := both(t.Context(), nil, hostConn, l.config(l.guest), l.config(l.host))
		require.NoError(t, outcomes[1].err)
		buf := make([]byte, 100)
		n, from, err := outcomes[1].result.Conn.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "early", string(buf[:n]))
		require.Equal(t, early.LocalAddr().String(), from.String())
		talk(t, outcomes)
	})
}

// Both servers and partner are told how it ended, in the background.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Family: quirks.OpenSpy})
		defer stop()
		guest := l.config(l.guest)
		guest.NAT = &natneg.Report{NAT: natneg.NATSymmetric, Scheme: natneg.MappingMixed}
		outcomes := both(t.Context(), nil, nil, guest, l.config(l.host))
		defer finish(outcomes)
		require.NoError(t, outcomes[0].err)
		require.NoError(t, outcomes[1].err)
		synctest.Wait()
		require.Equal(t, natneg.StepConnected, outcomes[0].result.State().Step)
		pass(6 * time.Second) // the background work ends after five
		require.Equal(t, natneg.StepDone, outcomes[0].result.State().Step)
		reports := make(map[uint8]natnegtest.Report)
		for _, report := range l.server.Reports() {
			reports[report.Role] = report
		}
		require.Equal(t, natnegtest.Report{Cookie: cookie, Version: 3, Success: true, NATType: 5, Mapping: 4, Game: "gmtest"}, reports[0])
		require.Equal(t, natnegtest.Report{Cookie: cookie, Version: 3, Role: 1, Success: true, NATType: 6, Game: "gmtest"}, reports[1])
		// OpenSpy acknowledges after 0.5 s: the first one and the repetition at that moment.
		require.LessOrEqual(t, len(l.server.Reports()), 4)
	})
}
