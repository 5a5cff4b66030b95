package natneg_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// What cannot work is known at once if the game knows both NATs, and after four seconds if only ours is known and hopeless;
// who wants to wait longer can.
func TestTheoryIsNotWaitedFor(t *testing.T) {
	strict := &natneg.Report{Mapping: natneg.EndpointIndependent, Filtering: natneg.AddressAndPortDependent, NAT: natneg.NATPortRestricted}
	for _, test := range []struct {
		name   string
		change func(*natneg.Config)
		err    error
		after  time.Duration // beyond CONNECT
		says   string
	}{
		{"both known", func(c *natneg.Config) { c.PeerNAT = strict }, natneg.ErrIncompatible, 0, "here is a symmetric NAT with random ports, there is a port restricted cone NAT"},
		{"ours seen", func(*natneg.Config) {}, natneg.ErrPingTimeout, 4 * time.Second, "here is a symmetric NAT with random ports"},
		{"longer", func(c *natneg.Config) { c.PeerNAT, c.PingTimeout = strict, 9*time.Second }, natneg.ErrPingTimeout, 9 * time.Second, "within 9s"},
		{"as soon as in doubt", func(c *natneg.Config) { c.FailFast, c.PingTimeout = true, 9*time.Second }, natneg.ErrPingTimeout, 2 * time.Second, "random ports"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond}, natnegtest.Config{ConnectDelay: 100 * time.Millisecond}, natKinds()[5], natKinds()[3])
			defer l.server.Close()
			guest := l.config(0)
			test.change(&guest)
			partner := natneg.Start(t.Context(), nil, l.config(1), cookie, natneg.Host)
			defer partner.Close()
			start := time.Now()
			_, err := natneg.Negotiate(t.Context(), nil, guest, cookie, natneg.Guest)
			e := asError(t, err)
			require.ErrorIs(t, e, test.err, test.name)
			require.Equal(t, test.after+140*time.Millisecond, time.Since(start), test.name)
			require.Contains(t, e.Error(), test.says)
			require.Equal(t, natneg.StepPing, e.Step)
			require.Equal(t, natneg.NATSymmetric, e.NAT.NAT)
			require.Equal(t, test.err == natneg.ErrPingTimeout, e.Timeout())
		})
	}
}

// A step that takes long says after two seconds what is likely to be wrong, once, and goes on.
func TestDoubt(t *testing.T) {
	for _, test := range []struct {
		server natnegtest.Config
		step   natneg.Step
		doubt  error
		says   string
	}{
		{natnegtest.Config{Faults: natnegtest.Faults{Silent: true}}, natneg.StepInit, natneg.ErrNoServers, "no answer from server 1"},
		{natnegtest.Config{Faults: natnegtest.Faults{InitOnly: true}}, natneg.StepWait, natneg.ErrPeerAbsent, "not named the partner's address yet"},
		{natnegtest.Config{Faults: natnegtest.Faults{Dead: []int{natnegtest.Server3}}}, natneg.StepWait, natneg.ErrInitTimeout, "server 3"},
		{natnegtest.Config{Faults: natnegtest.Faults{Guess: func(uint8, netip.AddrPort) netip.AddrPort { return mustAddr("203.0.113.99:9") }}}, natneg.StepPing, natneg.ErrPingTimeout, "one port for all destinations"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond}, test.server, natKinds()[3], natKinds()[3])
			defer l.server.Close()
			guest := l.config(0)
			guest.InitTimeout = 5 * time.Second
			start := time.Now()
			var doubts []natneg.State
			var after time.Duration
			guest.Progress = func(state natneg.State) {
				if state.Doubt != nil {
					doubts = append(doubts, state)
					after = time.Since(start)
				}
			}
			partner := natneg.Start(t.Context(), nil, l.config(1), cookie, natneg.Host)
			defer partner.Close()
			_, err := natneg.Negotiate(t.Context(), nil, guest, cookie, natneg.Guest)
			require.Error(t, err)
			require.Len(t, doubts, 1)
			require.Equal(t, test.step, doubts[0].Step)
			require.ErrorIs(t, doubts[0].Doubt, test.doubt)
			require.ErrorContains(t, doubts[0].Doubt, test.says)
			require.Less(t, after, 8*time.Second)
			require.Greater(t, time.Since(start), after)
		})
	}
}

// The game knows more than the servers: it is tried beside what they say, even if it comes late.
func TestCandidates(t *testing.T) {
	nowhere := func(role uint8, real netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, 99}), real.Port())
	}
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond}, natnegtest.Config{Faults: natnegtest.Faults{Guess: nowhere}}, natKinds()[1], natKinds()[1])
			defer l.server.Close()
			guest, host := l.config(0), l.config(1)
			real := mustAddr("203.0.113.2:6500")
			hostConn := l.player(t, 1, true).conn
			if !late {
				guest.Candidates = []netip.AddrPort{mustAddr("0.0.0.0:1"), mustAddr("203.0.113.98:5"), real}
			}
			partner := natneg.Start(t.Context(), hostConn, host, cookie, natneg.Host)
			negotiation := natneg.Start(t.Context(), nil, guest, cookie, natneg.Guest)
			<-time.After(time.Second)
			if late {
				require.Equal(t, natneg.StepPing, negotiation.State().Step)
				// What the partner's side knows of itself, told by the game.
				for _, addr := range partner.State().Addresses {
					negotiation.AddCandidate(addr)
				}
			}
			result, err := negotiation.Wait()
			require.NoError(t, err)
			require.Equal(t, real, result.Remote)
			require.Equal(t, natneg.PathCandidate, result.Path)
			require.True(t, result.Corrected)
			other, err := partner.Wait()
			require.NoError(t, err)
			require.Equal(t, natneg.PathPing, other.Path)
			finish([2]outcome{{result: result}, {result: other}})
		})
	}
}

// A partner of this package at the one end, a listed address of the NAT at the other: State.Addresses names what was mapped,
// what the servers saw and what is local.
func TestAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond}, natnegtest.Config{DeadbeatAfter: -1}, natKinds()[4], natKinds()[1])
		defer l.server.Close()
		config := l.config(0)
		config.Mapped = []netip.AddrPort{mustAddr("203.0.113.1:7777")}
		negotiation := natneg.Start(t.Context(), l.player(t, 0, true).conn, config, cookie, natneg.Guest)
		<-time.After(time.Second)
		state := negotiation.State()
		require.Equal(t, []netip.AddrPort{mustAddr("203.0.113.1:7777"), mustAddr("203.0.113.1:40000"), mustAddr("192.168.1.2:6500")}, state.Addresses)
		require.Equal(t, 1, state.NAT.Step)
		require.NoError(t, negotiation.Close())
	})
}

// Both sides name the same cookie a second time at once, on sockets of their own: an old server state does not confuse them.
func TestCookieIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond}, natnegtest.Config{}, natKinds()[3], natKinds()[3])
		defer l.server.Close()
		for range 2 {
			outcomes := both(t.Context(), nil, nil, l.config(0), l.config(1))
			require.NoError(t, outcomes[0].err)
			require.NoError(t, outcomes[1].err)
			finish(outcomes)
			pass(time.Minute) // the servers keep a cookie that long
		}
	})
}

// CONNECT that leads to everybody on this machine's network is not followed.
func TestBroadcastIsNotPinged(t *testing.T) {
	t.Parallel() // it mostly waits
	server, err := natnegtest.New(natnegtest.Config{Faults: natnegtest.Faults{Guess: func(uint8, netip.AddrPort) netip.AddrPort {
		return mustAddr("127.255.255.255:7777")
	}}})
	require.NoError(t, err)
	defer server.Close()
	config := natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: loopback, ConnectTimeout: 1500 * time.Millisecond}
	partner := natneg.Start(t.Context(), nil, config, cookie, natneg.Host)
	defer partner.Close()
	_, err = natneg.Negotiate(t.Context(), nil, config, cookie, natneg.Guest)
	require.ErrorIs(t, err, natneg.ErrPeerAbsent)
	require.ErrorContains(t, err, "where no partner can be")
	require.Zero(t, server.Received(uint8(natnegwire.TypeConnectPing)))
}
