package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/sb"
)

// screen drives a model as a terminal does.
type screen struct {
	t      testing.TB
	model  model
	list   sb.ServerList
	looked netip.AddrPort
	again  int
	joins  chan sb.Server
	result joined
}

func newScreen(t testing.TB, o options) *screen {
	if o.sort.key == "" {
		o.sort.key = sb.KeyPing
	}
	o.Game = "gmtest"
	s := &screen{t: t, joins: make(chan sb.Server, 1)}
	s.model = newModel(o, actions{
		next:  func() tea.Msg { return nil },
		look:  func(at netip.AddrPort) { s.looked = at },
		again: func() { s.again++ },
		join: func(_ context.Context, server sb.Server) tea.Msg {
			s.joins <- server
			return s.result
		},
	})
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	return s
}

// send gives the model a message.
func (s *screen) send(message tea.Msg) tea.Cmd {
	next, command := s.model.Update(message)
	s.model = next.(model)
	return command
}

// put says something about a server, in JSON.
func (s *screen) put(text string) {
	s.t.Helper()
	require.NoError(s.t, s.list.UnmarshalJSON([]byte("["+text+"]")))
}

// list shows the list as it is now.
func (s *screen) show() {
	s.send(listing{s.list.Snapshot(), "list of 192.0.2.1:28910", nil, time.Time{}})
}

// press presses keys: names as in key.String, or text.
func (s *screen) press(keys ...string) (command tea.Cmd) {
	named := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "tab": tea.KeyTab,
		"backspace": tea.KeyBackspace, "end": tea.KeyEnd, "home": tea.KeyHome, "pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp}
	for _, key := range keys {
		if code, ok := named[key]; ok {
			command = s.send(tea.KeyPressMsg{Code: code})
			continue
		}
		if letter, ok := strings.CutPrefix(key, "ctrl+"); ok {
			command = s.send(tea.KeyPressMsg{Code: rune(letter[0]), Mod: tea.ModCtrl})
			continue
		}
		for _, r := range key {
			command = s.send(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return command
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// view is what is on the screen, without colours and blanks at the ends of lines.
func (s *screen) view() string {
	s.t.Helper()
	lines := strings.Split(colours.ReplaceAllString(s.model.View().Content, ""), "\n")
	require.LessOrEqual(s.t, len(lines), s.model.height)
	for i, line := range lines {
		require.LessOrEqual(s.t, lipgloss.Width(line), s.model.width, "%q", line)
		require.NotContains(s.t, line, "\x1b")
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// names are those of the rows, in order.
func (s *screen) names() (names []string) {
	for server := range s.model.rows.Servers() {
		names = append(names, server.Name())
	}
	return names
}

func server(port int, name, mapName string, players int, ping float64) string {
	return fmt.Sprintf(`{"addr":"192.0.2.1:%d","protocol":"QR2","flags":["direct"],"ping_ms":%v,"fields":{"hostname":%q,"mapname":%q,"gametype":"dm","numplayers":"%d","maxplayers":"16"}}`,
		port, ping, name, mapName, players)
}

func filled(t testing.TB) *screen {
	s := newScreen(t, options{})
	s.put(server(1, "Friday night", "dm_bay", 12, 34) + "," + server(2, "Iron Fortress", "ctf_twins", 3, 145.5) + "," + server(3, "Zulu", "dm_quarry", 0, 290))
	s.put(`{"addr":"192.0.2.1:1","players":[{"player_":"bob","score_":"4","team_":"0"},{"player_":"ann","score_":"21","team_":"1"}]}`)
	s.put(`{"addr":"192.0.2.1:4","fields":{"hostname":"Gone"},"error":"server does not answer"}`)
	s.show()
	return s
}

func TestView(t *testing.T) {
	s := filled(t)
	require.Equal(t, strings.Trim(`
gmtest: 4 servers, 15 players - list of 192.0.2.1:28910
filter: press / and type a part of the name, or: numplayers > 3 and mapname lik…
  NAME                          MAP           TYPE      PLAYERS PING ▲
> Friday night                  dm_bay        dm          12/16 █▏           34
  Iron Fortress                 ctf_twins     dm           3/16 ████▊       145
  Zulu                          dm_quarry     dm           0/16 █████████▋  290
  Gone                                                      0/0 no answer






── Friday night ── 192.0.2.1:1 ── 2 players ────────────────────────────────────
PLAYER                    SCORE    TEAM
ann                          21       1
bob                           4       0






↑↓ select  / filter  s sort  r reverse  tab fields  enter join  u update  q quit
`, "\n"), strings.Trim(s.view(), "\n"))

	s.press("tab")
	require.Contains(t, s.view(), "\nhostname Friday night\nmapname dm_bay\n")
	s.press("end")
	require.Contains(t, s.view(), "> Gone")
	require.Equal(t, "192.0.2.1:4", s.looked.String())
}

func TestSort(t *testing.T) {
	s := filled(t)
	s.press("r")
	require.Equal(t, []string{"Zulu", "Iron Fortress", "Friday night", "Gone"}, s.names())
	s.press("s")
	require.Equal(t, []string{"Friday night", "Gone", "Iron Fortress", "Zulu"}, s.names())
	require.Contains(t, s.view(), "NAME ▲")
	s.press("s", "s", "s")
	require.Equal(t, "Friday night", s.names()[0])
	require.Contains(t, s.view(), "PLAYERS ▼")

	// The selected server stays selected while others pass it.
	s.press("down")
	require.Contains(t, s.view(), "> Iron Fortress")
	s.put(server(5, "Newcomer", "dm_bay", 16, 3) + "," + server(6, "Another", "dm_bay", 14, 3))
	s.show()
	require.Contains(t, s.view(), "> Iron Fortress")
	require.Equal(t, 3, s.model.cursor)
	// When it is gone, its place stays selected.
	s.list.Remove(netip.MustParseAddrPort("192.0.2.1:2"))
	s.show()
	require.Contains(t, s.view(), "> Zulu")
	s.list.Clear()
	s.show()
	require.Contains(t, s.view(), "no server")
	require.Nil(t, s.press("enter"))
}

func TestFilter(t *testing.T) {
	s := filled(t)
	s.press("/", "F")
	require.Equal(t, []string{"Friday night", "Iron Fortress"}, s.names(), "as it is typed")
	require.Contains(t, s.view(), "4 servers, 15 players, 2 shown")
	require.Contains(t, s.view(), "filter: F\n")
	require.NotNil(t, s.model.View().Cursor)
	s.press("ri")
	require.Equal(t, []string{"Friday night"}, s.names())
	s.press("q")
	require.Empty(t, s.names(), "q is a letter here")
	s.press("backspace", "enter")
	require.Equal(t, []string{"Friday night"}, s.names(), "the filter stays")
	require.Nil(t, s.model.View().Cursor)
	s.press("esc")
	require.Len(t, s.names(), 4)

	// An expression filters what it filtered before until it is complete.
	s.press("/", "numplayers > 3")
	require.Equal(t, []string{"Friday night"}, s.names())
	s.press(" and mapname like ")
	require.Equal(t, []string{"Friday night"}, s.names())
	require.Contains(t, s.view(), "the filter ends too early")
	s.press("'ctf%'")
	require.Empty(t, s.names())
	s.press("ctrl+u", "@ping > 100")
	require.Equal(t, []string{"Iron Fortress", "Zulu"}, s.names())
	s.press("ctrl+w")
	require.Equal(t, "@ping > ", s.model.filter)
	s.send(tea.PasteMsg{Content: "1\x1b[2J\n"})
	require.Equal(t, "@ping > 1[2J", s.model.filter)
	s.send(tea.PasteMsg{Content: strings.Repeat("x", 5000)})
	require.Equal(t, "@ping > 1[2J", s.model.filter)
	s.press("esc")
	s.put(server(7, "Fresh", "dm_bay", 1, 5))
	s.show()
	require.Len(t, s.names(), 5)
}

func TestScroll(t *testing.T) {
	s := newScreen(t, options{})
	for i := range 100 {
		s.put(server(100+i, fmt.Sprintf("Server %02d", i), "dm_bay", 0, float64(i+1)))
	}
	s.show()
	rows := s.model.layout().rows
	s.press("pgdown")
	require.Contains(t, s.view(), fmt.Sprintf("> Server %02d", rows))
	s.press("end")
	require.Contains(t, s.view(), "> Server 99")
	require.NotContains(t, s.view(), fmt.Sprintf("Server %02d", 99-rows))
	s.press("up")
	require.Contains(t, s.view(), "Server 99", "it scrolls only if it has to")
	s.press("/", "server 0", "enter")
	require.Contains(t, s.view(), "  Server 00", "the screen stays full")
	s.press("home")
	require.Contains(t, s.view(), "> Server 00")

	// Whatever the size, nothing is drawn beside the screen.
	for width := 1; width < 120; width += 7 {
		for height := 1; height < 40; height += 3 {
			s.send(tea.WindowSizeMsg{Width: width, Height: height})
			s.view()
		}
	}
}

func TestJoin(t *testing.T) {
	s := filled(t)
	s.result.connection = &sb.Connection{Path: sb.PathNatNeg, Remote: netip.MustParseAddrPort("198.51.100.1:6500"), Attempts: []sb.Attempt{
		{Path: sb.PathDirect, Took: 3 * time.Second, Err: errors.New("no answer")},
		{Path: sb.PathNatNeg, Remote: netip.MustParseAddrPort("198.51.100.1:6500"), Took: 400 * time.Millisecond},
	}}
	test := s.press("enter")
	require.Contains(t, s.view(), "join test: Friday night")
	s.send(listing{s.list.Snapshot(), "", nil, time.Time{}.Add(2 * time.Second)})
	require.Contains(t, s.view(), "trying ... 2 s")
	s.send(test())
	require.Equal(t, "Friday night", (<-s.joins).Name())
	for _, want := range []string{"direct failed after 3s: no answer\n", "NatNeg to 198.51.100.1:6500 works, after 400ms\n", "can be joined: NatNeg, packets go to 198.51.100.1:6500\n"} {
		require.Contains(t, s.view(), want)
	}
	s.press("enter")
	require.Contains(t, s.view(), "PLAYER ")

	// One that is cancelled says nothing any more.
	test = s.press("enter")
	s.press("esc")
	s.send(test())
	<-s.joins
	require.NotContains(t, s.view(), "join test")

	s.result = joined{err: &sb.Error{Op: "connect", Err: &sb.ConnectError{}}}
	s.send(s.press("enter")())
	<-s.joins
	require.Contains(t, s.view(), "cannot be joined: ")
	require.NotNil(t, s.press("ctrl+c"))
}

// A hostile server plays no tricks on the terminal, whatever it says and wherever that is shown.
func TestHostileTexts(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;mine\x07a\u009b31mb\u202ec\r\n\t"
	s := newScreen(t, options{filter: ""})
	text := fmt.Sprintf("%q", evil)
	text = strings.NewReplacer(`\x1b`, `\u001b`, `\a`, `\u0007`).Replace(text)
	s.put(fmt.Sprintf(`{"addr":"192.0.2.1:1","ping_ms":5,"fields":{"hostname":%s,"mapname":%s,"gametype":%s,"numplayers":"9999999999999999999999","x":%s},"players":[{"player_":%s,"score_":%s,"y":%s}]}`,
		text, text, text, text, text, text, text))
	s.show()
	check := func() {
		t.Helper()
		for line := range strings.SplitSeq(s.view(), "\n") {
			require.Empty(t, regexp.MustCompile(`[\x00-\x1f\x7f-\x{9f}\x{202a}-\x{202e}]`).FindString(line), "%q", line)
		}
	}
	check()
	require.Contains(t, s.view(), "�[2J�]0;mine�a�31mb�c")
	s.press("tab")
	check()
	s.result = joined{err: errors.New(evil)}
	s.send(s.press("enter")())
	<-s.joins
	check()
	s.send(listing{s.list.Snapshot(), evil, errors.New(evil), time.Time{}})
	check()

	// A name in Latin-1 does not change what stands around it.
	s = newScreen(t, options{})
	s.put(`{"addr":"192.0.2.1:1","fields":{"hostname":"?","hostname;base64":"Q2Fm6SBMaWJlcnTp"}}`)
	s.show()
	require.Contains(t, s.view(), "── Café Liberté ── 192.0.2.1:1")
}

func TestStatus(t *testing.T) {
	s := newScreen(t, options{filter: "x"})
	s.send(listing{status: "no list", problem: &sb.Error{Op: "list", Err: sb.ErrSilence}})
	require.Contains(t, s.view(), "gmtest: 0 servers, 0 players - no list: sb: list: silence")
	s.press("u")
	require.Equal(t, 1, s.again)
	require.NotNil(t, s.press("q"))
	require.NotNil(t, s.press("ctrl+l"))
}

func BenchmarkFrame(b *testing.B) {
	for _, count := range []int{1000, 10_000} {
		s := newScreen(b, options{})
		s.send(tea.WindowSizeMsg{Width: 120, Height: 50})
		for i := range count {
			s.put(server(1+i, fmt.Sprintf("Server %d", i*7919%count), "dm_bay", i%17, float64(1+i*31%400)))
		}
		s.show()
		b.Run(fmt.Sprintf("draw/%d", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.model.View()
			}
		})
		for _, filter := range []string{"", "ver 1", "numplayers > 3 and mapname like 'dm%'"} {
			s.model.setFilter(filter)
			b.Run(fmt.Sprintf("update and draw/%d/%s", count, filter), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s.show()
					s.model.View()
				}
			})
		}
	}
}
