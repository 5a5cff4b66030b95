package cdkey_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

// Keys are checked on the socket on which a QR2 host answers queries, from that socket's port.
func TestOnTheSocketOfAHost(t *testing.T) {
	server, err := cdkeytest.New(cdkeytest.Config{})
	require.NoError(t, err)
	defer server.Close()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	host, err := qr2.NewHost(conn, qr2.Config{Game: "gmtest", Secret: "HA6zkS", NotPublic: true})
	require.NoError(t, err)
	game := host.GameConn()
	defer game.Close()
	c, err := cdkey.Start(t.Context(), game, cdkey.Config{Products: []int{product}, Addr: server.Addr()})
	require.NoError(t, err)
	defer c.Close()
	player, err := c.Authenticate(t.Context(), request(t, "key"))
	require.NoError(t, err)
	require.Equal(t, cdkey.Validated, player.Verdict())
	require.Equal(t, conn.LocalAddr().String(), server.Online(product, "key").String())
}

// An engine reads its socket itself: what it hands to the host, the Checker gets too.
func TestOnTheSocketOfAnEngine(t *testing.T) {
	server, err := cdkeytest.New(cdkeytest.Config{})
	require.NoError(t, err)
	defer server.Close()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	host, err := qr2.NewEngineHost(conn.LocalAddr().(*net.UDPAddr).AddrPort(), func(b []byte, to netip.AddrPort) error {
		_, err := conn.WriteToUDPAddrPort(b, to)
		return err
	}, qr2.Config{Game: "gmtest", NotPublic: true})
	require.NoError(t, err)
	defer host.Close()
	taken := make(chan bool, 10)
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			taken <- host.HandlePacket(b[:n], from)
		}
	}()
	c, err := cdkey.Start(t.Context(), host.GameConn(), cdkey.Config{Products: []int{product}, Addr: server.Addr(), OnTimeout: cdkey.RejectOnTimeout})
	require.NoError(t, err)
	_, err = c.Authenticate(t.Context(), request(t, "key"))
	require.NoError(t, err)
	require.True(t, <-taken)
	require.Equal(t, conn.LocalAddr().String(), server.Online(product, "key").String())
	require.NoError(t, c.Close())
	require.NoError(t, conn.Close())
	<-read
}
