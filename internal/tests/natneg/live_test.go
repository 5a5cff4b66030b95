package natneg_test

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
)

// Against real matchup servers: RELIGHT_NATNEG="address1,address2,address3" (a single one stands for all), and
// RELIGHT_NATNEG_GAME for the game, if not gmtest.
func TestLive(t *testing.T) {
	servers := os.Getenv("RELIGHT_NATNEG")
	if servers == "" {
		t.Skip("RELIGHT_NATNEG does not name matchup servers to talk to")
	}
	config := natneg.Config{Game: os.Getenv("RELIGHT_NATNEG_GAME"), Servers: strings.Split(servers, ",")}
	if config.Game == "" {
		config.Game = "gmtest"
	}
	if len(config.Servers) == 1 {
		config.Host, config.Servers = config.Servers[0], nil
	}
	// The addresses that the guest's and the host's sockets are bound to. OpenSpy tells sides apart by address: with one for
	// both it takes nine seconds.
	locals := strings.Split(os.Getenv("RELIGHT_NATNEG_LOCAL")+",", ",")
	bind := func(local string) func(context.Context, string, string) (net.PacketConn, error) {
		return func(ctx context.Context, network, _ string) (net.PacketConn, error) {
			return new(net.ListenConfig).ListenPacket(ctx, network, local+":0")
		}
	}
	config.ListenPacket = bind(locals[0])
	for version := 2; version <= 4; version++ {
		for _, game := range []bool{false, true} {
			config.Version = version
			var guest, host net.PacketConn
			if game {
				var err error
				guest, err = bind(locals[0])(t.Context(), "udp4", "")
				require.NoError(t, err)
				host, err = bind(locals[1])(t.Context(), "udp4", "")
				require.NoError(t, err)
			}
			_, _ = rand.Read(cookie[:]) // it never fails
			hostConfig := config
			hostConfig.ListenPacket = bind(locals[1])
			outcomes := both(t.Context(), guest, host, config, hostConfig)
			for i, o := range outcomes {
				require.NoError(t, o.err)
				t.Logf("version %d, game socket %v, %v: %v to %v, corrected %v, %+v, %+v", version, game, natneg.Role(i),
					o.took.Round(time.Millisecond), o.result.Remote, o.result.Corrected, o.result.Timing, o.result.State().Counters)
			}
			talk(t, outcomes)
		}
	}
	start := time.Now()
	_, err := natneg.Negotiate(t.Context(), nil, config, natneg.CookieFromUint32(uint32(time.Now().UnixNano())), natneg.Guest)
	t.Logf("without a partner, after %v: %v", time.Since(start).Round(time.Millisecond), err)
	require.ErrorIs(t, err, natneg.ErrPeerAbsent)
}

// The same servers, asked about the NAT. Not all of them do detection.
func TestLiveDetection(t *testing.T) {
	servers := os.Getenv("RELIGHT_NATNEG")
	if servers == "" {
		t.Skip("RELIGHT_NATNEG does not name matchup servers to talk to")
	}
	report, err := natneg.Detect(t.Context(), natneg.Config{Game: "gmtest", Servers: strings.Split(servers, ",")})
	t.Logf("%v, %v", report, err)
}
