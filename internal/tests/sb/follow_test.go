package sb_test

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// following runs a follower in a bubble until stop.
func following(t *testing.T, browser *sb.Browser, config sb.FollowConfig) (follower *sb.Follower, list *sb.ServerList, watch *sb.Watch, stop func()) {
	list = new(sb.ServerList)
	watch = list.Watch()
	follower = browser.NewFollower(list, config)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- follower.Run(ctx) }()
	synctest.Wait()
	return follower, list, watch, func() {
		began := time.Now()
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Zero(t, time.Since(began))
		watch.Close()
	}
}

func TestFollowerFollowsPushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &restarting{master: newMaster(t, sbtest.Config{NoListen: true})}
		defer r.master.Close()
		var told []sb.FollowState
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: r.dial})
		follower, list, watch, stop := following(t, browser, sb.FollowConfig{AskEvery: -1, Changed: func(s sb.FollowState) { told = append(told, s) }})
		defer stop()
		require.Equal(t, []string{"added Friday night", "added Behind a NAT", "added Quiet's"}, pollAll(watch))
		state := follower.State()
		require.Equal(t, "list of 192.0.2.1:28910", state.Status)
		require.Equal(t, 1, state.Lists)
		require.Equal(t, 3, state.Servers)
		require.NoError(t, state.Err)
		require.True(t, told[0].Asking)
		require.Equal(t, state, told[len(told)-1])

		servers := someServers()
		r.master.Registry().Remove(game, servers[0].Addr)
		synctest.Wait()
		require.Equal(t, []string{"removed Friday night"}, pollAll(watch), "pushed")

		// The connection is lost; what goes meanwhile is noticed although nobody pushes it.
		r.restart()
		require.ErrorContains(t, follower.State().Err, "closed the connection")
		r.master.Registry().Remove(game, servers[1].Addr)
		time.Sleep(30 * time.Second)
		require.Empty(t, pollAll(watch), "what is known stays")
		require.ErrorContains(t, follower.State().Err, "connection refused")
		r.away.Store(false)
		time.Sleep(15 * time.Second)
		require.Equal(t, []string{"removed Behind a NAT"}, pollAll(watch))
		require.NoError(t, follower.State().Err)
		require.Equal(t, 1, list.Len())
	})
}

func TestFollowerAsksMastersThatDoNotPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newMaster(t, sbtest.Config{NoListen: true, Family: "wfc"})
		defer master.Close()
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)})
		follower, _, watch, stop := following(t, browser, sb.FollowConfig{Query: sb.Query{Filter: "numplayers > -1"}, AskEvery: -1})
		defer stop()
		before := len(pollAll(watch))
		require.Positive(t, before)
		servers := someServers()
		master.Registry().Remove(game, servers[2].Addr)
		time.Sleep(50 * time.Second)
		require.Empty(t, pollAll(watch))
		time.Sleep(15 * time.Second)
		require.Equal(t, []string{"removed Quiet's"}, pollAll(watch), "after a minute")
		require.Equal(t, 2, follower.State().Lists)

		servers[0].Fields[1].Value = "dm_town"
		master.Registry().Put(servers[0])
		follower.Refresh()
		synctest.Wait()
		require.Len(t, pollAll(watch), 1, "at once")
	})
}

// renamed is a game server whose name changes.
type renamed struct{ name atomic.Value }

func newRenamed(name string) *renamed {
	r := new(renamed)
	r.name.Store(name)
	return r
}

func (r *renamed) server() *gameServer {
	return &gameServer{script: func(b []byte) [][]byte { return (&gameServer{name: r.name.Load().(string)}).answers(b) }}
}

func TestFollowerAsksServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newRenamed("First"), newRenamed("Second")
		master, err := sbtest.New(sbtest.Config{Games: games, NoListen: true})
		require.NoError(t, err)
		defer master.Close()
		browser, addrs, _, stopServers := on(t, simnet.Options{Delay: 10 * time.Millisecond},
			sb.Config{Addr: "192.0.2.1", DialContext: piped(master)}, first.server(), second.server(), &gameServer{mute: true})
		defer stopServers()
		for _, addr := range addrs {
			master.Registry().Put(sbtest.GameServer{Game: game, Addr: addr, Fields: []sbtest.Field{{Key: "hostname", Value: "listed"}}})
		}
		follower, list, watch, stop := following(t, browser, sb.FollowConfig{})
		defer stop()
		time.Sleep(5 * time.Second)
		pollAll(watch)
		for i, name := range []string{"First", "Second", "listed"} {
			server, ok := list.Get(addrs[i])
			require.True(t, ok)
			require.Equal(t, name, server.Name())
			require.Equal(t, i == 2, errors.Is(server.QueryErr, sb.ErrNoAnswer), "%v", server.QueryErr)
			require.Equal(t, i == 2, server.Ping == 0)
		}

		follower.Focus(addrs[1])
		second.name.Store("Second half")
		time.Sleep(2500 * time.Millisecond)
		require.Equal(t, []string{"changed Second half [hostname]"}, pollAll(watch), "who is looked at is asked more often")
		first.name.Store("First half")
		time.Sleep(10 * time.Second)
		require.Equal(t, []string{"changed First half [hostname]"}, pollAll(watch))

		master.Registry().Remove(game, addrs[0])
		time.Sleep(30 * time.Second)
		require.Equal(t, []string{"removed First half"}, pollAll(watch), "an answer does not bring it back")
	})
}

func TestFollowerTellsWhyThereIsNoList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &restarting{master: newMaster(t, sbtest.Config{NoListen: true})}
		defer r.master.Close()
		r.away.Store(true)
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: r.dial})
		follower, list, _, stop := following(t, browser, sb.FollowConfig{AskEvery: -1})
		defer stop()
		state := follower.State()
		require.Equal(t, "no list", state.Status)
		require.ErrorContains(t, state.Err, "connection refused")
		require.Zero(t, state.Lists)
		time.Sleep(65 * time.Second)
		require.EqualValues(t, 7, r.dials.Load(), "every ten seconds")
		r.away.Store(false)
		follower.Refresh()
		synctest.Wait()
		require.Equal(t, 3, list.Len())
		require.NoError(t, follower.State().Err)
	})
}

func TestFollowerOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &gameServer{name: "A"}
		master, err := sbtest.New(sbtest.Config{Games: games, NoListen: true})
		require.NoError(t, err)
		defer master.Close()
		browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{Addr: "192.0.2.1", DialContext: piped(master)}, server)
		defer stop()
		master.Registry().Put(sbtest.GameServer{Game: game, Addr: addrs[0], Fields: []sbtest.Field{{Key: "gamever", Value: "2"}}})
		var list sb.ServerList
		require.NoError(t, browser.NewFollower(&list, sb.FollowConfig{}).Once(t.Context()))
		known, ok := list.Get(addrs[0])
		require.True(t, ok)
		require.Equal(t, "A", known.Name())
		require.Equal(t, "2", known.Get("gamever"))
		require.Len(t, known.Players, 2)

		require.NoError(t, browser.NewFollower(&list, sb.FollowConfig{AskEvery: -1, Query: sb.Query{Filter: "gamever = '3'"}}).Once(t.Context()))
		require.Zero(t, list.Len(), "what the master does not list any more goes")
	})
}

func TestAnswersAreNoListing(t *testing.T) {
	var list sb.ServerList
	old, kept := described(t, 1, `{"fields":{"hostname":"old"}}`), described(t, 2, `{"fields":{"hostname":"kept"}}`)
	require.NoError(t, list.Put(old))
	require.NoError(t, list.Put(kept))
	var incoming iter.Seq2[sb.Server, error] = func(yield func(sb.Server, error) bool) {
		old.Ping = time.Millisecond
		_, err := list.PutAnswer(old) // while the new list comes in
		require.NoError(t, err)
		yield(kept, nil)
	}
	require.NoError(t, list.Refresh(incoming))
	require.Equal(t, 1, list.Len(), "a server that is not in the new list goes, whatever it answers")
	_, ok := list.Get(netip.MustParseAddrPort("10.0.0.2:6500"))
	require.True(t, ok)
}
