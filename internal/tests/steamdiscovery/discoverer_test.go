package steamdiscovery_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// newPeer starts a peer on a host of the LAN.
func newPeer(t testing.TB, lan *steamdiscoverytest.LAN, ip string, config steamdiscoverytest.Config) *steamdiscoverytest.Peer {
	t.Helper()
	config.ListenPacket = lan.Host(ip).ListenPacket
	peer, err := steamdiscoverytest.NewPeer(config)
	require.NoError(t, err)
	return peer
}

// A search asks at 0, 0.5 and 2 seconds, then every ten, under one number; a new search has the next number.
func TestDiscovererAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		network := listenAt(t, lan.Host("192.0.2.9"), "27036")
		defer network.close()
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{ClientID: 77})
		defer stop()
		time.Sleep(25 * time.Second)
		discoverer.Search()
		time.Sleep(5 * time.Second)
		ms := time.Millisecond
		require.Equal(t, []time.Duration{0, 500 * ms, 2000 * ms, 12000 * ms, 22000 * ms, 25000 * ms, 25500 * ms, 27000 * ms},
			network.times(discoveryType))
		var numbers []uint32
		for _, h := range network.all(discoveryType) {
			body := h.packet.Body.(*steampb.CMsgRemoteClientBroadcastDiscovery)
			numbers = append(numbers, body.GetSeqNum())
			require.Empty(t, body.GetClientIds())
			require.Equal(t, uint64(77), h.packet.Header.GetClientId())
			require.NotEqual(t, uint16(27036), h.from.Port())
		}
		require.Equal(t, []uint32{1, 1, 1, 1, 1, 2, 2, 2}, numbers)
		state := discoverer.State()
		require.Equal(t, steamdiscovery.DiscovererSearching, state.Step)
		require.Equal(t, uint64(8), state.Counters.Polls)
		require.Equal(t, uint64(8), state.Counters.Sent)
		require.Equal(t, []netip.AddrPort{everybody}, state.Targets)
		require.Len(t, state.Sockets, 1)
		require.NoError(t, state.LastError)
	})
}

func TestDiscovererFollowsAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{})
		defer stop()
		next, done := events(t, discoverer)
		defer done()

		time.Sleep(time.Second)
		peer := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{ClientID: 5, InstanceID: 6, Hostname: "one", Services: 2, OS: -184, SteamIDs: []uint64{76561197960265729}})
		event := next()
		require.Equal(t, steamdiscovery.Appeared, event.Kind)
		require.Equal(t, "one", event.Host.Name())
		require.Equal(t, netip.MustParseAddrPort("192.0.2.1:27036"), event.Host.Addr)
		require.Equal(t, netip.MustParseAddrPort("192.0.2.1:27036"), event.Host.ConnectAddr())
		require.Equal(t, steamdiscovery.ClientID(5), event.Host.ClientID)
		require.Equal(t, steamdiscovery.InstanceID(6), event.Host.InstanceID)
		require.Equal(t, steamdiscovery.ServiceGameStreaming, event.Host.Status.EnabledServices)
		require.Equal(t, steamdiscovery.OSLinux6, event.Host.Status.OS)
		require.Equal(t, []steamdiscovery.User{{SteamID: 76561197960265729}}, event.Host.Status.Users)
		appeared := event.Host.FirstSeen
		require.Equal(t, time.Now(), appeared)
		require.Equal(t, steamdiscovery.DiscovererTracking, discoverer.State().Step)

		time.Sleep(15 * time.Second) // another poll; only the timestamp has changed, and that is no event
		hosts := discoverer.Hosts()
		require.Len(t, hosts, 1)
		require.Equal(t, appeared, hosts[0].FirstSeen)
		require.Equal(t, appeared.Add(10*time.Second), hosts[0].LastSeen)

		peer.Change(func(c *steamdiscoverytest.Config) { c.Hostname = "uno" })
		event = next()
		require.Equal(t, steamdiscovery.Changed, event.Kind)
		require.Equal(t, "one", event.Previous.Name())
		require.Equal(t, "uno", event.Host.Name())
		require.Equal(t, appeared, event.Host.FirstSeen)

		peer.Change(func(c *steamdiscoverytest.Config) { c.InstanceID = 7 })
		event = next()
		require.Equal(t, steamdiscovery.Gone, event.Kind)
		require.Equal(t, steamdiscovery.WasRestarted, event.Reason)
		require.Equal(t, steamdiscovery.InstanceID(6), event.Host.InstanceID)
		event = next()
		require.Equal(t, steamdiscovery.Appeared, event.Kind)
		require.Equal(t, steamdiscovery.InstanceID(7), event.Host.InstanceID)
		require.Equal(t, time.Now(), event.Host.FirstSeen)

		lastAnswer := time.Now()
		require.NoError(t, peer.Close())
		event = next()
		require.Equal(t, steamdiscovery.Gone, event.Kind)
		require.Equal(t, steamdiscovery.FellSilent, event.Reason)
		require.Equal(t, 3, event.Host.Missed)
		require.Equal(t, 31*time.Second, time.Since(lastAnswer)) // three polls, and a second to answer the last
		require.Empty(t, discoverer.Hosts())
		require.Equal(t, steamdiscovery.DiscovererSearching, discoverer.State().Step)
	})
}

// Two packets in three lost: the host stays.
func TestDiscovererBearsLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		questions := 0
		lan.Drop(func(_, to netip.AddrPort, _ []byte) bool {
			if to != everybody {
				return false
			}
			questions++
			return questions%3 != 0
		})
		peer := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{Hostname: "one"})
		defer peer.Close()
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{})
		defer stop()
		next, done := events(t, discoverer)
		defer done()
		require.Equal(t, steamdiscovery.Appeared, next().Kind)
		time.Sleep(time.Hour)
		hosts := discoverer.Hosts()
		require.Len(t, hosts, 1)
		require.Greater(t, hosts[0].LastSeen.Sub(hosts[0].FirstSeen), 59*time.Minute)
	})
}

func TestDiscovererHearsOffline(t *testing.T) {
	for name, omit := range map[string]bool{"with body length": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lan := steamdiscoverytest.NewLAN()
				peer := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{ClientID: 5, InstanceID: 6, OmitOfflineLength: omit})
				defer peer.Close()
				discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{Passive: true})
				defer stop()
				next, done := events(t, discoverer)
				defer done()
				require.Equal(t, steamdiscovery.Appeared, next().Kind)

				// Forged: from another address, of another instance, of nobody known.
				lan.Send(encode(t, steamdiscoverywire.New(5, 6, offlineType, nil)), asker, everybody)
				lan.Send(encode(t, steamdiscoverywire.New(5, 99, offlineType, nil)), peer.Addr(), everybody)
				lan.Send(encode(t, steamdiscoverywire.New(1234, 6, offlineType, nil)), peer.Addr(), everybody)
				synctest.Wait()
				require.Len(t, discoverer.Hosts(), 1)
				require.Equal(t, uint64(1), discoverer.State().Counters.Ignored.NotFromHost)

				require.NoError(t, peer.Offline(everybody))
				event := next()
				require.Equal(t, steamdiscovery.Gone, event.Kind)
				require.Equal(t, steamdiscovery.SaidOffline, event.Reason)
				require.Empty(t, discoverer.Hosts())
			})
		})
	}
}

func TestPassiveDiscovererHearsBroadcasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		peer := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{Hostname: "one", Silent: true})
		defer peer.Close()
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{Passive: true})
		defer stop()
		next, done := events(t, discoverer)
		defer done()
		time.Sleep(5 * time.Second)
		require.Empty(t, discoverer.Hosts())
		require.NoError(t, peer.Broadcast(everybody))
		require.Equal(t, "one", next().Host.Name())
		counters := discoverer.State().Counters
		require.Equal(t, uint64(3), counters.Ignored.Own) // the questions came back
		require.True(t, discoverer.State().Passive.IsValid())
	})
}

// Announcers and discoverers together: several hosts, one of them on two networks; nobody sees itself.
func TestSeveralHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		var stops []func()
		for i, name := range []string{"one", "two", "three", "me"} {
			_, stop := announce(t, lan.Host("192.0.2."+string(rune('1'+i))), steamdiscovery.AnnounceConfig{
				ClientID: steamdiscovery.ClientID(i + 1), Status: steamdiscovery.Status{Hostname: name},
			})
			stops = append(stops, stop)
		}
		discoverer, stop := discover(t, lan.Host("192.0.2.4"), steamdiscovery.DiscoverConfig{ClientID: 4})
		defer stop()
		next, done := events(t, discoverer)
		defer done()
		names := map[string]bool{next().Host.Name(): true, next().Host.Name(): true, next().Host.Name(): true}
		require.Equal(t, map[string]bool{"one": true, "two": true, "three": true}, names)

		// A second address of "one", heard in every round: noted, and no change of address each time.
		packet := statusOf(t, 1, 0, "one")
		for range 5 {
			time.Sleep(10 * time.Second)
			lan.Send(packet, netip.MustParseAddrPort("198.51.100.1:27036"), discoverer.State().Sockets[0])
		}
		synctest.Wait()
		for _, host := range discoverer.Hosts() {
			if host.ClientID == 1 {
				require.Equal(t, netip.MustParseAddrPort("192.0.2.1:27036"), host.Addr)
				require.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:27036"), netip.MustParseAddrPort("198.51.100.1:27036")}, host.Addrs)
			}
		}

		for _, stop := range stops {
			stop() // says goodbye to those who asked, so nobody waits for three polls
		}
		synctest.Wait()
		require.Empty(t, discoverer.Hosts())
		require.Equal(t, uint64(3), discoverer.State().Counters.Offlines)
	})
}

// Two machines made from one disk image: they do not restart each other for ever.
func TestTwoMachinesWithOneClientID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		one := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{ClientID: 5, InstanceID: 6, Hostname: "one"})
		defer one.Close()
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{})
		defer stop()
		next, done := events(t, discoverer)
		defer done()
		next()
		two := newPeer(t, lan, "192.0.2.3", steamdiscoverytest.Config{ClientID: 5, InstanceID: 7, Hostname: "two"})
		defer two.Close()
		require.Equal(t, steamdiscovery.WasRestarted, next().Reason)
		require.Equal(t, "two", next().Host.Name())
		time.Sleep(time.Minute)
		require.Len(t, discoverer.Hosts(), 1)
		require.Equal(t, "two", discoverer.Hosts()[0].Name())
		require.Positive(t, discoverer.State().Counters.Conflicts)
	})
}

func TestDiscovererMovesWithItsHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		one := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{ClientID: 5, InstanceID: 6, Hostname: "one"})
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{})
		defer stop()
		next, done := events(t, discoverer)
		defer done()
		next()
		require.NoError(t, one.Close())
		one = newPeer(t, lan, "192.0.2.7", steamdiscoverytest.Config{ClientID: 5, InstanceID: 6, Hostname: "one"}) // DHCP
		defer one.Close()
		event := next()
		require.Equal(t, steamdiscovery.Changed, event.Kind)
		require.Equal(t, "192.0.2.1:27036", event.Previous.Addr.String())
		require.Equal(t, "192.0.2.7:27036", event.Host.Addr.String())
		time.Sleep(time.Minute)
		require.Equal(t, []netip.AddrPort{event.Host.Addr}, discoverer.Hosts()[0].Addrs)
	})
}

func TestHostileHosts(t *testing.T) {
	raw := func(m *steampb.CMsgRemoteClientBroadcastStatus) []byte {
		b, err := proto.Marshal(m)
		require.NoError(t, err)
		return b
	}
	for name, c := range map[string]struct {
		config  steamdiscoverytest.Config
		ignored func(steamdiscovery.Ignored) uint64
		check   func(t *testing.T, h steamdiscovery.Host)
	}{
		"garbage":         {config: steamdiscoverytest.Config{Datagram: []byte("\xff\xff\xff\xff\x21\x4c\x5f\xa0garbage")}, ignored: func(i steamdiscovery.Ignored) uint64 { return i.Malformed }},
		"other protocol":  {config: steamdiscoverytest.Config{Datagram: []byte("hello")}, ignored: func(i steamdiscovery.Ignored) uint64 { return i.NotSteam }},
		"nothing":         {config: steamdiscoverytest.Config{Datagram: []byte{}}, ignored: func(i steamdiscovery.Ignored) uint64 { return i.NotSteam }},
		"body cut":        {config: steamdiscoverytest.Config{Body: []byte{0x22, 80, 'a'}}, ignored: func(i steamdiscovery.Ignored) uint64 { return i.Malformed }},
		"no client id":    {config: steamdiscoverytest.Config{Datagram: frame([]byte{0x10, 1}, nil)}, ignored: func(i steamdiscovery.Ignored) uint64 { return i.Malformed }},
		"a question":      {config: steamdiscoverytest.Config{Datagram: frame(header(0), nil)}, ignored: func(i steamdiscovery.Ignored) uint64 { return i.OtherType }},
		"64 KB of status": {config: steamdiscoverytest.Config{Hostname: strings.Repeat("x", 60000)}, ignored: func(i steamdiscovery.Ignored) uint64 { return i.TooLarge }},
		"empty": {config: steamdiscoverytest.Config{Body: []byte{}}, check: func(t *testing.T, h steamdiscovery.Host) {
			require.Equal(t, "192.0.2.1", h.Name())
			require.Equal(t, steamdiscovery.Status{}, h.Status)
			require.Equal(t, h.Addr, h.ConnectAddr())
		}},
		"name to fool a terminal": {config: steamdiscoverytest.Config{Body: raw(&steampb.CMsgRemoteClientBroadcastStatus{
			Hostname: new(" \x1b[2Ja\u202eb\x00\u2028" + strings.Repeat("é", 100))})}, check: func(t *testing.T, h steamdiscovery.Host) {
			require.Equal(t, "\ufffd[2Ja\ufffdb\ufffd\ufffd"+strings.Repeat("é", 55), h.Status.Hostname)
			require.True(t, strings.HasPrefix(h.RawHostname, " \x1b[2J"))
		}},
		"name not in UTF-8": {config: steamdiscoverytest.Config{Body: []byte{0x22, 3, 'a', 0xff, 'b'}}, check: func(t *testing.T, h steamdiscovery.Host) {
			require.Equal(t, "a\ufffdb", h.Name())
			require.Equal(t, "a\xffb", h.RawHostname)
		}},
		"addresses that are none": {config: steamdiscoverytest.Config{Body: raw(&steampb.CMsgRemoteClientBroadcastStatus{
			ConnectPort: proto.Uint32(70000), MacAddresses: []string{"no", "02:00:5E:00:53:01"}, IpAddresses: []string{"\x1b", "192.0.2.1", "fe80::1%\x1b"},
			PublicIpAddress: new("localhost")})}, check: func(t *testing.T, h steamdiscovery.Host) {
			require.Zero(t, h.Status.ConnectPort)
			require.Equal(t, []net.HardwareAddr{{2, 0, 0x5e, 0, 0x53, 1}}, h.Status.MACAddresses)
			require.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.1")}, h.Status.IPAddresses)
			require.False(t, h.Status.PublicIP.IsValid())
		}},
		"many answers": {config: steamdiscoverytest.Config{Hostname: "one", Answers: 500}, check: func(t *testing.T, h steamdiscovery.Host) {
			require.Equal(t, "one", h.Name())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lan := steamdiscoverytest.NewLAN()
				peer := newPeer(t, lan, "192.0.2.1", c.config)
				defer peer.Close()
				discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{})
				defer stop()
				time.Sleep(5 * time.Second)
				if c.check != nil {
					require.Len(t, discoverer.Hosts(), 1)
					c.check(t, discoverer.Hosts()[0])
					return
				}
				require.Empty(t, discoverer.Hosts())
				require.Equal(t, uint64(3), c.ignored(discoverer.State().Counters.Ignored))
			})
		})
	}
}

// Whoever invents hosts fills a part of the table; with forged addresses all of it, but no more, and it empties again.
func TestDiscovererFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{MaxHosts: 400})
		defer stop()
		slow, done := events(t, discoverer)
		defer done()
		time.Sleep(time.Second)
		say := func(client, instance uint64, from netip.AddrPort) {
			lan.Send(statusOf(t, client, instance, "fake"), from, discoverer.State().Sockets[0])
			synctest.Wait()
		}
		say(999999, 0, asker)
		require.Equal(t, "fake", slow().Host.Name())
		for client := range uint64(1000) {
			say(1+client, 0, asker)
		}
		require.Equal(t, 64, discoverer.State().Hosts)
		require.Equal(t, uint64(1001-64), discoverer.State().Counters.Ignored.TableFull)
		for client := range uint64(1000) {
			say(2000+client, 0, netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(client / 250), byte(client % 250)}), 5000))
		}
		require.Equal(t, 400, discoverer.State().Hosts)
		require.Equal(t, uint64(1001-64+1000-336), discoverer.State().Counters.Ignored.TableFull)
		require.Equal(t, uint64(399-256), discoverer.State().Counters.LostEvents, "the slow iterator loses old ones, and that is counted")

		// Restarts and changes without end: a few are told, the rest is counted.
		for instance := range uint64(1000) {
			say(1, 1+instance, asker) // the first instance id was news, no restart
		}
		require.Equal(t, uint64(999-8), discoverer.State().Counters.Ignored.RateLimited)
		for n := range 1000 {
			lan.Send(statusOf(t, 2, 0, fmt.Sprint("name ", n)), asker, discoverer.State().Sockets[0])
			synctest.Wait()
		}
		require.Equal(t, uint64(999-8+1000-8), discoverer.State().Counters.Ignored.RateLimited)
		require.Equal(t, uint64(399-256+2*8+8), discoverer.State().Counters.LostEvents)
		time.Sleep(time.Second)
		lan.Send(statusOf(t, 2, 0, "at last"), asker, discoverer.State().Sockets[0])
		synctest.Wait()
		require.True(t, slices.ContainsFunc(discoverer.Hosts(), func(host steamdiscovery.Host) bool { return host.Name() == "at last" }))

		time.Sleep(time.Minute)
		require.Zero(t, discoverer.State().Hosts)
	})
}

func TestDiscover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		one := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{ClientID: 1, Hostname: "one", Answers: 3})
		defer one.Close()
		two := newPeer(t, lan, "192.0.2.2", steamdiscoverytest.Config{ClientID: 2, Hostname: "two"})
		defer two.Close()
		config := steamdiscovery.DiscoverConfig{Targets: []string{"255.255.255.255"}, ListenPacket: lan.Host("192.0.2.3").ListenPacket}
		begin := time.Now()
		var names []string
		for host, err := range steamdiscovery.Discover(t.Context(), config) {
			require.NoError(t, err)
			names = append(names, host.Name())
		}
		require.ElementsMatch(t, []string{"one", "two"}, names)
		require.Equal(t, 3*time.Second, time.Since(begin))
		require.Len(t, one.Questions(), 3)

		for range steamdiscovery.Discover(t.Context(), config) {
			break
		}
		require.Equal(t, 3*time.Second, time.Since(begin))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var last error
		for _, err := range steamdiscovery.Discover(ctx, config) {
			last = err
		}
		require.ErrorIs(t, last, context.DeadlineExceeded)
		timeout, ok := errors.AsType[net.Error](last)
		require.True(t, ok)
		require.True(t, timeout.Timeout())
	})
}

// deafConn cannot send, as without a network.
type deafConn struct{ net.PacketConn }

var errNetwork = errors.New("network is unreachable")

func (deafConn) WriteTo([]byte, net.Addr) (int, error) { return 0, errNetwork }

func TestDiscoverWithoutNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := steamdiscoverytest.NewLAN().Host("192.0.2.1")
		config := steamdiscovery.DiscoverConfig{Targets: []string{"255.255.255.255"}}
		config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
			conn, err := host.ListenPacket(ctx, network, address)
			return deafConn{conn}, err
		}
		var errs []error
		for _, err := range steamdiscovery.Discover(t.Context(), config) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], errNetwork)
		require.EqualError(t, errs[0], "steamdiscovery: send 255.255.255.255:27036: network is unreachable")

		discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), config)
		require.NoError(t, err)
		stop := start(t, discoverer)
		synctest.Wait()
		require.Equal(t, steamdiscovery.DiscovererNoNetwork, discoverer.State().Step)
		require.ErrorIs(t, discoverer.State().LastError, errNetwork)
		require.Equal(t, uint64(1), discoverer.State().Counters.SendFailed)
		stop()
		require.Equal(t, steamdiscovery.DiscovererClosed, discoverer.State().Step)
	})
}

// A socket that cannot be read any more is replaced with the next question.
func TestDiscovererReplacesBrokenSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		peer := newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{Hostname: "one"})
		defer peer.Close()
		var opened atomic.Int32
		config := steamdiscovery.DiscoverConfig{Targets: []string{"255.255.255.255"}}
		config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
			conn, err := lan.Host("192.0.2.2").ListenPacket(ctx, network, address)
			if opened.Add(1) == 1 {
				return brokenConn{conn}, err
			}
			return conn, err
		}
		discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), config)
		require.NoError(t, err)
		stop := start(t, discoverer)
		defer stop()
		time.Sleep(time.Second)
		require.Equal(t, int32(2), opened.Load())
		require.Len(t, discoverer.Hosts(), 1)
		require.Equal(t, uint64(15), discoverer.State().Counters.ReadFailed)
	})
}

type noNames struct{ net.Resolver }

func (*noNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.IPv6Loopback()}, nil
}

func TestDiscovererRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		config steamdiscovery.DiscoverConfig
		wants  string
	}{
		"IPv6 only":         {steamdiscovery.DiscoverConfig{Targets: []string{"steam.example"}, Resolver: &noNames{}}, "resolve steam.example: no IPv4 address"},
		"no such interface": {steamdiscovery.DiscoverConfig{Interfaces: []string{"nothing0"}}, "interfaces: nothing0"},
		"loopback only":     {steamdiscovery.DiscoverConfig{Interfaces: []string{loopbackName(t)}}, "no usable IPv4 interface"},
		"bad port":          {steamdiscovery.DiscoverConfig{Targets: []string{"127.0.0.1:70000"}}, "resolve 127.0.0.1:70000"},
		"no socket":         {steamdiscovery.DiscoverConfig{Targets: []string{"127.0.0.1"}, ListenPacket: func(context.Context, string, string) (net.PacketConn, error) { return nil, errNetwork }}, "listen 0.0.0.0:0: network"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := steamdiscovery.NewDiscoverer(t.Context(), c.config)
			require.ErrorContains(t, err, c.wants)
			_, ok := errors.AsType[*steamdiscovery.Error](err)
			require.True(t, ok)
			if name == "loopback only" {
				require.ErrorIs(t, err, steamdiscovery.ErrNoInterface)
			}
			for _, err := range steamdiscovery.Discover(t.Context(), c.config) {
				require.ErrorContains(t, err, c.wants)
			}
		})
	}
}

func loopbackName(t testing.TB) string {
	t.Helper()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, ifi := range interfaces {
		if ifi.Flags&net.FlagLoopback != 0 {
			return ifi.Name
		}
	}
	t.Skip("this machine has no loopback interface")
	return ""
}

func TestDiscovererClosedBeforeItRan(t *testing.T) {
	discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), steamdiscovery.DiscoverConfig{Targets: []string{"127.0.0.1"}})
	require.NoError(t, err)
	require.NoError(t, discoverer.Close())
	require.NoError(t, discoverer.Close())
	require.ErrorIs(t, discoverer.Run(t.Context()), net.ErrClosed)
	for range discoverer.Events(t.Context()) {
		t.Fatal("nothing happened")
	}
}

// Whoever begins to listen while a discoverer runs is told how it stands, as with an announcer.
func TestDiscovererTellsItsStepFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		discoverer, stop := discover(t, lan.Host("192.0.2.1"), steamdiscovery.DiscoverConfig{})
		defer stop()
		synctest.Wait()
		for event := range discoverer.Events(t.Context()) {
			require.Equal(t, steamdiscovery.StepChanged, event.Kind)
			require.Equal(t, steamdiscovery.DiscovererSearching, event.Step)
			require.NoError(t, event.Err)
			break
		}
	})
}
