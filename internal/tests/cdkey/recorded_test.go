package cdkey_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

var recordings = []string{"openspy-own", "openspy-qr2", "openspy-csdk", "kr4uzi-own", "kr4uzi-csdk"}

const (
	masterPort = ":27900"
	keyPort    = ":29910"
)

// What was recorded is read, and written again byte for byte.
func TestRecordedMessages(t *testing.T) {
	for _, name := range recordings {
		count := 0
		for _, event := range transcript.Load(t, "testdata/"+name+".json").Events {
			if !strings.HasSuffix(event.Remote, keyPort) {
				continue
			}
			count++
			m, err := cdkeywire.Parse(event.Payload)
			require.NoError(t, err)
			require.Equal(t, event.Hex, encoded(t, m), name)
		}
		require.GreaterOrEqual(t, count, 6, name)
	}
}

// A game server that is told what real validation servers said, at the same times, says the same and comes to the same decisions.
func TestRecordedValidationServers(t *testing.T) {
	for _, name := range []string{"openspy-own", "openspy-qr2", "kr4uzi-own"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { replay(t, transcript.Load(t, "testdata/"+name+".json")) })
		})
	}
}

// decision is what became of a player.
type decision struct {
	player *cdkey.Player
	err    error
}

func replay(t *testing.T, file transcript.File) {
	network := simnet.New(t, simnet.Options{})
	back, game := network.Host("10.0.0.1"), network.Host("10.0.0.2")
	defer network.Start()()
	validation, master, conn := back.Listen(29910), back.Listen(27900), game.Listen(16500)
	defer validation.Close()
	defer master.Close()
	defer conn.Close()
	keepAlive, err := time.ParseDuration(file.Meta["keep-alive"].(string))
	require.NoError(t, err)

	gameConn := conn
	if name := file.Meta["game"]; name != "" {
		host, err := qr2.NewHost(conn, qr2.Config{Game: name.(string), Secret: "HA6zkS", Addr: master.LocalAddr().String(), SkipAvailability: true})
		require.NoError(t, err)
		require.NoError(t, host.Update(qr2.Snapshot{}))
		view := host.GameConn()
		defer view.Close()
		gameConn = view
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- host.Run(ctx) }()
		defer func() {
			require.Equal(t, qr2.StepListed, host.State().Masters[0].Step)
			cancel()
			require.NoError(t, <-ran)
			require.NoError(t, host.Close())
		}()
	}
	// Instance keys and session numbers are random: the recorded ones are replaced by those of today.
	var instance qr2wire.Key
	var session int64
	var checker *cdkey.Checker
	decisions := make(chan decision, 1)
	players := make(map[cdkey.KeyHash]*cdkey.Player)
	start := time.Now()
	for _, event := range file.Events {
		time.Sleep(time.Duration(event.T*float64(time.Second)) - time.Since(start))
		toKeys := strings.HasSuffix(event.Remote, keyPort)
		if checker == nil && toKeys {
			t.Fatal("a message before the first player")
		}
		if isAvailability(event) {
			continue // asked beside the heartbeats, before or behind them
		}
		switch {
		case checker == nil && strings.HasPrefix(event.Note, "authenticate"):
			checker, err = cdkey.Start(t.Context(), gameConn, cdkey.Config{
				Products: []int{11057, 10}, Addr: validation.LocalAddr().String(), KeepAlive: keepAlive, OnTimeout: cdkey.RejectOnTimeout,
			})
			require.NoError(t, err)
		case strings.HasPrefix(event.Note, "validated"):
			d := <-decisions
			require.NoError(t, d.err)
			require.Equal(t, event.Note, d.player.Verdict().String()+" "+string(d.player.KeyHash()))
			players[d.player.KeyHash()] = d.player
		case event.Note == "close":
			require.NoError(t, checker.Close())
			defer func() { require.Zero(t, checker.State().Counters.Unmatched) }()
		case event.Dir == transcript.ClientToServer && !toKeys:
			packet := receive(t, master)
			require.Equal(t, event.Payload[0], packet[0])
			instance = qr2wire.Key(packet[1:5])
			if qr2wire.Type(packet[0]) == qr2wire.TypeChallenge {
				require.Equal(t, string(event.Payload[5:]), string(packet[5:]))
			}
		case event.Dir == transcript.ServerToClient && !toKeys:
			packet := append([]byte{}, event.Payload...)
			copy(packet[3:7], instance[:])
			_, err := master.WriteTo(packet, conn.LocalAddr())
			require.NoError(t, err)
		case event.Dir == transcript.ClientToServer:
			want, err := cdkeywire.Parse(event.Payload)
			require.NoError(t, err)
			switch m := want.(type) {
			case cdkeywire.Auth:
				go func() {
					player, err := checker.Authenticate(t.Context(), cdkey.Request{
						Product: m.Product, IP: m.IP, Challenge: m.Challenge, Response: cdkey.Response(m.Response),
					})
					decisions <- decision{player, err}
				}()
				got, err := cdkeywire.Parse(receive(t, validation))
				require.NoError(t, err)
				auth, ok := got.(cdkeywire.Auth)
				require.True(t, ok)
				session, auth.Session = auth.Session, m.Session
				require.Equal(t, m, auth)
				continue
			case cdkeywire.Disconnect:
				if p := players[cdkey.KeyHash(m.KeyHash)]; p != nil && checker.State().Err == nil {
					p.Disconnect()
				}
			}
			require.Equal(t, string(event.Payload), string(receive(t, validation)))
		case event.Dir == transcript.ServerToClient:
			m, err := cdkeywire.Parse(event.Payload)
			require.NoError(t, err)
			accepted, ok := m.(cdkeywire.Accepted)
			require.True(t, ok)
			accepted.Session = session
			b, err := cdkeywire.Append(nil, accepted)
			require.NoError(t, err)
			_, err = validation.WriteTo(b, conn.LocalAddr())
			require.NoError(t, err)
		}
	}
}

// isAvailability reports whether it is the availability check or its answer.
func isAvailability(event transcript.Event) bool {
	switch {
	case !strings.HasSuffix(event.Remote, masterPort):
		return false
	case event.Dir == transcript.ClientToServer:
		return qr2wire.Type(event.Payload[0]) == qr2wire.TypePrequery
	}
	return qr2wire.Type(event.Payload[2]) == qr2wire.TypePrequery
}

// receive waits for a datagram.
func receive(t *testing.T, conn net.PacketConn) []byte {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	b := make([]byte, 2000)
	n, _, err := conn.ReadFrom(b)
	require.NoError(t, err)
	return b[:n]
}

// The original C SDK gives two players of the same moment the same number (OpenSpy's recording): cdkeytest tells it the same as the real
// servers did.
func TestServerAnswersTheOriginalAsRealServersDid(t *testing.T) {
	for _, family := range []cdkeytest.Family{cdkeytest.OpenSpy, cdkeytest.KR4uzi} {
		name := string(family) + "-csdk"
		t.Run(name, func(t *testing.T) {
			server, err := cdkeytest.New(cdkeytest.Config{Family: family})
			require.NoError(t, err)
			defer server.Close()
			conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
			require.NoError(t, err)
			defer conn.Close()
			var want, got, disconnected []string
			to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(server.Addr()))
			for _, event := range transcript.Load(t, "testdata/"+name+".json").Events {
				if event.Dir == transcript.ServerToClient {
					want = append(want, string(event.Payload))
					continue
				}
				m, err := cdkeywire.Parse(event.Payload)
				require.NoError(t, err)
				_, err = conn.WriteTo(event.Payload, to)
				require.NoError(t, err)
				switch m := m.(type) {
				case cdkeywire.Auth:
					got = append(got, string(receive(t, conn)))
				case cdkeywire.Disconnect:
					disconnected = append(disconnected, m.KeyHash)
				}
			}
			require.ElementsMatch(t, want, got)
			require.Len(t, disconnected, 2)
			require.Eventually(t, func() bool { return server.Stats().Disconnects == 2 }, 5*time.Second, time.Millisecond)
			require.Zero(t, server.Stats().Malformed)
		})
	}
}
