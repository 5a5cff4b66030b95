package natneg_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cookie = natneg.CookieFromUint32(0xDEADBEEF)

// outcome is what one side got.
type outcome struct {
	result *natneg.Result
	err    error
	took   time.Duration
}

// both negotiates as both sides at once.
func both(ctx context.Context, guestConn, hostConn net.PacketConn, guest, host natneg.Config) (outcomes [2]outcome) {
	var wait sync.WaitGroup
	for i, side := range []struct {
		conn   net.PacketConn
		config natneg.Config
	}{{guestConn, guest}, {hostConn, host}} {
		wait.Go(func() {
			start := time.Now()
			result, err := natneg.Negotiate(ctx, side.conn, side.config, cookie, natneg.Role(i))
			outcomes[i] = outcome{result, err, time.Since(start)}
		})
	}
	wait.Wait()
	return outcomes
}

// talk sends a datagram each way on the negotiated path, again and again until it came, and closes everything.
func talk(t testing.TB, outcomes [2]outcome) {
	t.Helper()
	for i, o := range outcomes {
		require.NoError(t, o.err, "role %d", i)
	}
	defer finish(outcomes)
	var wait sync.WaitGroup
	got := [2]chan string{make(chan string, 1), make(chan string, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for i, o := range outcomes {
		wait.Go(func() {
			buf := make([]byte, 1500)
			for {
				n, _, err := o.result.Conn.ReadFrom(buf)
				if err != nil {
					return
				}
				if natnegwire.Is(buf[:n]) {
					continue // of another cookie, or after the background work has ended: nobody's
				}
				select {
				case got[i] <- string(buf[:n]):
				default:
				}
			}
		})
		wait.Go(func() {
			for ctx.Err() == nil {
				_, _ = o.result.Conn.WriteTo([]byte("game packet"), net.UDPAddrFromAddrPort(o.result.Remote))
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	for i := range got {
		select {
		case text := <-got[i]:
			require.Equal(t, "game packet", text)
		case <-ctx.Done():
			t.Errorf("role %d heard nothing", i)
		}
	}
	cancel()
	finish(outcomes)
	wait.Wait()
}

// finish closes what the outcomes hold.
func finish(outcomes [2]outcome) {
	for _, o := range outcomes {
		if o.result != nil {
			_ = o.result.Close()
			_ = o.result.Conn.Close()
		}
	}
}

// pass lets the fake time of a bubble pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// asError is the typed error of this package.
func asError(t testing.TB, err error) *natneg.Error {
	t.Helper()
	var e *natneg.Error
	require.ErrorAs(t, err, &e)
	return e
}

type addrPort = netip.AddrPort
