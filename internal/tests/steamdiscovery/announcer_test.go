package steamdiscovery_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

const (
	discoveryType  = steampb.ERemoteClientBroadcastMsg_MSG_DISCOVERY
	statusType     = steampb.ERemoteClientBroadcastMsg_MSG_STATUS
	offlineType    = steampb.ERemoteClientBroadcastMsg_MSG_OFFLINE
	deconflictType = steampb.ERemoteClientBroadcastMsg_MSG_CLIENT_ID_DECONFLICT
)

// Status at 0, 2 and 22 seconds as Steam does, then only when something changes, once a second at most; Offline at the end.
func TestAnnouncerBroadcasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		network := listenAt(t, lan.Host("192.0.2.9"), "27036")
		defer network.close()
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{
			ClientID: 5, InstanceID: 6, Status: steamdiscovery.Status{Hostname: "one"},
		})
		time.Sleep(time.Minute)
		require.Equal(t, []time.Duration{0, 2 * time.Second, 22 * time.Second}, network.times(statusType))

		for _, name := range []string{"two", "three", "three", "four"} {
			require.NoError(t, announcer.Update(steamdiscovery.Status{Hostname: name}))
			time.Sleep(300 * time.Millisecond)
		}
		require.NoError(t, announcer.Update(steamdiscovery.Status{Hostname: "four"}))
		time.Sleep(time.Minute)
		last := network.all(statusType)[3:]
		require.Len(t, last, 2)
		require.Equal(t, []time.Duration{60 * time.Second, 61 * time.Second}, []time.Duration{last[0].at, last[1].at})
		require.Equal(t, "two", last[0].packet.Body.(*steampb.CMsgRemoteClientBroadcastStatus).GetHostname())
		require.Equal(t, "four", last[1].packet.Body.(*steampb.CMsgRemoteClientBroadcastStatus).GetHostname())

		require.Empty(t, network.all(offlineType))
		stop()
		synctest.Wait()
		offline := network.all(offlineType)
		require.Len(t, offline, 1)
		require.Equal(t, uint64(5), offline[0].packet.Header.GetClientId())
		require.Equal(t, uint64(6), offline[0].packet.Header.GetInstanceId())
		require.False(t, offline[0].packet.OmitBodyLength)
		require.Equal(t, steamdiscovery.AnnouncerOffline, announcer.State().Step)
		require.ErrorIs(t, announcer.Update(steamdiscovery.Status{}), net.ErrClosed)
		require.ErrorIs(t, announcer.Run(t.Context()), net.ErrClosed)
		require.NoError(t, announcer.Close())
	})
}

func TestAnnouncerAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		me := listenAt(t, lan.Host("192.0.2.99"), "5000")
		defer me.close()
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{
			ClientID: 5, InstanceID: 6, Targets: []string{"192.0.2.200"},
			Status: steamdiscovery.Status{Hostname: "one", EnabledServices: steamdiscovery.ServiceContentCache},
		})
		defer stop()

		lan.Send(question(t, 8, 1), asker, everybody)
		lan.Send(question(t, 8, 1), asker, netip.MustParseAddrPort("192.0.2.255:27036")) // the other kind of broadcast
		lan.Send(question(t, 5, 1), asker, everybody)                                    // our own id
		lan.Send(statusOf(t, 8, 9, "other"), asker, everybody)
		lan.Send([]byte("\xff\xff\xff\xffTSource Engine Query\x00"), asker, everybody)
		lan.Send(question(t, 8, 1)[:20], asker, everybody)
		synctest.Wait()
		answers := me.all(statusType)
		require.Len(t, answers, 1)
		require.Equal(t, netip.MustParseAddrPort("192.0.2.1:27036"), answers[0].from)
		body := answers[0].packet.Body.(*steampb.CMsgRemoteClientBroadcastStatus)
		require.Equal(t, "one", body.GetHostname())
		require.Equal(t, uint32(8), body.GetEnabledServices())
		require.Equal(t, uint32(8), body.GetSupportedServices())
		require.Equal(t, uint32(27036), body.GetConnectPort())
		require.Equal(t, uint32(time.Now().Unix()), body.GetTimestamp())

		counters := announcer.State().Counters
		require.Equal(t, uint64(6), counters.Received)
		require.Equal(t, uint64(1), counters.Questions)
		require.Equal(t, uint64(1), counters.Answers)
		require.Equal(t, steamdiscovery.Ignored{Duplicate: 1, Own: 1, OtherType: 1, NotSteam: 1, Malformed: 1}, counters.Ignored)

		time.Sleep(5 * time.Second)
		lan.Send(question(t, 8, 1), asker, everybody) // a repeat of the search, later
		synctest.Wait()
		answers = me.all(statusType)
		require.Len(t, answers, 2)
		require.Equal(t, uint32(time.Now().Unix()), answers[1].packet.Body.(*steampb.CMsgRemoteClientBroadcastStatus).GetTimestamp())

		// Who asked from a port of its own does not hear the broadcast: it gets an Offline of its own.
		stop()
		synctest.Wait()
		require.Len(t, me.all(offlineType), 1)
	})
}

func TestAnnouncerLimitsAnswersPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		me := listenAt(t, lan.Host("192.0.2.99"), "5000")
		defer me.close()
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{})
		defer stop()
		for n := range 100 {
			lan.Send(question(t, 8, uint32(n)), asker, everybody)
		}
		synctest.Wait()
		require.Len(t, me.all(statusType), 4) // a burst
		require.Equal(t, uint64(96), announcer.State().Counters.Ignored.RateLimited)

		for n := range 100 { // ten seconds
			lan.Send(question(t, 8, uint32(200+n)), asker, everybody)
			time.Sleep(100 * time.Millisecond)
		}
		require.InDelta(t, 4+20, len(me.all(statusType)), 2)
	})
}

// A flood from forged addresses costs no memory, and does not keep anybody else from getting an answer for long.
func TestAnnouncerFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		me := listenAt(t, lan.Host("192.0.2.99"), "5000")
		defer me.close()
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{})
		defer stop()
		random := rand.New(rand.NewPCG(1, 2))
		packet := question(t, 8, 1)
		flood := func(packets int) {
			for n := range packets {
				var ip [4]byte
				for i := range ip {
					ip[i] = byte(random.Uint32())
				}
				ip[3] &= 0x7f
				lan.Send(packet, netip.AddrPortFrom(netip.AddrFrom4(ip), uint16(1+random.Uint32N(65535))), everybody)
				if n%512 == 511 {
					synctest.Wait()
				}
			}
			synctest.Wait()
		}
		flood(20000)
		before := heap()
		flood(200000)
		require.Less(t, int64(heap())-int64(before), int64(1<<20))
		require.Equal(t, uint64(220001), announcer.State().Counters.Received) // and its own broadcast

		time.Sleep(2 * time.Second)
		lan.Send(packet, asker, everybody)
		synctest.Wait()
		require.Len(t, me.all(statusType), 1)
	})
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestAnnouncerNoticesItsDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{ClientID: 5, InstanceID: 6})
		defer stop()
		lan.Send(statusOf(t, 5, 6, "me"), asker, everybody)
		lan.Send(statusOf(t, 5, 7, "my double"), asker, everybody)
		for _, ids := range [][]uint64{{1, 2}, {4, 5}} {
			lan.Send(encode(t, steamdiscoverywire.New(8, 0, deconflictType,
				&steampb.CMsgRemoteClientBroadcastClientIDDeconflict{ClientIds: ids})), asker, everybody)
		}
		synctest.Wait()
		counters := announcer.State().Counters
		require.Equal(t, uint64(2), counters.Conflicts)
		require.Equal(t, uint64(1), counters.Ignored.OtherType)
		// The announcer hears its own first broadcast as well.
		require.Equal(t, uint64(2), counters.Ignored.Own)
	})
}

func TestAnnouncerEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		network := listenAt(t, lan.Host("192.0.2.9"), "27036")
		defer network.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.NoError(t, steamdiscovery.Announce(ctx, steamdiscovery.AnnounceConfig{
			Targets: []string{"255.255.255.255"}, ListenPacket: lan.Host("192.0.2.1").ListenPacket,
		}))
		synctest.Wait()
		require.Equal(t, []time.Duration{time.Hour}, network.times(offlineType))
	})
}

func TestAnnouncerEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		announcer, stop := announce(t, steamdiscoverytest.NewLAN().Host("192.0.2.1"), steamdiscovery.AnnounceConfig{})
		synctest.Wait()
		time.AfterFunc(time.Second, stop)
		var steps []string
		for event := range announcer.Events(t.Context()) {
			steps = append(steps, event.Step.String())
		}
		require.Equal(t, []string{"announcing", "offline"}, steps)
		require.ErrorIs(t, announcer.Run(t.Context()), net.ErrClosed)
		synctest.Wait()
	})
}

func TestAnnouncerClosedBeforeItRan(t *testing.T) {
	lan := steamdiscoverytest.NewLAN()
	announcer, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{ListenPacket: lan.Host("192.0.2.1").ListenPacket})
	require.NoError(t, err)
	require.NoError(t, announcer.Close())
	require.NoError(t, announcer.Close())
	require.ErrorIs(t, announcer.Run(t.Context()), net.ErrClosed)
	for range announcer.Events(t.Context()) {
		continue // the last step, and the end
	}
}

// brokenConn fails to read.
type brokenConn struct{ net.PacketConn }

var errBroken = errors.New("the driver has gone")

func (brokenConn) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, errBroken }

func TestAnnouncerFailsWithItsSocket(t *testing.T) {
	host := steamdiscoverytest.NewLAN().Host("192.0.2.1")
	config := steamdiscovery.AnnounceConfig{Targets: []string{"255.255.255.255"}}
	config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
		conn, err := host.ListenPacket(ctx, network, address)
		return brokenConn{conn}, err
	}
	announcer, err := steamdiscovery.NewAnnouncer(t.Context(), config)
	require.NoError(t, err)
	err = announcer.Run(t.Context())
	require.ErrorIs(t, err, errBroken)
	failure, ok := errors.AsType[*steamdiscovery.Error](err)
	require.True(t, ok)
	require.Equal(t, "read", failure.Op)
	require.Equal(t, steamdiscovery.AnnouncerFailed, announcer.State().Step)
	require.NoError(t, announcer.Close())

	config.ListenPacket = func(context.Context, string, string) (net.PacketConn, error) { return nil, errBroken }
	_, err = steamdiscovery.NewAnnouncer(t.Context(), config)
	require.EqualError(t, err, "steamdiscovery: listen 0.0.0.0:27036: the driver has gone")
}

func TestStatusIsChecked(t *testing.T) {
	many := make([]netip.Addr, 32)
	for i := range many {
		many[i] = netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666")
	}
	for name, status := range map[string]steamdiscovery.Status{
		"hostname too long":  {Hostname: strings.Repeat("x", 65)},
		"control character":  {Hostname: "a\nb"},
		"not UTF-8":          {Hostname: "a\xff"},
		"turned around":      {Hostname: "a\u202eb"},
		"too many users":     {Users: make([]steamdiscovery.User, 17)},
		"short MAC address":  {MACAddresses: []net.HardwareAddr{{1, 2}}},
		"no IP address":      {IPAddresses: []netip.Addr{{}}},
		"zone":               {IPAddresses: []netip.Addr{netip.MustParseAddr("fe80::1%eth0")}},
		"public zone":        {PublicIP: netip.MustParseAddr("fe80::1%eth0")},
		"before 1970":        {Timestamp: time.Unix(-1, 0)},
		"after 2106":         {Timestamp: time.Unix(1<<32, 0)},
		"too many addresses": {IPAddresses: make([]netip.Addr, 33)},
		"too large":          {IPAddresses: many},
	} {
		t.Run(name, func(t *testing.T) {
			host := steamdiscoverytest.NewLAN().Host("192.0.2.1")
			_, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{Status: status, ListenPacket: host.ListenPacket})
			require.ErrorIs(t, err, steamdiscovery.ErrInvalidStatus)

			announcer, err := steamdiscovery.NewAnnouncer(t.Context(), steamdiscovery.AnnounceConfig{ListenPacket: host.ListenPacket})
			require.NoError(t, err)
			require.ErrorIs(t, announcer.Update(status), steamdiscovery.ErrInvalidStatus)
			require.NoError(t, announcer.Close())
		})
	}
}

// requests is a handler that counts, and answers too much.
type requests struct{ packets int }

func (r *requests) HandleRequest(request steamdiscovery.Request) [][]byte {
	r.packets++
	return [][]byte{request.Packet[:8], request.Packet[:9], request.Packet[:10]}
}

// Requests of devices are limited by address as questions are, apart from them, and answered by two packets at most.
func TestAnnouncerLimitsRequests(t *testing.T) {
	cancel := encode(t, steamdiscoverywire.New(8, 0, steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_STREAMING_CANCEL_REQUEST,
		&steampb.CMsgRemoteDeviceStreamingCancelRequest{RequestId: new(uint32(7))}))
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		me := listenAt(t, lan.Host("192.0.2.99"), "5000")
		defer me.close()
		handler := new(requests)
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{Requests: handler, Targets: []string{"192.0.2.200"}})
		for n := range 100 {
			lan.Send(append(bytes.Clone(cancel), byte(n)), asker, everybody) // what follows the body is ignored
			lan.Send(question(t, 8, uint32(n)), asker, everybody)
		}
		synctest.Wait()
		stop()
		counters := announcer.State().Counters
		require.Equal(t, 4, handler.packets)
		require.Equal(t, uint64(4), counters.Requests)
		require.Equal(t, uint64(4), counters.Questions)
		require.Equal(t, uint64(4+2*4), counters.Answers)
		require.Equal(t, uint64(2*96), counters.Ignored.RateLimited)
	})
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		announcer, stop := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{Targets: []string{"192.0.2.200"}})
		lan.Send(cancel, asker, everybody)
		synctest.Wait()
		stop()
		require.Equal(t, uint64(1), announcer.State().Counters.Ignored.OtherType, "nobody handles them")
	})
}
