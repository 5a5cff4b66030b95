package qr2_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/availwire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
)

// What a recorded game server sends is read, and written again byte for byte.
func TestRecordedGameServers(t *testing.T) {
	for _, name := range []string{"openspy", "wfc", "kr4uzi"} {
		count := 0
		for _, event := range transcript.Load(t, "testdata/"+name+".json").Events {
			b := event.Payload
			if event.Proto != "udp" || event.Dir != transcript.ClientToServer || len(b) < 5 || b[0] > 9 {
				continue
			}
			count++
			typ, key, body, err := qr2wire.ParseFromServer(b)
			require.NoError(t, err)
			switch typ {
			case qr2wire.TypeHeartbeat:
				h, err := qr2wire.ParseHeartbeat(key, body)
				require.NoError(t, err, event.Note)
				require.Equal(t, key, h.Key)
				again, cut := h.Append(nil, 0)
				require.False(t, cut)
				// The recorded clients send everything, with empty sections, in a goodbye and when they name no game, too.
				if h.State != qr2wire.StateShutdown && h.Game != "" && len(h.LocalIPs) > 0 {
					require.Equal(t, string(b[:len(again)]), string(again), event.Note)
				}
			case qr2wire.TypeChallenge:
				text, err := qr2wire.ParseChallengeResponse(body)
				require.NoError(t, err)
				require.Equal(t, string(b), string(qr2wire.AppendChallengeResponse(nil, key, text)))
			case qr2wire.TypePrequery:
				recorded, err := availwire.ParseRequest(b)
				require.NoError(t, err)
				again, err := availwire.AppendRequest(nil, recorded)
				require.NoError(t, err)
				require.Equal(t, string(b), string(again))
			case qr2wire.TypeMessageAck:
				messageKey, err := qr2wire.ParseMessageAck(body)
				require.NoError(t, err)
				require.Equal(t, string(b), string(qr2wire.AppendMessageAck(nil, key, messageKey)))
			default:
				require.Equal(t, qr2wire.TypeKeepAlive, typ)
			}
		}
		require.Greater(t, count, 5, name)
	}
}

// The recorded masters' packets go to a host, with its own instance key put in: it must answer as the recorded clients did.
func TestHostAnswersRecordedMasters(t *testing.T) {
	for _, test := range []struct{ file, conn, game, secret string }{
		{"openspy", "hostA", "gmtest", "HA6zkS"},
		{"wfc", "qrA", "pokemondpds", "1vTlwb"},
		{"wfc", "qrB", "pokemondpds", "1vTlwb"},
		{"kr4uzi", "host-battlefield2", "battlefield2", "hW6m9a"},
		{"kr4uzi", "host-gmtest", "gmtest", "HA6zkS"},
	} {
		t.Run(test.file+" "+test.conn, func(t *testing.T) {
			master := listen(t)
			host := newHost(t, listen(t), qr2.Config{Game: test.game, Secret: test.secret, Addr: master.LocalAddr().String(), SkipAvailability: true})
			stop := run(t, host)
			defer stop()
			heartbeat, hostAddr := receive(t, master)
			key := [4]byte(heartbeat[1:5])

			events := transcript.Load(t, "testdata/"+test.file+".json").Conn(test.conn)
			for i, event := range events {
				b := event.Payload
				if event.Dir != transcript.ServerToClient || len(b) < 7 || b[0] != 0xFE || b[1] != 0xFD || qr2wire.Type(b[2]) == qr2wire.TypePrequery {
					continue
				}
				typ := qr2wire.Type(b[2])
				if typ != qr2wire.TypeQuery && [4]byte(b[3:7]) != ([4]byte{}) {
					copy(b[3:7], key[:])
				}
				_, err := master.WriteTo(b, hostAddr)
				require.NoError(t, err)
				switch typ {
				case qr2wire.TypeChallenge:
					answer, _ := receive(t, master)
					require.Equal(t, key[:], answer[1:5])
					require.Equal(t, string(events[i+1].Payload[5:]), string(answer[5:]), "the response to %q", b[7:])
				case qr2wire.TypeClientMessage:
					ack, _ := receive(t, master)
					require.Equal(t, append([]byte{7}, b[3:11]...), ack)
				case qr2wire.TypeQuery:
					reply, _ := receive(t, master)
					require.Equal(t, append([]byte{0}, b[3:7]...), reply[:5])
				}
			}
			untilStep(t, host, qr2.StepListed)
			state := host.State()
			require.Zero(t, state.Counters.Malformed)
			require.Zero(t, state.Counters.WrongKey)
			require.True(t, state.Public.IsValid())
		})
	}
}

func TestHostTellsTheWordsOfRecordedRefusals(t *testing.T) {
	var texts []string
	for _, event := range transcript.Load(t, "testdata/openspy.json").Conn("hostB") {
		b := event.Payload
		if event.Dir != transcript.ServerToClient || len(b) < 8 || qr2wire.Type(b[2]) != qr2wire.TypeAddError {
			continue
		}
		refusal, err := qr2wire.ParseAddError(qr2wire.Key(b[3:7]), b[7:])
		require.NoError(t, err)
		require.EqualValues(t, 1, refusal.Code)
		texts = append(texts, refusal.Text)
	}
	require.Equal(t, []string{"Invalid challenge response", "Server not registered", "No such gamename", "No gamename supplied"}, texts)
}

func receive(t *testing.T, conn net.PacketConn) ([]byte, net.Addr) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, 2048)
	n, from, err := conn.ReadFrom(buf)
	require.NoError(t, err)
	return buf[:n], from
}
