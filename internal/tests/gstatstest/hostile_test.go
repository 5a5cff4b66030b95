package gstatstest_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

func TestServerFaults(t *testing.T) {
	const want = `\ties\2`
	server := start(t, gstatstest.Config{})
	server.Put(gstatstest.Slot{Profile: ann, Type: gstatstest.Private}, []byte(want), time.Time{})
	ask := get(ann, 1, 7)
	for _, test := range []struct {
		name   string
		faults gstatstest.Faults
		check  func(client *raw)
	}{
		{"another local id", gstatstest.Faults{LocalID: 5}, func(client *raw) {
			require.Equal(t, int32(12), client.ask(ask).(*gstatswire.DataReply).LocalID)
		}},
		{"another player", gstatstest.Faults{ProfileID: 1}, func(client *raw) {
			require.Equal(t, int32(bob), client.ask(ask).(*gstatswire.DataReply).ProfileID)
		}},
		{"more than there is", gstatstest.Faults{Length: 10}, func(client *raw) {
			client.say(ask) // nobody can tell before more has come than that
			require.Contains(t, client.plain(ask), `\length\17\data\`+want)
		}},
		{"less than there is", gstatstest.Faults{Length: -3}, func(client *raw) {
			require.Equal(t, want[:4], string(client.ask(ask).(*gstatswire.DataReply).Data))
		}},
		{"twice", gstatstest.Faults{Twice: true}, func(client *raw) {
			require.Equal(t, client.ask(ask), client.hear())
		}},
		{"swapped", gstatstest.Faults{Swap: true}, func(client *raw) {
			client.say(ask)
			require.Equal(t, int32(8), client.ask(get(ann, 1, 8)).(*gstatswire.DataReply).LocalID)
			require.Equal(t, int32(7), client.hear().(*gstatswire.DataReply).LocalID)
		}},
		{"mute", gstatstest.Faults{Mute: []string{"getpd"}}, func(client *raw) {
			client.say(ask)
			require.IsType(t, &gstatswire.SetReply{}, client.ask(set(bob, 1, 8, false, "x")))
		}},
		{"closed", gstatstest.Faults{CloseOn: []string{"getpd"}}, func(client *raw) {
			client.say(ask)
			client.closed()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server.SetFaults(gstatstest.Faults{})
			client := connect(t, server).auth().ann()
			server.SetFaults(test.faults)
			test.check(client)
		})
	}
}

func TestServerStreamFaults(t *testing.T) {
	greeting, err := gstatswire.AppendFrame(nil, &gstatswire.Greeting{Challenge: "ABCDEFGHIJ"})
	require.NoError(t, err)
	for _, test := range []struct {
		name   string
		faults gstatstest.Faults
		want   []byte
	}{
		{"silence", gstatstest.Faults{NoGreeting: true}, nil},
		{"cut", gstatstest.Faults{CloseAt: 11}, greeting[:10]},
		{"garbage", gstatstest.Faults{GarbageAt: 11, Garbage: []byte("garbage")}, append(greeting[:10:10], "garbage"...)},
		{"stalled", gstatstest.Faults{StallAt: 11}, greeting[:10]},
		{"in pieces", gstatstest.Faults{Segment: 1}, greeting},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := start(t, gstatstest.Config{Challenge: func() string { return "ABCDEFGHIJ" }, Faults: test.faults})
			conn, err := net.Dial("tcp", server.Addr())
			require.NoError(t, err)
			defer conn.Close()
			got := make([]byte, len(test.want))
			_, err = io.ReadFull(conn, got)
			require.NoError(t, err)
			require.Equal(t, string(test.want), string(got))
		})
	}
}

// A slow server: a byte a second, on the bubble's clock.
func TestServerPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := gstatstest.New(gstatstest.Config{
			Faults: gstatstest.Faults{Delay: time.Minute, Segment: 1, Pause: time.Second}, Limits: gstatstest.Limits{Auth: time.Hour},
		})
		defer server.Close()
		conn, err := server.Dial(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		began := time.Now()
		_, err = io.ReadFull(conn, make([]byte, gstatswire.MinGreeting))
		require.NoError(t, err)
		require.Equal(t, time.Minute+(gstatswire.MinGreeting-1)*time.Second, time.Since(began))
	})
}

func TestServerAnswers(t *testing.T) {
	server := start(t, gstatstest.Config{Answer: func(message string) ([]string, bool) {
		return []string{`\getpdr\0\lid\1\pid\9`, `\ka\`}, strings.HasPrefix(message, `\getpd\`)
	}})
	client := connect(t, server).auth()
	require.Equal(t, &gstatswire.DataReply{LocalID: 1, ProfileID: 9, Missing: true}, client.ask(get(ann, 1, 7)))
	require.Equal(t, &gstatswire.KeepAlive{}, client.hear())
	server.Send(`\pauthr\5\lid\1`)
	require.Equal(t, &gstatswire.PlayerReply{ProfileID: 5, LocalID: 1}, client.hear())
	server.SendRaw([]byte(`\error\\err\4\errmsg\no\final\`))
	require.Equal(t, &gstatswire.ErrorReply{Code: 4, Text: "no"}, client.hear())
	require.Equal(t, 1, server.Connections())
	require.Len(t, server.Received(), 2)
	server.Drop()
	client.closed()
}

func TestFinalInside(t *testing.T) {
	data := gstatstest.FinalInside()
	for lead := range 20 {
		message := &gstatswire.SetData{ProfileID: 1, Data: append(bytes.Repeat([]byte("x"), lead), data...)}
		_, err := gstatswire.AppendFrame(nil, message)
		require.ErrorIs(t, err, gstatswire.ErrTerminator)
	}
}

// A client cannot make the server keep more than its limits.
func TestServerLimits(t *testing.T) {
	const stored = 20_000
	limits := gstatstest.Limits{Message: 4000, Stored: stored, Connections: 3, Queue: 10_000}

	t.Run("stored", func(t *testing.T) {
		server := start(t, gstatstest.Config{Limits: limits})
		client := connect(t, server).auth().ann()
		refused := 0
		for i := range int32(100) {
			m := set(ann, 1, 7, false, strings.Repeat("x", 1000))
			m.Index = i
			if !client.ask(m).(*gstatswire.SetReply).Success {
				refused++
			}
		}
		require.Greater(t, refused, 100-stored/1000)
		require.True(t, client.ask(set(ann, 1, 7, false, "less")).(*gstatswire.SetReply).Success, "there is room again")

		for i := range int32(1000) {
			client.say(&gstatswire.UpdateGame{SessionKey: i, Data: strings.Repeat("x", 100)})
		}
		client.ask(get(ann, 1, 7))
		require.Less(t, len(server.Games()), stored/300)
	})
	t.Run("message", func(t *testing.T) {
		client := connect(t, start(t, gstatstest.Config{Limits: limits})).auth()
		_, _ = client.Write(bytes.Repeat([]byte("x"), 5000))
		client.closed()
	})
	t.Run("connections", func(t *testing.T) {
		server := start(t, gstatstest.Config{Limits: limits})
		for range limits.Connections {
			connect(t, server).hear()
		}
		connect(t, server).closed()
	})
	t.Run("queue", func(t *testing.T) {
		server := start(t, gstatstest.Config{Limits: limits})
		ours, theirs := net.Pipe() // nothing is read, and a pipe holds nothing
		defer ours.Close()
		server.ServeConn(theirs)
		for range 200 {
			server.Send(strings.Repeat("x", 100))
		}
		_, err := io.ReadAll(ours)
		require.NoError(t, err) // it has ended
	})
	t.Run("time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := gstatstest.New(gstatstest.Config{})
			defer server.Close()
			conn, err := server.Dial(t.Context(), "", "")
			require.NoError(t, err)
			began := time.Now()
			_, err = io.ReadAll(conn)
			require.NoError(t, err)
			require.Equal(t, 30*time.Second, time.Since(began))
		})
	})
}

func TestServerClose(t *testing.T) {
	server := start(t, gstatstest.Config{})
	client := connect(t, server).auth()
	server.Close()
	server.Close()
	client.closed()
	require.Error(t, server.Start())
	conn, err := server.Dial(t.Context(), "", "")
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
	secretive := gstatstest.Account{ProfileID: 1, Nick: "ann", Password: "secret", CDKey: "secret", AuthToken: "secret", PartnerChallenge: "secret"}
	require.NotContains(t, fmt.Sprintf("%+v %v", secretive, secretive), "secret")
}

// Hostile bytes end a connection or are ignored, whatever the family.
func FuzzServer(f *testing.F) {
	for _, m := range []gstatswire.Message{
		&gstatswire.Auth{Game: "g"}, get(ann, 3, 1), set(ann, 3, 1, true, "\\a\\1\x00"), &gstatswire.UpdateGame{Data: `\a_0\1`},
		&gstatswire.PlayerAuth{Token: "token"}, &gstatswire.GetProfileID{Nick: "a"}, &gstatswire.KeepAlive{},
	} {
		for family := range uint8(6) {
			frame, err := gstatswire.AppendFrame(nil, m)
			require.NoError(f, err)
			f.Add(family, frame)
		}
	}
	families := []gstatstest.Family{"", "openspy", "wfc", "dwc", "unispy", "kr4uzi"}
	f.Fuzz(func(t *testing.T, family uint8, stream []byte) {
		server := gstatstest.New(gstatstest.Config{
			Family: families[int(family)%len(families)], Limits: gstatstest.Limits{Message: 1000, Stored: 5000},
			Accounts: []gstatstest.Account{{ProfileID: ann, AuthToken: "token"}},
		})
		defer server.Close()
		conn, err := server.Dial(t.Context(), "", "")
		require.NoError(t, err)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		auth, err := gstatswire.AppendFrame(nil, &gstatswire.Auth{Game: "g"})
		require.NoError(t, err)
		player, err := gstatswire.AppendFrame(nil, &gstatswire.PlayerAuth{Token: "token"})
		require.NoError(t, err)
		_, _ = conn.Write(append(append(auth, player...), stream...))
		_ = conn.Close()
	})
}
