package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

func TestMain(m *testing.M) {
	// A key that is pressed while the program ends leaves Bubble Tea's reader behind: what it has read has nowhere to go.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/charmbracelet/ultraviolet.(*TerminalReader).sendEvents"))
}

// ran is what became of a program that has ended.
type ran struct {
	status int
	lines  []line
	stderr string
}

// last gives the last line with an event.
func (r ran) last(t *testing.T, event string) line {
	t.Helper()
	for i := len(r.lines) - 1; i >= 0; i-- {
		if r.lines[i].Event == event {
			return r.lines[i]
		}
	}
	require.Failf(t, "there is no such line", "%s in %v: %s", event, r.lines, r.stderr)
	return line{}
}

// runScript runs the program with -json and a script on standard input.
func runScript(t *testing.T, script string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(t.Context(), append([]string{"-json"}, args...), streams{strings.NewReader(script), &out, &errs})
	r := ran{status: status, stderr: errs.String()}
	for text := range strings.Lines(out.String()) {
		var l line
		decoder := json.NewDecoder(strings.NewReader(text))
		require.NoError(t, decoder.Decode(&l), text)
		r.lines = append(r.lines, l)
	}
	for _, secret := range []string{playerPassword, buddyPassword, "pa55"} {
		require.NotContains(t, out.String()+r.stderr, secret)
	}
	return r
}

func TestScriptWithTheBot(t *testing.T) {
	r := runScript(t, `
# Somebody wants to see us, and talks.
wait request Let me see
wait roster_changed change":"profile
accept bob
wait message Thanks
message bob Hello there
wait message Hello there
status away "Back soon"
wait message Hurry back
message bob Do you play?
wait invitation gmtest://192.0.2.1:6500
roster
quit
message bob never said
`, "-embedded")
	require.Zero(t, r.status, r.stderr)
	require.Equal(t, "test_servers", r.lines[0].Event)
	login := r.last(t, "login")
	require.Equal(t, line{Time: login.Time, Event: "login", Profile: playerProfile, Nick: "ann"}, login)
	bob := personLine{Profile: buddyProfile, Nick: "bob", Status: "playing", Text: "Friday night", Location: "gmtest://192.0.2.1:6500"}
	require.Equal(t, []personLine{bob}, r.last(t, "roster").Roster.Buddies)
	require.Empty(t, r.last(t, "roster").Roster.Incoming)
	require.Equal(t, "I have a place for you, come in!", r.last(t, "message").Text)
	require.Equal(t, "bob", r.last(t, "message").Nick)
	require.Equal(t, "roster", r.last(t, "done").Command)
	require.Equal(t, "closed", r.lines[len(r.lines)-1].Event)
}

// Everything else that a messenger does to a list of buddies, with a new account, until the end of the input.
func TestScriptOfANewcomer(t *testing.T) {
	t.Setenv(passwordVariable, "pa55")
	r := runScript(t, `
add bob May I?
wait authorized
wait request let me see you
deny bob
invite bob
wait done invite
block bob
unblock bob
remove bob
roster
help`, "-account", "newcomer", "-register")
	require.Zero(t, r.status, "%s %v", r.stderr, r.lines)
	roster := r.last(t, "roster").Roster
	require.Empty(t, roster.Buddies)
	require.Empty(t, roster.Incoming)
	require.Empty(t, roster.Blocked)
	require.Contains(t, r.last(t, "done").Text, "accept WHO")
}

func TestWhatFailsIsSaid(t *testing.T) {
	r := runScript(t, "message nobody hi\ndance\naccept 4711\nmessage bob back\\slash\nmessage 20002 works\nstatus online \"a\u202eb\"\nquit")
	require.Equal(t, 1, r.status)
	require.Contains(t, r.stderr, "not all commands worked")
	var failures []string
	for _, l := range r.lines {
		if l.Event == "failed" {
			failures = append(failures, l.Error)
		}
	}
	require.Len(t, failures, 4)
	require.Contains(t, failures[0], `nobody is called "nobody"`)
	require.Contains(t, failures[1], "no such command")
	require.Contains(t, failures[2], "no buddy request")
	require.Contains(t, failures[3], "cannot be sent")

	r = runScript(t, strings.Repeat("x", bufio.MaxScanTokenSize+1))
	require.Equal(t, 1, r.status)
	require.Contains(t, r.stderr, "too long")
}

// backEnd starts a back end, and gives the flags that lead to it.
func backEnd(t *testing.T, config gptest.Config) (*gptest.Server, []string) {
	t.Helper()
	config.Accounts = []gptest.Account{{ProfileID: 1, UniqueNick: "ann", Password: "pa55", Buddies: []gp.ProfileID{2, 3}}, {ProfileID: 2, UniqueNick: "twin"}, {ProfileID: 3, UniqueNick: "Twin"}}
	server, err := gptest.Start(config)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server, []string{"-gpcm", server.Addr(), "-gpsp", server.SearchAddr(), "-account", "ann:pa55"}
}

// gate is where the program writes to; it tells when a text has come by.
type gate struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func newGate() *gate { return &gate{more: make(chan struct{}, 1)} }

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.text.Write(b)
	select {
	case g.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (g *gate) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

// await waits until a text was written.
func (g *gate) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // a guard: it comes at once
	defer cancel()
	for !strings.Contains(g.String(), text) {
		select {
		case <-g.more:
		case <-ctx.Done():
			require.FailNow(t, "it was not written", "%s in %s", text, g.String())
		}
	}
}

// The connection is lost and comes back; then somebody else logs in with the account, which ends the program.
func TestLostAndKicked(t *testing.T) {
	server, args := backEnd(t, gptest.Config{})
	input, write := io.Pipe()
	defer write.Close()
	out, status := newGate(), make(chan int, 1)
	var errs bytes.Buffer
	go func() { status <- run(t.Context(), append(args, "-json"), streams{input, out, &errs}) }()
	out.await(t, `"profile":2,"nick":"twin","change":"profile"`)
	out.await(t, `"profile":3,"nick":"Twin","change":"profile"`)
	server.Drop(1)
	out.await(t, `"step":"reconnecting","attempt":1,"next_try":`)
	_, err := io.WriteString(write, "wait step connected\nwait step reconnecting\nwait step connected\nmessage twin hi\n")
	require.NoError(t, err)
	out.await(t, `several people are called \"twin\": the profiles [2 3]`)
	server.Kick(1)
	require.Equal(t, 1, <-status)
	require.Contains(t, errs.String(), "logged in elsewhere")
	require.Contains(t, out.String(), `"event":"closed","error":"gp: session`)
}

func TestInterrupted(t *testing.T) {
	_, args := backEnd(t, gptest.Config{})
	input, write := io.Pipe()
	defer write.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out, status := newGate(), make(chan int, 1)
	var errs bytes.Buffer
	go func() { status <- run(ctx, append(args, "-json"), streams{input, out, &errs}) }()
	out.await(t, `"step":"connected"`)
	cancel()
	require.Zero(t, <-status, errs.String())
	require.Contains(t, out.String(), `"event":"closed"}`)

	// A login that hangs.
	_, args = backEnd(t, gptest.Config{Faults: gptest.Faults{NoGreeting: true}})
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	require.Equal(t, 1, run(ctx, append(args, "-json"), streams{strings.NewReader(""), io.Discard, &errs}))
	require.Contains(t, errs.String(), "interrupted")
}

func TestDiagnose(t *testing.T) {
	_, args := backEnd(t, gptest.Config{})
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), append(args, "-diagnose"), streams{strings.NewReader(""), &out, &errs}), errs.String())
	require.Contains(t, out.String(), "ok      log in")

	out.Reset()
	require.Equal(t, 1, run(t.Context(), append(args, "-diagnose", "-json", "-account", "ann:wrong"), streams{strings.NewReader(""), &out, &errs}))
	require.Contains(t, out.String(), `"event":"diagnosis","diagnosis":{`)
	require.Contains(t, errs.String(), "does not work")
	r := runScript(t, "", append(args, "-account", "ann:wrong")...)
	require.Equal(t, 1, r.status)
	require.Contains(t, r.stderr, "wrong password")
	require.Contains(t, r.stderr, "try: the same with -diagnose")
}

func TestWrongUse(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"-nonsense"}, 2, "not defined"},
		{[]string{"-json", "extra"}, 2, "unexpected argument"},
		{[]string{"-json", "-domain", "example.invalid"}, 2, "-account"},
		{[]string{"-json", "-domain", "example.invalid", "-account", "ann:pa55", "-register"}, 2, "-email"},
		{[]string{"-json", "-domain", "example.invalid", "-account", "ann"}, 1, passwordVariable},
		{[]string{"-embedded"}, 2, "try -json"},
		{[]string{"-json", "-master", "192.0.2.1"}, 2, "-master names a service"},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, c.status, run(t.Context(), c.args, streams{strings.NewReader(""), &out, &errs}), c.args)
		require.Contains(t, errs.String(), c.says)
		require.NotContains(t, errs.String(), "pa55")
		require.Empty(t, out.String())
	}
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	_, is := terminal(file)
	require.False(t, is)
}

// The screen itself, on what the library takes for a terminal that is a pipe.
func TestTheScreen(t *testing.T) {
	o := options{nick: player, password: playerPassword, reconnect: true}
	backend, err := embed(t.Context(), &o)
	require.NoError(t, err)
	defer backend.close()
	session, err := logIn(t.Context(), o, io.Discard)
	require.NoError(t, err)
	defer session.Close()

	keys, press := io.Pipe()
	defer press.Close()
	screen, ended := newGate(), make(chan error, 1)
	go func() {
		ended <- converse(t.Context(), session, o.nick, streams{in: keys, out: screen}, tea.WithWindowSize(120, 30), tea.WithEnvironment([]string{"TERM=xterm"}))
	}()
	screen.await(t, "Let me see when you are online")
	_, err = io.WriteString(press, "\x19") // Ctrl-Y
	require.NoError(t, err)
	screen.await(t, "Thanks! Now I see you too.")
	_, err = io.WriteString(press, "Do you play?\r")
	require.NoError(t, err)
	screen.await(t, "invites you to a game")
	backend.server.Drop(playerProfile)
	screen.await(t, "(as last known)")
	_, err = io.WriteString(press, "\x03")
	require.NoError(t, err)
	require.NoError(t, <-ended)
	require.Contains(t, screen.String(), "\x1b[?1049l", "the screen of before comes back")
}
