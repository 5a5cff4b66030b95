package rfc5780_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v4/vnet"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/udpmux"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/rfc5780"
)

func TestMain(m *testing.M) {
	if server := os.Getenv(serverVariable); server != "" {
		if err := play(server); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// Without a NAT everything is known, and everybody gets in.
func TestLoopback(t *testing.T) {
	server := onLoopback(t, &stunServer{})
	local := func(ctx context.Context, network, _ string) (net.PacketConn, error) {
		return new(net.ListenConfig).ListenPacket(ctx, network, "127.0.0.1:0")
	}
	for _, config := range []rfc5780.Config{{}, {ListenPacket: local}} {
		config.Servers = []string{server.addr()}
		report, err := rfc5780.Detect(t.Context(), config)
		require.NoError(t, err)
		require.Empty(t, report.Missing)
		require.Equal(t, natneg.EndpointIndependent, report.Mapping)
		require.Equal(t, natneg.EndpointIndependent, report.Filtering)
		require.Equal(t, natneg.FactYes, report.PortPreservation)
		require.Equal(t, natneg.FactYes, report.Hairpin)
		require.Equal(t, natneg.NATNone, report.NAT)
		require.Equal(t, report.Public, report.Private)
		require.Equal(t, server.conns[1][1].LocalAddr().String(), report.Server.Other.String())
		require.NotZero(t, report.Server.RoundTrip)
	}
}

// A server without RFC 5780 tells the public address; two of them tell the mapping, too. What is missing is said.
func TestPlainServers(t *testing.T) {
	one, two := onLoopback(t, &stunServer{plain: true}), onLoopback(t, &stunServer{plain: true})
	report, err := rfc5780.Detect(t.Context(), rfc5780.Config{Servers: []string{one.addr()}})
	require.NoError(t, err)
	require.Equal(t, natneg.DependencyUnknown, report.Mapping)
	require.Equal(t, natneg.DependencyUnknown, report.Filtering)
	require.Len(t, report.Missing, 2)
	require.True(t, report.Public.IsValid())
	require.Equal(t, natneg.FactYes, report.PortPreservation)
	require.Equal(t, natneg.FactYes, report.Hairpin)

	report, err = rfc5780.Detect(t.Context(), rfc5780.Config{Servers: []string{one.addr(), two.conns[1][0].LocalAddr().String()}})
	require.NoError(t, err)
	require.Equal(t, natneg.EndpointIndependent, report.Mapping)
	require.Len(t, report.Missing, 1)
}

// A server that ignores CHANGE-REQUEST does not make a full cone of every NAT.
func TestIgnoredChangeRequest(t *testing.T) {
	server := onLoopback(t, &stunServer{lies: true})
	report, err := rfc5780.Detect(t.Context(), rfc5780.Config{Servers: []string{server.addr()}})
	require.NoError(t, err)
	require.Equal(t, natneg.EndpointIndependent, report.Mapping)
	require.Equal(t, natneg.DependencyUnknown, report.Filtering)
	require.Len(t, report.Missing, 1)
}

// Several servers: silent and unknown ones do not matter, and the first that speaks RFC 5780 does the tests.
func TestSeveralServers(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	plain, good := onLoopback(t, &stunServer{plain: true}), onLoopback(t, &stunServer{})
	report, err := rfc5780.Detect(t.Context(), rfc5780.Config{
		Servers:  []string{silent.LocalAddr().String(), "stun.invalid", plain.addr(), good.addr()},
		Resolver: noNames{},
	})
	require.NoError(t, err)
	require.Equal(t, good.addr(), report.Server.Addr.String())
	require.Empty(t, report.Missing)
	require.Error(t, report.Asked[0].Err)
	require.ErrorIs(t, report.Asked[1].Err, errNoName)
	require.NoError(t, report.Asked[2].Err)
	require.False(t, report.Asked[2].Other.IsValid())
}

var errNoName = errors.New("no such name")

type noNames struct{}

func (noNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errNoName
}

func TestFailures(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	refusing := onLoopback(t, &stunServer{refuse: true})
	for _, test := range []struct {
		config  rfc5780.Config
		want    error
		timeout bool
	}{
		{rfc5780.Config{}, rfc5780.ErrNotConfigured, false},
		{rfc5780.Config{Servers: []string{silent.LocalAddr().String()}, Timeout: 100 * time.Millisecond}, rfc5780.ErrNoServers, true},
		{rfc5780.Config{Servers: []string{"stun.invalid"}, Resolver: noNames{}}, rfc5780.ErrNoServers, false},
		{rfc5780.Config{Servers: []string{"127.0.0.1:0"}}, rfc5780.ErrNoServers, false},
		{rfc5780.Config{Servers: []string{"[::1]:3478"}}, rfc5780.ErrNoServers, false},
		{rfc5780.Config{Servers: []string{refusing.addr()}}, rfc5780.ErrRefused, false},
	} {
		_, err := rfc5780.Detect(t.Context(), test.config)
		require.ErrorIs(t, err, test.want)
		typed, ok := errors.AsType[*rfc5780.Error](err)
		require.True(t, ok)
		require.Equal(t, test.timeout, typed.Timeout(), err)
	}
	_, err = rfc5780.Detect(t.Context(), rfc5780.Config{Servers: make([]string, 9)})
	require.Error(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = rfc5780.Detect(ctx, rfc5780.Config{Servers: []string{silent.LocalAddr().String()}})
	require.ErrorIs(t, err, context.Canceled)
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = rfc5780.Detect(ctx, rfc5780.Config{Servers: []string{silent.LocalAddr().String()}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// A server must not send us to ask in other networks.
func TestTrap(t *testing.T) {
	server := onLoopback(t, &stunServer{trap: true})
	report, err := rfc5780.Detect(t.Context(), rfc5780.Config{Servers: []string{server.addr()}})
	require.NoError(t, err)
	require.False(t, report.Server.Addr.IsValid())
}

// The public address of the game's own socket, while the game uses it; its packets stay its own, other STUN included.
func TestPublicAddress(t *testing.T) {
	server := onLoopback(t, &stunServer{plain: true})
	raw, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	mux, release := udpmux.Attach(raw)
	defer release()
	game := mux.Conn()
	defer game.Close()

	friend, err := net.Dial("udp4", raw.LocalAddr().String())
	require.NoError(t, err)
	defer friend.Close()
	ofTheGame := []byte{1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	_, err = friend.Write(ofTheGame)
	require.NoError(t, err)

	addr, err := rfc5780.PublicAddress(t.Context(), game, server.addr())
	require.NoError(t, err)
	require.Equal(t, raw.LocalAddr().String(), addr.String())
	buf := make([]byte, 100)
	n, _, err := game.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, ofTheGame, buf[:n])

	// A bare socket is given back.
	bare, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer bare.Close()
	addr, err = rfc5780.PublicAddress(t.Context(), bare, "127.0.0.1:1", server.addr())
	require.NoError(t, err)
	require.Equal(t, bare.LocalAddr().String(), addr.String())
	_, err = rfc5780.PublicAddress(t.Context(), bare)
	require.ErrorIs(t, err, rfc5780.ErrNotConfigured)
}

// The NATs that pion's network can play, without and with loss, on fake time.
func TestSimulatedNATs(t *testing.T) {
	for _, nat := range []struct {
		mapping, filtering vnet.EndpointDependencyType
		want               natneg.NATType
	}{
		{vnet.EndpointIndependent, vnet.EndpointIndependent, natneg.NATFullCone},
		{vnet.EndpointIndependent, vnet.EndpointAddrDependent, natneg.NATRestrictedCone},
		{vnet.EndpointIndependent, vnet.EndpointAddrPortDependent, natneg.NATPortRestricted},
		{vnet.EndpointAddrDependent, vnet.EndpointAddrPortDependent, natneg.NATSymmetric},
		{vnet.EndpointAddrPortDependent, vnet.EndpointAddrPortDependent, natneg.NATSymmetric},
	} {
		for _, loss := range []float64{0, 0.05, 0.2} {
			t.Run(fmt.Sprintf("%v %v loss", nat.want, loss), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					network := simnet.New(t, simnet.Options{Delay: 25 * time.Millisecond, Loss: loss, Seed: 7})
					server := &stunServer{}
					for i, ip := range []string{"198.51.100.1", "198.51.100.2"} {
						host := network.Host(ip)
						for j, port := range []int{3478, 3479} {
							server.conns[i][j] = host.Listen(port)
						}
					}
					router, err := vnet.NewRouter(&vnet.RouterConfig{
						CIDR: "192.168.0.0/16", StaticIPs: []string{"203.0.113.1"},
						NATType:       &vnet.NATType{MappingBehavior: nat.mapping, FilteringBehavior: nat.filtering, MappingLifeTime: 30 * time.Second},
						LoggerFactory: logging.NewDefaultLoggerFactory(),
					})
					require.NoError(t, err)
					stack, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"192.168.1.2"}})
					require.NoError(t, err)
					require.NoError(t, router.AddNet(stack))
					require.NoError(t, network.Router().AddRouter(router))
					stop := network.Start()
					defer stop()
					server.start(t)
					defer server.stop()

					report, err := rfc5780.Detect(t.Context(), rfc5780.Config{
						Servers: []string{"198.51.100.1"},
						ListenPacket: func(context.Context, string, string) (net.PacketConn, error) {
							return stack.ListenPacket("udp4", "192.168.1.2:0")
						},
					})
					require.NoError(t, err)
					require.Equal(t, nat.want, report.NAT, "%v", report)
					require.Equal(t, natneg.Dependency(nat.mapping)+1, report.Mapping)
					require.Equal(t, natneg.Dependency(nat.filtering)+1, report.Filtering)
					require.Equal(t, "203.0.113.1", report.Public.Addr().String())
					require.Equal(t, "192.168.1.2", report.Private.Addr().String())
					if nat.mapping == vnet.EndpointAddrPortDependent && loss == 0 {
						require.Equal(t, 1, report.Step, "vnet counts")
					}
					if loss == 0 {
						require.Less(t, report.Duration, 2*time.Second)
					}
				})
			})
		}
	}
}
