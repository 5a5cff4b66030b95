package natneg_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v4/vnet"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// kind is a NAT in the words of RFC 4787 and in GameSpy's.
type kind struct {
	name               string
	mapping, filtering vnet.EndpointDependencyType
	detected           natneg.NATType
}

var (
	fullCone       = kind{"full cone", vnet.EndpointIndependent, vnet.EndpointIndependent, natneg.NATFullCone}
	restrictedCone = kind{"address restricted", vnet.EndpointIndependent, vnet.EndpointAddrDependent, natneg.NATRestrictedCone}
	portRestricted = kind{"port restricted", vnet.EndpointIndependent, vnet.EndpointAddrPortDependent, natneg.NATPortRestricted}
	symmetric      = kind{"symmetric", vnet.EndpointAddrPortDependent, vnet.EndpointAddrPortDependent, natneg.NATSymmetric}
)

// behind puts a machine behind a NAT of its own and returns its way to open sockets.
func behind(t testing.TB, network *simnet.Network, nat kind, public, private string) func(context.Context, string, string) (net.PacketConn, error) {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: "192.168.0.0/16", StaticIPs: []string{public},
		NATType:       &vnet.NATType{MappingBehavior: nat.mapping, FilteringBehavior: nat.filtering, MappingLifeTime: 30 * time.Second},
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	require.NoError(t, err)
	stack, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{private}})
	require.NoError(t, err)
	require.NoError(t, router.AddNet(stack))
	require.NoError(t, network.Router().AddRouter(router))
	// A random port of the few that vnet has may be one that was closed just now, for which the router still lets answers in.
	var free atomic.Int32
	free.Store(10000)
	return func(_ context.Context, _, address string) (net.PacketConn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if port == "0" {
			port = strconv.Itoa(int(free.Add(1)))
		}
		return stack.ListenPacket("udp4", net.JoinHostPort(private, port))
	}
}

// natLab is matchup servers on the internet and two players behind NATs.
func natLab(t testing.TB, guest, host kind, config natnegtest.Config) (server *natnegtest.Server, guestConfig, hostConfig natneg.Config, stop func()) {
	t.Helper()
	network := simnet.New(t, simnet.Options{Delay: 10 * time.Millisecond})
	one, two, three, four := network.Host("198.51.100.1"), network.Host("198.51.100.2"), network.Host("198.51.100.3"), network.Host("198.51.100.4")
	guestConfig = natneg.Config{Game: "gmtest", ListenPacket: behind(t, network, guest, "203.0.113.1", "192.168.1.2")}
	hostConfig = natneg.Config{Game: "gmtest", ListenPacket: behind(t, network, host, "192.0.2.1", "192.168.2.2")}
	config.Conns = []net.PacketConn{
		one.Listen(27901), two.Listen(27901), three.Listen(27901), four.Listen(30695), one.Listen(30695),
	}
	server, err := natnegtest.New(config)
	require.NoError(t, err)
	guestConfig.Servers, hostConfig.Servers = server.Addrs(), server.Addrs()
	stopNetwork := network.Start()
	return server, guestConfig, hostConfig, func() {
		require.NoError(t, server.Close())
		stopNetwork()
	}
}

// The table of spec nat.md §3, as far as vnet has such NATs: its symmetric one counts its ports, so that they can be told.
// TestMatrix has the others.
func TestThroughNATs(t *testing.T) {
	for _, test := range []struct {
		guest, host kind
	}{
		{fullCone, fullCone},
		{fullCone, restrictedCone},
		{fullCone, portRestricted},
		{fullCone, symmetric},
		{restrictedCone, restrictedCone},
		{restrictedCone, portRestricted},
		{symmetric, restrictedCone},
		{portRestricted, portRestricted},
		{portRestricted, symmetric},
		{symmetric, symmetric},
	} {
		for _, game := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s and %s, game socket %v", test.guest.name, test.host.name, game), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, guest, host, stop := natLab(t, test.guest, test.host, natnegtest.Config{})
					defer stop()
					var guestConn, hostConn net.PacketConn
					if game {
						var err error
						guestConn, err = guest.ListenPacket(t.Context(), "udp4", ":7777")
						require.NoError(t, err)
						hostConn, err = host.ListenPacket(t.Context(), "udp4", ":7777")
						require.NoError(t, err)
					}
					talk(t, both(t.Context(), guestConn, hostConn, guest, host))
				})
			})
		}
	}
}

func TestDetectNATs(t *testing.T) {
	for _, nat := range []kind{fullCone, restrictedCone, portRestricted, symmetric} {
		for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy, quirks.UniSpy} {
			synctest.Test(t, func(t *testing.T) {
				_, config, _, stop := natLab(t, nat, fullCone, natnegtest.Config{Family: family})
				defer stop()
				report, err := natneg.Detect(t.Context(), config)
				require.NoError(t, err)
				require.Equal(t, nat.detected, report.NAT, "%s", report)
				require.Equal(t, "203.0.113.1", report.Public.Addr().String())
				require.Equal(t, "192.168.1.2", report.Private.Addr().String())
				require.False(t, report.TwoServers)
				require.Equal(t, nat.mapping == vnet.EndpointIndependent, report.Mapping == natneg.EndpointIndependent)
				if report.NoProbes { // OpenSpy's tests all come from elsewhere
					require.Equal(t, natneg.DependencyUnknown, report.Filtering)
				} else {
					require.Equal(t, natneg.Dependency(nat.filtering)+1, report.Filtering)
				}
				require.False(t, report.SameAddress)
				require.Less(t, report.Duration, 4*time.Second)
				if nat.detected == natneg.NATSymmetric {
					require.Equal(t, natneg.NotPromiscuous, report.Promiscuity)
				} else {
					require.Equal(t, natneg.PromiscuityNotApplicable, report.Promiscuity)
					require.Equal(t, natneg.MappingConsistent, report.Scheme)
				}

				// Nothing is left over from it: a second one sees the same (the original ends at once with the old answers).
				again, err := natneg.Detect(t.Context(), config)
				require.NoError(t, err)
				require.Equal(t, report.NAT, again.NAT)

				// Two servers are enough.
				config.Servers = config.Servers[:2]
				report, err = natneg.Detect(t.Context(), config)
				require.NoError(t, err)
				require.Equal(t, nat.detected, report.NAT, "%s", report)
				require.True(t, report.TwoServers)
				require.Contains(t, report.String(), "third matchup server")
			})
		}
	}
}

// One matchup server of three is silent: the other two tell the kind of NAT, without waiting for the time limit, and the
// report says whose answer is missing. What only the silent one could have tested is assumed, and the report says so, too.
func TestDetectWithASilentServer(t *testing.T) {
	for silent, name := range []string{"first", "second", "third"} {
		for _, nat := range []kind{fullCone, restrictedCone, portRestricted, symmetric} {
			synctest.Test(t, func(t *testing.T) {
				_, config, _, stop := natLab(t, nat, fullCone, natnegtest.Config{Faults: natnegtest.Faults{Dead: []int{silent}}})
				defer stop()
				start := time.Now()
				report, err := natneg.Detect(t.Context(), config)
				require.NoError(t, err)
				require.Less(t, time.Since(start), 4*time.Second, "%s server, %s", name, nat.name)
				require.True(t, report.TwoServers)
				require.Contains(t, report.String(), "the "+name+" matchup server did not answer")
				for i, server := range report.Servers {
					require.Equal(t, i != silent, server.Answered)
				}
				require.Equal(t, "203.0.113.1", report.Public.Addr().String())
				require.Equal(t, nat.detected == natneg.NATSymmetric, report.NAT == natneg.NATSymmetric)
				if !report.NoProbes {
					require.Equal(t, nat.detected, report.NAT, "%s server, %s", name, nat.name)
				}
			})
		}
	}
	// With two of them silent, nothing can be compared.
	synctest.Test(t, func(t *testing.T) {
		_, config, _, stop := natLab(t, fullCone, fullCone, natnegtest.Config{Faults: natnegtest.Faults{Dead: []int{0, 2}}})
		defer stop()
		_, err := natneg.Detect(t.Context(), config)
		require.ErrorIs(t, err, natneg.ErrNoServers)
		require.ErrorContains(t, err, "server 2 (198.51.100.2:27901) answered")
	})
}
