package sb_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// restarting is a master that can be away.
type restarting struct {
	master *sbtest.Server
	away   atomic.Bool
	dials  atomic.Int32
}

func (r *restarting) dial(ctx context.Context, network, address string) (net.Conn, error) {
	r.dials.Add(1)
	if r.away.Load() {
		return nil, errors.New("connection refused")
	}
	return piped(r.master)(ctx, network, address)
}

func (r *restarting) restart() {
	r.away.Store(true)
	r.master.Disconnect()
	synctest.Wait()
}

func TestSubscriptionComesBackWithADiff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &restarting{master: newMaster(t, sbtest.Config{NoListen: true})}
		defer r.master.Close()
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: r.dial, ReconnectFor: -1})
		defer browser.Close()
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		defer subscription.Close()
		require.Len(t, drain(subscription), 4)
		ping := someServers()[2]
		require.NoError(t, subscription.List().Put(sb.Server{Addr: ping.Addr, Ping: time.Millisecond}))
		require.Equal(t, []string{"updated Quiet's dm_bay"}, drain(subscription))

		r.restart()
		state := subscription.State()
		require.Equal(t, sb.StepWaiting, state.Step)
		require.Contains(t, state.Reason, "closed the connection")
		require.LessOrEqual(t, time.Until(state.Retry), time.Second)
		require.Len(t, subscription.Servers(), 3, "what was known stays")
		time.Sleep(5 * time.Minute)
		require.Empty(t, drain(subscription))
		require.InDelta(t, 9, r.dials.Load(), 4, "the waits grow")

		servers := someServers()
		servers[0].Fields[1].Value = "dm_town"
		r.master.Registry().Put(servers[0])
		r.master.Registry().Remove(game, servers[1].Addr)
		r.master.Registry().Put(sbtest.GameServer{Game: game, Addr: netip.MustParseAddrPort("10.0.0.9:1"), Fields: []sbtest.Field{{Key: "hostname", Value: "New"}}})
		r.away.Store(false)
		time.Sleep(3 * time.Minute)
		require.Equal(t, []string{"updated Friday night dm_town", "added New", "removed Behind a NAT", "complete 3"}, drain(subscription))
		state = subscription.State()
		require.Equal(t, sb.StepConnected, state.Step)
		require.Equal(t, 3, state.Servers)
		require.Positive(t, state.Reconnects)
		quiet, ok := subscription.List().Get(ping.Addr)
		require.True(t, ok)
		require.Equal(t, time.Millisecond, quiet.Ping, "what a query brought stays, too")

		r.master.Registry().Remove(game, servers[0].Addr)
		require.Equal(t, []string{"removed Friday night"}, drain(subscription), "pushes go on")

		// One restart after the other, with nothing new: no event but the end of each list.
		for range 3 {
			r.restart()
			r.away.Store(false)
			time.Sleep(5 * time.Minute)
			require.Equal(t, []string{"complete 2"}, drain(subscription))
		}
		require.NoError(t, subscription.Err())
	})
}

func TestSubscriptionGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &restarting{master: newMaster(t, sbtest.Config{NoListen: true})}
		defer r.master.Close()
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: r.dial, ReconnectFor: 10 * time.Minute})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		defer subscription.Close()
		drain(subscription)
		start := time.Now()
		r.restart()
		var last error
		for _, err := range subscription.Events(t.Context()) {
			last = err
		}
		typed(t, last, last)
		require.ErrorContains(t, last, "connection refused")
		require.Equal(t, 10*time.Minute, time.Since(start), "not after the wait in which the time is over")
	})
}

func TestClosingWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &restarting{master: newMaster(t, sbtest.Config{NoListen: true})}
		defer r.master.Close()
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: r.dial, ReconnectFor: -1})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		drain(subscription)
		r.restart()
		start := time.Now()
		require.NoError(t, subscription.Close())
		require.Zero(t, time.Since(start))
		require.ErrorIs(t, subscription.Err(), net.ErrClosed)
		require.Equal(t, sb.StepClosed, subscription.State().Step)
	})
}

// What is no list will not become one: there is no second try.
func TestNoReconnectToNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		dial := script(func(write func([]byte) bool) {
			write([]byte{1, 2, 3, 4, 0x19, 0x64, 0, 0, 0, 255, 255, 255, 255})
			write([]byte{0, 1, 0}) // a message that is too short
		})
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", ReconnectFor: -1, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return dial(ctx, network, address)
		}})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		time.Sleep(time.Hour)
		typed(t, subscription.Err(), sb.ErrMalformed)
		require.EqualValues(t, 1, dials.Load())
	})
}

// A list that comes twice in one stream, and servers that come twice in one list, are the same servers.
func TestRepeatedListsAreNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entry := []byte{0x40, 10, 0, 0, 1, 0xFF, 'a', 0}
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: script(func(write func([]byte) bool) {
			write([]byte("\x01\x02\x03\x04\x19\x64\x01\x00hostname\x00\x00" + strings.Repeat(string(entry), 3) + "\x00\xff\xff\xff\xff"))
			for range 3 {
				write([]byte("\x00\x0a\x02\x40\x0a\x00\x00\x01a\x00")) // pushed, with nothing new
			}
		})})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		defer subscription.Close()
		require.Equal(t, []string{"added a", "complete 1"}, drain(subscription))
		require.Equal(t, 3, subscription.State().Pushes)
	})
}

// Whatever a subscription is doing, and although nobody takes its events, Close ends it at once and leaves nothing behind;
// requests on its connection end, too.
func TestClosingAtAnyMoment(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			faults := sbtest.Faults{Segment: 1 + random.IntN(60)}
			if random.IntN(2) == 0 {
				faults.Fault, faults.At = sbtest.Stall, random.IntN(400)
			}
			r := &restarting{master: newMaster(t, sbtest.Config{NoListen: true, Faults: faults})}
			defer r.master.Close()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: r.dial, ReconnectFor: -1, ReplyTimeout: time.Duration(1+random.IntN(30)) * time.Second})
			defer browser.Close()
			var work sync.WaitGroup
			defer work.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			subscription, err := browser.Subscribe(ctx, sb.Query{})
			if err != nil {
				return
			}
			for i := range 4 {
				work.Go(func() { _, _ = browser.ServerInfo(ctx, someServers()[i%3].Addr) })
				after := time.Duration(random.IntN(200)) * time.Second
				work.Go(func() {
					time.Sleep(after)
					r.away.Store(i%2 == 0)
					r.master.Disconnect()
				})
			}
			time.Sleep(time.Duration(random.IntN(240_000)) * time.Millisecond)
			before := time.Now()
			if random.IntN(2) == 0 {
				cancel()
			}
			work.Go(func() { _ = subscription.Close() })
			require.NoError(t, subscription.Close())
			require.Zero(t, time.Since(before))
			require.Error(t, subscription.Err())
			require.Contains(t, []sb.Step{sb.StepClosed, sb.StepFailed, sb.StepRefused}, subscription.State().Step)
			for _, err := range subscription.Events(t.Context()) {
				if err != nil {
					require.Equal(t, subscription.Err(), err)
				}
			}
		})
	}
}
