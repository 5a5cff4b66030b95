package sb_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// loopbackServer answers queries on a real socket.
func loopbackServer(t *testing.T, server *gameServer) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	var work sync.WaitGroup
	work.Go(func() { server.serve(conn) })
	t.Cleanup(func() {
		conn.Close()
		work.Wait()
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// browserWith lists one server and returns it as the browser sees it.
func browserWith(t *testing.T, config sbtest.Config, server sbtest.GameServer, timeout time.Duration) (*sb.Browser, sb.Server) {
	t.Helper()
	config.Games = games
	master, err := sbtest.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	server.Game = game
	master.Registry().Put(server)
	browser := newBrowser(t, sb.Config{Addr: master.Addr(), QueryTimeout: timeout, QueryAttempts: 2})
	t.Cleanup(func() { browser.Close() })
	servers, err := collect(t.Context(), browser, sb.Query{})
	require.NoError(t, err)
	require.Len(t, servers, 1)
	return browser, servers[0]
}

func TestConnectDirectly(t *testing.T) {
	addr := loopbackServer(t, &gameServer{name: "A", challenge: 3})
	browser, server := browserWith(t, sbtest.Config{QueryChallenge: true}, sbtest.GameServer{Addr: addr, Reachable: true,
		Fields: []sbtest.Field{{Key: "hostport", Value: "7777"}}}, 10*time.Second)
	connection, err := browser.Connect(t.Context(), server, nil)
	require.NoError(t, err)
	require.NoError(t, connection.Conn.Close(), "it is ours")
	require.Equal(t, sb.PathDirect, connection.Path)
	require.Equal(t, netip.MustParseAddrPort("127.0.0.1:7777"), connection.Remote, "the port that players join")
	require.Len(t, connection.Attempts, 1)
	require.NoError(t, connection.Attempts[0].Err)
}

func TestConnectOverTheLAN(t *testing.T) {
	private := loopbackServer(t, &gameServer{name: "A"})
	public := netip.MustParseAddrPort("203.0.113.7:6500")
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()

	browser, server := browserWith(t, sbtest.Config{ClientIP: public.Addr()}, sbtest.GameServer{Addr: public, Private: private, NatNeg: true}, 10*time.Second)
	connection, err := browser.Connect(t.Context(), server, conn)
	require.NoError(t, err)
	require.Equal(t, sb.PathLAN, connection.Path)
	require.Equal(t, private, connection.Remote)
	require.Same(t, conn.(*net.UDPConn), connection.Conn)
}

func TestConnectTellsWhatItTried(t *testing.T) {
	dead := loopbackServer(t, &gameServer{mute: true})
	browser, server := browserWith(t, sbtest.Config{ClientIP: netip.MustParseAddr("127.0.0.1")},
		sbtest.GameServer{Addr: dead, Private: dead, Reachable: true, NatNeg: true}, 20*time.Millisecond)
	_, err := browser.Connect(t.Context(), server, nil)
	require.ErrorIs(t, err, sb.ErrUnreachable)
	require.ErrorIs(t, err, sb.ErrNoAnswer)
	report, ok := errors.AsType[*sb.ConnectError](err)
	require.True(t, ok)
	var paths []sb.Path
	for _, attempt := range report.Attempts {
		require.Error(t, attempt.Err)
		require.Positive(t, attempt.Took)
		paths = append(paths, attempt.Path)
	}
	require.Equal(t, []sb.Path{sb.PathLAN, sb.PathDirect, sb.PathNatNeg}, paths)
	require.ErrorContains(t, err, "LAN failed after")

	_, err = browser.Connect(t.Context(), sb.Server{Addr: dead}, nil)
	require.ErrorIs(t, err, sb.ErrUnreachable)
	require.ErrorContains(t, err, "neither")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = browser.Connect(ctx, server, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// OpenSpy lists a server that it can query as direct only; if the player cannot, negotiation is still tried.
func TestConnectFallsBackToNatNeg(t *testing.T) {
	dead := loopbackServer(t, &gameServer{mute: true})
	_, server := browserWith(t, sbtest.Config{Family: "openspy"}, sbtest.GameServer{Addr: dead, Reachable: true, NatNeg: true}, 0)
	require.Zero(t, server.Flags&sb.FlagNatNeg)
	master, err := sbtest.New(sbtest.Config{Games: games})
	require.NoError(t, err)
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr(), QueryTimeout: 20 * time.Millisecond, QueryAttempts: 2,
		NatNeg: natneg.Config{Servers: []string{dead.String(), dead.String()}, InitTimeout: 50 * time.Millisecond}})
	defer browser.Close()
	_, err = browser.Connect(t.Context(), server, nil)
	report, ok := errors.AsType[*sb.ConnectError](err)
	require.True(t, ok)
	require.Len(t, report.Attempts, 2)
	require.Equal(t, sb.PathNatNeg, report.Attempts[1].Path)
}

// A wrong secret turns the list into nonsense: the error says what to look at.
func TestWrongSecretIsNamed(t *testing.T) {
	master, err := sbtest.New(sbtest.Config{Games: games})
	require.NoError(t, err)
	defer master.Close()
	var trials sync.WaitGroup
	defer trials.Wait()
	for range 20 { // nonsense differs each time
		trials.Go(func() {
			browser, err := sb.New(sb.Config{Game: game, Secret: "wrong", Addr: master.Addr(), ReplyTimeout: 2 * time.Second})
			if !assert.NoError(t, err) {
				return
			}
			for _, err = range browser.List(t.Context(), sb.Query{}) {
				if err != nil {
					break
				}
			}
			if err != nil && !errors.Is(err, sb.ErrRefused) {
				assert.ErrorContains(t, err, "Secret")
			}
			assert.NotContains(t, fmt.Sprint(err), "wrong")
			assert.False(t, browser.PublicAddr().IsValid(), "nonsense is not believed")
			assert.NoError(t, browser.Close())
		})
	}
}

// The whole way: the cookie travels through the list master and the QR2 master to a real host, both negotiate on the
// matchup servers, and packets flow on the host's own game socket.
func TestConnectThroughNatNeg(t *testing.T) {
	nowhere := loopbackServer(t, &gameServer{mute: true})
	for name, guess := range map[string]func(uint8, netip.AddrPort) netip.AddrPort{
		"the servers see the true address": nil,
		"only the list has it":             func(uint8, netip.AddrPort) netip.AddrPort { return nowhere },
	} {
		t.Run(name, func(t *testing.T) { connectThroughNatNeg(t, natnegtest.Faults{Guess: guess}) })
	}
}

func connectThroughNatNeg(t *testing.T, faults natnegtest.Faults) {
	matchup, err := natnegtest.New(natnegtest.Config{Faults: faults})
	require.NoError(t, err)
	defer matchup.Close()
	master, err := qr2test.New(qr2test.Config{Games: games, NoProbe: true})
	require.NoError(t, err)
	defer master.Close()
	list, err := sbtest.New(sbtest.Config{Games: games, Registry: master.Registry(), ClientIP: netip.MustParseAddr("203.0.113.7")})
	require.NoError(t, err)
	defer list.Close()

	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	nat := natneg.Config{Servers: matchup.Addrs()}
	host, err := qr2.NewHost(socket, qr2.Config{Game: game, Secret: secret, Addr: master.Addr(), NatNeg: &nat})
	require.NoError(t, err)
	require.NoError(t, host.Update(qr2.Snapshot{Server: qr2.Fields{{Key: "hostname", Value: "Behind a NAT"}}}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var work sync.WaitGroup
	work.Go(func() { _ = host.Run(ctx) })
	gameConn := host.GameConn()
	defer work.Wait()
	defer gameConn.Close()
	defer host.Close()
	defer cancel()

	browser := newBrowser(t, sb.Config{Addr: list.Addr(), NatNeg: nat})
	defer browser.Close()
	subscription, err := browser.Subscribe(ctx, sb.Query{})
	require.NoError(t, err)
	defer subscription.Close()
	var server sb.Server
	for event, err := range subscription.Events(ctx) {
		require.NoError(t, err)
		if added, ok := event.(sb.ServerAdded); ok {
			server = added.Server
			break
		}
	}
	require.NotZero(t, server.Flags&sb.FlagNatNeg)
	require.Zero(t, server.Flags&sb.FlagDirect)

	connection, err := browser.Connect(ctx, server, nil)
	require.NoError(t, err)
	defer connection.Conn.Close()
	require.Equal(t, sb.PathNatNeg, connection.Path)
	_, err = connection.Conn.WriteTo([]byte("hello, server"), net.UDPAddrFromAddrPort(connection.Remote))
	require.NoError(t, err)
	buf := make([]byte, 100)
	require.NoError(t, gameConn.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, from, err := gameConn.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "hello, server", string(buf[:n]))
	_, err = gameConn.WriteTo([]byte("hello, player"), from)
	require.NoError(t, err)
	require.NoError(t, connection.Conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, _, err = connection.Conn.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "hello, player", string(buf[:n]))
	t.Log(connection.Attempts)
}
