package gstats_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Whatever a server sends once a game is let in, calls end in time with errors of their own, and so does the session.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		`\pauthr\20001\lid\1` + "\n" + `\getpdr\1\lid\2\pid\20001\mod\3\length\1\data\x` + "\n" + `\setpdr\1\lid\3\pid\20001\mod\4`,
		`\pauthr\-3\lid\1\errmsg\no` + "\n" + `\getpdr\1\pid\20001\lid\0`,
		`\getpdr\1\lid\2\pid\20001\length\99999999999\data\x` + "\n" + `\ka\`,
		`\getpdr\1\lid\2\pid\20001\length\-1\data\` + "\n" + `\error\\err\2\fatal\\errmsg\out`,
		`\lc\1\challenge\again` + "\n" + `\lc\2\sesskey\5` + "\n" + `\getpidr\7\lid\1`,
	} {
		f.Add([]byte(seed), uint8(7))
	}
	f.Fuzz(func(t *testing.T, script []byte, size uint8) {
		synctest.Test(t, func(t *testing.T) { fuzzSession(t, script, max(int(size), 1)) })
	})
}

func fuzzSession(t *testing.T, script []byte, size int) {
	client, server := net.Pipe()
	var peer sync.WaitGroup
	defer peer.Wait()
	defer server.Close()
	var stream []byte
	for _, m := range []gstatswire.Message{&gstatswire.Greeting{Challenge: "ABCDEFGHIJ"}, &gstatswire.Session{Connection: 5}} {
		var err error
		stream, err = gstatswire.AppendFrame(stream, m)
		require.NoError(t, err)
	}
	for body := range bytes.SplitSeq(script, []byte("\n")) { // each line is a message
		hidden := bytes.Clone(body)
		gscrypt.GStatsXOR(hidden)
		stream = append(append(stream, hidden...), kv.Terminator...)
	}
	peer.Go(func() { _, _ = io.Copy(io.Discard, server) })
	peer.Go(func() {
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			if _, err := server.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
			time.Sleep(time.Millisecond) // on the bubble's clock
		}
	})
	session, err := gstats.Connect(t.Context(), gstats.Config{
		Game: "gmtest", Secret: secretKey, Addr: "192.0.2.1", OperationTimeout: time.Second,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil },
	})
	require.NoError(t, err)
	typed := func(err error) {
		if _, ok := errors.AsType[*gstats.Error](err); err != nil {
			require.True(t, ok, "%v", err)
		}
	}
	_, err = session.Authenticate(t.Context(), ann)
	typed(err)
	slot := gstats.Slot{Profile: 20001, Type: gstats.Public}
	data, err := session.Get(t.Context(), slot)
	typed(err)
	data.Values()
	_, err = session.Set(t.Context(), slot, []byte("x"))
	typed(err)
	_, err = session.ProfileID(t.Context(), "ann", gstats.KeyHash("key"))
	typed(err)
	require.NoError(t, session.Close())
	<-session.Done()
}
