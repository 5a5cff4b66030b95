package sb_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/registry"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// drain takes the events that are there once everybody has come to rest.
func drain(s *sb.Subscription) (events []string) {
	synctest.Wait()
	for {
		event, ok := s.Poll()
		if !ok {
			return events
		}
		switch e := event.(type) {
		case sb.ServerAdded:
			events = append(events, "added "+e.Server.Name())
		case sb.ServerUpdated:
			events = append(events, "updated "+e.Server.Name()+" "+e.Server.Map())
		case sb.ServerRemoved:
			events = append(events, "removed "+e.Server.Name())
		case sb.ListComplete:
			events = append(events, fmt.Sprint("complete ", e.Servers))
		}
	}
}

func TestSubscription(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy} {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				master := newMaster(t, sbtest.Config{NoListen: true, Family: family})
				defer master.Close()
				browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
				defer browser.Close()
				subscription, err := browser.Subscribe(t.Context(), sb.Query{})
				require.NoError(t, err)
				defer subscription.Close()
				require.Equal(t, []string{"added Friday night", "added Behind a NAT", "added Quiet's", "complete 3"}, drain(subscription))

				server := someServers()[0]
				server.Fields[1].Value = "dm_town"
				master.Registry().Put(server)
				require.Equal(t, []string{"updated Friday night dm_town"}, drain(subscription))

				// Several changes of one server that nobody looked at become one.
				server.Fields[1].Value = "dm_one"
				master.Registry().Put(server)
				server.Fields[1].Value = "dm_two"
				master.Registry().Put(server)
				fresh := sbtest.GameServer{Game: game, Addr: netip.MustParseAddrPort("10.0.0.9:1"), Fields: []sbtest.Field{{Key: "hostname", Value: "New"}}}
				master.Registry().Put(fresh)
				synctest.Wait()
				master.Registry().Remove(game, fresh.Addr)
				require.Equal(t, []string{"updated Friday night dm_two"}, drain(subscription))

				master.Registry().Remove(game, server.Addr)
				require.Equal(t, []string{"removed Friday night"}, drain(subscription))
				require.Len(t, subscription.Servers(), 2)

				// The master drops clients that do not echo its keep-alives after 30 seconds.
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				require.NoError(t, subscription.Err())
				require.InDelta(t, 40, subscription.State().KeepAlives, 1)
				require.Equal(t, sb.StepConnected, subscription.State().Step)

				require.NoError(t, subscription.Close())
				require.NoError(t, subscription.Close())
				require.ErrorIs(t, subscription.Err(), net.ErrClosed)
				for _, err := range subscription.Events(t.Context()) {
					if err != nil {
						require.ErrorIs(t, err, net.ErrClosed)
					}
				}
			})
		})
	}
}

func TestSubscriptionEnds(t *testing.T) {
	t.Run("with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			master := newMaster(t, sbtest.Config{NoListen: true})
			defer master.Close()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
			ctx, cancel := context.WithCancel(t.Context())
			subscription, err := browser.Subscribe(ctx, sb.Query{})
			require.NoError(t, err)
			drain(subscription)
			cancel()
			synctest.Wait()
			require.ErrorIs(t, subscription.Err(), context.Canceled)
		})
	})
	t.Run("when the master closes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			master := newMaster(t, sbtest.Config{NoListen: true})
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
			subscription, err := browser.Subscribe(t.Context(), sb.Query{})
			require.NoError(t, err)
			drain(subscription)
			master.Close()
			var last error
			for _, err := range subscription.Events(t.Context()) {
				last = err
			}
			require.ErrorContains(t, last, "closed the connection")
			require.Equal(t, sb.StepFailed, subscription.State().Step)
		})
	})
	t.Run("when keep-alives stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			master := newMaster(t, sbtest.Config{NoListen: true, Faults: sbtest.Faults{Fault: sbtest.Stall, At: 500}})
			defer master.Close()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
			subscription, err := browser.Subscribe(t.Context(), sb.Query{})
			require.NoError(t, err)
			start := time.Now()
			var last error
			for _, err := range subscription.Events(t.Context()) {
				last = err
			}
			require.Error(t, last)
			require.Less(t, time.Since(start), 20*time.Minute)
			require.Positive(t, subscription.State().KeepAlives)
		})
	})
}

func TestRequestsOnTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addr := netip.MustParseAddrPort("10.0.0.3:6502")
		seen := time.Unix(1111111111, 0)
		dialled := 0
		relayed := make(chan string, 8)
		reg := new(registry.Registry)
		reg.SetRelay(func(_ context.Context, server registry.Server, message []byte) error {
			relayed <- server.Addr.String() + " " + string(message)
			return nil
		})
		master := newMaster(t, sbtest.Config{NoListen: true, Registry: reg, Maps: map[netip.AddrPort][]string{addr: {"dm_one", "dm_two"}},
			Players: []sbtest.Player{{Nick: "Ann", Game: game, Server: addr, LastSeen: seen}, {Nick: "Hannah", Game: game}, {Nick: "Ann", Game: "other"}}})
		defer master.Close()
		dial := piped(master)
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled++
			return dial(ctx, network, address)
		}})
		defer browser.Close()

		require.NoError(t, browser.SendMessage(t.Context(), addr, []byte("hello")))
		require.Equal(t, "10.0.0.3:6502 hello", <-relayed)
		require.Equal(t, uint32(2), master.Requests()[0].Options)

		server, err := browser.ServerInfo(t.Context(), addr)
		require.NoError(t, err)
		require.Equal(t, "Quiet's", server.Name())
		require.Equal(t, "ann", server.Get("player_0"))
		_, err = browser.ServerInfo(t.Context(), netip.MustParseAddrPort("9.9.9.9:9"))
		require.ErrorIs(t, err, sb.ErrNoData)

		loop, err := browser.MapLoop(t.Context(), addr)
		require.NoError(t, err)
		require.Equal(t, []string{"dm_one", "dm_two"}, loop.Maps)
		start := time.Now()
		_, err = browser.MapLoop(t.Context(), netip.MustParseAddrPort("9.9.9.9:9"))
		require.ErrorIs(t, err, sb.ErrSilence)
		require.Equal(t, 5*time.Second, time.Since(start))

		find := func(search sb.PlayerSearch) (nicks []string) {
			for player, err := range browser.FindPlayers(t.Context(), search) {
				require.NoError(t, err)
				nicks = append(nicks, player.Nick+" "+player.Game)
			}
			return nicks
		}
		require.Equal(t, []string{"Ann "}, find(sb.PlayerSearch{Name: "ann"}))
		require.Equal(t, []string{"Ann ", "Hannah "}, find(sb.PlayerSearch{Name: "ann", Anywhere: true}))
		require.Equal(t, []string{"Ann gmtest", "Ann other"}, find(sb.PlayerSearch{Name: "ann", AllGames: true}))
		require.Empty(t, find(sb.PlayerSearch{Name: "nobody"}))
		require.Equal(t, 1, dialled, "one connection for everything")

		// The master restarts: the next message opens the connection again.
		master.Disconnect()
		synctest.Wait()
		require.NoError(t, browser.SendMessage(t.Context(), addr, []byte("again")))
		require.Equal(t, "10.0.0.3:6502 again", <-relayed)
		require.Equal(t, 2, dialled)

		// Not used, it is dropped.
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, sb.StepClosed, browser.State().Step)
		require.Equal(t, "not used", browser.State().Reason)

		// A subscription carries messages, too.
		subscription, err := browser.Subscribe(t.Context(), sb.Query{Filter: "numplayers > 5"})
		require.NoError(t, err)
		require.NoError(t, browser.SendMessage(t.Context(), addr, []byte("third")))
		require.Equal(t, "10.0.0.3:6502 third", <-relayed)
		other, err := browser.ServerInfo(t.Context(), netip.MustParseAddrPort("10.0.0.1:6500"))
		require.NoError(t, err)
		require.Equal(t, "Friday night", other.Name())
		require.Equal(t, []string{"added Quiet's", "complete 1"}, drain(subscription), "what was asked for is not part of the list")
		require.Equal(t, 3, dialled)
		require.NoError(t, subscription.Close())

		require.NoError(t, browser.Close())
		require.NoError(t, browser.Close())
		err = browser.SendMessage(t.Context(), addr, nil)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

// Option 2 and what the families make of it.
func TestMessagesToEveryFamily(t *testing.T) {
	for _, family := range sbFamilies {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				relayed := make(chan string, 8)
				reg := new(registry.Registry)
				reg.SetRelay(func(_ context.Context, server registry.Server, message []byte) error {
					relayed <- server.Addr.String() + " " + string(message)
					return nil
				})
				master := newMaster(t, sbtest.Config{NoListen: true, Family: family, Registry: reg})
				defer master.Close()
				browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
				defer browser.Close()
				servers, err := collect(t.Context(), browser, sb.Query{Filter: "numplayers > 5"})
				require.NoError(t, err)
				last := servers[len(servers)-1]
				if family == quirks.WFC {
					require.NotEqual(t, "10.0.0.3:6502", last.Addr.String(), "an opaque address")
				}
				require.NoError(t, browser.SendMessage(t.Context(), last.Addr, []byte("x")))
				require.Equal(t, "10.0.0.3:6502 x", <-relayed)
				_, err = browser.ServerInfo(t.Context(), last.Addr)
				switch family {
				case quirks.Original, quirks.OpenSpy, quirks.Crymp:
					require.NoError(t, err)
				default:
					require.ErrorIs(t, err, sb.ErrSilence)
					failure, ok := errors.AsType[*sb.Error](err)
					require.True(t, ok)
					require.True(t, failure.Timeout())
				}
			})
		})
	}
}
