package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/sb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Who reads the one line can log in, is answered by the other player, and finds all game servers in the list.
func TestBackend(t *testing.T) {
	in, end := io.Pipe()
	out, w := io.Pipe()
	var errs bytes.Buffer
	status := make(chan int, 1)
	go func() { status <- run(t.Context(), []string{"-servers", "3", "-listed", "4"}, in, w, &errs) }()
	var s services
	require.NoError(t, json.NewDecoder(out).Decode(&s))

	session, err := gp.Login(t.Context(), gp.Config{Game: s.Game, Addr: s.GPCM, SearchAddr: s.GPSP}, gp.UniqueNick{Nick: s.Nick, Password: s.Password})
	require.NoError(t, err)
	require.NoError(t, session.SendMessage(t.Context(), buddyProfile, "Is there room for one more?"))
	var answer string
	for event := range session.Events(t.Context()) {
		if message, ok := event.(*gp.Message); ok {
			answer = message.Text
			break
		}
	}
	require.Equal(t, "Always. We play dm_bay, come in!", answer)
	require.NoError(t, session.Close())

	browser, err := sb.New(sb.Config{Game: s.Game, Secret: s.Secret, Addr: s.List})
	require.NoError(t, err)
	names := map[string]bool{}
	for server, err := range browser.List(t.Context(), sb.Query{}) {
		require.NoError(t, err)
		names[server.Name()] = true
	}
	require.NoError(t, browser.Close())
	require.Len(t, names, 7)
	require.NoError(t, end.Close())
	require.Zero(t, <-status, errs.String())
}

// A program finds the back end in its environment, and its exit code is passed on.
func TestCommand(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{"-servers", "0", shell, "-c", `echo "$RELIGHT_NICK plays $RELIGHT_GAME"; test -n "$RELIGHT_LIST" && exit 7`}, nil, &out, &errs)
	require.Equal(t, 7, status, errs.String())
	require.Equal(t, "ann plays gmtest\n", out.String())

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	require.Equal(t, 1, run(ctx, []string{"-servers", "0", "/nowhere"}, nil, &out, &errs))
	require.Contains(t, errs.String(), "/nowhere")
}

func TestFlags(t *testing.T) {
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-h"}, nil, &out, &errs))
	require.Equal(t, 2, run(t.Context(), []string{"-servers", "many"}, nil, &out, &errs))
}
