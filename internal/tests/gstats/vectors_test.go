package gstats_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

type vectorFile struct {
	Vectors struct {
		Hash []struct {
			ID    string
			Input string `json:"input_hex"`
			Hash  int32  `json:"hash_signed32"`
		}
		PlayerAuth []struct {
			ID, Challenge, Password, Response string
			Connection                        int32 `json:"connid"`
		} `json:"player_auth"`
		XOR []struct {
			ID      string
			Plain   string `json:"plain_hex"`
			Encoded string `json:"encoded_hex"`
		}
		Init []struct {
			ID, GameName, Challenge string
			Secret                  string `json:"secret_key"`
			Port                    uint16 `json:"game_port"`
			Greeting                string `json:"server_challenge_wire_hex"`
			Auth                    string `json:"client_auth_wire_hex"`
			Session                 string `json:"server_session_wire_hex"`
			Connection              int32  `json:"connid"`
			GameChallenge           string `json:"game_challenge"`
		}
		Request []struct {
			ID, Call, Data, Resp, AuthToken, Keys string
			ProfileID                             int32
			PType, Index, LocalID, Done, KV       int32
			DataHex                               string `json:"data_hex"`
			Wire                                  string `json:"wire_hex"`
			Body                                  string `json:"decoded_body"`
		}
		Reply []struct {
			ID        string
			Wire      string `json:"wire_hex"`
			LocalID   int32  `json:"callback_local_id"`
			ProfileID int32  `json:"callback_profile_id"`
			Success   bool   `json:"callback_success"`
			Text      string `json:"callback_error_text"`
			Modified  int64  `json:"callback_modified"`
			Data      string `json:"callback_data_hex"`
		}
	}
}

func vectors(t *testing.T) (file vectorFile) {
	text, err := os.ReadFile("testdata/gstats.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &file))
	return file
}

func bytesOf(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

func requireWire(t *testing.T, wire string, message gstatswire.Message) {
	t.Helper()
	frame, err := gstatswire.AppendFrame(nil, message)
	require.NoError(t, err)
	require.Equal(t, wire, hex.EncodeToString(frame))
}

func fromWire(t *testing.T, wire string, parse func([]byte) (gstatswire.Message, error)) gstatswire.Message {
	splitter := gstatswire.Splitter(0)
	splitter.Append(bytesOf(t, wire))
	body, ok, err := splitter.Next()
	require.NoError(t, err)
	require.True(t, ok)
	message, err := parse(gstatswire.Uncover(body))
	require.NoError(t, err)
	require.Empty(t, splitter.Pending())
	return message
}

func TestVectorsOfDigests(t *testing.T) {
	file := vectors(t)
	for _, v := range file.Vectors.Hash {
		require.Equal(t, v.Hash, gscrypt.GStatsHash(string(bytesOf(t, v.Input))), v.ID)
	}
	for _, v := range file.Vectors.PlayerAuth {
		require.Equal(t, v.Challenge, gscrypt.GStatsChallenge(v.Connection), v.ID)
		require.Equal(t, v.Response, gscrypt.GStatsPlayerResponse(v.Password, v.Challenge), v.ID)
	}
	for _, v := range file.Vectors.XOR {
		message := bytesOf(t, v.Plain)
		gscrypt.GStatsXOR(message)
		require.Equal(t, v.Encoded, hex.EncodeToString(message), v.ID)
	}
	require.NotEmpty(t, file.Vectors.XOR)
}

func TestVectorsOfInit(t *testing.T) {
	for _, v := range vectors(t).Vectors.Init {
		t.Run(v.ID, func(t *testing.T) {
			require.Equal(t, &gstatswire.Greeting{Challenge: v.Challenge}, fromWire(t, v.Greeting, gstatswire.FromServer))
			requireWire(t, v.Greeting, &gstatswire.Greeting{Challenge: v.Challenge})
			auth := &gstatswire.Auth{Game: v.GameName, Response: gscrypt.GStatsResponse(v.Challenge, v.Secret), Port: v.Port}
			requireWire(t, v.Auth, auth)
			require.Equal(t, auth, fromWire(t, v.Auth, gstatswire.FromClient))
			requireWire(t, v.Session, &gstatswire.Session{Connection: v.Connection})
			require.Equal(t, &gstatswire.Session{Connection: v.Connection}, fromWire(t, v.Session, gstatswire.FromServer))
			require.Equal(t, v.GameChallenge, gscrypt.GStatsChallenge(v.Connection))
		})
	}
}

func TestVectorsOfRequests(t *testing.T) {
	for _, v := range vectors(t).Vectors.Request {
		t.Run(v.ID, func(t *testing.T) {
			var message gstatswire.Message
			switch v.Call {
			case "snapshot":
				message = &gstatswire.UpdateGame{SessionKey: 1000, Connection: 123456, Done: v.Done != 0, Data: v.Data}
			case "auth_profile":
				message = &gstatswire.PlayerAuth{ProfileID: v.ProfileID, Response: v.Resp, LocalID: v.LocalID}
			case "auth_partner":
				message = &gstatswire.PlayerAuth{Token: v.AuthToken, Response: v.Resp, LocalID: v.LocalID}
			case "get_data":
				message = &gstatswire.GetData{ProfileID: v.ProfileID, Type: v.PType, Index: v.Index, LocalID: v.LocalID}
			case "set_data":
				message = &gstatswire.SetData{
					ProfileID: v.ProfileID, Type: v.PType, Index: v.Index, KeyValues: v.KV != 0, LocalID: v.LocalID, Data: bytesOf(t, v.DataHex),
				}
			default:
				t.Fatal(v.Call)
			}
			requireWire(t, v.Wire, message)
			require.Equal(t, message, fromWire(t, v.Wire, gstatswire.FromClient))
		})
	}
}

func TestVectorsOfReplies(t *testing.T) {
	for _, v := range vectors(t).Vectors.Reply {
		t.Run(v.ID, func(t *testing.T) {
			message := fromWire(t, v.Wire, gstatswire.FromServer)
			requireWire(t, v.Wire, message)
			switch m := message.(type) {
			case *gstatswire.PlayerReply:
				require.Equal(t, &gstatswire.PlayerReply{ProfileID: v.ProfileID, LocalID: v.LocalID, Error: v.Text}, m)
				require.Equal(t, v.Success, m.ProfileID > 0)
			case *gstatswire.ProfileIDReply:
				require.Equal(t, &gstatswire.ProfileIDReply{ProfileID: v.ProfileID, LocalID: v.LocalID}, m)
			case *gstatswire.DataReply:
				require.Equal(t, &gstatswire.DataReply{
					Success: v.Success, LocalID: v.LocalID, ProfileID: v.ProfileID, Modified: v.Modified, Data: bytesOf(t, v.Data),
				}, m)
			case *gstatswire.SetReply:
				require.Equal(t, &gstatswire.SetReply{Success: v.Success, LocalID: v.LocalID, ProfileID: v.ProfileID, Modified: v.Modified}, m)
			default:
				t.Fatalf("%T", message)
			}
		})
	}
}
