package gstatstest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

const ann, bob = 20001, 20002

// bob authenticates the player bob with a token, which is all that some families know.
func (r *raw) bob(localID int32) *raw {
	r.Helper()
	require.Equal(r, &gstatswire.PlayerReply{ProfileID: bob, LocalID: localID},
		r.ask(&gstatswire.PlayerAuth{Token: "token", Response: r.proof("cherry"), LocalID: localID}))
	return r
}

// plain sends a message and reads the answer in clear.
func (r *raw) plain(m gstatswire.Message) string {
	r.Helper()
	r.say(m)
	body, err := r.body()
	require.NoError(r, err)
	return body
}

func set(profile, kind, localID int32, keyValues bool, data string) *gstatswire.SetData {
	return &gstatswire.SetData{ProfileID: profile, Type: kind, KeyValues: keyValues, LocalID: localID, Data: []byte(data)}
}

func get(profile, kind, localID int32, keys ...string) *gstatswire.GetData {
	return &gstatswire.GetData{ProfileID: profile, Type: kind, Keys: keys, LocalID: localID}
}

func TestServerWFC(t *testing.T) {
	server := start(t, gstatstest.Config{Family: "wfc"})
	greetings := make(map[string]bool)
	for len(greetings) < 2 {
		body, err := connect(t, server).body()
		require.NoError(t, err)
		if strings.HasPrefix(body, `\lc\1\challenge\`) {
			require.Regexp(t, `^\\lc\\1\\challenge\\[A-Z]{10}\\id\\1$`, body)
		} else {
			require.Regexp(t, `^\\lc\\1\\id\\1\\challenge\\[A-Z]{10}$`, body)
		}
		greetings[body[:8]] = true
	}

	client := connect(t, server)
	client.hear()
	session := client.ask(&gstatswire.Auth{Game: "gmtest", Response: "not looked at"}).(*gstatswire.Session)
	client.connection = session.Connection
	require.Equal(t, &gstatswire.KeepAlive{}, client.ask(&gstatswire.KeepAlive{}))
	refused := client.ask(&gstatswire.PlayerAuth{ProfileID: ann, Response: client.proof("apple"), LocalID: 3})
	require.Equal(t, &gstatswire.PlayerReply{ProfileID: -3, LocalID: 3, Error: "Invalid Validation"}, refused)
	client.bob(5)

	require.Regexp(t, `^\\getpdr\\1(\\pid\\20002|\\lid\\5){2}$`, client.plain(get(bob, 3, 9)), "nothing is stored, and the local id is that of the player")
	require.Equal(t, &gstatswire.SetReply{Success: true, LocalID: 5, ProfileID: bob, Modified: now.Unix()}, client.ask(set(bob, 3, 9, true, "\\a\\1\\b\\2\x00")))
	require.Equal(t, `\a\1\b\2`, string(client.ask(get(bob, 3, 9, "b")).(*gstatswire.DataReply).Data), "keys are not looked at")
	client.ask(set(bob, 3, 9, true, "\\c\\3\x00"))
	require.Equal(t, `\c\3`, string(client.ask(get(bob, 3, 9)).(*gstatswire.DataReply).Data), "a write replaces everything")
	require.Regexp(t, `^\\setpdr\\1(\\pid\\20001|\\lid\\5){2}$`, client.plain(set(ann, 3, 9, true, "\\c\\3\x00")), "a refusal is a success that tells no time")
	client.ask(set(bob, 3, 9, false, "a\xe9\xff."))
	require.Equal(t, "a\xc3\xa9\xc3", string(client.ask(get(bob, 3, 9)).(*gstatswire.DataReply).Data), "bytes are taken for characters, and cut")

	stranger := connect(t, server)
	stranger.hear()
	require.Equal(t, `\error\\err\4\errmsg\This request cannot be processed because of a database error.\fatal\`, stranger.plain(&gstatswire.Auth{Game: "nonsense"}))
	stranger.closed()
	stranger = connect(t, server)
	stranger.auth().say(&gstatswire.NewGame{SessionKey: 1})
	require.Equal(t, &gstatswire.ErrorReply{Code: 2, Fatal: true, Text: "This request cannot be processed because you are not logged in."}, stranger.hear())
	stranger.closed()
}

func TestServerOpenSpy(t *testing.T) {
	server := start(t, gstatstest.Config{Family: "openspy"})
	client := connect(t, server).auth()
	require.Equal(t, `\pauthr\-1\errmsg\The password provided was incorrect.\lid\7`, client.plain(&gstatswire.PlayerAuth{ProfileID: ann, Response: "0", LocalID: 7}))
	client.ann()
	require.Equal(t, `\getpdr\1\lid\9\pid\20001\length\0\data\`, client.plain(get(ann, 1, 9)), "nothing is stored, and no time told")
	client.ask(set(ann, 1, 9, true, "\\wins\\3\\losses\\1\x00"))
	require.Equal(t, "\\getpdr\\1\\lid\\9\\pid\\20001\\mod\\1800000000\\length\\16\\data\\\x01losses\x011\x01wins\x013", client.plain(get(ann, 1, 9, "losses", "wins")))
	client.ask(set(ann, 1, 9, true, "\\wins\\\x00"))
	require.Equal(t, "\x01losses\x011\x01wins\x01", string(client.ask(get(ann, 1, 9)).(*gstatswire.DataReply).Data), "an empty value is made anew")
	client.ask(set(ann, 1, 9, false, "block"))
	require.Equal(t, "\x01losses\x011\x01wins\x01", string(client.ask(get(ann, 1, 9)).(*gstatswire.DataReply).Data), "a block is kept apart")
	require.Equal(t, `\getpdr\1\lid\9\pid\20001\length\5\data\block`, client.plain(&gstatswire.GetData{ProfileID: ann, Type: 1, NoKeys: true, LocalID: 9}))

	client.ask(&gstatswire.PlayerAuth{ProfileID: 404, Response: "0", LocalID: 10})
	client.say(set(ann, 1, 9, false, "no answer"))
	client.say(get(ann, 1, 9))
	require.Equal(t, `\error\\err\2\errmsg\The request cannot be processed because user has not logged in. \fatal\1`, mustBody(client), "the player is forgotten")
	client.closed()

	stranger := connect(t, server)
	stranger.hear()
	require.Equal(t, `\error\\err\7\errmsg\The server has closed the connection.\fatal\1`, stranger.plain(&gstatswire.Auth{Game: "gmtest", Response: "0"}))
	stranger.closed()
}

func mustBody(r *raw) string {
	r.Helper()
	body, err := r.body()
	require.NoError(r, err)
	return body
}

func TestServerOpenSpyKeepsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gstatstest.New(gstatstest.Config{Family: "openspy"})
		defer server.Close()
		conn, err := server.Dial(t.Context(), "", "")
		require.NoError(t, err)
		client := &raw{T: t, Conn: conn, splitter: gstatswire.Splitter(0)}
		client.auth()
		began := time.Now()
		require.Equal(t, &gstatswire.KeepAlive{}, client.hear())
		require.Equal(t, 600*time.Second, time.Since(began))
	})
}

func TestServerDWC(t *testing.T) {
	server := start(t, gstatstest.Config{Family: "dwc"})
	client := connect(t, server)
	client.hear()
	client.connection = client.ask(&gstatswire.Auth{Game: "any game", Response: "not looked at"}).(*gstatswire.Session).Connection
	require.Equal(t, int32(-3), client.ask(&gstatswire.PlayerAuth{Token: "nonsense", LocalID: 4}).(*gstatswire.PlayerReply).ProfileID)
	client.bob(5)
	require.Equal(t, `\getpdr\1\lid\5\pid\20002\mod\1800000000\length\0\data\`, client.plain(get(bob, 3, 9, "a")))
	client.ask(set(bob, 3, 9, true, "\\a\\1\\b\\2\x00"))
	client.ask(set(bob, 3, 9, true, "\\b\\3\x00"))
	require.Equal(t, `\getpdr\1\lid\5\pid\20002\mod\1800000000\length\10\data\\a\1\none\`, client.plain(get(bob, 3, 9, "a", "none")))
	require.Equal(t, `\b\3`, string(client.ask(get(bob, 3, 9, "b", "a")).(*gstatswire.DataReply).Data), "the NUL behind a write comes back, and ends a read")
	require.Empty(t, client.ask(get(bob, 3, 9)).(*gstatswire.DataReply).Data, "it knows no way to ask for everything")
	require.Equal(t, &gstatswire.SetReply{Success: true, LocalID: 5, ProfileID: bob, Modified: now.Unix()}, client.ask(set(ann, 3, 9, true, "\\b\\3\x00")), "it says yes to what it does not do")
	_, ok := server.Stored(gstatstest.Slot{Profile: ann, Type: gstatstest.Public})
	require.False(t, ok)

	conn, err := server.Dial(t.Context(), "", "") // where a write is one read
	require.NoError(t, err)
	client = &raw{T: t, Conn: conn, splitter: gstatswire.Splitter(0)}
	client.auth()
	var frames []byte
	for _, m := range []gstatswire.Message{
		&gstatswire.PlayerAuth{ProfileID: ann, Response: client.proof("apple"), LocalID: 3}, // it knows tokens only
		&gstatswire.GetData{ProfileID: bob, Type: 3, NoKeys: true},                          // and must be told the keys
		set(bob, 3, 9, false, `odd\text`),
		&gstatswire.KeepAlive{},
	} {
		frames, err = gstatswire.AppendFrame(frames, m)
		require.NoError(t, err)
	}
	for _, piece := range []string{string(frames), "one message", "is read for", "each piece"} {
		_, err := client.Write([]byte(piece))
		require.NoError(t, err)
	}
	require.Equal(t, &gstatswire.KeepAlive{}, client.hear())
}

func TestServerUniSpy(t *testing.T) {
	server := start(t, gstatstest.Config{Family: "unispy"})
	client := connect(t, server)
	require.Equal(t, `\challenge\00000000000000000000`, mustBody(client))
	require.Equal(t, `\sesskey\11111\lid\1`, client.plain(&gstatswire.Auth{Game: "any game", Response: "not looked at"}))
	client.say(&gstatswire.PlayerAuth{ProfileID: 404, LocalID: 2}) // what fails is not answered
	client.say(get(ann, 3, 3))
	require.Equal(t, `\pauthr\1\lid\4`, client.plain(&gstatswire.PlayerAuth{ProfileID: ann, Response: "not looked at", LocalID: 4}))
	require.True(t, client.ask(set(ann, 3, 5, true, "\\a\\1\x00")).(*gstatswire.SetReply).Success)
	require.Equal(t, "\\a\\1\x00", string(client.ask(get(ann, 3, 6, "b")).(*gstatswire.DataReply).Data))
}

func TestServerKR4uzi(t *testing.T) {
	server := start(t, gstatstest.Config{Family: "kr4uzi"})
	client := connect(t, server).auth()
	require.Equal(t, int32(now.Unix()), client.connection)
	require.Equal(t, `\pauthr\-1\lid\2`, client.plain(&gstatswire.PlayerAuth{ProfileID: ann, Response: "0", LocalID: 2}))
	client.say(get(ann, 3, 3)) // is not answered, nor is anything but this:
	client.say(&gstatswire.GetProfileID{Nick: "ann", KeyHash: gscrypt.GStatsKeyHash("AAAA-1111"), LocalID: 4})
	client.ann()

	stranger := connect(t, server)
	stranger.hear()
	require.Equal(t, `\error\\err\0\fatal\\errmsg\Invalid Response!\id\1`, stranger.plain(&gstatswire.Auth{Game: "gmtest", Response: "0"}))
	stranger.closed()
}
