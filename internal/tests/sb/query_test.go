package sb_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// gameServer answers QR2 queries on a socket until that is closed.
type gameServer struct {
	name      string
	challenge int32 // 0: not needed
	single    bool  // no split replies
	mute      bool
	wrongKey  bool
	garbage   bool
	parts     int // with big, how many packets of a split reply are sent; 0 is all
	big       bool

	script func(b []byte) [][]byte // says what is answered, instead of all that
}

func (s *gameServer) data() *qr2wire.Data {
	data := &qr2wire.Data{
		Server:  []qr2wire.Field{{Key: "hostname", Value: s.name}, {Key: "mapname", Value: "dm_bay"}, {Key: "country", Value: "XX"}},
		Players: qr2wire.Table{Keys: []string{"player_", "score_"}, Rows: [][]string{{"ann", "12"}, {"bob", "3"}}},
		Teams:   qr2wire.Table{Keys: []string{"team_t"}, Rows: [][]string{{"Red"}}},
	}
	if s.big {
		for i := range 120 {
			data.Players.Rows = append(data.Players.Rows, []string{"a player with a long name " + strconv.Itoa(i), strconv.Itoa(i)})
		}
	}
	return data
}

func (s *gameServer) serve(conn net.PacketConn) {
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return // closed, in whatever words
		}
		for _, answer := range s.answers(buf[:n]) {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

func (s *gameServer) answers(b []byte) (out [][]byte) {
	if s.script != nil {
		return s.script(b)
	}
	kind, key, body, err := qr2wire.ParseToServer(b)
	if err != nil || s.mute {
		return nil
	}
	if s.garbage {
		return [][]byte{{0, key[0], key[1], key[2], key[3], 0xFF, 's', 'p'}, {9, key[0], key[1], key[2], key[3], 'x', 0}}
	}
	if s.wrongKey {
		key[0] ^= 1
	}
	switch kind {
	case qr2wire.TypeEcho:
		return [][]byte{qr2wire.AppendEchoReply(nil, key, body)}
	case qr2wire.TypePrequery:
		return [][]byte{qr2wire.AppendPrequeryReply(nil, key, s.challenge)}
	case qr2wire.TypeQuery:
		query, _, err := qr2wire.ParseQuery(key, body, s.challenge != 0)
		if err != nil || s.challenge != 0 && query.Number != s.challenge {
			return nil
		}
		head := qr2wire.AppendFromServer(nil, qr2wire.TypeQuery, key)
		if !query.Split || s.single {
			return [][]byte{qr2wire.AppendReply(head, query, s.data(), nil)}
		}
		parts, err := qr2wire.Split(s.data(), 0, qr2wire.CutValues)
		if err != nil {
			return nil
		}
		if s.parts > 0 {
			parts = parts[:min(s.parts, len(parts))]
		}
		for _, part := range parts {
			out = append(out, append(slices.Clone(head), part...))
		}
		slices.Reverse(out)
	}
	return out
}

// on runs game servers on a network and gives a browser on it. Call stop in the bubble.
func on(t *testing.T, options simnet.Options, config sb.Config, servers ...*gameServer) (browser *sb.Browser, addrs []netip.AddrPort, network *simnet.Network, stop func()) {
	t.Helper()
	network = simnet.New(t, options)
	client := network.Host("10.9.0.1")
	config.ListenPacket = client.ListenPacket
	browser = newBrowser(t, config)
	var conns []net.PacketConn
	var work sync.WaitGroup
	for i, server := range servers {
		conn := network.Host("10.8." + strconv.Itoa(i/250) + "." + strconv.Itoa(1+i%250)).Listen(6500)
		conns = append(conns, conn)
		addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		addrs = append(addrs, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
		work.Go(func() { server.serve(conn) })
	}
	end := network.Start()
	return browser, addrs, network, func() {
		for _, conn := range conns {
			conn.Close()
		}
		work.Wait()
		end()
	}
}

func TestQuery(t *testing.T) {
	for _, test := range []struct {
		name   string
		server gameServer
		query  sb.DirectQuery
		basic  bool
	}{
		{"full, no challenge needed", gameServer{}, sb.DirectQuery{}, false},
		{"full, with challenge", gameServer{challenge: -123456}, sb.DirectQuery{}, false},
		{"full, many packets in reverse", gameServer{challenge: 77, big: true}, sb.DirectQuery{}, false},
		{"full, unsplit", gameServer{challenge: 77, single: true}, sb.DirectQuery{}, false},
		{"basic", gameServer{challenge: 77}, sb.DirectQuery{Fields: []string{"hostname", "mapname"}}, true},
		{"basic without challenge", gameServer{}, sb.DirectQuery{Fields: []string{"mapname", "hostname"}, NoChallenge: true}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.server.name = "A server"
				browser, addrs, _, stop := on(t, simnet.Options{Delay: 30 * time.Millisecond}, sb.Config{}, &test.server)
				defer stop()
				server, err := browser.Query(t.Context(), addrs[0], test.query)
				require.NoError(t, err)
				require.Equal(t, "A server", server.Name())
				require.Equal(t, "dm_bay", server.Map())
				require.InDelta(t, 60, server.Ping.Milliseconds(), 3)
				_, hasCountry := server.Lookup("country")
				require.False(t, hasCountry)
				if test.basic {
					require.Empty(t, server.Players)
					return
				}
				require.Equal(t, "ann", server.Players[0].Get("player_"))
				require.Equal(t, "3", server.Players[1].Get("score_"))
				require.Equal(t, "Red", server.Teams[0].Get("team_t"))
				if test.server.big {
					require.Len(t, server.Players, 122)
				}
			})
		})
	}
}

func TestQueryFails(t *testing.T) {
	for name, test := range map[string]struct {
		server *gameServer
		text   string
	}{
		"silence":   {&gameServer{mute: true}, "no reply"},
		"wrong key": {&gameServer{wrongKey: true}, "no reply"},
		"garbage":   {&gameServer{garbage: true}, "no reply"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{}, test.server)
				defer stop()
				start := time.Now()
				_, err := browser.Query(t.Context(), addrs[0], sb.DirectQuery{})
				typed(t, err, sb.ErrNoAnswer)
				require.ErrorContains(t, err, test.text)
				require.ErrorContains(t, err, addrs[0].String())
				require.InDelta(t, 4062, time.Since(start).Milliseconds(), 5, "0.5 s, then half as long again, four times")
				stats := browser.QueryStats()
				require.Equal(t, int64(4), stats.Sent)
				require.Equal(t, int64(3), stats.Repeated)
				require.Equal(t, int64(1), stats.Unanswered)
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				_, err = browser.Query(ctx, addrs[0], sb.DirectQuery{})
				typed(t, err, context.DeadlineExceeded)
			})
		})
	}
	t.Run("a part is missing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{}, &gameServer{name: "Cut", big: true, parts: 2})
			defer stop()
			for server, err := range browser.QueryAll(t.Context(), slices.Values([]sb.Server{{Addr: addrs[0]}}), sb.DirectQuery{}) {
				require.NoError(t, err)
				require.ErrorIs(t, server.QueryErr, sb.ErrIncomplete)
				require.Equal(t, "Cut", server.Name(), "what came is there all the same")
			}
		})
	})
	t.Run("a field without number", func(t *testing.T) {
		browser := newBrowser(t, sb.Config{})
		_, err := browser.Query(t.Context(), netip.MustParseAddrPort("127.0.0.1:1"), sb.DirectQuery{Fields: []string{"nosuchfield"}})
		typed(t, err, sb.ErrNotConfigured)
	})
	t.Run("the challenge is wanted although the master says no", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := &gameServer{name: "Strict", challenge: 5}
			browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{Addr: "192.0.2.1", DialContext: script(func(write func([]byte) bool) {
				write([]byte{1, 2, 3, 4, 0x19, 0x64, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF})
			})}, server)
			defer stop()
			_, err := collect(t.Context(), browser, sb.Query{})
			require.NoError(t, err)
			found, err := browser.Query(t.Context(), addrs[0], sb.DirectQuery{})
			require.NoError(t, err)
			require.Equal(t, "Strict", found.Name())
		})
	})
}

// Two hundred servers over a bad network: nearly all answer, each with its own data, within seconds.
func TestQueryAllOverABadNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers []*gameServer
		for i := range 200 {
			servers = append(servers, &gameServer{name: "server " + strconv.Itoa(i), challenge: int32(i * (i % 3)), mute: i%20 == 7, big: i%10 == 0})
		}
		browser, addrs, _, stop := on(t, simnet.Options{Loss: 0.1, Duplicate: 0.1, Delay: 20 * time.Millisecond, Jitter: 60 * time.Millisecond, Seed: 4}, sb.Config{}, servers...)
		defer stop()
		source := func(yield func(sb.Server) bool) {
			for _, addr := range addrs {
				for range 2 { // the second one is already under way, or not any more
					if !yield(sb.Server{Addr: addr}) {
						return
					}
				}
			}
		}
		start := time.Now()
		answered := make(map[netip.AddrPort]bool)
		for server, err := range browser.QueryAll(t.Context(), source, sb.DirectQuery{}) {
			require.NoError(t, err)
			i := slices.Index(addrs, server.Addr)
			require.GreaterOrEqual(t, i, 0)
			if server.QueryErr != nil {
				require.ErrorIs(t, server.QueryErr, sb.ErrNoAnswer)
				continue
			}
			require.Equal(t, "server "+strconv.Itoa(i), server.Name())
			require.GreaterOrEqual(t, server.Ping, 40*time.Millisecond)
			require.Less(t, server.Ping, 250*time.Millisecond)
			answered[server.Addr] = true
		}
		require.GreaterOrEqual(t, len(answered), 180)
		require.Less(t, time.Since(start), 12*time.Second)
		t.Logf("%d of 190 answered in %v, %+v", len(answered), time.Since(start), browser.QueryStats())
	})
}

func TestPaceAndConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers []*gameServer
		for i := range 50 {
			servers = append(servers, &gameServer{name: strconv.Itoa(i)})
		}
		browser, addrs, network, stop := on(t, simnet.Options{Delay: 10 * time.Millisecond}, sb.Config{QueryRate: 50, QueryConcurrency: 7}, servers...)
		defer stop()
		var mu sync.Mutex
		var times []time.Time
		network.Drop(func(from, _ net.Addr, _ []byte) bool {
			if from.(*net.UDPAddr).IP.String() == "10.9.0.1" {
				mu.Lock()
				times = append(times, time.Now())
				mu.Unlock()
			}
			return false
		})
		var list []sb.Server
		for _, addr := range addrs {
			list = append(list, sb.Server{Addr: addr})
		}
		count := 0
		for server, err := range browser.QueryAll(t.Context(), slices.Values(list), sb.DirectQuery{NoChallenge: true}) {
			require.NoError(t, err)
			require.NoError(t, server.QueryErr)
			count++
		}
		require.Equal(t, 50, count)
		require.Len(t, times, 50)
		require.InDelta(t, 980, times[49].Sub(times[0]).Milliseconds(), 60, "50 a second")
	})
}

func TestLeavingQueryAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{}, &gameServer{name: "one"}, &gameServer{name: "two"}, &gameServer{mute: true})
		defer stop()
		list := []sb.Server{{Addr: addrs[0]}, {Addr: addrs[1]}, {Addr: addrs[2]}}
		for server := range browser.QueryAll(t.Context(), slices.Values(list), sb.DirectQuery{}) {
			require.NotEmpty(t, server.Name())
			break
		}
	})
}

// On loopback, with real sockets: three servers on the ports that are searched.
func TestLAN(t *testing.T) {
	t.Parallel() // it mostly waits
	var conns []net.PacketConn
	var ports []uint16
	var work sync.WaitGroup
	first := uint16(0)
	for i := range 3 {
		address := "127.0.0.1:0"
		if i > 0 {
			address = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), first+uint16(i)).String()
		}
		conn, err := net.ListenPacket("udp4", address)
		if err != nil {
			continue // somebody else has that port
		}
		if i == 0 {
			first = conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		}
		conns, ports = append(conns, conn), append(ports, first+uint16(i))
		server := &gameServer{name: "LAN " + strconv.Itoa(i), challenge: 9}
		work.Go(func() { server.serve(conn) })
	}
	defer work.Wait()
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	browser := newBrowser(t, sb.Config{})
	var found []string
	for server, err := range browser.LAN(t.Context(), sb.LANSearch{Broadcast: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		FirstPort: first, LastPort: first + 2, Wait: 3 * time.Second}) {
		require.NoError(t, err)
		if !slices.Contains(ports, server.Addr.Port()) {
			continue // who has that port answers, too
		}
		require.NoError(t, server.QueryErr)
		require.NotZero(t, server.Flags&sb.FlagDirect)
		require.Len(t, server.Players, 2)
		found = append(found, server.Name())
	}
	require.Len(t, found, len(conns))
	require.Contains(t, found, "LAN 0")
}

// The iterators can be used again.
func TestLANTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		browser, addrs, _, stop := on(t, simnet.Options{}, sb.Config{}, &gameServer{name: "Again"})
		defer stop()
		search := browser.LAN(t.Context(), sb.LANSearch{Broadcast: []netip.Addr{addrs[0].Addr()}})
		for range 2 {
			count := 0
			for server, err := range search {
				require.NoError(t, err)
				require.Equal(t, "Again", server.Name())
				count++
			}
			require.Equal(t, 1, count)
		}
	})
}

// One of the networks cannot be reached: the search goes on in the others, and fails only if none can.
func TestLANWithADeadNetwork(t *testing.T) {
	t.Parallel() // it mostly waits
	addr := loopbackServer(t, &gameServer{name: "Here"})
	dead := netip.MustParseAddr("::1") // not on an IPv4 socket
	browser := newBrowser(t, sb.Config{})
	count := 0
	search := sb.LANSearch{Broadcast: []netip.Addr{dead, addr.Addr()}, FirstPort: addr.Port(), LastPort: addr.Port(), Wait: 3 * time.Second}
	for _, err := range browser.LAN(t.Context(), search) {
		require.NoError(t, err)
		count++
	}
	require.Equal(t, 1, count)
	search.Broadcast = []netip.Addr{dead}
	for _, err := range browser.LAN(t.Context(), search) {
		require.Error(t, err)
		require.ErrorContains(t, err, "LAN search")
	}
	search.FirstPort, search.LastPort = 7000, 6000
	failed := false
	for _, err := range browser.LAN(t.Context(), search) {
		typed(t, err, sb.ErrNotConfigured)
		failed = true
	}
	require.True(t, failed)
}

// Errors say which server and why.
func TestQueryErrorsNameThePeer(t *testing.T) {
	browser := newBrowser(t, sb.Config{})
	addr := netip.MustParseAddrPort("127.0.0.1:9")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := browser.Query(ctx, addr, sb.DirectQuery{})
	typed(t, err, context.Canceled)
	require.ErrorContains(t, err, "127.0.0.1:9")

	_, err = browser.Query(t.Context(), netip.AddrPort{}, sb.DirectQuery{})
	typed(t, err, sb.ErrUnreachable)

	// What cannot be sent is not "no reply".
	browser = newBrowser(t, sb.Config{QueryTimeout: time.Millisecond, ListenPacket: func(ctx context.Context, network, address string) (net.PacketConn, error) {
		conn, err := new(net.ListenConfig).ListenPacket(ctx, network, address)
		return mutedConn{conn}, err
	}})
	for server, err := range browser.QueryAll(t.Context(), slices.Values([]sb.Server{{Addr: addr}}), sb.DirectQuery{}) {
		require.NoError(t, err)
		require.ErrorIs(t, server.QueryErr, sb.ErrNoAnswer)
		require.ErrorContains(t, server.QueryErr, "not be sent")
	}

	_, err = browser.Query(t.Context(), addr, sb.DirectQuery{Fields: slices.Repeat([]string{"hostname"}, 300)})
	typed(t, err, sb.ErrNotConfigured)
}

// mutedConn is a socket that cannot be written to.
type mutedConn struct{ net.PacketConn }

func (mutedConn) WriteTo([]byte, net.Addr) (int, error) { return 0, errors.New("the network is down") }

// deadConn is a socket that cannot be read any more.
type deadConn struct{ net.PacketConn }

func (deadConn) ReadFrom([]byte) (int, net.Addr, error) {
	return 0, nil, errors.New("the cable is out")
}

func TestABrokenSocketEndsTheQuery(t *testing.T) {
	browser := newBrowser(t, sb.Config{QueryTimeout: time.Hour, ListenPacket: func(ctx context.Context, network, address string) (net.PacketConn, error) {
		conn, err := new(net.ListenConfig).ListenPacket(ctx, network, "127.0.0.1:0")
		return deadConn{conn}, err
	}})
	_, err := browser.Query(t.Context(), loopbackServer(t, &gameServer{}), sb.DirectQuery{})
	typed(t, err, err)
	require.ErrorContains(t, err, "the cable is out")
}

// On a LAN, servers are challenged whatever the back end said (spec sb.md B.3).
func TestLANIsChallenged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newMaster(t, sbtest.Config{NoListen: true})
		defer master.Close()
		config := sb.Config{Addr: "192.0.2.1", DialContext: piped(master)}
		browser, addrs, _, stop := on(t, simnet.Options{}, config, &gameServer{name: "Strict", challenge: 5})
		defer stop()
		_, err := collect(t.Context(), browser, sb.Query{})
		require.NoError(t, err)
		count := 0
		for server, err := range browser.LAN(t.Context(), sb.LANSearch{Broadcast: []netip.Addr{addrs[0].Addr()}}) {
			require.NoError(t, err)
			require.NoError(t, server.QueryErr)
			count++
		}
		require.Equal(t, 1, count)
		require.Zero(t, browser.QueryStats().Repeated)
	})
}

// New looks at the keys already, not only the first query.
func TestConfigOfKeys(t *testing.T) {
	_, err := sb.New(sb.Config{Keys: map[uint8]string{3: "mine"}})
	typed(t, err, sb.ErrNotConfigured)
	_, err = sb.New(sb.Config{Keys: map[uint8]string{50: "mine"}})
	require.NoError(t, err)
}

// A Browser is not printed with its secret.
func TestBrowserHidesTheSecret(t *testing.T) {
	browser := newBrowser(t, sb.Config{Secret: "verysecret"})
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, browser), "verysecret", format)
	}
}
