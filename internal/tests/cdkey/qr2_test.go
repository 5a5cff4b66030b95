package cdkey_test

import (
	"net"
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
