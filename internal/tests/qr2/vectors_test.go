package qr2_test

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/availwire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// hexBytes are bytes in hexadecimal.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// keyValue is [key number, value].
type keyValue struct {
	id    qr2wire.KeyID
	value string
}

func (k *keyValue) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[2]any{&k.id, &k.value})
}

// reported is the data of a vector.
type reported struct {
	ServerKeys []keyValue      `json:"server_keys"`
	PlayerKeys []qr2wire.KeyID `json:"player_keys"`
	Players    [][]string      `json:"players"`
	TeamKeys   []qr2wire.KeyID `json:"team_keys"`
	Teams      [][]string      `json:"teams"`
}

func (r reported) data() (d qr2wire.Data) {
	for _, field := range r.ServerKeys {
		d.Server = append(d.Server, qr2wire.Field{Key: qr2wire.KeyName(field.id), Value: field.value})
	}
	for _, id := range r.PlayerKeys {
		d.Players.Keys = append(d.Players.Keys, qr2wire.KeyName(id))
	}
	for _, id := range r.TeamKeys {
		d.Teams.Keys = append(d.Teams.Keys, qr2wire.KeyName(id))
	}
	d.Players.Rows, d.Teams.Rows = r.Players, r.Teams
	return d
}

type vectors struct {
	ChallengeResponse []struct {
		ID, Challenge  string
		SecretKey      string   `json:"secret_key"`
		InstanceKey    hexBytes `json:"instance_key_hex"`
		Packet         hexBytes `json:"challenge_packet_hex"`
		Response       hexBytes `json:"response_packet_hex"`
		ResponseText   string   `json:"response_text"`
		BackendOptions uint8    `json:"backend_options"`
		PublicIP       string   `json:"public_ip"`
		PublicPort     uint16   `json:"public_port"`
	} `json:"challenge_response"`
	Heartbeat []struct {
		ID           string
		Game         string       `json:"gamename"`
		InstanceKey  hexBytes     `json:"instance_key_hex"`
		LocalIPs     []netip.Addr `json:"local_ips"`
		QueryPort    uint16       `json:"query_port"`
		NatNeg       bool
		StateChanged qr2wire.StateChanged
		ReportPublic bool       `json:"report_public_address"`
		PublicIP     netip.Addr `json:"public_ip"`
		PublicPort   uint16     `json:"public_port"`
		Packet       hexBytes   `json:"packet_hex"`
		reported
	}
	KeepAlive []struct {
		ID          string
		InstanceKey hexBytes `json:"instance_key_hex"`
		Packet      hexBytes `json:"packet_hex"`
	}
	Query      []queryVector
	QuerySplit []queryVector `json:"query_split"`
	Echo       []struct {
		ID      string
		Request hexBytes `json:"request_hex"`
		Reply   hexBytes `json:"reply_hex"`
	}
	Prequery []struct {
		ID      string
		Request hexBytes `json:"request_hex"`
		Reply   hexBytes `json:"reply_hex"`
	}
	PrequeryThenQuery []struct {
		ID       string
		Prequery hexBytes `json:"prequery_hex"`
		Answer   hexBytes `json:"prequery_reply_hex"`
		Number   int32    `json:"challenge_signed32"`
		Query    hexBytes `json:"query_hex"`
		Reply    hexBytes `json:"reply_hex"`
	} `json:"prequery_then_query"`
	ClientMessage []struct {
		ID          string
		InstanceKey hexBytes `json:"instance_key_hex"`
		Message     hexBytes `json:"message_hex"`
		Ack         hexBytes `json:"ack_hex"`
		HasCookie   bool     `json:"natneg_cookie_event"`
		Cookie      uint32
		Data        hexBytes `json:"message_data_hex"`
	} `json:"client_message"`
	AddError []struct {
		ID     string
		Packet hexBytes `json:"packet_hex"`
		Event  string
	} `json:"add_error"`
}

type queryVector struct {
	ID      string
	Query   hexBytes   `json:"query_hex"`
	Replies []hexBytes `json:"replies_hex"`
	reported
}

func load(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &struct{ Vectors any }{into}))
}

func loadVectors(t *testing.T) (v vectors) {
	t.Helper()
	load(t, "qr2.json", &v)
	require.NotEmpty(t, v.Query)
	return v
}

func TestChallengeVectors(t *testing.T) {
	for _, v := range loadVectors(t).ChallengeResponse {
		typ, key, body, err := qr2wire.ParseToServer(v.Packet)
		require.NoError(t, err, v.ID)
		require.Equal(t, qr2wire.TypeChallenge, typ)
		c, err := qr2wire.ParseChallenge(key, body)
		require.NoError(t, err, v.ID)
		require.Equal(t, v.Challenge, c.Text)
		require.True(t, c.HasTail)
		require.Equal(t, v.BackendOptions, c.Options)
		require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr(v.PublicIP), v.PublicPort), c.Public)
		require.Equal(t, []byte(v.Packet), c.Append(nil))
		text := gscrypt.QR2Response(c.Text, v.SecretKey)
		require.Equal(t, v.ResponseText, text, v.ID)
		require.Equal(t, []byte(v.Response), qr2wire.AppendChallengeResponse(nil, key, text))
		require.Equal(t, v.Challenge, qr2wire.ChallengeText(v.Challenge[:len(v.Challenge)-14], c.Options, c.Public))
	}
}

func TestHeartbeatVectors(t *testing.T) {
	for _, v := range loadVectors(t).Heartbeat {
		t.Run(v.ID, func(t *testing.T) {
			h := qr2wire.Heartbeat{
				Key: qr2wire.Key(v.InstanceKey), LocalIPs: v.LocalIPs, LocalPort: v.QueryPort, NatNeg: v.NatNeg,
				State: v.StateChanged, Game: v.Game, ReportPublic: v.ReportPublic, Data: v.data(),
			}
			if v.ReportPublic && v.PublicPort != 0 {
				h.Public = netip.AddrPortFrom(v.PublicIP, v.PublicPort)
			}
			packet, _ := h.Append(nil, 0)
			require.Equal(t, []byte(v.Packet), packet)
			all, _ := h.Size()
			_, key, body, err := qr2wire.ParseFromServer(packet)
			require.NoError(t, err)
			parsed, err := qr2wire.ParseHeartbeat(key, body)
			if len(packet) == 1400 {
				require.ErrorIs(t, err, qr2wire.ErrTruncated)
				return
			}
			require.NoError(t, err)
			switch {
			case h.State == qr2wire.StateShutdown:
				h.Data = qr2wire.Data{}
			case all > len(packet):
				h.Data.Players, h.Data.Teams = qr2wire.Table{}, qr2wire.Table{}
			}
			requireSameData(t, h.Data, parsed.Data)
			h.Data, parsed.Data = qr2wire.Data{}, qr2wire.Data{}
			require.Equal(t, h, parsed)
		})
	}
}

// requireSameData compares without telling nil from empty.
func requireSameData(t *testing.T, want, got qr2wire.Data) {
	t.Helper()
	if len(want.Server)+len(got.Server) > 0 {
		require.Equal(t, want.Server, got.Server)
	}
	for _, pair := range [][2]qr2wire.Table{{want.Players, got.Players}, {want.Teams, got.Teams}} {
		if len(pair[0].Keys)+len(pair[1].Keys) > 0 {
			require.Equal(t, pair[0].Keys, pair[1].Keys)
		}
		if len(pair[0].Rows)+len(pair[1].Rows) > 0 {
			require.Equal(t, pair[0].Rows, pair[1].Rows)
		}
	}
}

func TestQueryVectors(t *testing.T) {
	for _, v := range loadVectors(t).Query {
		t.Run(v.ID, func(t *testing.T) {
			_, key, body, err := qr2wire.ParseToServer(v.Query)
			require.NoError(t, err)
			q, _, err := qr2wire.ParseQuery(key, body, false)
			require.NoError(t, err)
			again, err := q.Append(nil)
			require.NoError(t, err)
			// What lies behind the sections is ignored, so that it does not come back.
			require.Equal(t, again, []byte(v.Query)[:len(again)])
			d := v.data()
			require.Len(t, v.Replies, 1)
			reply := qr2wire.AppendReply(qr2wire.AppendFromServer(nil, qr2wire.TypeQuery, key), q, &d, nil)
			reply, cut := qr2wire.CutReply(reply, qr2wire.MaxSize)
			require.Equal(t, []byte(v.Replies[0]), reply)

			fitted, left := qr2wire.FitReply(nil, q, &d, nil, qr2wire.MaxSize-qr2wire.FromServerHeader)
			require.LessOrEqual(t, len(fitted), qr2wire.MaxSize-qr2wire.FromServerHeader)
			parsed, err := qr2wire.ParseReply(q, fitted, nil)
			require.NoError(t, err)
			if cut {
				require.Positive(t, left)
				return
			}
			require.Zero(t, left)
			require.Equal(t, string(reply[qr2wire.FromServerHeader:]), string(fitted))
			if q.Server.All {
				requireSameData(t, qr2wire.Data{Server: d.Server}, qr2wire.Data{Server: parsed.Server})
			}
			if q.Players.All {
				requireSameData(t, qr2wire.Data{Players: d.Players}, qr2wire.Data{Players: parsed.Players})
			}
		})
	}
}

func TestSplitVectors(t *testing.T) {
	for _, v := range loadVectors(t).QuerySplit {
		t.Run(v.ID, func(t *testing.T) {
			_, key, body, err := qr2wire.ParseToServer(v.Query)
			require.NoError(t, err)
			q, _, err := qr2wire.ParseQuery(key, body, false)
			require.NoError(t, err)
			require.True(t, q.Split)
			d := v.data()
			bodies, err := qr2wire.Split(&d, 0, qr2wire.CutValues)
			require.NoError(t, err)
			require.Len(t, bodies, len(v.Replies))
			for i, body := range bodies {
				require.Equal(t, []byte(v.Replies[i]), append(qr2wire.AppendFromServer(nil, qr2wire.TypeQuery, key), body...), "packet %d", i)
			}
			whole, err := qr2wire.Split(&d, 0, qr2wire.WholeValues)
			require.NoError(t, err)
			for _, bodies := range [][][]byte{bodies, whole} {
				var a qr2wire.Assembler
				for i := range bodies {
					// In reverse order, and each twice.
					body := bodies[len(bodies)-1-i]
					complete, err := a.Add(body)
					require.NoError(t, err)
					_, err = a.Add(body)
					require.NoError(t, err)
					require.Equal(t, i == len(bodies)-1, complete)
				}
				require.Empty(t, a.Missing())
				requireSameData(t, d, a.Data())
			}
		})
	}
}

func TestSmallVectors(t *testing.T) {
	all := loadVectors(t)
	for _, v := range all.KeepAlive {
		require.Equal(t, []byte(v.Packet), qr2wire.AppendFromServer(nil, qr2wire.TypeKeepAlive, qr2wire.Key(v.InstanceKey)))
	}
	for _, v := range all.Echo {
		_, key, body, err := qr2wire.ParseToServer(v.Request)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Reply), qr2wire.AppendEchoReply(nil, key, body))
		require.Equal(t, []byte(v.Request), qr2wire.AppendEcho(nil, key, body))
	}
	for _, v := range all.Prequery {
		_, key, _, err := qr2wire.ParseToServer(v.Request)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Reply), qr2wire.AppendPrequeryReply(nil, key, 0))
	}
	for _, v := range all.PrequeryThenQuery {
		_, key, _, err := qr2wire.ParseToServer(v.Prequery)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Prequery), qr2wire.AppendPrequery(nil, key))
		require.Equal(t, []byte(v.Answer), qr2wire.AppendPrequeryReply(nil, key, v.Number))
		_, _, body, err := qr2wire.ParseFromServer(v.Answer)
		require.NoError(t, err)
		number, err := qr2wire.ParsePrequeryReply(body)
		require.NoError(t, err)
		require.Equal(t, v.Number, number)
		query := qr2wire.BasicQuery(key, 1)
		query.Challenged, query.Number = true, number
		packet, err := query.Append(nil)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Query), packet)
		parsed, rest, err := qr2wire.ParseQuery(key, v.Query[qr2wire.ToServerHeader:], true)
		require.NoError(t, err)
		require.Zero(t, rest)
		require.Equal(t, query, parsed)
	}
	for _, v := range all.ClientMessage {
		_, key, body, err := qr2wire.ParseToServer(v.Message)
		require.NoError(t, err)
		m, err := qr2wire.ParseClientMessage(key, body)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Message), m.Append(nil))
		require.Equal(t, []byte(v.Ack), qr2wire.AppendMessageAck(nil, key, m.MessageKey))
		cookie, ok := qr2wire.Cookie(m.Data)
		require.Equal(t, v.HasCookie, ok)
		if ok {
			require.Equal(t, v.Cookie, uint32(cookie[0])<<24|uint32(cookie[1])<<16|uint32(cookie[2])<<8|uint32(cookie[3]))
			require.Equal(t, m.Data, qr2wire.AppendCookie(nil, cookie))
		} else {
			require.Equal(t, []byte(v.Data), m.Data)
		}
	}
	for _, v := range all.AddError {
		_, key, body, err := qr2wire.ParseToServer(v.Packet)
		require.NoError(t, err)
		e, err := qr2wire.ParseAddError(key, body)
		require.NoError(t, err)
		code, text, _ := strings.Cut(v.Event, ":")
		require.Equal(t, code, string(rune('0'+e.Code)))
		require.Equal(t, text, e.Text)
		require.Equal(t, []byte(v.Packet), e.Append(nil))
	}
}

func TestAvailabilityVectors(t *testing.T) {
	var v struct {
		Request []struct {
			ID       string
			Gamename string
			Packet   hexBytes `json:"packet_hex"`
		}
		Reply []struct {
			ID     string
			Reply  hexBytes `json:"reply_hex"`
			Result string
		}
	}
	load(t, "availability.json", &v)
	require.NotEmpty(t, v.Reply)
	for _, r := range v.Request {
		packet, err := availwire.AppendRequest(nil, r.Gamename)
		require.NoError(t, err)
		require.Equal(t, []byte(r.Packet), packet, r.ID)
		game, err := availwire.ParseRequest(packet)
		require.NoError(t, err)
		require.Equal(t, r.Gamename, game)
	}
	for _, r := range v.Reply {
		status, err := availwire.ParseReply(r.Reply)
		if r.Result == "waiting" {
			require.Error(t, err, r.ID)
			continue
		}
		require.NoError(t, err, r.ID)
		require.Equal(t, r.Result, strings.ReplaceAll(status.String(), " ", "_"), r.ID)
	}
}
