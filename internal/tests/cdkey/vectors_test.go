package cdkey_test

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
)

// datagram is a message as the original sent it.
type datagram struct {
	Text string
	Wire string `json:"wire_hex"`
}

type event struct {
	Event     string
	Product   int
	Accepted  bool
	Text      string
	Hint      int64
	Challenge string
}

// vectors is testdata/cdkey.json.
type vectors struct {
	ClientResponse []struct {
		ID, CDKey, Challenge, Method, Response string
		Random                                 string `json:"random_hex"`
	} `json:"client_response"`
	Authentication []struct {
		ID, Challenge, Response string
		Product                 int
		ClientIP                string `json:"client_ip"`
		RequestText             string `json:"request_text"`
		RequestWire             string `json:"request_wire_hex"`
		Session                 int64  `json:"skey"`
		KeyHash                 string `json:"key_hash"`
		ReplyText               string `json:"reply_text"`
		ReplyWire               string `json:"reply_wire_hex"`
		Events                  []event
		HashAfterwards          string `json:"key_hash_of_local_id_afterwards"`
	} `json:"server_authentication"`
	WithoutReply []struct {
		ID      string
		Send    []int64 `json:"send_times_ms"`
		Decided int64   `json:"decided_after_ms"`
		Events  []event
	} `json:"server_authentication_without_reply"`
	IsOnline []question `json:"server_ison"`
	Proof    []struct {
		ID, Proof string
		Session   int64      `json:"skey"`
		Sent      []datagram `json:"datagrams_sent"`
	} `json:"server_reauthentication_proof"`
	Count      []question `json:"server_ucount"`
	Ignored    []question `json:"server_ignored_datagram"`
	Disconnect []struct {
		ID      string
		Product int
		Sent    []datagram `json:"datagrams_sent"`
	} `json:"server_disconnect"`
	DisconnectAll []struct {
		ID      string
		Product int
		Sent    []datagram `json:"datagrams_sent"`
	} `json:"server_disconnect_all"`
}

// question is one of the validation server's, and what the game server answers.
type question struct {
	ID          string
	Pending     int    `json:"pending_reauthentications_before"`
	RequestText string `json:"request_text"`
	RequestWire string `json:"request_wire_hex"`
	Replies     []datagram
	Events      []event
}

func load(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/cdkey.json")
	require.NoError(t, err)
	var file struct{ Vectors vectors }
	require.NoError(t, json.Unmarshal(b, &file))
	v := file.Vectors
	require.Len(t, v.ClientResponse, 10)
	require.Len(t, v.Authentication, 4)
	require.Len(t, v.IsOnline, 6)
	return v
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

// encoded is a message as a datagram, in hexadecimal.
func encoded(t testing.TB, m cdkeywire.Message) string {
	t.Helper()
	b, err := cdkeywire.Append(nil, m)
	require.NoError(t, err)
	return hex.EncodeToString(b)
}

// again parses a recorded datagram, checks its text and that the message is written with the same bytes.
func again(t testing.TB, d datagram) cdkeywire.Message {
	t.Helper()
	m := parsed(t, d)
	require.Equal(t, d.Wire, encoded(t, m))
	return m
}

// parsed is again for what others than the original wrote.
func parsed(t testing.TB, d datagram) cdkeywire.Message {
	t.Helper()
	wire := unhex(t, d.Wire)
	m, err := cdkeywire.Parse(wire)
	require.NoError(t, err)
	cdkeywire.XOR(wire)
	require.Equal(t, d.Text, string(wire))
	return m
}

func TestVectorsClientResponse(t *testing.T) {
	methods := map[string]gscrypt.CDKeyMethod{"new_authentication": gscrypt.CDKeyNew, "re_authentication": gscrypt.CDKeyProof}
	for _, v := range load(t).ClientResponse {
		random, err := strconv.ParseUint(v.Random, 16, 32)
		require.NoError(t, err)
		method, ok := methods[v.Method]
		require.True(t, ok)
		require.Equal(t, v.Response, gscrypt.CDKeyResponse(v.CDKey, v.Challenge, uint32(random), method), v.ID)
		require.True(t, gscrypt.CDKeyMatches(v.CDKey, v.Challenge, v.Response, method), v.ID)
		require.False(t, gscrypt.CDKeyMatches(v.CDKey, v.Challenge, v.Response, 1-method), v.ID)
		require.False(t, gscrypt.CDKeyMatches(v.CDKey+"x", v.Challenge, v.Response, method), v.ID)
		require.False(t, gscrypt.CDKeyMatches(v.CDKey, v.Challenge, v.Response[:71], method), v.ID)
		require.Equal(t, v.Response[:32], gscrypt.CDKeyHash(v.CDKey), v.ID)
	}
}

func TestVectorsMessages(t *testing.T) {
	all := load(t)
	for _, v := range all.Authentication {
		want := cdkeywire.Auth{
			Product: v.Product, Challenge: v.Challenge, Response: v.Response,
			IP: netip.MustParseAddr(v.ClientIP), Session: v.Session,
		}
		require.Equal(t, want, again(t, datagram{v.RequestText, v.RequestWire}), v.ID)
		switch m := parsed(t, datagram{v.ReplyText, v.ReplyWire}).(type) {
		case cdkeywire.Accepted:
			require.Equal(t, v.Session, m.Session, v.ID)
			require.Equal(t, len(v.Events) > 0, m.KeyHash == v.KeyHash, v.ID)
		case cdkeywire.Rejected:
			require.Equal(t, cdkeywire.Rejected{KeyHash: v.KeyHash, Session: v.Session, Text: v.Events[0].Text}, m, v.ID)
		default:
			require.Fail(t, "not a reply", "%s: %T", v.ID, m)
		}
	}
	for _, list := range [][]question{all.IsOnline, all.Count} {
		for _, v := range list {
			again(t, datagram{v.RequestText, v.RequestWire})
			for _, reply := range v.Replies {
				again(t, reply)
			}
		}
	}
	for _, v := range all.Proof {
		require.Equal(t, cdkeywire.Online{Session: v.Session, Proof: v.Proof}, again(t, v.Sent[0]), v.ID)
	}
	for _, v := range append(all.Disconnect, all.DisconnectAll...) {
		for _, sent := range v.Sent {
			m, ok := again(t, sent).(cdkeywire.Disconnect)
			require.True(t, ok, v.ID)
			require.Equal(t, v.Product, m.Product, v.ID)
		}
	}
	for _, v := range all.Ignored {
		_, err := cdkeywire.Parse(unhex(t, v.RequestWire))
		require.ErrorIs(t, err, cdkeywire.ErrMalformed, v.ID)
	}
}
