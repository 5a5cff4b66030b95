package gp_test

import (
	"context"
	"fmt"
	"iter"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is the server's end of an in-memory connection that a test scripts.
type peer struct {
	t        *testing.T
	conn     net.Conn
	splitter kv.Splitter
}

// scripted gives a dial function whose server's end runs the script, and waits for the script at the end of the test.
func scripted(t *testing.T, script func(*peer)) func(context.Context, string, string) (net.Conn, error) {
	done := make(chan struct{})
	started := false
	t.Cleanup(func() {
		if started {
			<-done
		}
	})
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		started = true
		go func() {
			defer close(done)
			defer server.Close()
			script(&peer{t: t, conn: server})
		}()
		return client, nil
	}
}

// receive reads one message with its \final\. It is empty when the client has gone.
func (p *peer) receive() string {
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	defer func() { _ = p.conn.SetReadDeadline(time.Time{}) }()
	segment := make([]byte, 4096)
	for {
		body, ok, err := p.splitter.Next()
		if err != nil {
			return "error: " + err.Error()
		}
		if ok {
			return string(body) + kv.Terminator
		}
		n, err := p.conn.Read(segment)
		p.splitter.Append(segment[:n])
		if err != nil {
			return ""
		}
	}
}

func (p *peer) send(text string) { _, _ = p.conn.Write([]byte(text)) }

// collect gathers events until one satisfies the condition.
func collect(t *testing.T, session *gp.Session, until func(gp.Event) bool) []gp.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var events []gp.Event
	for event := range session.Events(ctx) {
		events = append(events, event)
		if until(event) {
			return events
		}
	}
	require.Fail(t, "the event did not come", "got %s", describe(events))
	return nil
}

// all takes the whole of a list.
func all[T any](list iter.Seq2[T, error]) (results []T, err error) {
	for result, err := range list {
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// next waits for the next event of one type.
func next[E gp.Event](t *testing.T, session *gp.Session) E {
	t.Helper()
	events := collect(t, session, func(event gp.Event) bool { _, ok := event.(E); return ok })
	return events[len(events)-1].(E)
}

func describe(events []gp.Event) string {
	var b strings.Builder
	for _, event := range events {
		fmt.Fprintf(&b, "%T%+v ", event, event)
	}
	return b.String()
}
