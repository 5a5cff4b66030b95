package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/qr2/cdkey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tell runs the program and returns its exit status and its lines.
func tell(t *testing.T, args ...string) (status int, events []event, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), append([]string{"-json"}, args...), &out, &errs)
	lines := bufio.NewScanner(&out)
	for lines.Scan() {
		var e event
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e), "%s", lines.Text())
		events = append(events, e)
	}
	require.NoError(t, lines.Err())
	return status, events, errs.String()
}

// find is the first line whose text contains what.
func findLine(t *testing.T, events []event, what string) event {
	t.Helper()
	for _, e := range events {
		if strings.Contains(e.What, what) {
			return e
		}
	}
	require.Failf(t, "no such line", "%q in %v", what, events)
	return event{}
}

func TestTheWholeStory(t *testing.T) {
	status, events, stderr := tell(t)
	require.Zero(t, status, stderr)
	require.Empty(t, stderr)
	require.Equal(t, "listed", findLine(t, events, "challenged").Facts["step"])
	require.Equal(t, "NatNeg", findLine(t, events, "cookie").Facts["path"])
	require.Equal(t, "welcome, bob", findLine(t, events, "join bob").Facts["reply"])
	require.Equal(t, "validated", findLine(t, events, "key good?").Facts["verdict"])
	require.Equal(t, string(cdkey.HashKey(madeUpKey)), findLine(t, events, "key good?").Facts["key_hash"])
	require.Equal(t, "no: CD Key in use", findLine(t, events, "join eve").Facts["reply"])
	require.EqualValues(t, 2, findLine(t, events, "as it ended").Facts["snapshots"])
	require.EqualValues(t, 1, findLine(t, events, "proves the password").Facts["wins"])
	require.Equal(t, "1", findLine(t, events, "stored for me?").Facts["wins"])
	require.Equal(t, "welcome, eve", findLine(t, events, "used again").Facts["again"])
	require.Equal(t, findLine(t, events, "one socket").Facts["addr"], findLine(t, events, "cookie").Facts["remote"],
		"the path leads to the server's own socket")
	require.Equal(t, "living-room", findLine(t, events, "who is there").Facts["hostname"])
	require.EqualValues(t, 0, findLine(t, events, "nothing to fetch").Facts["chunks"])
	require.Equal(t, false, findLine(t, events, "goodbye; the list").Facts["listed"])
	require.Equal(t, "offline", findLine(t, events, "not in the table").Facts["reason"])
	for _, e := range events {
		require.NotEmpty(t, e.Chapter, e.What)
		require.NotEmpty(t, e.Who, e.What)
		require.NotEmpty(t, e.Facts, "what a line says to people, it says to machines: %s", e.What)
		require.NotContains(t, e.Facts, "skipped")
	}
	last := events[len(events)-1]
	require.Equal(t, true, last.Facts["ok"])
	require.Positive(t, last.Seconds)
}

func TestAgainstABackEndOutside(t *testing.T) {
	outside, err := embedded(options{}.with("gmtest", "HA6zkS"), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer outside.close()
	status, events, stderr := tell(t,
		"-available", outside.qr2.AvailableAddr, "-master", outside.qr2.Addr, "-list", outside.sb.Addr,
		"-natneg", strings.Join(outside.sb.NatNeg.Servers, ","), "-gpcm", outside.gp.Addr, "-gpsp", outside.gp.SearchAddr,
		"-account", "ann:correct horse")
	require.Zero(t, status, stderr)
	findLine(t, events, "logs in")
	require.Equal(t, "welcome, bob", findLine(t, events, "join bob").Facts["reply"])
	require.Equal(t, true, findLine(t, events, "neither -gamestats").Facts["skipped"], "no statistics, no such step")
	require.Equal(t, true, findLine(t, events, "not checked").Facts["skipped"], "no CD key service, no such step")

	status, _, stderr = tell(t,
		"-available", outside.qr2.AvailableAddr, "-master", outside.qr2.Addr, "-list", outside.sb.Addr,
		"-natneg", strings.Join(outside.sb.NatNeg.Servers, ","), "-gpcm", outside.gp.Addr, "-account", "ann:wrong")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "password")
	require.NotContains(t, stderr, "wrong:")

	status, events, stderr = tell(t, "-game", "unheardof", "-available", outside.qr2.AvailableAddr, "-master", outside.qr2.Addr)
	require.Equal(t, 1, status, "a master that refuses is a failure with a reason")
	require.Contains(t, stderr, outside.qr2.Addr)
	require.NotEmpty(t, events[len(events)-1].Error)
}

func TestARealManifest(t *testing.T) {
	const key = "44ce5c5297a415a1a6f69c856037a5a2fdd82cd474fa659edfb4d59b2abc55fc"
	status, events, stderr := tell(t, "-key", key,
		"-manifest", shared.Path(t, "vectors", "steampipe", "real", "depot_440_1118032470228587934.manifest"),
		"-chunk", shared.Path(t, "vectors", "steampipe", "real", "depot_440_chunk_bac8e2657470b2eb70d6ddcd6c07004be8738697.bin"))
	require.Zero(t, status, stderr)
	require.EqualValues(t, 825745, findLine(t, events, "made 2013-04-17").Facts["bytes"])
	require.Equal(t, `bin\dxsupport_episodic.cfg`, findLine(t, events, "SHA-1 is right").Facts["file"])
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{"-natneg", "one"}, {"-account", "nobody"}, {"-chunk", "x"}, {"-key", "00"}, {"extra"}, {"-nonsense"}} {
		require.Equal(t, 2, run(t.Context(), args, io.Discard, io.Discard), args)
	}
	require.Equal(t, 1, run(t.Context(), []string{"-manifest", "/nonexistent"}, io.Discard, io.Discard))
	require.Zero(t, run(t.Context(), []string{"-h"}, io.Discard, io.Discard))

	for _, args := range [][]string{{"-cdkey", "hunter2"}, {"-master", "127.0.0.1", "-cdkey", "hunter2"}} {
		var errs bytes.Buffer
		require.Equal(t, 2, run(t.Context(), args, io.Discard, &errs), args)
		require.Contains(t, errs.String(), "-cdkey")
		require.NotContains(t, errs.String(), "hunter2")
	}
	for _, args := range [][]string{{"-account", ":hunter2"}, {"-account", "ann:hunter2"}, {"-domain", "example.net", "-account", ":hunter2"}} {
		var errs bytes.Buffer
		require.Equal(t, 2, run(t.Context(), args, io.Discard, &errs), args)
		require.Contains(t, errs.String(), "-account")
		require.NotContains(t, errs.String(), "hunter2")
	}
	var errs bytes.Buffer
	run(t.Context(), []string{"-natneg", "one"}, io.Discard, &errs)
	require.Equal(t, 1, strings.Count(errs.String(), "want two or three addresses"), errs.String())
}

// A domain need not have a statistics service: the rest of the story goes on.
func TestADomainWithoutStatistics(t *testing.T) {
	args := append(backEnd(t, faults{}), "-gamestats", "", "-domain", "not..a.name") // which nobody is asked about
	status, events, stderr := tell(t, args...)
	require.Zero(t, status, stderr)
	require.Equal(t, true, findLine(t, events, "need not have this service").Facts["skipped"])
	findLine(t, events, "used again")
}

// The player's own CD key is checked, and is not told.
func TestOwnCDKey(t *testing.T) {
	args := append(backEnd(t, faults{}), "-cdkey", "not sold")
	status, events, stderr := tell(t, args...)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "Invalid CD Key")
	require.NotContains(t, stderr, "not sold")
	require.NotContains(t, events[len(events)-1].Error, "not sold")
}

// with fills in the flags that the tests need.
func (o options) with(game, secret string) options {
	o.Game, o.Secret = game, secret
	return o
}

// People are told the same lines as machines, and nothing that plays tricks on their terminal.
func TestForPeople(t *testing.T) {
	var out, errs bytes.Buffer
	args := backEnd(t, faults{})
	require.Zero(t, run(t.Context(), args, &out, &errs), errs.String())
	require.Empty(t, errs.String())
	_, events, _ := tell(t, args...)
	lines, chapters := 0, map[string]bool{}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "  ") {
			lines++
		}
	}
	for _, e := range events {
		chapters[e.Chapter] = true
	}
	require.Len(t, events, lines)
	for chapter := range chapters {
		require.Contains(t, out.String(), "\n"+chapter+"\n")
	}

	out.Reset()
	newStory(&out, false).tell("file", "", "a\x1b[2Jb\nc\u202ed", 0, nil)
	require.Contains(t, out.String(), "a\ufffd[2Jb\ufffdc\ufffdd\n")
}
