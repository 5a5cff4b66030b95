package cdkey_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

// The original's game servers get today the answers with which they were content: a good key, one that was not sold, a key that
// comes again while its player proves to have it, one whose game server is silent, one whose player has left.
func TestOriginalGameServers(t *testing.T) {
	recorded := transcript.Load(t, "testdata/original.json")
	require.Len(t, recorded.Labels(), 4)
	said := 0
	for _, event := range recorded.Events {
		for _, words := range []string{"ok=1 text=Validated", "ok=0 text=Invalid CD Key", "ok=0 text=CD Key is already in use", "ok=0 text=CD Key in use"} {
			said += strings.Count(event.Note, words)
		}
	}
	require.Equal(t, 8, said, "what the original told its game of four players with two keys each")

	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(t, simnet.Options{})
		home := network.Host("10.0.0.1")
		hosts := map[string]*simnet.Host{}
		for i, label := range recorded.Labels() {
			hosts[label] = network.Host("10.0.0." + string(rune('2'+i)))
		}
		defer network.Start()()
		server, err := cdkeytest.New(cdkeytest.Config{
			Address: "10.0.0.1:29910", ListenPacket: home.ListenPacket, Keys: map[int][]string{product: {"good-key"}}, ProofTime: time.Second,
		})
		require.NoError(t, err)
		defer server.Close()
		conns := map[string]net.PacketConn{}
		for label, host := range hosts {
			conns[label], err = host.ListenPacket(context.Background(), "udp4", ":0")
			require.NoError(t, err)
			defer conns[label].Close()
		}
		begin := time.Now()
		buf := make([]byte, 2000)
		for _, event := range recorded.Events {
			switch event.Dir {
			case transcript.ClientToServer:
				time.Sleep(time.Duration(event.T*float64(time.Second)) - time.Since(begin))
				synctest.Wait() // what was sent before has arrived
				_, err := conns[event.Conn].WriteTo(event.Payload, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 29910})
				require.NoError(t, err)
			case transcript.ServerToClient:
				require.NoError(t, conns[event.Conn].SetReadDeadline(time.Now().Add(2*time.Second)))
				n, _, err := conns[event.Conn].ReadFrom(buf)
				require.NoError(t, err, "after %v s: %s", event.T, text(event.Payload))
				require.Equal(t, text(event.Payload), text(buf[:n]))
			}
		}
		synctest.Wait()
		require.Equal(t, cdkeytest.Stats{Questions: 7, KeepAlives: 1, Disconnects: 3, Proofs: 2}, server.Stats())
	})
}

// text is what a datagram says.
func text(datagram []byte) string {
	b := append([]byte(nil), datagram...)
	cdkeywire.XOR(b)
	return string(b)
}
