package engine

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// A player's game in C sees a server come, change and go, asks it, and plays with it.
func TestBrowserInC(t *testing.T) {
	for name, command := range map[string]func(t *testing.T) []string{
		"sanitized": func(t *testing.T) []string {
			return []string{compiled(t, "browser", append(sanitized, "-D_POSIX_C_SOURCE=200809L")...)}
		},
		"valgrind": func(t *testing.T) []string {
			return append(underValgrind(t), compiled(t, "browser", "-D_POSIX_C_SOURCE=200809L"))
		},
	} {
		t.Run(name, func(t *testing.T) { browserInC(t, command(t)) })
	}
}

func browserInC(t *testing.T, command []string) {
	games := map[string]string{"gmtest": "HA6zkS"}
	master, err := qr2test.New(qr2test.Config{Games: games})
	require.NoError(t, err)
	defer master.Close()
	list, err := sbtest.New(sbtest.Config{Games: games, Registry: master.Registry(), ClientIP: netip.MustParseAddr("192.0.2.9")})
	require.NoError(t, err)
	defer list.Close()
	matchup, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer matchup.Close()

	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	host, err := qr2.NewHost(conn, qr2.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr(), NatNeg: &natneg.Config{Servers: matchup.Addrs()}})
	require.NoError(t, err)
	defer host.Close()
	playing := func(mapname string) {
		require.NoError(t, host.Update(qr2.Snapshot{
			Server:  qr2.Fields{{Key: "hostname", Value: "From Go"}, {Key: "mapname", Value: mapname}, {Key: "maxplayers", Value: "16"}},
			Players: []qr2.Fields{{{Key: "player_", Value: "ann"}}, {{Key: "player_", Value: "bob"}}},
		}))
	}
	playing("dm_bay")
	go func() { _ = host.Run(t.Context()) }() // Close ends it
	require.Eventually(t, func() bool { return len(list.Registry().List("gmtest")) == 1 }, 20*time.Second, time.Millisecond)
	game := host.GameConn()
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := game.ReadFrom(b)
			if err != nil {
				return
			}
			if string(b[:n]) == "hello" {
				_, _ = game.WriteTo([]byte("welcome"), from)
			}
		}
	}()

	player := start(t, command[0], append(append(command[1:], list.Addr()), matchup.Addrs()...)...)
	require.Equal(t, conn.LocalAddr().String(), player.expect("listed"))
	playing("dm_town")
	require.Equal(t, "dm_town", player.expect("changed"))
	require.Equal(t, "From Go", player.expect("asked"))
	require.Equal(t, conn.LocalAddr().String(), player.expect("connected"))
	require.Equal(t, conn.LocalAddr().String(), player.expect("joined"))
	player.expect("diagnosed")
	require.NoError(t, host.Close())
	require.Equal(t, "From Go", player.expect("removed"))
	player.end()
}
