package steamdiscovery_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// labStatus is what the announcer of the recordings announced.
var labStatus = steamdiscovery.Status{
	Hostname: "RELIGHT-LAB", EnabledServices: steamdiscovery.ServiceGameStreaming, OS: steamdiscovery.OSLinux6, Is64Bit: true,
	Users:        []steamdiscovery.User{{SteamID: 76561197960265729, AuthKeyID: 100000001}},
	MACAddresses: []net.HardwareAddr{{2, 0, 0x5e, 0, 0x53, 1}},
	IPAddresses:  []netip.Addr{netip.MustParseAddr("192.168.77.1")}, Timestamp: time.Unix(1700000000, 0),
}

// Clients of others asked the announcer in a recording: asked the same at the same times, it answers the same, byte for
// byte, and says goodbye.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*-discover.json")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			recording := transcript.Load(t, file).Conn("discover")
			synctest.Test(t, func(t *testing.T) {
				client := netip.MustParseAddrPort(recording[0].Local)
				lan := steamdiscoverytest.NewLAN()
				conn, err := lan.Host(client.Addr().String()).ListenPacket(t.Context(), "udp4", client.String())
				require.NoError(t, err)
				defer conn.Close()
				_, stop := announce(t, lan.Host("192.168.77.1"), steamdiscovery.AnnounceConfig{
					ClientID: 7643102103932305409, InstanceID: 81985529216486895, Status: labStatus, Targets: []string{"192.168.77.200"},
				})
				defer stop()
				begin := time.Now()
				b := make([]byte, 2048)
				for i, event := range recording {
					if event.Dir == transcript.ClientToServer {
						time.Sleep(time.Until(begin.Add(time.Duration(event.T * float64(time.Second)))))
						to := netip.MustParseAddrPort(event.Remote)
						_, err := conn.WriteTo(event.Payload, net.UDPAddrFromAddrPort(to))
						require.NoError(t, err)
						continue
					}
					if i == len(recording)-1 {
						go stop() // the last packet is the goodbye
					}
					n, from, err := conn.ReadFrom(b)
					for err == nil && from.String() == client.String() { // its own broadcast
						n, from, err = conn.ReadFrom(b)
					}
					require.NoError(t, err)
					require.Equal(t, event.Remote, from.String())
					require.Equal(t, event.Payload, b[:n])
				}
				stop()
			})
		})
	}
}

// The host of the laboratory is seen as it announced itself, and announces itself as it did: byte for byte, through the
// public Status in both directions.
func TestStatusThroughThePublicType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var packet []byte
		for _, v := range ownVectors(t).Packets {
			if v.ID == "ihslib-discover-3" {
				packet = unhex(t, v.Hex)
			}
		}
		lan := steamdiscoverytest.NewLAN()
		discoverer, stop := discover(t, lan.Host("192.0.2.2"), steamdiscovery.DiscoverConfig{})
		defer stop()
		synctest.Wait()
		lan.Send(packet, asker, discoverer.State().Sockets[0])
		synctest.Wait()
		require.Len(t, discoverer.Hosts(), 1)
		host := discoverer.Hosts()[0]
		require.Equal(t, "LABHOST", host.Name())
		require.Equal(t, steamdiscovery.OSWindows10, host.Status.OS)
		require.Equal(t, "Windows 10", host.Status.OS.String())
		require.Equal(t, steamdiscovery.VRLinkUnimplemented, host.Status.VRLinkCaps)
		require.Equal(t, time.Unix(1700000000, 0).UTC(), host.Status.Timestamp)

		network := listenAt(t, lan.Host("192.0.2.9"), "27036")
		defer network.close()
		_, stopAnnouncer := announce(t, lan.Host("192.0.2.1"), steamdiscovery.AnnounceConfig{
			ClientID: host.ClientID, InstanceID: host.InstanceID, Status: host.Status,
		})
		defer stopAnnouncer()
		synctest.Wait()
		statuses := network.all(statusType)
		require.Len(t, statuses, 1)
		require.Equal(t, packet, encode(t, statuses[0].packet))
		again, err := steamdiscoverywire.Parse(packet)
		require.NoError(t, err)
		require.Equal(t, packet, encode(t, again))
	})
}

// A host of somebody else's, which was killed, started again and stopped: played back, it is seen as it was then, and our
// questions are the same bytes.
func TestTranscriptOfAHost(t *testing.T) {
	recording := transcript.Load(t, "testdata/transcripts/steamstreaming-host.json")
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		network := listenAt(t, lan.Host("192.168.77.9"), "27036")
		defer network.close()
		discoverer, stop := discover(t, lan.Host("192.168.77.1"), steamdiscovery.DiscoverConfig{
			ClientID: 7643102103932305409, Passive: true, Interval: 2 * time.Second,
			Targets: []string{"192.168.77.255", "255.255.255.255"},
		})
		defer stop()
		var seen []steamdiscovery.Event
		var watching sync.WaitGroup
		watching.Go(func() {
			for event := range discoverer.Events(t.Context()) {
				if event.Kind != steamdiscovery.StepChanged {
					seen = append(seen, event)
				}
			}
		})
		begin := time.Now()
		var asked [][]byte
		for _, event := range recording.Events {
			if event.Dir == transcript.ClientToServer {
				asked = append(asked, event.Payload)
				continue
			}
			time.Sleep(time.Until(begin.Add(time.Duration(event.T * float64(time.Second)))))
			synctest.Wait()
			to := discoverer.State().Passive
			if event.Conn == "ask" {
				to = discoverer.State().Sockets[0]
			}
			lan.Send(event.Payload, netip.MustParseAddrPort(event.Remote), to)
		}
		synctest.Wait()
		time.Sleep(time.Second) // until the last question of the recording
		var questions [][]byte
		for _, heard := range network.all(discoveryType) {
			questions = append(questions, encode(t, heard.packet))
		}
		require.Equal(t, asked, questions)

		stop()
		watching.Wait()
		require.Len(t, seen, 4)
		first, last := seen[0].Host, seen[3].Host
		require.Equal(t, steamdiscovery.Appeared, seen[0].Kind)
		require.Equal(t, "KRZYS-LAB", first.Name())
		require.Equal(t, steamdiscovery.ClientID(424242), first.ClientID)
		require.Equal(t, steamdiscovery.ServiceGameStreaming, first.Status.EnabledServices)
		require.Equal(t, netip.MustParseAddrPort("192.168.77.2:27036"), first.ConnectAddr())
		require.Equal(t, steamdiscovery.WasRestarted, seen[1].Reason)
		require.Equal(t, first.InstanceID, seen[1].Host.InstanceID)
		require.Equal(t, steamdiscovery.Appeared, seen[2].Kind)
		require.NotEqual(t, first.InstanceID, last.InstanceID)
		require.Equal(t, steamdiscovery.SaidOffline, seen[3].Reason)

		counters := discoverer.State().Counters
		require.Equal(t, uint64(6), counters.Statuses)
		require.Equal(t, uint64(1), counters.Offlines, "it is sent without the length of a body")
		require.Equal(t, uint64(2), counters.Ignored.OtherType, "it also asks")
	})
}
