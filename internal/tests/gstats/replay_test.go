package gstats_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// The story was told with real servers, and what they said is told again: a session of today says the same to them, byte for
// byte but for the numbers of its games, and comes to the same results.
func TestStoryWithRecordedServers(t *testing.T) {
	for _, name := range []string{"openspy", "wfc", "dwc", "kr4uzi"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := transcript.Load(t, "testdata/"+name+"-relight.json")
				meta := func(key string) string { return file.Meta[key].(string) }
				limit, err := time.ParseDuration(meta("limit"))
				require.NoError(t, err)
				profile, err := strconv.Atoi(meta("profile"))
				require.NoError(t, err)
				labels := file.Labels()
				scripts := make(chan error, len(labels))
				config := gstats.Config{
					Game: meta("game"), Secret: meta("secret"), Addr: meta("address"), Port: 6500, OperationTimeout: limit,
					DialContext: func(context.Context, string, string) (net.Conn, error) {
						if len(labels) == 0 {
							return nil, errors.New("one connection more than was recorded")
						}
						client, server := net.Pipe()
						events := file.Conn(labels[0])
						labels = labels[1:]
						go func() { scripts <- play(server, events) }()
						return client, nil
					},
				}
				var want, lines []string
				for _, event := range file.Events {
					if event.Dir == "" {
						want = append(want, event.Note)
					}
				}
				tellStory(t.Context(), config, player{
					profile: gstats.ProfileID(profile), password: meta("password"), token: meta("token"), challenge: meta("challenge"),
				}, func(line string) { lines = append(lines, line) })
				require.Equal(t, want, lines)
				require.Empty(t, labels)
				for range file.Labels() {
					require.NoError(t, <-scripts)
				}
			})
		})
	}
}

// play is a server that says what was recorded when it is told what was recorded.
func play(conn net.Conn, events []transcript.Event) error {
	defer conn.Close()
	start := time.Now()
	splitter := gstatswire.Splitter(0)
	for i, event := range events {
		switch event.Dir {
		case transcript.ServerToClient:
			if _, err := conn.Write(event.Payload); err != nil {
				return fmt.Errorf("event %d: %w", i, err)
			}
		case transcript.ClientToServer:
			recorded := gstatswire.Splitter(0)
			recorded.Append(event.Payload)
			for {
				want, ok, err := recorded.Next()
				if err != nil {
					return err
				}
				if !ok {
					break
				}
				got, err := nextFrame(conn, splitter)
				if err != nil {
					return fmt.Errorf("event %d: %w", i, err)
				}
				if want, got := plain(want), plain(got); want != got {
					return fmt.Errorf("event %d: said %q, want %q", i, got, want)
				}
			}
		case transcript.EOF: // which may be the server's answer to the end of the session
			time.Sleep(time.Duration((event.T-events[0].T)*float64(time.Second)) - time.Since(start))
			return nil
		}
	}
	if body, err := nextFrame(conn, splitter); err == nil {
		return fmt.Errorf("said %q, of which nothing was recorded", gstatswire.Uncover(body))
	}
	return nil
}

// nextFrame reads a message.
func nextFrame(conn net.Conn, splitter *kv.Splitter) ([]byte, error) {
	for {
		body, ok, err := splitter.Next()
		if ok || err != nil {
			return slices.Clone(body), err
		}
		if _, err := splitter.Fill(conn, 1<<10); err != nil {
			return nil, err
		}
	}
}

// plain is the text of a message without the number of a game, which depends on the time.
func plain(body []byte) string {
	text := gstatswire.Uncover(body)
	message, err := gstatswire.FromClient(text)
	if err != nil {
		return string(text)
	}
	switch m := message.(type) {
	case *gstatswire.NewGame:
		m.SessionKey = 0
		return fmt.Sprintf("%+v", m)
	case *gstatswire.UpdateGame:
		m.SessionKey = 0
		return fmt.Sprintf("%+v", m)
	}
	return string(text)
}
