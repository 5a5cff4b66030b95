package gstatstest_test

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

// heard collects what a server sends.
type heard struct {
	splitter interface {
		Append([]byte)
		Next() ([]byte, bool, error)
	}
}

// take returns the messages that have come, in a form that does not depend on order and time.
func (h *heard) take(t *testing.T, b []byte) (messages []string) {
	t.Helper()
	h.splitter.Append(b)
	for {
		body, ok, err := h.splitter.Next()
		require.NoError(t, err)
		if !ok {
			return messages
		}
		messages = append(messages, normal(string(gstatswire.Uncover(body))))
	}
}

var (
	modified = regexp.MustCompile(`\\mod\\[1-9]\d*`)
	session  = regexp.MustCompile(`\\sesskey\\-?\d+`)
)

// normal sorts the pairs in front of the data, behind the command, forgets times, and cuts numbers to 32 bits.
func normal(body string) string {
	pairs, data, found := strings.Cut(body, `\data\`)
	pairs = modified.ReplaceAllString(pairs, `\mod\*`)
	pairs = session.ReplaceAllStringFunc(pairs, func(pair string) string {
		n, _ := strconv.ParseInt(strings.TrimPrefix(pair, `\sesskey\`), 10, 64)
		return fmt.Sprintf(`\sesskey\%d`, uint32(n))
	})
	if data == "abSB@V\x00\x00\x00\x00\x00" { // behind a \final\ in clear, openspy stores what is in its memory
		data = `ab\final\cd`
	}
	words := strings.Split(strings.TrimPrefix(pairs, `\`), `\`)
	var sorted []string
	for i := 0; i+1 < len(words); i += 2 {
		sorted = append(sorted, words[i]+"="+words[i+1])
	}
	slices.Sort(sorted[min(1, len(sorted)):])
	return cmp.Or(strings.Join(sorted, " "), body) + map[bool]string{true: " data=" + data}[found]
}

// The families answer what the real servers have answered to the same bytes; the order of pairs and the time apart.
func TestFamiliesAreLikeRecorded(t *testing.T) {
	for _, test := range []struct {
		family   gstatstest.Family
		answers  int // that are compared
		accounts []gstatstest.Account
		not      map[string]string // connections that are not like it, and why
	}{
		{family: gstatstest.OpenSpy, answers: 56, accounts: []gstatstest.Account{
			{ProfileID: 10001, Nick: "alice", Password: "alicepw"}, {ProfileID: 10002, Nick: "bob", Password: "bobpw"},
			{ProfileID: 10003, Nick: "carol", Password: "carolpw", CDKey: "carolkey"},
		}, not: map[string]string{
			"pipelined": "its requests run side by side, and a write beside the player's authentication is lost",
			"cut-final": `it misses a \final\ that comes in two pieces`,
			"cut-7":     `it misses a \final\ that comes in two pieces`,
			"last":      "who fails with a CD key is the player of a fallback that its operator has set",
		}},
		{family: gstatstest.WFC, answers: 75, accounts: []gstatstest.Account{{ProfileID: 1000000003, Nick: "ds"}}},
		{family: gstatstest.DWC, answers: 53, accounts: []gstatstest.Account{{ProfileID: 1, Nick: "ds"}}, not: map[string]string{
			"cut-final": "it uncovers a message only when its end came in one piece",
			"cut-7":     "it uncovers a message only when its end came in one piece",
		}},
		{family: gstatstest.KR4uzi, answers: 38, accounts: []gstatstest.Account{{ProfileID: 10001, Nick: "alice", Password: "alicepw"}}},
	} {
		t.Run(string(test.family), func(t *testing.T) {
			file := transcript.Load(t, "../gstats/testdata/"+string(test.family)+".json")
			synctest.Test(t, func(t *testing.T) {
				var challenge string
				var connection int32
				answers := 0
				config := gstatstest.Config{
					Family: test.family, Secrets: map[string]string{"gmtest": "HA6zkS", "pokemondpds": "1vTlwb"}, Accounts: test.accounts,
					Challenge: func() string { return challenge }, Connection: func() int32 { return connection },
					KeepAlive: -1,
				}
				config.Accounts[0].AuthToken = token(t, file)
				server := gstatstest.New(config)
				defer server.Close()
				for _, label := range file.Labels() {
					if _, not := test.not[label]; not {
						continue
					}
					events := file.Conn(label)
					challenge, connection = numbers(t, events)
					answers += replay(t, server, label, events)
				}
				require.Equal(t, test.answers, answers)
			})
		})
	}
}

// token is what the player of a recording authenticates with.
func token(t *testing.T, file transcript.File) string {
	for _, body := range bodies(t, transcript.Bytes(file.Conn("data"), transcript.ClientToServer)) {
		if message, err := gstatswire.FromClient([]byte(body)); err == nil {
			if player, ok := message.(*gstatswire.PlayerAuth); ok {
				return player.Token
			}
		}
	}
	return ""
}

// numbers are the challenge and the number that a connection had when it was recorded.
func numbers(t *testing.T, events []transcript.Event) (challenge string, connection int32) {
	for _, body := range bodies(t, transcript.Bytes(events, transcript.ServerToClient)) {
		message, err := gstatswire.FromServer([]byte(body))
		require.NoError(t, err)
		switch m := message.(type) {
		case *gstatswire.Greeting:
			challenge = m.Challenge
		case *gstatswire.Session:
			connection = m.Connection
		}
	}
	return challenge, connection
}

func bodies(t *testing.T, stream []byte) (list []string) {
	splitter := gstatswire.Splitter(0)
	splitter.Append(stream)
	for {
		body, ok, err := splitter.Next()
		require.NoError(t, err)
		if !ok {
			return list
		}
		list = append(list, string(gstatswire.Uncover(body)))
	}
}

// replay sends each piece of a recorded client, compares what comes before the next, and counts it.
func replay(t *testing.T, server *gstatstest.Server, label string, events []transcript.Event) (answers int) {
	conn, err := server.Dial(t.Context(), "", "")
	require.NoError(t, err)
	received := make(chan []byte, 100)
	go func() {
		defer close(received)
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			received <- slices.Clone(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	ours, theirs := &heard{gstatswire.Splitter(0)}, &heard{gstatswire.Splitter(0)}
	var said string
	var want, got []string
	step := func() {
		synctest.Wait()
		for {
			select {
			case b, ok := <-received:
				if ok {
					got = append(got, ours.take(t, b)...)
					continue
				}
			default:
			}
			break
		}
		require.Equal(t, want, got, "%s: after %q", label, said)
		answers += len(got)
		want, got = nil, nil
	}
	for _, event := range events {
		switch event.Dir {
		case transcript.ServerToClient:
			want = append(want, theirs.take(t, event.Payload)...)
		case transcript.ClientToServer:
			step()
			said = strings.Join(bodies(t, event.Payload), " ")
			if _, err := conn.Write(event.Payload); err != nil {
				require.ErrorIs(t, err, io.ErrClosedPipe)
			}
			time.Sleep(time.Second) // on the bubble's clock
		}
	}
	step()
	_ = conn.Close()
	synctest.Wait()
	for range received {
	}
	return answers
}
