package sb_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// hexBytes is a JSON string of hexadecimal digits.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	decoded, err := hex.DecodeString(text)
	*h = decoded
	return err
}

type vectorServer struct {
	PublicIP    string            `json:"public_ip"`
	PublicPort  uint16            `json:"public_port"`
	PrivateIP   string            `json:"private_ip"`
	PrivatePort uint16            `json:"private_port"`
	ICMP        string            `json:"icmp_ip"`
	Flags       sbwire.Flags      `json:"flags"`
	Keys        map[string]string `json:"keys"`
}

type vectorEvent struct {
	Event    string       `json:"event"`
	Server   vectorServer `json:"server"`
	Error    string       `json:"error"`
	IP       string       `json:"ip"`
	Port     uint16       `json:"port"`
	Time     int64        `json:"time"`
	Maps     []string     `json:"maps"`
	Nick     string       `json:"nick"`
	LastSeen int64        `json:"last_seen"`
	GameName string       `json:"gamename"`
	Final    int          `json:"final"`
}

type listVector struct {
	ID          string        `json:"id"`
	SecretKey   string        `json:"secret_key"`
	Challenge   string        `json:"client_challenge"`
	Options     uint32        `json:"options"`
	Header      hexBytes      `json:"crypt_header_hex"`
	Flags       uint16        `json:"backend_flags"`
	Plain       hexBytes      `json:"plain_body_hex"`
	Stream      hexBytes      `json:"stream_hex"`
	Events      []vectorEvent `json:"events"`
	MyIP        string        `json:"my_public_ip"`
	DefaultPort uint16        `json:"default_port"`
	ClientSent  hexBytes      `json:"client_sent_hex"`
}

type vectorFile struct {
	Vectors struct {
		MasterIndex []struct {
			GameName string `json:"gamename"`
			Index    int    `json:"index"`
		} `json:"master_index"`
		EnctypeX []struct {
			ID        string   `json:"id"`
			SecretKey string   `json:"secret_key"`
			Client    string   `json:"client_challenge"`
			Server    hexBytes `json:"server_challenge_hex"`
			Key       hexBytes `json:"cipher_key_hex"`
			Size      int      `json:"size"`
			Cipher    hexBytes `json:"cipher_hex"`
			SHA256    hexBytes `json:"cipher_sha256"`
			First     hexBytes `json:"cipher_first_64_hex"`
			Last      hexBytes `json:"cipher_last_64_hex"`
			PlainRule string   `json:"plain_rule"`
		} `json:"enctypex"`
		ClientChallenge []struct{ Challenge string } `json:"client_challenge_example"`
		ListRequest     []struct {
			ID          string   `json:"id"`
			QueryFor    string   `json:"query_for"`
			QueryFrom   string   `json:"query_from"`
			GameVersion int32    `json:"game_version"`
			Challenge   string   `json:"client_challenge"`
			Filter      string   `json:"filter"`
			Fields      string   `json:"fields"`
			Options     uint32   `json:"options"`
			SourceIP    string   `json:"source_ip"`
			MaxServers  uint32   `json:"max_servers"`
			Request     hexBytes `json:"request_hex"`
		} `json:"list_request"`
		AdhocRequest []struct {
			ID            string   `json:"id"`
			Request       string   `json:"request"`
			IP            string   `json:"ip"`
			Port          uint16   `json:"port"`
			Data          hexBytes `json:"data_hex"`
			Name          string   `json:"name"`
			SearchOptions uint32   `json:"search_options"`
			MaxResults    uint32   `json:"max_results"`
			Cookie        uint32   `json:"cookie"`
			Bytes         hexBytes `json:"request_hex"`
		} `json:"adhoc_request"`
		List      []listVector `json:"list"`
		KeepAlive []listVector `json:"keepalive"`
		Single    []struct {
			ID     string            `json:"id"`
			Packet hexBytes          `json:"packet_hex"`
			Keys   map[string]string `json:"keys"`
		} `json:"full_reply_single"`
		Split []struct {
			ID       string            `json:"id"`
			Order    string            `json:"arrival_order"`
			Packets  []hexBytes        `json:"packets_hex"`
			Complete bool              `json:"complete"`
			Keys     map[string]string `json:"keys"`
		} `json:"full_reply_split"`
	} `json:"vectors"`
}

func loadVectors(t testing.TB) vectorFile {
	t.Helper()
	b, err := os.ReadFile("testdata/sb.json")
	require.NoError(t, err)
	var file vectorFile
	require.NoError(t, json.Unmarshal(b, &file))
	return file
}

func TestVectorsMasterIndex(t *testing.T) {
	vectors := loadVectors(t).Vectors.MasterIndex
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		require.Equal(t, v.Index, gscrypt.MasterIndex(v.GameName), v.GameName)
	}
}

func TestVectorsEnctypeX(t *testing.T) {
	vectors := loadVectors(t).Vectors.EnctypeX
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		t.Run(v.ID, func(t *testing.T) {
			var addend int
			_, err := fmt.Sscanf(v.PlainRule, "byte[k] = (k*k*31 + k*7 + %d) mod 256", &addend)
			require.NoError(t, err)
			plain := make([]byte, v.Size)
			for k := range plain {
				plain[k] = byte(k*k*31 + k*7 + addend)
			}
			challenge := [8]byte([]byte(v.Client))
			key, err := gscrypt.EnctypeXKey(challenge, v.Server, v.SecretKey)
			require.NoError(t, err)
			require.Equal(t, []byte(v.Key), key[:])
			for _, piece := range []int{1, 7, 4096, 1 << 20} {
				encrypt, err := gscrypt.NewEnctypeX(challenge, v.Server, v.SecretKey)
				require.NoError(t, err)
				decrypt, err := gscrypt.NewEnctypeX(challenge, v.Server, v.SecretKey)
				require.NoError(t, err)
				out, back := make([]byte, v.Size), make([]byte, v.Size)
				for i := 0; i < v.Size; i += piece {
					end := min(i+piece, v.Size)
					encrypt.Encrypt(out[i:end], plain[i:end])
					decrypt.Decrypt(back[i:end], out[i:end])
				}
				require.Equal(t, plain, back)
				if v.Cipher != nil {
					require.Equal(t, []byte(v.Cipher), out)
					continue
				}
				sum := sha256.Sum256(out)
				require.Equal(t, []byte(v.SHA256), sum[:])
				require.Equal(t, []byte(v.First), out[:64])
				require.Equal(t, []byte(v.Last), out[len(out)-64:])
			}
		})
	}
}

func TestVectorsClientChallenge(t *testing.T) {
	for _, v := range loadVectors(t).Vectors.ClientChallenge {
		require.True(t, gscrypt.ValidClientChallenge([8]byte([]byte(v.Challenge))), v.Challenge)
	}
}

func TestVectorsListRequest(t *testing.T) {
	for _, v := range loadVectors(t).Vectors.ListRequest {
		t.Run(v.ID, func(t *testing.T) {
			request := sbwire.ListRequest{
				GameVersion: uint32(v.GameVersion), QueryFor: v.QueryFor, QueryFrom: v.QueryFrom,
				Challenge: [8]byte([]byte(v.Challenge)), Filter: v.Filter, Options: sbwire.Options(v.Options),
				MaxServers: v.MaxServers,
			}
			for field := range bytes.SplitSeq([]byte(v.Fields), []byte{'\\'}) {
				if len(field) > 0 {
					request.Fields = append(request.Fields, string(field))
				}
			}
			if v.SourceIP != "" {
				request.SourceIP = netip.MustParseAddr(v.SourceIP)
			}
			b, err := request.Append(nil)
			require.NoError(t, err)
			require.Equal(t, []byte(v.Request), b)
			parsed, err := sbwire.ParseListRequest(b)
			require.NoError(t, err)
			require.Equal(t, request, parsed)
			for n := range b {
				_, err := sbwire.ParseListRequest(b[:n])
				require.Error(t, err)
			}
		})
	}
}

func TestVectorsClientRequests(t *testing.T) {
	for _, v := range loadVectors(t).Vectors.AdhocRequest {
		t.Run(v.ID, func(t *testing.T) {
			var addr netip.AddrPort
			if v.IP != "" {
				addr = netip.AddrPortFrom(netip.MustParseAddr(v.IP), v.Port)
			}
			var request sbwire.Request
			switch v.Request {
			case "server_info":
				request = sbwire.InfoRequest{Addr: addr}
			case "maploop":
				request = sbwire.MapLoopRequest{Addr: addr}
			case "send_message":
				request = sbwire.SendMessage{Addr: addr, Data: v.Data}
			case "natneg_cookie":
				c := v.Cookie
				request = sbwire.SendMessage{Addr: addr, Data: []byte{0xFD, 0xFC, 0x1E, 0x66, 0x6A, 0xB2,
					byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}}
			case "player_search":
				request = sbwire.PlayerSearchRequest{Options: sbwire.SearchOptions(v.SearchOptions), MaxResults: v.MaxResults, Name: v.Name}
			default:
				t.Fatal(v.Request)
			}
			b, err := request.Append(nil)
			require.NoError(t, err)
			require.Equal(t, []byte(v.Bytes), b)
			parsed, err := sbwire.ParseRequest(b)
			require.NoError(t, err)
			again, err := parsed.Append(nil)
			require.NoError(t, err)
			require.Equal(t, b, again)
		})
	}
}

// elements decrypts and decodes a vector, cut into pieces.
func (v listVector) elements(t *testing.T, pieces [][]byte) (all []sbwire.Element, header sbwire.CryptHeader) {
	t.Helper()
	var head []byte
	var cipher *gscrypt.EnctypeX
	decoder := sbwire.NewDecoder(sbwire.Limits{}, v.Options&uint32(sbwire.OptionNoList) != 0)
	for _, piece := range pieces {
		if cipher == nil {
			head = append(head, piece...)
			h, n := sbwire.ParseCryptHeader(head)
			if n == 0 {
				continue
			}
			header = h
			var err error
			cipher, err = gscrypt.NewEnctypeX([8]byte([]byte(v.Challenge)), h.Challenge, v.SecretKey)
			require.NoError(t, err)
			piece = head[n:]
		}
		plain := make([]byte, len(piece))
		cipher.Decrypt(plain, piece)
		decoder.Push(plain)
		for {
			var e sbwire.Element
			more, err := decoder.Next(&e)
			require.NoError(t, err)
			if !more {
				break
			}
			all = append(all, e)
		}
	}
	return all, header
}

// cuts gives ways of cutting a stream: whole, byte by byte, at random.
func cuts(b []byte) map[string][][]byte {
	ways := map[string][][]byte{"whole": {b}}
	for i := range b {
		ways["bytes"] = append(ways["bytes"], b[i:i+1])
	}
	random := rand.New(rand.NewPCG(1, uint64(len(b))))
	for rest := b; len(rest) > 0; {
		n := min(1+random.IntN(64), len(rest))
		ways["random"] = append(ways["random"], rest[:n])
		rest = rest[n:]
	}
	return ways
}

func TestVectorsList(t *testing.T) {
	for _, v := range loadVectors(t).Vectors.List {
		for name, pieces := range cuts(append(append([]byte(nil), v.Header...), v.Stream...)) {
			t.Run(v.ID+"/"+name, func(t *testing.T) {
				all, header := v.elements(t, pieces)
				require.Equal(t, v.Flags&0x80, uint16(header.Flags)&0x80)
				require.Equal(t, sbwire.KindHead, all[0].Kind)
				require.Equal(t, v.MyIP, all[0].Client.String())
				require.Equal(t, v.DefaultPort, all[0].DefaultPort)
				checkEvents(t, v.Events, all[1:])
			})
		}
	}
}

// checkEvents compares what the decoder says with what the original library reported.
func checkEvents(t *testing.T, events []vectorEvent, all []sbwire.Element) {
	t.Helper()
	next := func() vectorEvent {
		require.NotEmpty(t, events)
		event := events[0]
		events = events[1:]
		return event
	}
	known := make(map[string]bool)
	for _, e := range all {
		switch e.Kind {
		case sbwire.KindServer:
			event := next()
			require.Equal(t, "server_added", event.Event)
			checkServer(t, event.Server, e.Server)
			known[e.Server.Addr.String()] = true
		case sbwire.KindEnd:
			require.Equal(t, "list_complete", next().Event)
		case sbwire.KindError:
			event := next()
			require.Equal(t, "query_error", event.Event)
			require.Equal(t, event.Error, "Query Error: "+e.Text)
			return // the original goes on parsing the text
		case sbwire.KindBadMessage:
			require.NoError(t, e.Err)
		case sbwire.KindMessage:
			switch m := e.Message.(type) {
			case sbwire.PushServer:
				event := next()
				if event.Event == "server_added" { // the original reports both for a new one
					known[m.Entry.Addr.String()] = true
					event = next()
				}
				require.Equal(t, "server_updated", event.Event)
				require.Equal(t, event.Server.PublicPort, m.Entry.Addr.Port())
			case sbwire.DeleteServer:
				event := next()
				require.Equal(t, "server_deleted", event.Event)
				require.Equal(t, event.Server.PublicIP, m.Addr.Addr().String())
			case sbwire.MapLoop:
				event := next()
				require.Equal(t, "maploop", event.Event)
				require.Equal(t, event.Time, m.Changes.Unix())
				require.Equal(t, event.Maps, m.Maps)
			case sbwire.PlayerSearch:
				for _, player := range m.Players {
					event := next()
					require.Equal(t, "player_search", event.Event)
					require.Equal(t, event.Nick, player.Nick)
					require.Equal(t, event.IP, player.Addr.Addr().String())
					require.Equal(t, event.Port, player.Addr.Port())
					require.Equal(t, event.LastSeen, player.LastSeen.Unix())
					require.Equal(t, event.GameName, player.Game)
				}
				if m.Final {
					require.Equal(t, 1, next().Final)
				}
			}
		}
	}
	require.Empty(t, events)
}

func checkServer(t *testing.T, want vectorServer, got sbwire.Entry) {
	t.Helper()
	require.Equal(t, want.PublicIP, got.Addr.Addr().String())
	require.Equal(t, want.PublicPort, got.Addr.Port())
	require.Equal(t, want.PrivateIP, got.Private.Addr().String())
	require.Equal(t, want.PrivatePort, got.Private.Port())
	require.Equal(t, want.ICMP, got.ICMP.String())
	require.Equal(t, want.Flags, got.Flags)
	keys := make(map[string]string)
	for i, value := range got.Values.All() {
		keys[got.Keys[i].Name] = value
	}
	for _, rule := range got.Rules {
		keys[rule.Key] = rule.Value
	}
	require.Equal(t, want.Keys, keys)
}

// The same values, written again, are the same bytes.
func TestVectorsListEncoding(t *testing.T) {
	for _, v := range loadVectors(t).Vectors.List {
		t.Run(v.ID, func(t *testing.T) {
			all, _ := v.elements(t, [][]byte{v.Header, v.Stream})
			var e sbwire.Encoder
			var b []byte
			var err error
			popular := popularValues(v.Plain)
			for _, element := range all {
				switch element.Kind {
				case sbwire.KindHead:
					if element.DefaultPort != 0xFFFF {
						b = e.Head(b, element.Client, element.DefaultPort)
					}
				case sbwire.KindError:
					b = e.Error(b, all[0].Client, "Query Error: "+element.Text)
				case sbwire.KindKeys:
					b, err = e.Keys(b, element.Keys, popular)
				case sbwire.KindServer:
					b, err = e.Server(b, &element.Server)
				case sbwire.KindEnd:
					b = e.End(b)
				case sbwire.KindMessage:
					b, err = e.Message(b, element.Message)
				}
				require.NoError(t, err)
			}
			require.Equal(t, []byte(v.Plain), b)
			cipher, err := gscrypt.NewEnctypeX([8]byte([]byte(v.Challenge)), mustHeader(t, v.Header).Challenge, v.SecretKey)
			require.NoError(t, err)
			cipher.Encrypt(b, b)
			require.Equal(t, []byte(v.Stream), b)
		})
	}
}

func mustHeader(t *testing.T, b []byte) sbwire.CryptHeader {
	h, n := sbwire.ParseCryptHeader(b)
	require.Equal(t, len(b), n)
	return h
}

// popularValues takes the popular values out of a body by hand.
func popularValues(b []byte) []string {
	if len(b) < 7 || b[4] == 0xFF {
		return nil
	}
	rest := b[7:]
	for range int(b[6]) {
		_, after, _ := bytes.Cut(rest[1:], []byte{0})
		rest = after
	}
	if len(rest) == 0 {
		return nil
	}
	count := int(rest[0])
	rest = rest[1:]
	var values []string
	for range count {
		value, after, found := bytes.Cut(rest, []byte{0})
		if !found {
			break
		}
		values = append(values, string(value))
		rest = after
	}
	return values
}

func TestVectorsKeepAlive(t *testing.T) {
	for _, v := range loadVectors(t).Vectors.KeepAlive {
		v.Options = uint32(sbwire.OptionNoList)
		all, _ := v.elements(t, [][]byte{v.Header, v.Stream})
		message := all[len(all)-1].Message
		echo, err := message.(sbwire.KeepAlive).Append(nil)
		require.NoError(t, err)
		require.Equal(t, []byte(v.ClientSent), echo)
	}
}
