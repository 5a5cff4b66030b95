package sb_test

import (
	"bytes"
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

// What a master says of one server over and over, with ever new keys, does not grow without bound, nor cost much.
func TestKeysWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []byte{1, 2, 3, 4, 0x19, 0x64, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}
		const pushes = 100
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: script(func(write func([]byte) bool) {
			if !write(list) {
				return
			}
			for i := range pushes {
				entry := []byte{2, 0x90, 10, 0, 0, 1, 0, 80}
				for j := range 400 {
					entry = fmt.Appendf(entry, "k%d-%d\x00\x00", i, j)
				}
				entry = append(entry, 0)
				if !write(append([]byte{byte((len(entry) + 2) >> 8), byte(len(entry) + 2)}, entry...)) {
					return
				}
			}
		})})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		defer subscription.Close()
		synctest.Wait()
		require.Equal(t, pushes, subscription.State().Pushes)
		require.Len(t, subscription.Servers(), 1)
		server := subscription.Servers()[0]
		count := 0
		for range server.Fields() {
			count++
		}
		require.LessOrEqual(t, count, 4096)
		_, ok := server.Lookup(fmt.Sprintf("k%d-0", pushes-1))
		require.True(t, ok, "what is new wins")
	})
}

// Many large servers are more than a subscription keeps.
func TestSubscriptionKeepsSoMuchOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", MaxListBytes: 4 << 20, DialContext: script(func(write func([]byte) bool) {
			body := append([]byte{1, 2, 3, 4, 0x19, 0x64, 255}, bytes.Repeat([]byte{0, 'k', 0}, 255)...)
			body = append(append(append(body, 1), bytes.Repeat([]byte{'v'}, 60)...), 0) // a popular value, in every field
			for i := range 300 {                                                        // 15 kB each
				body = append(append(body, 0x40, 10, 0, byte(i>>8), byte(i)), make([]byte, 255)...)
			}
			write(body)
		})})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		defer subscription.Close()
		synctest.Wait()
		typed(t, subscription.Err(), sb.ErrMalformed)
		require.ErrorContains(t, subscription.Err(), "MaxListBytes")
	})
}

// A flood of other events costs the reader the oldest of them, and no time, however many servers wait in front.
func TestFloodOfOtherEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: script(func(write func([]byte) bool) {
			body := []byte{1, 2, 3, 4, 0x19, 0x64, 0, 0}
			for i := range 20_000 {
				body = append(body, 1, 10, byte(i>>16), byte(i>>8), byte(i))
			}
			body = append(body, 0, 0xFF, 0xFF, 0xFF, 0xFF)
			for range 20_000 {
				body = append(body, 0, 14, 5, 10, 0, 0, 1, 0, 80, 0, 0, 0, 9, 0)
			}
			write(body)
		})})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		defer subscription.Close()
		synctest.Wait()
		added, loops := 0, 0
		for {
			event, ok := subscription.Poll()
			if !ok {
				break
			}
			switch event.(type) {
			case sb.ServerAdded:
				if loops > 0 {
					t.Fatal("not in order")
				}
				added++
			case sb.MapLoop:
				loops++
			}
		}
		require.Equal(t, 20_000, added)
		require.InDelta(t, 64, loops, 4, "and the state")
	})
}

// What is put right after Subscribe has returned is told, whether it made it into the list or not.
func TestNoUpdateIsLostBehindTheList(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			master := newMaster(t, sbtest.Config{NoListen: true, Faults: sbtest.Faults{Segment: 40}})
			defer master.Close()
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
			subscription, err := browser.Subscribe(t.Context(), sb.Query{})
			require.NoError(t, err)
			defer subscription.Close()
			master.Registry().Put(sbtest.GameServer{Game: game, Addr: netip.MustParseAddrPort("10.0.0.9:1"), Fields: []sbtest.Field{{Key: "hostname", Value: "New"}}})
			require.Contains(t, drain(subscription), "added New")
		})
	}
}

// Two readers of the events: both hear of the end. A context that is over ends the loop, even if there is more to say.
func TestReadersOfEventsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newMaster(t, sbtest.Config{NoListen: true})
		defer master.Close()
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		synctest.Wait()
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for event, err := range subscription.Events(over) {
			require.Nil(t, event)
			typed(t, err, context.Canceled)
		}
		ended := make(chan error, 2)
		for range 2 {
			go func() {
				for _, err := range subscription.Events(context.Background()) {
					if err != nil {
						ended <- err
					}
				}
			}()
		}
		synctest.Wait()
		require.NoError(t, subscription.Close())
		require.ErrorIs(t, <-ended, net.ErrClosed)
		require.ErrorIs(t, <-ended, net.ErrClosed)
	})
}

// An address that was only pretended is not our own.
func TestPretendedSourceAddress(t *testing.T) {
	pretended := netip.MustParseAddr("10.1.2.3")
	master := newMaster(t, sbtest.Config{ClientIP: pretended}) // OpenSpy gives it back
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr()})
	_, err := collect(t.Context(), browser, sb.Query{SourceIP: pretended})
	require.NoError(t, err)
	require.False(t, browser.PublicAddr().IsValid())
}
