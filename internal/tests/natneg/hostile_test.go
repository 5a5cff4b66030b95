package natneg_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// Forged CONNECTs and garbage lead nowhere: not one packet goes to the address that they name.
func TestForgedConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		evil := mustAddr("192.0.2.66:6666")
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{ConnectDelay: time.Second, Faults: natnegtest.Faults{Forge: evil, Garbage: true}})
		defer stop()
		var mu sync.Mutex
		toEvil := 0
		l.network.Drop(func(_, to net.Addr, _ []byte) bool {
			mu.Lock()
			defer mu.Unlock()
			if to.String() == evil.String() {
				toEvil++
			}
			return false
		})
		outcomes := both(t.Context(), l.guest.Listen(7777), nil, l.config(l.guest), l.config(l.host))
		require.NoError(t, outcomes[0].err)
		counters := outcomes[0].result.State().Counters
		require.NotZero(t, counters.Unlisted)
		require.NotZero(t, counters.BadAddress)
		require.NotZero(t, counters.Malformed)
		require.NotZero(t, counters.Foreign)
		talk(t, outcomes)
		mu.Lock()
		defer mu.Unlock()
		require.Zero(t, toEvil)
	})
}

// Nothing is sent but to the servers, to the address that they named, to one from which a ping with our cookie came (who
// knows it is the partner, as far as anybody can tell), and in answer to a probe.
func TestWhereWeSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{Delay: 5 * time.Millisecond}, natnegtest.Config{ConnectDelay: 500 * time.Millisecond})
		defer stop()
		stranger := l.host.Listen(6666)
		defer stranger.Close()
		heard := make(chan []byte, 100)
		go func() {
			buf := make([]byte, 1000)
			for {
				n, _, err := stranger.ReadFrom(buf)
				if err != nil {
					return
				}
				heard <- bytes.Clone(buf[:n])
			}
		}()
		game := l.guest.Listen(7777)
		header := natnegwire.Header{Version: 3, Cookie: cookie}
		random := rand.New(rand.NewPCG(1, 1))
		time.AfterFunc(100*time.Millisecond, func() {
			for _, kind := range []natnegwire.Type{
				natnegwire.TypeInit, natnegwire.TypeInitAck, natnegwire.TypeStateUpdate, natnegwire.TypeConnect, natnegwire.TypeConnectAck,
				natnegwire.TypeBackupTest, natnegwire.TypeReport, natnegwire.TypeReportAck, natnegwire.TypePreinitAck, 99,
			} {
				h := header
				h.Type = kind
				packet := natnegwire.Connect{Header: h, Remote: mustAddr("192.0.2.1:6666")}.Append(nil)
				_, _ = stranger.WriteTo(packet, game.LocalAddr())
				for range 20 {
					junk := append(bytes.Clone(packet[:natnegwire.HeaderSize]), make([]byte, random.IntN(1200))...)
					for i := natnegwire.HeaderSize; i < len(junk); i++ {
						junk[i] = byte(random.Uint32())
					}
					_, _ = stranger.WriteTo(junk, game.LocalAddr())
				}
			}
			wrong := natnegwire.Exchange{Header: natnegwire.Header{Version: 3, Type: natnegwire.TypeERTTest}}
			_, _ = stranger.WriteTo(wrong.Append(nil), game.LocalAddr())
		})
		outcomes := both(t.Context(), game, nil, l.config(l.guest), l.config(l.host))
		require.NoError(t, outcomes[0].err)
		require.NoError(t, outcomes[1].err)
		synctest.Wait()
		require.Empty(t, heard)
		// The probe is answered, as it must be: the servers test from addresses that nobody knows.
		test := natnegwire.Exchange{Header: header}
		test.Type = natnegwire.TypeERTTest
		_, err := stranger.WriteTo(test.Append(nil), game.LocalAddr())
		require.NoError(t, err)
		test.Type = natnegwire.TypeERTAck
		require.Equal(t, test.Append(nil), <-heard)
		finish(outcomes)
	})
}

// Servers that answer from elsewhere are believed only if the program says so.
func TestAnySource(t *testing.T) {
	for _, any := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Hook: func(s *natnegtest.Server, _ int, b []byte, from addrPort) bool {
				if b[7] != byte(natnegwire.TypeInit) {
					return false
				}
				m := natnegwire.Connect{Header: natnegwire.Header{Version: 3, Type: natnegwire.TypeConnect, Cookie: cookie}, Remote: mustAddr("192.0.2.1:9")}
				_ = s.Send(natnegtest.Probe1, m.Append(nil), from)
				return false
			}})
			defer stop()
			config := l.config(l.guest)
			config.AnySource = any
			config.ConnectTimeout = time.Second
			_, err := natneg.Negotiate(t.Context(), nil, config, cookie, natneg.Guest)
			if any {
				require.ErrorIs(t, err, natneg.ErrPingTimeout)
			} else {
				require.ErrorIs(t, err, natneg.ErrPeerAbsent)
				require.ErrorContains(t, err, "from other addresses ignored")
			}
		})
	}
}
