package qr2_test

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/qr1wire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// engine is a game that owns its socket and its loop.
type engine struct {
	conn *net.UDPConn
	host *qr2.Host
	game chan string // what was not the host's
}

func startEngine(t *testing.T, config qr2.Config) *engine {
	t.Helper()
	config.Game, config.Secret = game, secret
	e := &engine{conn: listen(t).(*net.UDPConn), game: make(chan string, 10)}
	var err error
	e.host, err = qr2.NewEngineHost(e.conn.LocalAddr().(*net.UDPAddr).AddrPort(), func(b []byte, to netip.AddrPort) error {
		_, err := e.conn.WriteToUDPAddrPort(b, to)
		return err
	}, config)
	require.NoError(t, err)
	require.NoError(t, e.host.Update(snapshot(3)))
	var loop sync.WaitGroup
	loop.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := e.conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if !e.host.HandlePacket(buf[:n], from) {
				e.game <- string(buf[:n])
			}
		}
	})
	t.Cleanup(func() {
		require.NoError(t, e.host.Close())
		require.NoError(t, e.conn.Close())
		loop.Wait()
	})
	return e
}

// Listed, queried in both protocols, and with its own packets untouched.
func TestEngineHost(t *testing.T) {
	master := startMaster(t, qr2test.Config{})
	e := startEngine(t, qr2.Config{Addr: master.Addr()})
	stop := run(t, e.host)
	untilStep(t, e.host, qr2.StepListed)
	list := master.Registry().List(game)
	require.Len(t, list, 1)
	require.Equal(t, e.conn.LocalAddr().String(), e.host.State().Local)

	data, err := qr2test.Query(t.Context(), nil, e.conn.LocalAddr().(*net.UDPAddr).AddrPort())
	require.NoError(t, err)
	require.Len(t, data.Players, 3)

	client := listen(t)
	var old qr1wire.Assembler
	_, err = client.WriteTo([]byte(`\status\`), e.conn.LocalAddr())
	require.NoError(t, err)
	for complete := false; !complete; {
		reply, _ := receive(t, client)
		complete, err = old.Add(reply)
		require.NoError(t, err)
	}
	require.Len(t, old.Data().Players.Rows, 3)

	_, err = client.WriteTo([]byte("player's move"), e.conn.LocalAddr())
	require.NoError(t, err)
	require.Equal(t, "player's move", <-e.game)
	stop()
	require.Eventually(t, func() bool { return len(master.Registry().List(game)) == 0 }, 5*time.Second, time.Millisecond)
	require.NoError(t, e.host.Close())
	require.False(t, e.host.HandlePacket([]byte(`\status\`), netip.MustParseAddrPort("127.0.0.1:1")))
}

// A player behind NAT comes in through an engine's socket.
func TestEngineHostLetsPlayersIn(t *testing.T) {
	matchup, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer matchup.Close()
	negotiation := natneg.Config{Game: game, Servers: matchup.Addrs()}
	master := startMaster(t, qr2test.Config{})
	e := startEngine(t, qr2.Config{Addr: master.Addr(), NatNeg: &negotiation})
	stop := run(t, e.host)
	defer stop()
	untilStep(t, e.host, qr2.StepListed)
	require.Eventually(t, func() bool { s := master.Registry().List(game); return len(s) == 1 && s[0].NatNeg }, 5*time.Second, time.Millisecond)

	require.NoError(t, master.Relay(t.Context(), addrOf(t, e.conn), qr2wire.AppendCookie(nil, natneg.Cookie{1, 2, 3, 4})))
	guest, err := natneg.Negotiate(t.Context(), listen(t), negotiation, natneg.Cookie{1, 2, 3, 4}, natneg.Guest)
	require.NoError(t, err)
	defer guest.Close()
	ended := until(t, e.host, func(*qr2.JoinEnded) bool { return true })
	require.NoError(t, ended.Err)
	require.Equal(t, addrOf(t, e.conn), guest.Remote)
	_, err = guest.Conn.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(guest.Remote))
	require.NoError(t, err)
	require.Equal(t, "hello", <-e.game)
	require.NoError(t, guest.Conn.Close())
}

func TestEngineHostRefusesNonsense(t *testing.T) {
	addr := netip.MustParseAddrPort("127.0.0.1:7777")
	send := func([]byte, netip.AddrPort) error { return nil }
	for _, err := range []error{
		errorOf(qr2.NewEngineHost(addr, nil, qr2.Config{Game: game, NotPublic: true})),
		errorOf(qr2.NewEngineHost(netip.AddrPort{}, send, qr2.Config{Game: game, NotPublic: true})),
		errorOf(qr2.NewEngineHost(addr, send, qr2.Config{NotPublic: true})),
	} {
		require.ErrorIs(t, err, qr2.ErrInvalid)
	}
}

func errorOf(_ *qr2.Host, err error) error { return err }

// What cannot be sent is counted; nobody else is bothered. send may call back into the host.
func TestEngineHostThatCannotSend(t *testing.T) {
	var host *qr2.Host
	var err error
	host, err = qr2.NewEngineHost(netip.MustParseAddrPort("127.0.0.1:7777"), func(b []byte, to netip.AddrPort) error {
		_ = host.State()
		host.HandlePacket([]byte("back again"), to)
		return errors.New("no")
	}, qr2.Config{Game: game, NotPublic: true})
	require.NoError(t, err)
	defer host.Close()
	require.NoError(t, host.Update(snapshot(64)))
	from := netip.MustParseAddrPort("[::ffff:127.0.0.1]:9")
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			if !host.HandlePacket(packetOf(t, qr2wire.FullQuery(testKey)), from) {
				t.Error("not taken")
			}
		})
	}
	callers.Wait()
	state := host.State()
	require.Equal(t, 4*state.SplitPackets, state.Counters.Unsent)
	require.Equal(t, 4, state.Counters.Queries)
}
