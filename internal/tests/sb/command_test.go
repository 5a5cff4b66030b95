package sb_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// answering is a master of a test's own that says something to the first request on the connection and, if told so, then
// closes it.
func answering(dialled *atomic.Int32, answer func(write func([]byte) bool), closes bool) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		dialled.Add(1)
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			_, write, err := accept(server)
			if err != nil || !write([]byte{1, 2, 3, 4, 0x19, 0x64}) {
				return
			}
			if _, err := readRequest(server); err != nil {
				return
			}
			answer(write)
			if !closes {
				_, _ = readRequest(server)
			}
		}()
		return client, nil
	}
}

// A master that answers and closes has answered.
func TestAnswerInFrontOfTheEnd(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			var dialled atomic.Int32
			browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: answering(&dialled, func(write func([]byte) bool) {
				write([]byte{0, 15, 2, 0x90, 10, 0, 0, 1, 0, 80, 'k', 0, 'v', 0, 0})
			}, true)})
			defer browser.Close()
			server, err := browser.ServerInfo(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
			require.NoError(t, err)
			require.Equal(t, "v", server.Get("k"))
			require.Equal(t, int32(1), dialled.Load())
		})
	}
}

// A search with many answers, which come at once, loses none.
func TestManyPlayersAreFound(t *testing.T) {
	var players []sbtest.Player
	for i := range 3000 {
		players = append(players, sbtest.Player{Nick: fmt.Sprint("ann", i), Game: game})
	}
	master := newMaster(t, sbtest.Config{Players: players})
	defer master.Close()
	browser := newBrowser(t, sb.Config{Addr: master.Addr()})
	defer browser.Close()
	beyond32bits := 1
	beyond32bits <<= strconv.IntSize/2 + 1
	for search, want := range map[int]int{5000: 3000, beyond32bits: 3000, 0: 100} {
		count := 0
		for _, err := range browser.FindPlayers(t.Context(), sb.PlayerSearch{Name: "ann", Prefix: true, Max: search}) {
			require.NoError(t, err)
			count++
		}
		require.Equal(t, want, count)
	}
}

// A search whose end never comes does not last for ever, however often the master says something.
func TestEndlessSearchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialled atomic.Int32
		var e sbwire.Encoder
		part, err := e.Message(nil, sbwire.PlayerSearch{})
		require.NoError(t, err)
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: answering(&dialled, func(write func([]byte) bool) {
			for range 1000 {
				if !write(part) {
					return
				}
				time.Sleep(4 * time.Second)
			}
		}, true)})
		defer browser.Close()
		start := time.Now()
		for _, err := range browser.FindPlayers(t.Context(), sb.PlayerSearch{Name: "ann"}) {
			typed(t, err, sb.ErrSilence)
		}
		require.LessOrEqual(t, time.Since(start), 65*time.Second)
		require.NoError(t, browser.Close())
		time.Sleep(5 * time.Second) // for the script
	})
}
