package gp_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

type vectorFile struct {
	Vectors struct {
		PasswordEncode []struct {
			ID       string
			PlainHex string `json:"plain_hex"`
			Encoded  string
		} `json:"password_encode"`
		PasswordKeystream []struct {
			Hex string `json:"first_64_bytes_hex"`
		} `json:"password_keystream"`
		Login            []loginVector
		NewUserThenLogin []loginVector `json:"newuser_then_login"`
		Request          []struct {
			ID         string
			Command    string
			StatusInfo bool `json:"status_info_support"`
			Message    string
			Reply      string
		} `json:"gpcm_request"`
		Message []struct {
			ID         string
			StatusInfo bool `json:"status_info_support"`
			Message    string
			ClientSent string `json:"client_sent"`
			Events     []eventVector
		} `json:"gpcm_message"`
		Segments []struct {
			ID     string
			First  string        `json:"first_segment"`
			Second string        `json:"second_segment"`
			Events []eventVector `json:"events_after_second"`
		} `json:"gpcm_message_in_two_segments"`
		GPSP []struct {
			ID      string
			SDK     string
			Search  string
			Request string
			Reply   string
			Events  []struct {
				Result, Profile, Hidden, Valid int64
				Nicks                          []json.RawMessage
				Profiles                       []int64
				Matches                        []struct {
					Profile                     int64
					Nick, UniqueNick, FirstName string
					Status                      string
					StatusCode                  int64
				}
			}
		}
		ExtendedInfo []struct {
			ID   string
			Keys map[string]string
			Text string
		} `json:"extended_info_reply"`
	}
}

type loginVector struct {
	ID               string
	SDK              string
	StatusInfo       bool   `json:"status_info_support"`
	Ticket           string `json:"login_ticket_sent"`
	Nick, Email      string
	UniqueNick       string
	Password         string
	AuthToken        string
	PartnerChallenge string         `json:"partner_challenge"`
	PartnerID        gp.PartnerID   `json:"partner_id"`
	NamespaceID      gp.NamespaceID `json:"namespace_id"`
	ProductID        gp.ProductID   `json:"product_id"`
	GameName         string
	UDPPort          uint16 `json:"udp_port_in_message"`
	ServerChallenge  string `json:"server_challenge"`
	ClientChallenge  string `json:"client_challenge"`
	NewUserMessage   string `json:"newuser_message"`
	NewUserReply     string `json:"newuser_reply"`
	LoginMessage     string `json:"login_message"`
	LoginReply       string `json:"login_reply"`
	LogoutMessage    string `json:"logout_message"`
	Response, Proof  string
	PasswordMD5      string `json:"password_md5"`
	User             string `json:"user_string_for_hash"`
	Accepted         bool
	ProfileID        gp.ProfileID
	ReportedNick     string `json:"uniquenick_reported"`
	ReportedTicket   string `json:"login_ticket"`
}

type eventVector struct {
	Event        string
	Profile      gp.ProfileID
	Date         int64
	Message      string
	Reason       string
	Index        int
	Status       gp.Status
	State        gp.Status
	StatusString string `json:"status_string"`
	Location     string
	IP           string
	Port         uint16
	BuddyIP      string `json:"buddy_ip"`
	BuddyPort    uint16 `json:"buddy_port"`
	QuietFlags   int    `json:"quiet_flags"`
	RichStatus   string `json:"rich_status"`
	GameMap      string `json:"game_map"`
	Product      gp.ProductID
	Code         gp.ErrorCode
	Text         string
	Fatal        bool
	Nick         string
	UniqueNick   string
	Email        string
	FirstName    string
	LastName     string
	Homepage     string
	ICQUIN       int64
	ZipCode      string
	CountryCode  string
	Birthday     int
	BirthMonth   int
	BirthYear    int
	Sex          gp.Sex `json:"sex_0m_1f_2u"`
	PublicMask   int64
	AIM          string
}

func vectors(t *testing.T) vectorFile {
	t.Helper()
	b, err := os.ReadFile("testdata/gp.json")
	require.NoError(t, err)
	var file vectorFile
	require.NoError(t, json.Unmarshal(b, &file))
	return file
}

func TestVectorsPassword(t *testing.T) {
	file := vectors(t)
	require.NotEmpty(t, file.Vectors.PasswordEncode)
	for _, v := range file.Vectors.PasswordEncode {
		plain, err := hex.DecodeString(v.PlainHex)
		require.NoError(t, err)
		assert.Equal(t, v.Encoded, gscrypt.EncodePassword(string(plain)), v.ID)
		decoded, err := gscrypt.DecodePassword(v.Encoded)
		require.NoError(t, err, v.ID)
		assert.Equal(t, string(plain), decoded, v.ID)
	}
	stream, err := gscrypt.DecodePassword(strings.Repeat("A", 84) + "AA__") // 64 zero bytes, in base64
	require.NoError(t, err)
	assert.Equal(t, file.Vectors.PasswordKeystream[0].Hex, hex.EncodeToString([]byte(stream))[:128])
}

// config makes the client of a vector.
func (v loginVector) config(t *testing.T) gp.Config {
	revision := 11
	switch {
	case v.SDK == "2.12":
		revision = 59
	case v.StatusInfo:
		revision = 15
	}
	namespace := v.NamespaceID
	if namespace == 0 {
		namespace = gp.NoNamespace
	}
	return gp.Config{
		Game: v.GameName, Addr: "192.0.2.1", ProductID: v.ProductID, NamespaceID: namespace, PartnerID: v.PartnerID,
		Revision: revision, PeerPort: v.UDPPort, Challenge: func() string { return v.ClientChallenge },
	}
}

func (v loginVector) identity() gp.Identity {
	switch {
	case v.Ticket != "":
		return gp.LoginTicket{Ticket: v.Ticket}
	case v.AuthToken != "":
		return gp.AuthToken{Token: v.AuthToken, PartnerChallenge: v.PartnerChallenge}
	case v.UniqueNick != "":
		return gp.UniqueNick{Nick: v.UniqueNick, Password: v.Password}
	}
	return gp.NickEmail{Nick: v.Nick, Email: v.Email, Password: v.Password}
}

// keepAliveFirst is what the SDK writes before anything else when it is polled before the greeting (spec gp.md §1.2).
const keepAliveFirst = `\ka\\final\`

func TestVectorsLogin(t *testing.T) {
	file := vectors(t)
	require.NotEmpty(t, file.Vectors.Login)
	require.NotEmpty(t, file.Vectors.NewUserThenLogin)
	for _, v := range append(file.Vectors.Login, file.Vectors.NewUserThenLogin...) {
		t.Run(v.ID, func(t *testing.T) {
			body, _ := strings.CutSuffix(strings.TrimPrefix(v.LoginMessage, keepAliveFirst), kv.Terminator)
			parsed, err := new(gpwire.Decoder).FromClient([]byte(body))
			require.NoError(t, err)
			again, err := parsed.Append(nil)
			require.NoError(t, err)
			assert.Equal(t, strings.TrimPrefix(v.LoginMessage, keepAliveFirst), string(again))

			reply := v.LoginReply
			if reply == "" { // the vectors of SDK 2.12 have only the proof
				reply = `\lc\2\sesskey\77\proof\` + v.Proof + `\userid\5001\profileid\6001\id\1\final\`
			}
			var newUser, login, logout string
			config := v.config(t)
			played := make(chan struct{})
			config.DialContext = scripted(t, func(p *peer) {
				defer close(played)
				p.send(`\lc\1\challenge\` + v.ServerChallenge + `\id\1\final\`)
				if v.NewUserReply != "" {
					newUser = p.receive()
					p.send(v.NewUserReply)
				}
				login = p.receive()
				p.send(reply)
				logout = p.receive()
			})
			var session *gp.Session
			if v.NewUserReply != "" {
				session, err = gp.Register(t.Context(), config, gp.Account{Email: v.Email, Nick: v.Nick, UniqueNick: v.UniqueNick, Password: v.Password})
			} else {
				session, err = gp.Login(t.Context(), config, v.identity())
			}
			// The SDK of 2012 refuses a proof over the ticket; relight takes it as well as the one over "@".
			accepted := v.Accepted || v.Ticket != ""
			if accepted {
				require.NoError(t, err)
				if v.ProfileID != 0 {
					assert.Equal(t, v.ProfileID, session.ProfileID())
					assert.Equal(t, v.ReportedNick, session.UniqueNick())
					assert.True(t, strings.HasPrefix(session.Ticket(), v.ReportedTicket), "the SDK keeps 24 characters")
				}
				require.NoError(t, session.Close())
			} else {
				require.ErrorIs(t, err, gp.ErrProofMismatch)
			}
			<-played
			assert.Equal(t, strings.TrimPrefix(v.NewUserMessage, keepAliveFirst), newUser)
			assert.Equal(t, strings.TrimPrefix(v.LoginMessage, keepAliveFirst), login)
			if v.LogoutMessage != "" {
				assert.Equal(t, v.LogoutMessage, logout)
			}
			if accepted && v.Ticket == "" {
				assert.Equal(t, v.Proof, gscrypt.LoginProof(v.Password+v.PartnerChallenge, v.User, v.ClientChallenge, v.ServerChallenge))
			}
		})
	}
}

// logIn logs in at a scripted server and hands the connection to the rest of the script.
func logIn(t *testing.T, config gp.Config, key string, rest func(*peer)) *gp.Session {
	t.Helper()
	config.Game, config.Host = "gmtest", "192.0.2.1"
	config.Challenge = func() string { return challenge }
	config.DialContext = scripted(t, func(p *peer) {
		p.send(`\lc\1\challenge\AAAAAAAAAA\id\1\final\`)
		p.receive()
		proof := gscrypt.LoginProof("pw", "joe", challenge, "AAAAAAAAAA")
		p.send(`\lc\2\sesskey\` + key + `\proof\` + proof + `\userid\5001\profileid\6001\uniquenick\joe\id\1\final\`)
		rest(p)
	})
	session, err := gp.Login(t.Context(), config, gp.UniqueNick{Nick: "joe", Password: "pw"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, session.Close()) })
	return session
}

const challenge = "0123456789abcdefghijklmnopqrstuv"

// Each message that the SDK wrote is read, and written again as it was.
func TestVectorsRequests(t *testing.T) {
	for _, v := range vectors(t).Vectors.Request {
		for rest := v.Message; rest != ""; {
			var body string
			body, rest, _ = strings.Cut(rest, kv.Terminator)
			m, err := new(gpwire.Decoder).FromClient([]byte(body))
			require.NoError(t, err, v.ID)
			again, err := m.Append(nil)
			require.NoError(t, err, v.ID)
			assert.Equal(t, body+kv.Terminator, string(again), v.ID)
		}
	}
}

// The session's calls write what the SDK's calls wrote.
func TestVectorsCalls(t *testing.T) {
	calls := map[string]func(*gp.Session) error{
		"addbuddy": func(s *gp.Session) error { return s.RequestBuddy(t.Context(), 1234, `please \ add me`) },
		"delbuddy": func(s *gp.Session) error { return s.RemoveBuddy(t.Context(), 1234) },
		"status": func(s *gp.Session) error {
			presence := gp.Presence{Status: gp.Playing, Text: `Playing \ now`, Location: "gmtest://1.2.3.4:26900"}
			if err := s.SetPresence(t.Context(), presence); err != nil {
				return err
			}
			return s.SetPresence(t.Context(), presence) // the same again: nothing is sent
		},
		"bm utm":              func(s *gp.Session) error { return s.SendGameMessage(t.Context(), 4321, "utm payload 123") },
		"pinvite no location": func(s *gp.Session) error { return s.Invite(t.Context(), 4321, 11057, "") },
		"inviteto none":       func(s *gp.Session) error { return s.AcceptInvites(t.Context()) },
		"quiet": func(s *gp.Session) error {
			return s.SetQuiet(t.Context(), gp.QuietMessages|gp.QuietLists)
		},
		"quiet all": func(s *gp.Session) error { return s.SetQuiet(t.Context(), gp.QuietAll) },
		"getprofile": func(s *gp.Session) error {
			_, err := s.Profile(t.Context(), 5555)
			return ignoreClosed(err)
		},
		"delprofile": func(s *gp.Session) error { return s.DeleteProfile(t.Context()) },
	}
	done := 0
	for _, v := range vectors(t).Vectors.Request {
		call := calls[v.Command]
		if call == nil || strings.Contains(v.Message, `\sesskey\77\`) {
			continue
		}
		done++
		var sent string
		got := make(chan struct{})
		session := logIn(t, gp.Config{}, "-12345678", func(p *peer) {
			sent = p.receive()
			close(got)
			if v.Command == "delprofile" {
				p.send(`\dpr\\id\2\final\`)
			}
			if v.Command != "getprofile" {
				p.receive()
			}
		})
		require.NoError(t, call(session), v.ID)
		<-got
		assert.Equal(t, v.Message, sent, v.ID)
		require.NoError(t, session.Close())
	}
	assert.Equal(t, len(calls), done)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, gp.ErrServerClosed) {
		return nil
	}
	return err
}

// Each message raises the events in the session that it raised in the SDK.
func TestVectorsMessages(t *testing.T) {
	file := vectors(t)
	require.NotEmpty(t, file.Vectors.Message)
	for _, v := range file.Vectors.Message {
		t.Run(v.ID, func(t *testing.T) {
			if strings.HasPrefix(v.Message, `\pi\`) {
				checkProfileVector(t, v.Message, v.Events)
				return
			}
			checkEvents(t, v.ClientSent, v.Events, v.Message)
		})
	}
	for _, v := range file.Vectors.Segments {
		t.Run(v.ID, func(t *testing.T) { checkEvents(t, "", v.Events, v.First, v.Second) })
	}
}

// checkEvents feeds segments to a session and compares what comes out.
func checkEvents(t *testing.T, clientSent string, want []eventVector, segments ...string) {
	const mark = `\bm\5\f\999999\msg\end\final\`
	var sent string
	got := make(chan struct{})
	session := logIn(t, gp.Config{}, "-12345678", func(p *peer) {
		for _, segment := range segments {
			p.send(segment)
		}
		p.send(mark)
		if clientSent != "" {
			sent = p.receive()
		}
		close(got)
	})
	var events []gp.Event
	for _, event := range collect(t, session, func(event gp.Event) bool {
		data, ok := event.(*gp.GameMessage)
		_, closed := event.(*gp.Closed)
		return closed || ok && data.From == 999999
	}) {
		switch event := event.(type) {
		case *gp.StepChanged, *gp.BuddyList, *gp.BlockList, *gp.TicketRenewed, *gp.RosterChanged: // the SDK has no events for them
		case *gp.GameMessage:
			if event.From != 999999 {
				events = append(events, event)
			}
		default:
			events = append(events, event)
		}
	}
	<-got
	assert.Equal(t, clientSent, sent)
	if len(want) == 1 && want[0].Event == "registernick" { // nobody asked this session
		want = nil
	}
	require.Len(t, events, len(want), describe(events))
	for i, v := range want {
		switch event := events[i].(type) {
		case *gp.Message:
			assert.Equal(t, "buddy_message", v.Event)
			assert.Equal(t, v.Profile, event.From)
			assert.Equal(t, v.Date, event.Time.Unix())
			assert.Equal(t, v.Message, event.Text)
		case *gp.BuddyAuthorized:
			assert.Equal(t, "buddy_auth", v.Event)
			assert.Equal(t, v.Profile, event.From)
			assert.Equal(t, v.Date, event.Time.Unix())
		case *gp.BuddyStatus:
			assert.Equal(t, "buddy_status", v.Event)
			assert.Equal(t, v.Profile, event.ProfileID)
			assert.Equal(t, v.QuietFlags, event.QuietFlags)
			if event.Game != nil {
				assert.Equal(t, v.State, event.Status)
				assert.Equal(t, v.RichStatus, event.Text)
				assert.Equal(t, v.GameMap, event.Game.Map)
				assert.Equal(t, v.BuddyPort, event.Port)
				continue
			}
			assert.Equal(t, v.Status, event.Status)
			assert.Equal(t, v.StatusString, event.Text)
			assert.Equal(t, v.Location, event.Location)
			assert.Equal(t, v.Port, event.Port)
			if v.IP != "0.0.0.0" {
				assert.Equal(t, v.IP, event.IP.String())
			}
		case *gp.Invitation:
			assert.Equal(t, "game_invite", v.Event)
			assert.Equal(t, v.Profile, event.From)
			assert.Equal(t, v.Product, event.ProductID)
			assert.Equal(t, v.Location, event.Location)
		case *gp.ServerError:
			assert.Equal(t, "error", v.Event)
			assert.Equal(t, v.Code, event.Err.Code)
			assert.Equal(t, v.Text, event.Err.Text)
			assert.False(t, v.Fatal)
		case *gp.Closed:
			assert.Equal(t, "error", v.Event)
			assert.True(t, v.Fatal)
			refusal, ok := errors.AsType[*gp.Error](event.Err)
			require.True(t, ok)
			assert.Equal(t, v.Code, refusal.Code)
		default:
			require.Failf(t, "unexpected event", "%T", event)
		}
	}
}

// checkProfileVector asks for the profile and answers with the vector, under the id that the session used.
func checkProfileVector(t *testing.T, message string, want []eventVector) {
	v := want[0]
	body, _ := strings.CutSuffix(message, kv.Terminator)
	head, _, _ := strings.Cut(body, `\id\`)
	session := logIn(t, gp.Config{}, "7", func(p *peer) {
		p.receive()
		p.send(head + `\id\2` + kv.Terminator)
		p.receive()
	})
	profile, err := session.Profile(t.Context(), v.Profile)
	require.NoError(t, err)
	assert.Equal(t, gp.Birthday{Day: v.Birthday, Month: v.BirthMonth, Year: v.BirthYear}, profile.Birthday)
	assert.Equal(t,
		[]any{v.Nick, v.UniqueNick, v.Email, v.FirstName, v.LastName, v.Homepage, v.ICQUIN, v.ZipCode, v.CountryCode, v.Sex, v.PublicMask, v.AIM},
		[]any{profile.Nick, profile.UniqueNick, profile.Email, profile.FirstName, profile.LastName, profile.Homepage, profile.ICQUIN, profile.ZipCode, profile.CountryCode, profile.Sex, profile.PublicMask, profile.AIMName})
	require.NoError(t, session.Close())
}

// What the codec writes for the server reads the same again, and the messages that have one order come out as they were.
func TestVectorsMessagesRoundTrip(t *testing.T) {
	for _, v := range vectors(t).Vectors.Message {
		for rest := v.Message; rest != ""; {
			var body string
			body, rest, _ = strings.Cut(rest, kv.Terminator)
			var decoder gpwire.Decoder
			m, err := decoder.FromServer([]byte(body))
			require.NoError(t, err, v.ID)
			again, err := m.Append(nil)
			require.NoError(t, err, v.ID)
			if !strings.Contains(body, `\bm\4\`) && !strings.Contains(body, `\pi\`) { // 4 has no msg; pi has \pid\0
				assert.Equal(t, body+kv.Terminator, string(again), v.ID)
			}
			twice, err := decoder.FromServer(again[:len(again)-len(kv.Terminator)])
			require.NoError(t, err, v.ID)
			assert.Equal(t, m, twice, v.ID)
		}
	}
}

func TestVectorsExtendedInfo(t *testing.T) {
	for _, v := range vectors(t).Vectors.ExtendedInfo {
		assert.Equal(t, v.Text, gpwire.ExtendedInfo(v.Keys).Text(), v.ID)
		info, err := gpwire.ParseExtendedInfo(v.Text)
		require.NoError(t, err, v.ID)
		assert.Equal(t, gpwire.ExtendedInfo(v.Keys), info, v.ID)
	}
}

// Searches write what the SDK wrote and find what it found.
func TestVectorsSearch(t *testing.T) {
	file := vectors(t)
	require.NotEmpty(t, file.Vectors.GPSP)
	for _, v := range file.Vectors.GPSP {
		t.Run(v.ID, func(t *testing.T) {
			body, _ := strings.CutSuffix(v.Request, kv.Terminator)
			m, err := new(gpwire.Decoder).SearchRequest([]byte(body))
			require.NoError(t, err)
			again, err := m.Append(nil)
			require.NoError(t, err)
			assert.Equal(t, v.Request, string(again))

			var sent string
			dial := scripted(t, func(p *peer) {
				sent = p.receive()
				p.send(v.Reply)
			})
			// A session lends its key and profile; the searches go to the script.
			session := logIn(t, gp.Config{ProductID: 11057}, sessionKeyOf(v.Request), func(p *peer) { p.receive() })
			searcher := session.Searcher().WithDialer(dial)
			want := v.Events[0]
			switch v.Search {
			case "search", "search more":
				query := gp.ProfileQuery{UniqueNick: "JoeU", FirstName: "First", LastName: "Last", ICQUIN: 123456}
				if v.Search == "search more" {
					query = gp.ProfileQuery{Nick: "N"}
				}
				var found []gp.Match
				for match, err := range searcher.Profiles(t.Context(), query) {
					require.NoError(t, err)
					found = append(found, match)
					break // the SDK was told not to ask for more
				}
				require.Len(t, found, len(want.Matches))
				for i, match := range found {
					assert.EqualValues(t, want.Matches[i].Profile, match.ProfileID)
					assert.Equal(t, want.Matches[i].Nick, match.Nick)
					assert.Equal(t, want.Matches[i].UniqueNick, match.UniqueNick)
				}
			case "valid":
				valid, err := searcher.ValidEmail(t.Context(), "Joe@X.org")
				require.NoError(t, err)
				assert.Equal(t, want.Valid == 1, valid)
			case "nicks":
				nicks, err := all(searcher.Nicks(t.Context(), "joe@x.org", "bad"))
				require.NoError(t, err)
				assert.Len(t, nicks, len(want.Nicks))
			case "pmatch":
				players, err := all(searcher.PlayersOf(t.Context(), 11057))
				require.NoError(t, err)
				require.Len(t, players, len(want.Matches))
				for i, player := range players {
					assert.EqualValues(t, want.Matches[i].Profile, player.ProfileID)
					assert.Equal(t, want.Matches[i].Status, player.StatusText)
					assert.EqualValues(t, want.Matches[i].StatusCode, player.Status)
				}
			case "newuser":
				account := gp.Account{Email: "New@X.org", Nick: "Nick", UniqueNick: "Uniq", Password: "pass", CDKey: "KEY-1"}
				if want.Result != 0 {
					account.Email, account.CDKey = "new@x.org", ""
				}
				profile, err := searcher.NewUser(t.Context(), account)
				if want.Result != 0 {
					require.ErrorIs(t, err, gp.ErrNickInUse)
				} else {
					require.NoError(t, err)
				}
				assert.EqualValues(t, want.Profile, profile)
			case "uniquesearch":
				nicks, err := all(searcher.Suggest(t.Context(), "Joe"))
				require.NoError(t, err)
				assert.Equal(t, []string{"Joe1", "Joe_2", "xJoex"}, nicks)
			case "profilelist":
				buddies, err := all(searcher.BuddiesOf(t.Context(), 42, 50))
				if want.Hidden != 0 {
					require.ErrorIs(t, err, gp.ErrHidden)
				} else {
					require.NoError(t, err)
					assert.Len(t, buddies, len(want.Profiles))
				}
			default:
				require.Fail(t, "unknown search", v.Search)
			}
			assert.Equal(t, v.Request, sent)
		})
	}
}

func sessionKeyOf(request string) string {
	key, ok := kv.Get([]byte(request), "sesskey")
	if !ok {
		return "7"
	}
	return string(key)
}
