package gp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/quirks"
)

var errClosed = net.ErrClosed

// keepAlives counts those that the server got.
func keepAlives(server *gptest.Server) (count int) {
	for _, message := range server.Received() {
		if message == `\ka\` {
			count++
		}
	}
	return count
}

// The client sends a keep-alive after 120 s in which neither side said anything (spec gp.md §1.2).
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		defer server.Close()
		session, err := gp.Login(t.Context(), inMemory(server), ann)
		require.NoError(t, err)
		defer session.Close()
		time.Sleep(120*time.Second - time.Millisecond)
		synctest.Wait()
		require.Zero(t, keepAlives(server))
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.Equal(t, 1, keepAlives(server))

		time.Sleep(60 * time.Second)
		require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Online})) // starts the silence anew
		time.Sleep(119 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, keepAlives(server))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 2, keepAlives(server))
		assert.EqualValues(t, 2, session.State().Counters.KeepAlivesSent)
	})
}

// A server that sends its own keep-alives needs none.
func TestKeepAliveOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Family: quirks.OpenSpy, Accounts: accounts()})
		defer server.Close()
		session, err := gp.Login(t.Context(), inMemory(server), ann)
		require.NoError(t, err)
		defer session.Close()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Zero(t, keepAlives(server))
		assert.EqualValues(t, 9, session.State().Counters.KeepAlivesReceived)
	})
}

// The optional limit of silence asks once, halfway, and then gives up.
func TestPeerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, family := range []quirks.Family{quirks.Original, quirks.WFC} {
			server := gptest.New(gptest.Config{Family: family, Accounts: accounts()})
			config := inMemory(server)
			config.PeerTimeout = 40 * time.Second
			session, err := gp.Login(t.Context(), config, identityFor(family, "ann"))
			require.NoError(t, err)
			start := time.Now()
			time.Sleep(20 * time.Second)
			synctest.Wait()
			require.Equal(t, 1, keepAlives(server))
			if family == quirks.WFC { // answers, and lives on
				time.Sleep(10 * time.Minute)
				require.NoError(t, session.Err())
			} else {
				<-session.Done()
				require.Equal(t, 40*time.Second, time.Since(start))
				require.ErrorIs(t, session.Err(), gp.ErrPeerSilent)
				netErr, ok := errors.AsType[net.Error](session.Err())
				require.True(t, ok)
				require.True(t, netErr.Timeout())
			}
			require.NoError(t, session.Close())
			server.Close()
		}
	})
}

// Each limit of time ends what it should, exactly then, and says which it was.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := gptest.New(gptest.Config{Faults: gptest.Faults{NoGreeting: true}})
		start := time.Now()
		_, err := gp.Login(t.Context(), inMemory(silent), ann)
		require.True(t, isTimeout(err), "%v", err)
		require.Contains(t, err.Error(), "waiting for the greeting")
		require.Contains(t, err.Error(), "30s")
		require.Equal(t, 30*time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		start = time.Now()
		_, err = gp.Login(ctx, inMemory(silent), ann)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(start))
		cancel()

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start = time.Now()
		_, err = gp.Login(ctx, inMemory(silent), ann)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second, time.Since(start))
		silent.Close()

		// An operation that is never answered.
		session := logIn(t, gp.Config{}, "1", func(p *peer) { _, _ = io.Copy(io.Discard, p.conn) })
		start = time.Now()
		_, err = session.Profile(t.Context(), 7)
		require.True(t, isTimeout(err), "%v", err)
		require.Equal(t, 15*time.Second, time.Since(start))
		require.Zero(t, session.State().Pending)
		require.NoError(t, session.Close())

		// A server that reads nothing: sending ends the session, and Close does not wait for it.
		session = logIn(t, gp.Config{}, "1", func(p *peer) { time.Sleep(time.Hour) })
		start = time.Now()
		err = session.SendMessage(t.Context(), 7, "hello")
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 10*time.Second, time.Since(start))
		<-session.Done()
		require.ErrorIs(t, session.Err(), os.ErrDeadlineExceeded)
		require.NoError(t, session.Close())

		session = logIn(t, gp.Config{}, "1", func(p *peer) { time.Sleep(time.Hour) })
		start = time.Now()
		require.NoError(t, session.Close())
		require.Equal(t, time.Second, time.Since(start), "the goodbye is given a second")

		// A search that is never answered.
		searcher := gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: scripted(t, func(p *peer) { _, _ = io.Copy(io.Discard, p.conn) })})
		start = time.Now()
		_, err = searcher.ValidEmail(t.Context(), "a@b")
		require.True(t, isTimeout(err), "%v", err)
		require.Equal(t, 30*time.Second, time.Since(start))
	})
}

// names resolves every name to the same addresses.
type names []netip.Addr

func (n names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return n, nil }

// Addresses are tried in turn, each for its own time.
func TestAddressesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gptest.New(gptest.Config{Accounts: accounts()})
		defer server.Close()
		var dialled []string
		config := gp.Config{
			Domain:   "example.net",
			Resolver: names{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialled = append(dialled, address)
				switch {
				case strings.HasPrefix(address, "192.0.2.1:"):
					return nil, errors.New("refused")
				case strings.HasPrefix(address, "192.0.2.2:"):
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return server.Dial(ctx, network, address)
			},
		}
		start := time.Now()
		session, err := gp.Login(t.Context(), config, ann)
		require.NoError(t, err)
		require.Equal(t, 10*time.Second, time.Since(start))
		require.Equal(t, []string{"192.0.2.1:29900", "192.0.2.2:29900", "192.0.2.3:29900"}, dialled)
		require.Equal(t, "192.0.2.3:29900", session.State().Peer)
		require.NoError(t, session.Close())

		config.Resolver = names{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
		_, err = gp.Login(t.Context(), config, ann)
		require.ErrorContains(t, err, "192.0.2.1:29900: refused")
		require.ErrorContains(t, err, "192.0.2.2:29900")
		require.ErrorContains(t, err, "no connection within 10s")
	})
}
