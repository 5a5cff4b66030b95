package natneg_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// homes negotiates between two routers that forget after half a minute, and returns both ends.
func homes(t *testing.T, kind natKind, keepAlive [2]time.Duration, progress func(natneg.State)) (*memoryLab, [2]outcome) {
	t.Helper()
	kind.config.Timeout = 30 * time.Second
	l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond}, natnegtest.Config{}, kind, kind)
	guest, host := l.config(0), l.config(1)
	guest.KeepAlive, host.KeepAlive = keepAlive[0], keepAlive[1]
	guest.Progress = progress
	outcomes := both(t.Context(), nil, nil, guest, host)
	require.NoError(t, outcomes[0].err)
	require.NoError(t, outcomes[1].err)
	return l, outcomes
}

func portRestrictedKind() natKind {
	return natKind{name: "port-restricted", config: natnegtest.PortRestricted()}
}

// A game goes silent for an hour. With KeepAlive on either side the path is still there, without it is not.
func TestKeepAlive(t *testing.T) {
	for _, keepAlive := range [][2]time.Duration{{15 * time.Second, 15 * time.Second}, {15 * time.Second, 0}, {0, 0}} {
		synctest.Test(t, func(t *testing.T) {
			l, outcomes := homes(t, portRestrictedKind(), keepAlive, nil)
			defer l.server.Close()
			defer finish(outcomes)
			pass(time.Hour)
			guest, host := outcomes[0].result, outcomes[1].result
			_, err := host.Conn.WriteTo([]byte("are you there?"), udpAddr(host.Peer()))
			require.NoError(t, err)
			require.NoError(t, guest.Conn.SetReadDeadline(time.Now().Add(time.Second)))
			_, _, err = guest.Conn.ReadFrom(make([]byte, 100))
			switch {
			case keepAlive[0] == 0:
				require.Error(t, err)
			case keepAlive[1] == 0:
				// The guest keeps its own router open, and nothing comes from the host that would tell of it.
				require.NoError(t, err)
				require.Zero(t, host.State().Counters.KeepAlives)
			default:
				require.NoError(t, err)
				state := guest.State()
				require.Equal(t, natneg.StepKept, state.Step)
				require.InDelta(t, 240, state.Counters.KeepAlives, 2)
				require.WithinDuration(t, time.Now(), state.Heard, 16*time.Second)
				require.Zero(t, state.Rebounds)
			}
			require.NoError(t, guest.Close())
			require.Equal(t, natneg.StepDone, guest.State().Step)
		})
	}
}

// The host's router starts anew, with another address and another port. The guest finds out from the host's next packet, and
// the host from the guest's answer to it; both are told.
func TestRebinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rebounds atomic.Int32
		kind := natKind{name: "full cone", config: natnegtest.FullCone()}
		l, outcomes := homes(t, kind, [2]time.Duration{5 * time.Second, 5 * time.Second}, func(state natneg.State) {
			if state.Rebounds > 0 {
				rebounds.Add(1)
			}
		})
		defer l.server.Close()
		defer finish(outcomes)
		guest, host := outcomes[0].result, outcomes[1].result
		pass(time.Minute)
		require.Equal(t, guest.Remote, guest.Peer())
		moved := netip.MustParseAddr("203.0.113.77")
		l.nats[1].Reboot(moved)
		pass(time.Minute)
		require.Equal(t, moved, guest.Peer().Addr())
		require.Equal(t, moved, host.State().SeenAs.Addr())
		require.Positive(t, rebounds.Load())
		require.Positive(t, host.State().Rebounds)
		_, err := guest.Conn.WriteTo([]byte("still there?"), udpAddr(guest.Peer()))
		require.NoError(t, err)
		buf := make([]byte, 100)
		for {
			n, _, err := host.Conn.ReadFrom(buf)
			require.NoError(t, err)
			if !natnegwire.Is(buf[:n]) {
				require.Equal(t, "still there?", string(buf[:n]))
				break
			}
		}
	})
}

// Who does not know the cookie cannot move the path, nor can who does while the partner is there.
func TestPathIsNotStolen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := natKind{name: "full cone", config: natnegtest.FullCone()}
		l, outcomes := homes(t, kind, [2]time.Duration{5 * time.Second, 5 * time.Second}, nil)
		defer l.server.Close()
		defer finish(outcomes)
		thief, err := l.network.Host(netip.MustParseAddr("198.51.100.66")).Listen(0)
		require.NoError(t, err)
		defer thief.Close()
		guest := outcomes[0].result
		for i := range 200 {
			ping := natnegwire.Connect{Header: natnegwire.Header{Version: 3, Type: natnegwire.TypeConnectPing, Cookie: cookie}, GotData: 1}
			if i%2 == 0 {
				ping.Cookie[0]++
			}
			_, err := thief.WriteTo(ping.Append(nil), udpAddr(netip.MustParseAddrPort("203.0.113.1:49152")))
			require.NoError(t, err)
			pass(500 * time.Millisecond)
		}
		require.Equal(t, guest.Remote, guest.Peer())
	})
}
