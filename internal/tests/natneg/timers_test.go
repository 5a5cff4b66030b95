package natneg_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// Every way to end in time: the step, the sentinel, the moment, and that the game's socket is usable again.
func TestTimeLimits(t *testing.T) {
	nobody := func(uint8, addrPort) addrPort { return mustAddr("192.0.2.1:9") }
	for _, test := range []struct {
		name    string
		server  natnegtest.Config
		change  func(*natneg.Config)
		partner bool
		step    natneg.Step
		err     error
		timeout bool
		after   time.Duration
		says    string
	}{
		{name: "silence", server: natnegtest.Config{Faults: natnegtest.Faults{Silent: true}},
			step: natneg.StepInit, err: natneg.ErrNoServers, timeout: true, after: 2 * time.Second, says: "no answer from server 1"},
		{name: "silence, own limit", server: natnegtest.Config{Faults: natnegtest.Faults{Silent: true}},
			change: func(c *natneg.Config) { c.InitTimeout = 6 * time.Second },
			step:   natneg.StepInit, err: natneg.ErrNoServers, timeout: true, after: 6 * time.Second},
		{name: "one server is silent", server: natnegtest.Config{DeadbeatAfter: -1, Faults: natnegtest.Faults{Dead: []int{natnegtest.Server2}}},
			step: natneg.StepWait, err: natneg.ErrInitTimeout, timeout: true, after: 15 * time.Second, says: "server 2 (198.51.100.2:27901) did not"},
		{name: "only INIT is answered", server: natnegtest.Config{Faults: natnegtest.Faults{InitOnly: true}}, partner: true,
			step: natneg.StepWait, err: natneg.ErrPeerAbsent, timeout: true, after: 15 * time.Second, says: "all servers answered"},
		{name: "only INIT is answered, own limit", server: natnegtest.Config{Faults: natnegtest.Faults{InitOnly: true}},
			change: func(c *natneg.Config) { c.ConnectTimeout = time.Minute },
			step:   natneg.StepWait, err: natneg.ErrPeerAbsent, timeout: true, after: time.Minute},
		{name: "the server says that the partner is missing", server: natnegtest.Config{Family: quirks.OpenSpy},
			step: natneg.StepWait, err: natneg.ErrPeerAbsent, after: 10800 * time.Millisecond, says: "the server says so"},
		{name: "the server misses packets", server: natnegtest.Config{ConnectDelay: time.Second, Faults: natnegtest.Faults{Finished: 2}}, partner: true,
			step: natneg.StepWait, err: natneg.ErrPeerInit, after: time.Second},
		{name: "unknown refusal", server: natnegtest.Config{ConnectDelay: time.Second, Faults: natnegtest.Faults{Finished: 77}}, partner: true,
			step: natneg.StepWait, err: natneg.ErrRefused, after: time.Second, says: "unknown result 77"},
		{name: "the partner does not answer", server: natnegtest.Config{Faults: natnegtest.Faults{Guess: nobody}}, partner: true,
			step: natneg.StepPing, err: natneg.ErrPingTimeout, timeout: true, after: 6300 * time.Millisecond, says: "192.0.2.1:9"},
		{name: "the partner does not answer, own limit", server: natnegtest.Config{Faults: natnegtest.Faults{Guess: nobody}}, partner: true,
			change: func(c *natneg.Config) { c.PingTimeout = time.Second },
			step:   natneg.StepPing, err: natneg.ErrPingTimeout, timeout: true, after: time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, stop := newLab(t, simnet.Options{}, test.server)
				defer stop()
				game := l.guest.Listen(7777)
				defer game.Close()
				config := l.config(l.guest)
				if test.change != nil {
					test.change(&config)
				}
				var last natneg.State
				config.Progress = func(state natneg.State) { last = state }
				start := time.Now()
				if test.partner {
					partner := natneg.Start(t.Context(), nil, l.config(l.host), cookie, natneg.Host)
					defer partner.Close()
				}
				result, err := natneg.Negotiate(t.Context(), game, config, cookie, natneg.Guest)
				require.Nil(t, result)
				e := asError(t, err)
				require.ErrorIs(t, e, test.err)
				require.Equal(t, test.step, e.Step)
				require.Equal(t, test.timeout, e.Timeout(), "%v", e)
				require.Contains(t, e.Error(), test.says)
				require.Equal(t, test.after, time.Since(start))
				require.Equal(t, natneg.StepFailed, last.Step)
				require.Equal(t, e, last.Err)
				usable(t, l, game)
			})
		})
	}
}

// usable checks that a socket is the caller's own again.
func usable(t *testing.T, l *lab, game net.PacketConn) {
	t.Helper()
	other := l.host.Listen(0)
	defer other.Close()
	_, err := other.WriteTo([]byte("are you there?"), game.LocalAddr())
	require.NoError(t, err)
	for {
		buf := make([]byte, 100)
		n, _, err := game.ReadFrom(buf)
		require.NoError(t, err)
		if natnegwire.Is(buf[:n]) {
			continue // the answer to something that was sent before
		}
		require.Equal(t, "are you there?", string(buf[:n]))
		return
	}
}

// A cancelled context ends it promptly at every moment, and nothing is left; so does Close.
func TestCancelAtAnyTime(t *testing.T) {
	for _, step := range []time.Duration{0, 1, 5, 50, 99, 100, 101, 500, 1000, 1001, 1200, 5000, 6999} {
		for _, how := range []string{"cancel", "deadline", "close"} {
			synctest.Test(t, func(t *testing.T) {
				l, stop := newLab(t, simnet.Options{Delay: 5 * time.Millisecond}, natnegtest.Config{ConnectDelay: time.Second,
					Faults: natnegtest.Faults{Guess: func(uint8, addrPort) addrPort { return mustAddr("192.0.2.1:9") }}})
				defer stop()
				game := l.guest.Listen(7777)
				defer game.Close()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if how == "deadline" {
					ctx, cancel = context.WithTimeout(ctx, step*time.Millisecond)
					defer cancel()
				}
				partner := natneg.Start(t.Context(), nil, l.config(l.host), cookie, natneg.Host)
				defer partner.Close()
				start := time.Now()
				negotiation := natneg.Start(ctx, game, l.config(l.guest), cookie, natneg.Guest)
				want := context.Canceled
				<-time.After(step * time.Millisecond)
				switch how {
				case "cancel":
					cancel()
				case "deadline":
					want = context.DeadlineExceeded
				case "close":
					want = net.ErrClosed
					require.NoError(t, negotiation.Close())
					require.NoError(t, negotiation.Close())
				}
				_, err := negotiation.Wait()
				require.ErrorIs(t, err, want, "%v after %v", how, step)
				require.Equal(t, how == "deadline", asError(t, err).Timeout())
				require.Equal(t, step*time.Millisecond, time.Since(start))
				synctest.Wait()
				usable(t, l, game)
			})
		}
	}
}

// The game closes its socket meanwhile.
func TestSocketIsClosedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{})
		defer stop()
		game := l.guest.Listen(7777)
		negotiation := natneg.Start(t.Context(), game, l.config(l.guest), cookie, natneg.Guest)
		<-time.After(time.Second)
		require.Equal(t, natneg.StepWait, negotiation.State().Step)
		require.NoError(t, game.Close())
		_, err := negotiation.Wait()
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, natneg.StepWait, asError(t, err).Step)
	})
}

// The work behind a result ends after five seconds, at Close, and when the game closes the connection; never with the
// context.
func TestWhatEndsTheBackground(t *testing.T) {
	for _, how := range []string{"time", "close", "conn", "context"} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{}, natnegtest.Config{})
			defer stop()
			ctx, cancel := context.WithCancel(t.Context())
			outcomes := both(ctx, l.guest.Listen(7777), nil, l.config(l.guest), l.config(l.host))
			defer finish(outcomes)
			require.NoError(t, outcomes[0].err)
			require.NoError(t, outcomes[1].err)
			switch how {
			case "time":
				pass(5 * time.Second)
			case "close":
				require.NoError(t, outcomes[0].result.Close())
			case "conn":
				require.NoError(t, outcomes[0].result.Conn.Close())
				synctest.Wait()
			case "context":
				cancel()
				synctest.Wait()
				require.Equal(t, natneg.StepConnected, outcomes[0].result.State().Step)
				cancel()
				return
			}
			require.Equal(t, natneg.StepDone, outcomes[0].result.State().Step, how)
			cancel()
			if how != "conn" {
				talk(t, outcomes)
			}
		})
	}
}

// A partner that vanishes is noticed at every step.
func TestVanishingPartner(t *testing.T) {
	for _, gone := range []time.Duration{0, 10, 500, 1005, 1015} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{Delay: 10 * time.Millisecond}, natnegtest.Config{ConnectDelay: time.Second})
			defer stop()
			partner := natneg.Start(t.Context(), nil, l.config(l.host), cookie, natneg.Host)
			time.AfterFunc(gone*time.Millisecond, func() { _ = partner.Close() })
			start := time.Now()
			_, err := natneg.Negotiate(t.Context(), nil, l.config(l.guest), cookie, natneg.Guest)
			require.True(t, errors.Is(err, natneg.ErrPeerAbsent) || errors.Is(err, natneg.ErrPingTimeout), "%v: %v", gone, err)
			require.Less(t, time.Since(start), 16*time.Second)
			_ = partner.Close()
		})
	}
}

// The steps are told in order, and the state can be read at any time.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{Delay: 10 * time.Millisecond}, natnegtest.Config{ConnectDelay: time.Second})
		defer stop()
		partner := natneg.Start(t.Context(), nil, l.config(l.host), cookie, natneg.Host)
		config := l.config(l.guest)
		var steps []natneg.Step
		var negotiation *natneg.Negotiation
		ready := make(chan struct{})
		config.Progress = func(state natneg.State) {
			<-ready
			steps = append(steps, state.Step)
			require.Equal(t, state.Step, negotiation.State().Step) // no lock is held
		}
		negotiation = natneg.Start(t.Context(), nil, config, cookie, natneg.Guest)
		close(ready)
		result, err := negotiation.Wait()
		require.NoError(t, err)
		require.Equal(t, time.Second, result.Timing.Connect.Truncate(100*time.Millisecond))
		require.Positive(t, result.Timing.Ping)
		pass(6 * time.Second)
		require.Equal(t, []natneg.Step{natneg.StepResolve, natneg.StepInit, natneg.StepWait, natneg.StepPing, natneg.StepConnected, natneg.StepDone}, steps)
		other, err := partner.Wait()
		require.NoError(t, err)
		finish([2]outcome{{result: result}, {result: other}})
	})
}

// What cannot work is refused before anything is sent.
func TestWrongConfig(t *testing.T) {
	for _, config := range []natneg.Config{
		{Version: 1, Host: "127.0.0.1"},
		{Version: 5, Host: "127.0.0.1"},
		{Game: string(make([]byte, 50)), Host: "127.0.0.1"},
		{Game: "a\x00b", Host: "127.0.0.1"},
		{Servers: make([]string, 4)},
		{Host: "127.0.0.1", LocalIP: netip.IPv6Loopback()},
	} {
		_, err := natneg.Negotiate(t.Context(), nil, config, cookie, natneg.Guest)
		require.Equal(t, natneg.StepSetup, asError(t, err).Step)
	}
	_, err := natneg.Negotiate(t.Context(), nil, natneg.Config{Host: "127.0.0.1"}, cookie, natneg.Role(2))
	require.Equal(t, natneg.StepSetup, asError(t, err).Step)
	_, err = natneg.Negotiate(t.Context(), nil, natneg.Config{Game: "gmtest"}, cookie, natneg.Guest)
	require.ErrorIs(t, err, natneg.ErrNotConfigured)
	_, err = natneg.Negotiate(t.Context(), nil, natneg.Config{Game: "gmtest", Servers: []string{"[::1]:27901"}}, cookie, natneg.Guest)
	require.ErrorIs(t, err, natneg.ErrNoServers)
}

// resolver knows one name.
type resolver map[string]netip.Addr

func (r resolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if addr, ok := r[host]; ok {
		return []netip.Addr{addr}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// Names are made from the domain, and one that is missing does not stop the rest.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Family: quirks.WFC})
		defer stop()
		guest, host := l.config(l.guest), l.config(l.host)
		guest.Servers, host.Servers = nil, nil
		guest.Domain, host.Domain = "example.net", "example.net"
		names := resolver{
			"gmtest.natneg1.example.net": mustAddr("198.51.100.1:1").Addr(),
			"gmtest.natneg2.example.net": mustAddr("198.51.100.2:1").Addr(),
		}
		guest.Resolver, host.Resolver = names, names
		outcomes := both(t.Context(), nil, nil, guest, host)
		talk(t, outcomes)
		require.Error(t, outcomes[0].result.Servers[2].Err)
		guest.Resolver = resolver{}
		_, err := natneg.Negotiate(t.Context(), nil, guest, cookie, natneg.Guest)
		require.ErrorIs(t, err, natneg.ErrNoServers)
		require.Equal(t, natneg.StepResolve, asError(t, err).Step)
	})
}

// noDeadline is a connection whose reads can not be interrupted: it says so, or only seems to comply.
type noDeadline struct {
	net.PacketConn
	err error
}

func (c noDeadline) SetReadDeadline(time.Time) error { return c.err }

// Such a connection is given back, too, at the price of a datagram, and nothing is left behind it.
func TestConnectionsWithoutDeadlinesComeBack(t *testing.T) {
	for _, refusal := range []error{nil, errors.New("no deadlines here")} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{}, natnegtest.Config{DeadbeatAfter: -1})
			defer stop()
			raw := l.guest.Listen(7777)
			defer raw.Close()
			other := l.host.Listen(0)
			defer other.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			_, err := natneg.Negotiate(ctx, noDeadline{raw, refusal}, l.config(l.guest), cookie, natneg.Guest)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.LessOrEqual(t, time.Since(start), 11*time.Second)
			_, err = other.WriteTo([]byte("lost"), raw.LocalAddr())
			require.NoError(t, err)
			synctest.Wait()
			for range 3 {
				usable(t, l, raw)
			}
		})
	}
}

// The game reads from its view all the time: it gets its own packets, and NatNeg's only if they are nobody's.
func TestGameReadsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{Delay: 10 * time.Millisecond}, natnegtest.Config{ConnectDelay: time.Second})
		defer stop()
		first, err := negotiated(t, l, l.guest.Listen(7777), natneg.CookieFromUint32(1))
		require.NoError(t, err)
		require.NoError(t, first.Close())
		game := first.Conn
		var got []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			buf := make([]byte, 1500)
			for {
				n, _, err := game.ReadFrom(buf)
				if err != nil {
					return
				}
				if natnegwire.HasCookie(buf[:n], cookie) {
					t.Error("the game got a packet of the negotiation")
				}
				got = append(got, string(buf[:n]))
			}
		}()
		other := l.host.Listen(0)
		defer other.Close()
		stray := string(natnegwire.Connect{Header: natnegwire.Header{Version: 3, Type: natnegwire.TypeConnectPing}}.Append(nil))
		partner := natneg.Start(t.Context(), nil, l.config(l.host), cookie, natneg.Host)
		negotiation := natneg.Start(t.Context(), game, l.config(l.guest), cookie, natneg.Guest)
		for _, packet := range []string{"one", stray, "two"} {
			_, err = other.WriteTo([]byte(packet), game.LocalAddr())
			require.NoError(t, err)
			<-time.After(500 * time.Millisecond)
		}
		result, err := negotiation.Wait()
		require.NoError(t, err)
		remote, err := partner.Wait()
		require.NoError(t, err)
		pass(6 * time.Second)
		finish([2]outcome{{result: result}, {result: remote}})
		<-ended
		require.Equal(t, []string{"one", stray, "two"}, got)
	})
}
