package engine

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// A game server in C is listed, lets a player in, has CD keys checked and says goodbye, on a socket of the library's and on
// its own; with checks of memory, and once more under valgrind.
func TestHostInC(t *testing.T) {
	for name, run := range map[string]struct {
		socket   string
		valgrind bool
	}{
		"own socket":      {"own", false},
		"engine's socket": {"engine", false},
		"valgrind":        {"engine", true},
	} {
		t.Run(name, func(t *testing.T) {
			if run.valgrind {
				hostInC(t, append(underValgrind(t), compiled(t, "host"), run.socket))
				return
			}
			hostInC(t, []string{compiled(t, "host", sanitized...), run.socket})
		})
	}
}

func hostInC(t *testing.T, command []string) {
	master, err := qr2test.New(qr2test.Config{Games: map[string]string{"gmtest": "HA6zkS"}})
	require.NoError(t, err)
	defer master.Close()
	matchup, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	defer matchup.Close()
	validation, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{11057: {"GOOD-KEY"}}})
	require.NoError(t, err)
	defer validation.Close()

	game := start(t, command[0], append(append(command[1:], master.Addr()), append(matchup.Addrs(), validation.Addr())...)...)
	addr := netip.MustParseAddrPort(game.expect("listed"))
	servers := master.Registry().List("gmtest")
	require.Len(t, servers, 1)

	answer, err := qr2test.Query(t.Context(), nil, addr)
	require.NoError(t, err)
	require.Equal(t, "from C", answer.Value("hostname"))
	require.Len(t, answer.Players, 3)
	require.Len(t, answer.Teams, 1)

	cookie := natneg.CookieFromUint32(77)
	joined := make(chan *natneg.Result, 1)
	go func() {
		defer close(joined)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return
		}
		if result, err := natneg.Negotiate(ctx, conn, natneg.Config{Game: "gmtest", Servers: matchup.Addrs()}, cookie, natneg.Guest); err == nil {
			joined <- result
		}
	}()
	require.NoError(t, master.Relay(t.Context(), addr, append([]byte{0xfd, 0xfc, 0x1e, 0x66, 0x6a, 0xb2}, cookie[:]...)))
	result := <-joined
	require.NotNil(t, result)
	defer result.Conn.Close()
	require.Equal(t, addr, result.Remote)
	require.Equal(t, result.Conn.LocalAddr().String(), game.expect("joined"))

	_, err = result.Conn.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(result.Remote))
	require.NoError(t, err)
	b := make([]byte, 100)
	n, _, err := result.Conn.ReadFrom(b)
	require.NoError(t, err)
	require.Equal(t, "welcome", string(b[:n]))

	game.expect("healthy")
	game.expect("stopped")
	require.Eventually(t, func() bool { return len(master.Registry().List("gmtest")) == 0 }, 10*time.Second, 5*time.Millisecond)
	game.end()
}

// The programs are C++ as well.
func TestProgramsInCxx(t *testing.T) {
	for _, name := range []string{"host", "natneg", "lan"} {
		t.Run(name, func(t *testing.T) {
			run(t, exec.CommandContext(t.Context(), peers.Program(t, "g++"), "-xc++", "-std=gnu++98", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
				"-I", folder, filepath.Join("testdata", name+".c")))
		})
	}
}
