package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/examples/internal/clean"
	"github.com/relight-sdk/relight/gp"
)

// driver plays the terminal and the session to a model.
type driver struct {
	t    *testing.T
	m    tea.Model
	done []command      // what the model wanted to be done
	asks []gp.ProfileID // whose names it wanted to know
	cmd  tea.Cmd        // what the last message led to
	now  time.Time
}

func drive(t *testing.T, roster *gp.Roster) *driver {
	d := &driver{t: t, now: time.Date(2026, 11, 21, 20, 15, 0, 0, time.UTC)}
	d.m = newModel("ann", "192.0.2.9:29900", gp.Presence{Status: gp.Online}, roster, outside{
		perform: func(c command) tea.Cmd { d.done = append(d.done, c); return nil },
		lookUp:  func(who gp.ProfileID) tea.Cmd { d.asks = append(d.asks, who); return nil },
		tick:    func(attempt int) tea.Cmd { return func() tea.Msg { return ticked{d.now, attempt} } },
	})
	d.send(tea.WindowSizeMsg{Width: 76, Height: 14})
	return d
}

func (d *driver) send(message tea.Msg) { d.m, d.cmd = d.m.Update(message) }

func (d *driver) happens(event gp.Event) { d.send(happened{event: event, at: d.now}) }

func (d *driver) rosterIs(roster *gp.Roster) {
	d.send(happened{event: &gp.RosterChanged{Change: gp.ChangeMany}, roster: roster, at: d.now})
}

// types presses the keys of a text, and others by name.
func (d *driver) types(text string, keys ...tea.KeyPressMsg) {
	for _, r := range text {
		d.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	for _, k := range keys {
		d.send(k)
	}
}

var (
	enter  = tea.KeyPressMsg{Code: tea.KeyEnter}
	up     = tea.KeyPressMsg{Code: tea.KeyUp}
	down   = tea.KeyPressMsg{Code: tea.KeyDown}
	pgUp   = tea.KeyPressMsg{Code: tea.KeyPgUp}
	pgDown = tea.KeyPressMsg{Code: tea.KeyPgDown}
	escKey = tea.KeyPressMsg{Code: tea.KeyEscape}
	ctrlY  = tea.KeyPressMsg{Code: 'y', Mod: tea.ModCtrl}
	ctrlN  = tea.KeyPressMsg{Code: 'n', Mod: tea.ModCtrl}
	ctrlC  = tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
)

var styling = regexp.MustCompile("\x1b\\[[0-9;]*m")

// screen is what is seen, without styles and blanks at the ends.
func (d *driver) screen() string {
	lines := strings.Split(styling.ReplaceAllString(d.m.View().Content, ""), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// shows compares the screen with a picture.
func (d *driver) shows(picture string) {
	d.t.Helper()
	require.Equal(d.t, strings.TrimPrefix(picture, "\n"), d.screen()+"\n")
}

func (d *driver) has(parts ...string) {
	d.t.Helper()
	for _, part := range parts {
		require.Contains(d.t, d.screen(), part)
	}
}

func profile(id gp.ProfileID, nick string) *gp.Profile {
	return &gp.Profile{ProfileID: id, UniqueNick: nick}
}

func friend(id gp.ProfileID, nick string, status gp.Status, text, location string) gp.Buddy {
	return gp.Buddy{BuddyStatus: gp.BuddyStatus{ProfileID: id, Status: status, Text: text, Location: location}, Profile: profile(id, nick)}
}

func friends() *gp.Roster {
	return &gp.Roster{
		Buddies: []gp.Buddy{
			friend(2, "bob", gp.Playing, "Friday night", ""),
			friend(3, "cara", gp.Offline, "Offline", ""),
			friend(4, "dan", gp.Away, "", ""),
		},
		Incoming: []gp.IncomingRequest{{From: 5, Reason: "Good game", Profile: profile(5, "eve")}},
		Outgoing: []gp.OutgoingRequest{{To: 6, Profile: profile(6, "fay")}},
		Blocked:  []gp.ProfileID{7},
	}
}

func TestAnEvening(t *testing.T) {
	d := drive(t, &gp.Roster{})
	d.shows(`
 ann online                                    connected to 192.0.2.9:29900
─────────────────────────┬──────────────────────────────────────────────────
 nobody yet: /add WHO    │ select somebody with the arrow keys
                         │
                         │
                         │
                         │
                         │
                         │
                         │
                         │
─────────────────────────┴──────────────────────────────────────────────────
>
 ↑ ↓ select   Enter send   PgUp PgDn scroll   /help   Ctrl-C log out
`)

	d.rosterIs(friends())
	d.happens(&gp.BuddyRequest{From: 5, Time: d.now, Reason: "Good game"})
	d.happens(&gp.Message{From: 2, Time: d.now, Text: "There is room for one more, if you are quick"})
	d.shows(`
 ann online                                    connected to 192.0.2.9:29900
─────────────────────────┬──────────────────────────────────────────────────
 Want to be buddies      │ eve #5
 ? eve #5                │ 20:15 * eve #5 asks to become your buddy: Good
 Buddies                 │       game
 ● (1) bob  playing “Frid│ Ctrl-Y accepts the request, Ctrl-N forgets it
 ○ dan  away             │
 · cara  offline         │
 Asked                   │
 · fay #6                │
 Blocked                 │
─────────────────────────┴──────────────────────────────────────────────────
>
 ↑ ↓ select   Enter send   PgUp PgDn scroll   /help   Ctrl-C log out
`)

	// The request is accepted, and bob gets an answer.
	d.types("", ctrlY)
	require.Equal(t, []command{{verb: "accept", who: "5"}}, d.done)
	after := friends()
	after.Incoming = nil
	d.rosterIs(after)
	d.send(performed{command: d.done[0], who: 5, at: d.now})
	d.has("eve #5 sees you now; to see and answer them, /add them too")
	d.types("", up, up, up, up)
	d.types("On my way!", enter)
	require.Equal(t, command{verb: "message", who: "2", text: "On my way!"}, d.done[1])
	d.send(performed{command: d.done[1], who: 2, at: d.now})
	d.now = d.now.Add(time.Minute)
	d.happens(&gp.BuddyStatus{ProfileID: 2, Status: gp.Staging})
	d.happens(&gp.Invitation{From: 2, Time: d.now, Location: "gmtest://192.0.2.1:6500"})
	d.shows(`
 ann online                                    connected to 192.0.2.9:29900
─────────────────────────┬──────────────────────────────────────────────────
 Buddies                 │ bob  playing “Friday night”
 ● bob  playing “Friday n│ 20:15 bob: There is room for one more, if you
 ○ dan  away             │       are quick
 · cara  offline         │ 20:15 ann: On my way!
 Asked                   │ 20:16 * bob is staging
 · fay #6                │ 20:16 * bob invites you to a game:
 Others                  │       gmtest://192.0.2.1:6500
 · eve #5                │
 Blocked                 │
─────────────────────────┴──────────────────────────────────────────────────
>
 ↑ ↓ select   Enter send   PgUp PgDn scroll   /help   Ctrl-C log out
`)
	d.types("/status away \"Back soon\"", enter)
	d.send(performed{command: d.done[2], at: d.now})
	d.has("ann away “Back soon”")
	d.types("/invite cara gmtest://192.0.2.2:6500", enter)
	require.Equal(t, command{verb: "invite", who: "cara", location: "gmtest://192.0.2.2:6500"}, d.done[3])
	require.Empty(t, d.asks)
	d.types("", ctrlC)
	require.Equal(t, tea.Quit(), d.cmd())
}

func TestReconnectingCountsDown(t *testing.T) {
	d := drive(t, friends())
	d.happens(&gp.StepChanged{
		From: gp.StepConnected, To: gp.StepReconnecting, Reason: "gp: session: server closed the connection", Attempt: 2,
		NextTry: d.now.Add(3 * time.Second),
	})
	stale := friends()
	stale.Stale = true
	d.rosterIs(stale)
	d.has("connection lost, try 2 in 3s", "server closed the connection", "Buddies (as last")
	d.send(ticked{d.now.Add(time.Second), 2})
	require.Equal(t, ticked{d.now, 2}, d.cmd())
	d.has("try 2 in 2s")
	d.send(ticked{d.now.Add(10 * time.Second), 1})
	require.Nil(t, d.cmd, "the countdown of another try goes on")
	d.has("try 2 in 0s")
	d.happens(&gp.StepChanged{From: gp.StepReconnecting, To: gp.StepLoggingIn})
	d.has("logging in")
	d.happens(&gp.StepChanged{From: gp.StepLoggingIn, To: gp.StepConnected})
	d.send(ticked{d.now.Add(4 * time.Second), 2})
	require.Nil(t, d.cmd)
	d.has("connected to 192.0.2.9:29900")

	d.happens(&gp.StepChanged{From: gp.StepConnected, To: gp.StepClosed, Reason: "gp: session: refused with code 6"})
	d.has("logged out", "refused with code 6; Ctrl-C ends")
}

// What a stranger writes does not reach the terminal as anything but text.
func TestNothingReachesTheTerminal(t *testing.T) {
	const evil = "a\x1b[2J\x1b]0;owned\x07\u009b31m\u202eb\nann: yes\x00\x7f"
	roster := friends()
	roster.Buddies[0] = friend(2, evil, gp.Playing, evil, evil)
	roster.Incoming[0] = gp.IncomingRequest{From: 5, Reason: evil, Profile: profile(5, evil)}
	d := drive(t, roster)
	d.send(tea.WindowSizeMsg{Width: 200, Height: 40})
	d.happens(&gp.BuddyRequest{From: 5, Time: d.now, Reason: evil})
	d.happens(&gp.Message{From: 2, Time: d.now, Text: evil})
	d.happens(&gp.Invitation{From: 8, Time: d.now, Location: evil})
	d.send(named{8, evil})
	d.happens(&gp.BuddyStatus{ProfileID: 2, Status: gp.Online, Text: evil, Location: evil})
	d.happens(&gp.ServerError{Err: &gp.Error{Op: "request", Refused: true, Text: evil}})
	for range d.m.(model).people() {
		screen := d.screen()
		require.Equal(t, screen, clean.Lines(screen))
		require.NotContains(t, screen, "\nann: yes")
		require.Len(t, strings.Split(screen, "\n"), 40)
		d.types("", down)
	}
	d.happens(&gp.StepChanged{To: gp.StepClosed, Reason: evil})
	require.NotContains(t, d.screen(), "\x1b")
}

// What was typed for somebody goes to nobody else, whatever happens to the list meanwhile.
func TestTheSelectionStays(t *testing.T) {
	alone := &gp.Roster{Buddies: []gp.Buddy{friend(2, "bob", gp.Online, "", "")}}
	d := drive(t, alone)
	d.types("half a sent")
	d.rosterIs(friends()) // others come before bob
	d.types("ence", enter)
	require.Equal(t, []command{{verb: "message", who: "2", text: "half a sentence"}}, d.done)

	d.types("to bob")
	d.rosterIs(&gp.Roster{Buddies: []gp.Buddy{friend(3, "cara", gp.Online, "", "")}})
	d.types("", enter)
	require.Len(t, d.done, 1)
	d.has("whom do you tell?")
	d.types("", down)
	d.types("to cara", enter)
	require.Equal(t, command{verb: "message", who: "3", text: "to cara"}, d.done[1])

	d.rosterIs(&gp.Roster{Incoming: []gp.IncomingRequest{{From: 3}}, Buddies: []gp.Buddy{friend(3, "cara", gp.Online, "", "")}})
	require.Equal(t, place{buddies, 3}, d.m.(model).selected)
	d.types("", up)
	require.Equal(t, place{asking, 3}, d.m.(model).selected)
}

func TestCommandsOnTheScreen(t *testing.T) {
	d := drive(t, friends())
	for _, c := range []struct {
		typed string
		want  command
		says  string // when it is done
	}{
		{"/deny", command{verb: "deny", who: "5"}, "forgot the request of eve #5"},
		{"/accept eve", command{verb: "accept", who: "eve"}, "sees you now"},
		{"/add fred Hi!", command{verb: "add", who: "fred", text: "Hi!"}, "asked eve #5"},
		{"/remove bob", command{verb: "remove", who: "bob"}, "removed"},
		{"/block", command{verb: "block", who: "5"}, "is blocked"},
		{"/unblock #5", command{verb: "unblock", who: "#5"}, "not blocked any more"},
		{"//home/ann", command{verb: "message", who: "5", text: "/home/ann"}, "ann: /home/ann"},
		{"/invite 5 x", command{verb: "invite", who: "5", location: "x"}, "was invited by you"},
	} {
		d.done = nil
		d.types(c.typed, enter)
		require.Equal(t, []command{c.want}, d.done)
		d.send(performed{command: c.want, who: 5, at: d.now})
		d.has(c.says)
	}
	d.types("", ctrlN)
	require.Equal(t, command{verb: "deny", who: "5"}, d.done[1])

	d.send(tea.PasteMsg{Content: "two\nlines"})
	d.types("", enter)
	require.Equal(t, command{verb: "message", who: "5", text: "two lines"}, d.done[2])

	d.done = nil
	d.send(tea.WindowSizeMsg{Width: 100, Height: 24})
	for typed, says := range map[string]string{
		"/nonsense": "no such command", "/status asleep": "no such status", "/wait message": "for scripts", "/message bob": "something is missing",
		"/help": "ask somebody to become a buddy",
	} {
		d.types(typed, enter)
		d.has(says)
	}
	d.types("", enter)
	require.Empty(t, d.done)
	d.send(performed{command: command{verb: "message", who: "2"}, err: errors.New("text cannot be sent"), at: d.now})
	d.has("message: text cannot be sent")
	d.types("gone", escKey)
	require.NotContains(t, d.screen(), "cannot be sent")
	require.NotContains(t, d.screen(), "gone")
	d.types("/quit", enter)
	require.Equal(t, tea.Quit(), d.cmd())
}

// An answer that comes before the word that the question was sent stands behind it all the same; and who is not in the roster gets
// a name.
func TestOrderAndNames(t *testing.T) {
	d := drive(t, &gp.Roster{})
	d.happens(&gp.Message{From: 9, Time: d.now, Text: "Fine"})
	d.send(performed{command: command{verb: "message", who: "9", text: "How are you?"}, who: 9, at: d.now.Add(-time.Second)})
	require.Equal(t, []gp.ProfileID{9}, d.asks)
	d.has("#9: Fine")
	d.send(named{9, "zoe"})
	d.happens(&gp.Message{From: 9, Time: d.now, Text: "And you?"})
	d.has("zoe #9: And you?")
	require.Less(t, strings.Index(d.screen(), "How are you?"), strings.Index(d.screen(), "Fine"))
	require.Len(t, d.asks, 1)
}

func TestScrollingAndBounds(t *testing.T) {
	d := drive(t, &gp.Roster{Buddies: []gp.Buddy{friend(2, "bob", gp.Online, "", "")}})
	for i := range 2 * maxSaid {
		d.happens(&gp.Message{From: 2, Time: d.now, Text: fmt.Sprintf("number %d.", i)})
	}
	require.Len(t, d.m.(model).said, maxSaid)
	d.has("number 1999.")
	d.types("", pgUp)
	require.NotContains(t, d.screen(), "number 1999.")
	d.types("", pgDown)
	d.has("number 1999.")
	for range maxSaid / 4 {
		d.types("", pgUp)
	}
	d.has("number 1000.")
	d.types("", pgDown, pgDown)
	d.has("number 1015.")
	d.types("", up, down, up)
	d.has("number 1999.")

	// The list follows the selection.
	many := &gp.Roster{}
	for id := range gp.ProfileID(100) {
		many.Buddies = append(many.Buddies, friend(id+1, fmt.Sprintf("buddy%03d", id+1), gp.Online, "", ""))
	}
	d.rosterIs(many)
	for range 100 {
		d.types("", down)
	}
	d.has("buddy100")
	require.NotContains(t, d.screen(), "buddy050")

	for _, size := range []tea.WindowSizeMsg{{}, {Width: 39, Height: 40}, {Width: 80, Height: 9}} {
		d.send(size)
		d.has("too small")
	}
	for width := minWidth; width < 100; width += 7 {
		d.send(tea.WindowSizeMsg{Width: width, Height: minHeight})
		require.Len(t, strings.Split(d.screen(), "\n"), minHeight)
		for line := range strings.SplitSeq(d.screen(), "\n") {
			require.LessOrEqual(t, len([]rune(line)), width, line)
		}
	}
}
