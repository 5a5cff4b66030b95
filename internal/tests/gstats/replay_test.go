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
				r := newReplay(t, transcript.Load(t, "testdata/"+name+"-relight.json"))
				tellStory(t.Context(), r.config, r.player, r.tell)
				r.check()
			})
		})
	}
}

// A server that is stopped and started again: the session comes back as it did then, with its player, and sends what it had kept.
func TestLostStoryWithARecordedServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplay(t, transcript.Load(t, "testdata/openspy-lost.json"))
		spool, err := gstats.OpenSpool(t.TempDir(), gstats.SpoolConfig{})
		require.NoError(t, err)
		defer spool.Close()
		r.config.Spool, r.config.Reconnect = spool, &gstats.Reconnect{First: 300 * time.Millisecond, Max: time.Second, Jitter: -1}
		tellLostStory(t.Context(), r.config, r.player, func() {}, func() {}, r.tell)
		r.check()
	})
}

// replay is a recorded server, and what came of it then and now.
type replay struct {
	t       *testing.T
	file    transcript.File
	config  gstats.Config
	player  player
	lines   []string
	labels  []string // of the connections that are still to come
	scripts chan error
}

func newReplay(t *testing.T, file transcript.File) *replay {
	t.Helper()
	meta := func(key string) string { return file.Meta[key].(string) }
	limit, err := time.ParseDuration(meta("limit"))
	require.NoError(t, err)
	profile, err := strconv.Atoi(meta("profile"))
	require.NoError(t, err)
	r := &replay{t: t, file: file, labels: file.Labels()}
	r.scripts = make(chan error, len(r.labels))
	r.player = player{profile: gstats.ProfileID(profile), password: meta("password"), token: meta("token"), challenge: meta("challenge")}
	r.config = gstats.Config{
		Game: meta("game"), Secret: meta("secret"), Addr: meta("address"), Port: 6500, OperationTimeout: limit,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if len(r.labels) == 0 {
				return nil, errors.New("one connection more than was recorded")
			}
			events := r.file.Conn(r.labels[0])
			r.labels = r.labels[1:]
			if events[0].Dir == transcript.Reset {
				r.scripts <- nil
				return nil, errors.New("refused")
			}
			client, server := net.Pipe()
			go func() { r.scripts <- play(server, events) }()
			return client, nil
		},
	}
	return r
}

func (r *replay) tell(line string) { r.lines = append(r.lines, line) }

// check says whether all came as it was recorded.
func (r *replay) check() {
	r.t.Helper()
	var want []string
	for _, event := range r.file.Events {
		if event.Dir == "" {
			want = append(want, event.Note)
		}
	}
	require.Equal(r.t, want, r.lines)
	require.Empty(r.t, r.labels)
	for range r.file.Labels() {
		require.NoError(r.t, <-r.scripts)
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
