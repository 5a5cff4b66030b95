package sb_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// Each limit ends a list with an error that names it, and can be raised.
func TestLimitsAreNamedAndCanBeRaised(t *testing.T) {
	head, end := []byte{1, 2, 3, 4, 0x19, 0x64}, []byte{0, 255, 255, 255, 255}
	long := append(bytes.Repeat([]byte{'v'}, 20_000), 0)
	server := func(i int) []byte { return []byte{1, 10, 0, byte(i >> 8), byte(i)} }
	var popular, servers []byte
	for range 200 {
		popular = append(popular, long[18_000:]...)
	}
	for i := range 2000 {
		servers = append(servers, server(i)...)
	}
	fifty := bytes.Repeat([]byte{0, 'k', 0}, 50)
	for _, test := range []struct {
		name   string
		body   []byte
		before sb.Config
		after  sb.Config
		limit  string
	}{
		{"servers", append([]byte{0, 0}, servers...), sb.Config{MaxServers: 1999}, sb.Config{MaxServers: 2000}, "MaxServers"},
		{"one value", append(append([]byte{1, 0, 'k', 0, 0, 0x40, 10, 0, 0, 1, 0xFF}, long...), server(2)...), sb.Config{}, sb.Config{MaxElementBytes: 30_000}, "MaxElementBytes"},
		{"popular values", append(append([]byte{0, 200}, popular...), servers...), sb.Config{}, sb.Config{MaxPopularBytes: 1 << 20}, "MaxPopularBytes"},
		{"popular values of one server", append(append(append([]byte{50}, fifty...), append([]byte{1}, long[18_000:]...)...), append([]byte{0x40, 10, 0, 0, 1}, make([]byte, 50)...)...),
			sb.Config{}, sb.Config{MaxElementBytes: 1 << 20}, "MaxElementBytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for config, fails := range map[*sb.Config]bool{&test.before: true, &test.after: false} {
					config.Addr = "192.0.2.1"
					config.DialContext = script(func(write func([]byte) bool) {
						write(append(append(bytes.Clone(head), test.body...), end...))
					})
					_, err := collect(t.Context(), newBrowser(t, *config), sb.Query{})
					if !fails {
						require.NoError(t, err)
						continue
					}
					typed(t, err, sb.ErrMalformed)
					require.ErrorContains(t, err, "Config."+test.limit)
				}
			})
		})
	}
}

// Keys that change midway, with another order and types: what is known under the old names stays.
func TestKeysChangeMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: script(func(write func([]byte) bool) {
			write([]byte("\x01\x02\x03\x04\x19\x64\x02\x00hostname\x00\x01n\x00\x00" + "\x40\x0a\x00\x00\x01\xffa\x00\x05" + "\x00\xff\xff\xff\xff"))
			write([]byte("\x00\x11\x01\x02\x02n\x00\x00mapname\x00\x00")) // push keys n as a short, mapname; and a byte too many
			write([]byte("\x00\x0d\x02\x40\x0a\x00\x00\x01\x01\x00dm\x00"))
		})})
		subscription, err := browser.Subscribe(t.Context(), sb.Query{})
		require.NoError(t, err)
		defer subscription.Close()
		require.Equal(t, []string{"added a", "complete 1"}, drain(subscription)[:2])
		server := subscription.Servers()[0]
		require.Equal(t, "a", server.Name())
		require.Equal(t, "256", server.Get("n"))
		require.Equal(t, "dm", server.Map())
	})
}

// A list of 100,000 servers costs no more memory than one of 10,000: nothing is kept but what waits for its end.
func TestLongListsStreamInConstantMemory(t *testing.T) {
	var e sbwire.Encoder
	keys := []sbwire.Key{{Name: "hostname"}, {Type: sbwire.KeyByte, Name: "numplayers"}}
	head, err := e.Keys(e.Head(nil, number(1).Addr(), 6500), keys, nil)
	require.NoError(t, err)
	peak := func(count int) uint64 {
		var block []byte
		for i := range 1000 {
			block, err = e.Server(block, &sbwire.Entry{Flags: sbwire.FlagHasKeys, Addr: number(i), Keys: keys, Values: sbwire.MakeValues(fmt.Sprintf("the server number %05d", i), "7")})
			require.NoError(t, err)
		}
		dial := script(func(write func([]byte) bool) {
			write(head)
			for range count / 1000 {
				write(block)
			}
			write(e.End(nil))
		})
		browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: dial})
		defer browser.Close()
		highest, seen := uint64(0), 0
		var stats runtime.MemStats
		for server, err := range browser.List(t.Context(), sb.Query{}) {
			if err != nil || server.NumPlayers() != 7 { // require takes as long as all the rest
				t.Fatal(err, server.NumPlayers())
			}
			if seen++; seen%(count/10) == 0 {
				runtime.GC()
				runtime.ReadMemStats(&stats)
				highest = max(highest, stats.HeapAlloc)
			}
		}
		require.Equal(t, count, seen)
		return highest
	}
	peak(1000)
	small, large := peak(10_000), peak(100_000)
	require.Less(t, int64(large)-int64(small), int64(256<<10), "%d bytes of heap, not %d", large, small)
}

// Servers are yielded as soon as their last byte is here, not when a buffer is full.
func TestServersAreYieldedAtOnce(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	yielded := make(chan string)
	go func() {
		_, write, err := accept(server)
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(io.Discard, server) }()
		write([]byte("\x01\x02\x03\x04\x19\x64\x01\x00hostname\x00\x00"))
		for _, name := range []string{"a", "b", "c"} {
			write([]byte("\x40\x0a\x00\x00" + name + "\xff" + name + "\x00"))
			if got := <-yielded; got != name {
				return
			}
		}
		write([]byte("\x00\xff\xff\xff\xff"))
	}()
	browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: dialling(client)})
	count := 0
	for server, err := range browser.List(t.Context(), sb.Query{}) {
		require.NoError(t, err)
		yielded <- server.Name()
		count++
	}
	require.Equal(t, 3, count)
}

// What the families do with what clients ask: every one with every client function, at every segmentation.
func TestEveryFunctionWithEveryFamily(t *testing.T) {
	for _, family := range sbFamilies {
		for _, segment := range []int{0, 1, 3} {
			t.Run(fmt.Sprintf("%s/%d", family, segment), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					master := newMaster(t, sbtest.Config{Family: family, NoListen: true, Faults: sbtest.Faults{Segment: segment},
						Groups: map[string][]sbtest.Group{game: {{ID: 7, Fields: []sbtest.Field{{Key: "hostname", Value: "Room"}}}}}})
					defer master.Close()
					browser := newBrowser(t, sb.Config{Addr: "192.0.2.1", DialContext: piped(master), ReplyTimeout: 2 * time.Second})
					defer browser.Close()
					for name, query := range map[string]sb.Query{
						"plain": {Plain: true, Filter: wanted}, "all": {Filter: wanted}, "limit": {Limit: 1, Filter: wanted},
						"no cache": {NoCache: true, Filter: wanted}, "source": {SourceIP: number(1).Addr(), Limit: 1, Filter: wanted},
						"fields nobody has": {Fields: []string{"nosuch", "publicip", "hostname"}, Filter: wanted},
						"where":             {Where: sb.All(sb.Where("hostname").IsNot(""), sb.Where("numplayers").AtLeast(0))},
					} {
						servers, err := collect(t.Context(), browser, query)
						require.NoError(t, err, name)
						require.NotEmpty(t, servers, name)
						require.LessOrEqual(t, len(servers), 3, name)
						if query.Limit > 0 {
							require.Len(t, servers, 1, name)
						}
						for _, server := range servers {
							require.NotEqual(t, "garbage", server.Name())
							require.Equal(t, family == quirks.WFC, server.Hidden(), "%s: %v", name, server.Addr)
						}
					}
					for _, err := range browser.Groups(t.Context()) { // DWC and Crymp give servers, WFC nothing, kr4uzi no end
						if err != nil {
							typed(t, err, sb.ErrSilence)
						}
					}
					subscription, err := browser.Subscribe(t.Context(), sb.Query{Filter: wanted})
					require.NoError(t, err)
					require.NotEmpty(t, drain(subscription))
					servers := subscription.Servers()
					require.NotEmpty(t, servers)
					require.NoError(t, subscription.Close())

					// Whatever stands for the address is echoed.
					info, err := browser.ServerInfo(t.Context(), servers[0].Addr)
					if err != nil {
						typed(t, err, sb.ErrSilence)
					} else {
						require.Equal(t, servers[0].Addr, info.Addr)
					}
					require.NoError(t, browser.SendMessage(t.Context(), servers[0].Addr, []byte("hello")))
					if _, err = browser.MapLoop(t.Context(), servers[0].Addr); err != nil {
						typed(t, err, sb.ErrSilence)
					}
					for _, err := range browser.FindPlayers(t.Context(), sb.PlayerSearch{Name: "ann"}) {
						typed(t, err, sb.ErrSilence)
					}
					// Direct queries of hidden servers are not even sent.
					if family == quirks.WFC {
						sent := browser.QueryStats().Sent
						for server, err := range browser.QueryAll(t.Context(), func(yield func(sb.Server) bool) { yield(servers[0]) }, sb.DirectQuery{}) {
							require.NoError(t, err)
							require.ErrorIs(t, server.QueryErr, sb.ErrHidden)
						}
						require.Equal(t, sent, browser.QueryStats().Sent)
					}
				})
			})
		}
	}
}
