package qr2_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
)

// Hosts of this package that real masters listed, forgot and listed again were recorded. A host of today, told the same at the same
// times, sends the same bytes in the same order and goes the same steps.
func TestForgottenAndListedAgainByRealMasters(t *testing.T) {
	for _, test := range []struct {
		file, game, secret string
		server             qr2.Fields
	}{
		{"openspy-forgotten", "gmtest", "HA6zkS", nil},
		{"dwc-restart", "pokemondpds", "1vTlwb", nil},
		{"wfc-moved", "pokemondpds", "1vTlwb", fields("dwc_pid", "1000000002")},
	} {
		t.Run(test.file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				events := transcript.Load(t, "testdata/"+test.file+".json").Events
				first := events[0]
				network := newMemnet()
				conn := network.listen(t, first.Local)
				host, err := qr2.NewHost(conn, qr2.Config{Game: test.game, Secret: test.secret, Addr: first.Remote,
					LocalIPs: []netip.Addr{conn.local.Addr()}})
				require.NoError(t, err)
				require.NoError(t, host.Update(recordedSnapshot(test.server)))
				peers := make(map[string]*memConn)
				sent := make(chan string, len(events)*2)
				done := make(chan struct{})
				keys := make(chan qr2wire.Key, 1) // the host's instance key
				for _, e := range events {
					if e.Remote == "" || peers[e.Remote] != nil {
						continue
					}
					peer := network.listen(t, e.Remote)
					peers[e.Remote] = peer
					go func() {
						defer func() { done <- struct{}{} }()
						b := make([]byte, 2000)
						for {
							n, _, err := peer.ReadFromUDPAddrPort(b)
							if err != nil {
								return
							}
							if b[0] == byte(qr2wire.TypeHeartbeat) {
								select {
								case keys <- qr2wire.Key(b[1:5]):
								default:
								}
							}
							sent <- describe(peer.local, b[:n])
						}
					}()
				}
				var steps, wantSteps, got, want []string
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ran := make(chan error, 1)
				start := time.Now()
				go func() { ran <- host.Run(ctx) }()
				var oldKey qr2wire.Key
				for _, e := range events {
					if e.Note == qr2.StepStopped.String() {
						time.Sleep(time.Duration(e.T*float64(time.Second)) - time.Since(start))
						cancel()
						require.NoError(t, <-ran)
					}
					switch e.Dir {
					case "":
						if e.Note == "NAT" {
							continue
						}
						wantSteps = append(wantSteps, e.Note)
					case transcript.ClientToServer:
						want = append(want, describe(netip.MustParseAddrPort(e.Remote), e.Payload))
						if e.Payload[0] == byte(qr2wire.TypeHeartbeat) {
							oldKey = qr2wire.Key(e.Payload[1:5])
						}
					case transcript.ServerToClient:
						time.Sleep(time.Duration(e.T*float64(time.Second)) - time.Since(start))
						b := bytes.Clone(e.Payload)
						if old := qr2wire.Key(b[3:7]); old == oldKey && old != (qr2wire.Key{}) {
							key := <-keys
							keys <- key
							copy(b[3:7], key[:])
						}
						_, err := peers[e.Remote].WriteTo(b, net.UDPAddrFromAddrPort(conn.local))
						require.NoError(t, err)
						synctest.Wait()
					}
				}
				synctest.Wait()
				require.NoError(t, host.Close())
				for event := range host.Events(t.Context()) {
					if e, ok := event.(*qr2.MasterChanged); ok {
						step := e.Step.String()
						if e.Err != nil {
							step += ": " + e.Err.Error()
						}
						steps = append(steps, step)
					}
				}
				for _, peer := range peers {
					require.NoError(t, peer.Close())
					<-done
				}
				require.NoError(t, conn.Close())
				close(sent)
				for packet := range sent {
					got = append(got, packet)
				}
				require.Equal(t, wantSteps, steps)
				// The availability service is asked beside, in any order.
				wantAside, want := aside(want)
				gotAside, got := aside(got)
				require.Equal(t, wantAside, gotAside)
				require.Equal(t, strings.Join(want, "\n"), strings.Join(got, "\n"))
				require.Equal(t, 1, host.State().Masters[0].Forgotten)
			})
		})
	}
}

// aside takes the questions for the availability out.
func aside(packets []string) (checks, rest []string) {
	for _, packet := range packets {
		if strings.Contains(packet, ` "\t`) {
			checks = append(checks, packet)
		} else {
			rest = append(rest, packet)
		}
	}
	return checks, rest
}

// describe is a packet of a game server without its key.
func describe(to netip.AddrPort, b []byte) string {
	b = bytes.Clone(b)
	if to.Port() == 27900 && b[0] != byte(qr2wire.TypePrequery) {
		clear(b[1:5])
	}
	return fmt.Sprintf("%v %q", to, b)
}

func recordedSnapshot(more qr2.Fields) qr2.Snapshot {
	s := qr2.Snapshot{Server: append(fields("hostname", "Recorded", "gamever", "1.0", "mapname", "map1", "numplayers", "2", "maxplayers", "16",
		"hostport", "7777", "gamemode", "openplaying"), more...)}
	for i := range 2 {
		s.Players = append(s.Players, fields("player_", fmt.Sprint("p", i), "score_", "1"))
	}
	return s
}
