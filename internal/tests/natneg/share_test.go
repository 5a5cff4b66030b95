package natneg_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

func udpAddr(addr netip.AddrPort) *net.UDPAddr { return net.UDPAddrFromAddrPort(addr) }

// A thousand players join one socket at once, behind NATs, while its game goes on; no qr2 is needed.
func TestShareWithAThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := natnegtest.NewNetwork(natnegtest.NetworkConfig{Delay: 20 * time.Millisecond})
		server, err := network.Servers(natnegtest.Config{})
		require.NoError(t, err)
		defer server.Close()
		home := network.NAT(mustAddr("192.0.2.1:1").Addr(), natnegtest.PortRestricted()).Host(mustAddr("10.0.0.2:1").Addr())
		socket, err := home.Listen(6500)
		require.NoError(t, err)
		game := natneg.Share(socket)
		require.Equal(t, game, natneg.Share(game))
		defer game.Close()

		players := 1000
		if raceEnabled {
			players = 250
		}
		greeted := make(map[netip.AddrPort]bool)
		var mu sync.Mutex
		go func() { // the game reads all along
			buf := make([]byte, 100)
			for {
				n, from, err := game.ReadFrom(buf)
				if err != nil {
					return
				}
				if string(buf[:n]) == "hello" {
					mu.Lock()
					greeted[from.(*net.UDPAddr).AddrPort()] = true
					mu.Unlock()
				}
			}
		}()
		var wait sync.WaitGroup
		for i := range players {
			cookie := natneg.CookieFromUint32(uint32(i))
			wait.Go(func() {
				result, err := natneg.Negotiate(t.Context(), game, natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: home.ListenPacket}, cookie, natneg.Host)
				if !assertNoError(t, err) {
					return
				}
				if result.Conn != game {
					t.Error("another connection than the shared one")
				}
				<-time.After(6 * time.Second)
				result.Close()
			})
			wait.Go(func() {
				public := netip.AddrFrom4([4]byte{203, 0, byte(i / 250), byte(i%250 + 1)})
				player := network.NAT(public, natnegtest.PortRestricted()).Host(mustAddr("192.168.1.2:1").Addr())
				result, err := natneg.Negotiate(t.Context(), nil, natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: player.ListenPacket}, cookie, natneg.Guest)
				if !assertNoError(t, err) {
					return
				}
				_, err = result.Conn.WriteTo([]byte("hello"), udpAddr(result.Remote))
				assertNoError(t, err)
				<-time.After(6 * time.Second)
				result.Close()
				result.Conn.Close()
			})
		}
		wait.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, greeted, players)
	})
}
