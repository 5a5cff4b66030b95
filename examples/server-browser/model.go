package main

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/relight-sdk/relight/sb"
)

// actions are what the model has others do. Each of the first two is a command: it may take its time, and its result comes back
// as a message.
type actions struct {
	next  func() tea.Msg                                      // waits until something is new, and gives a listing
	join  func(ctx context.Context, server sb.Server) tea.Msg // tries to connect, and gives a joined
	look  func(at netip.AddrPort)                             // says which server is looked at
	again func()                                              // wants the list anew
}

// The messages besides those of the terminal.
type (
	// listing is the list as it is now.
	listing struct {
		servers sb.Snapshot
		status  string
		problem error
		now     time.Time
	}
	// joined is how a join test went.
	joined struct {
		connection *sb.Connection // nil if it failed
		err        error
	}
)

// column is what can be sorted by, in the order in which s goes through it.
type column struct {
	title      string
	key        string
	descending bool // is what players want first
}

var columns = []column{
	{"NAME", "hostname", false},
	{"MAP", "mapname", false},
	{"TYPE", "gametype", false},
	{"PLAYERS", "numplayers", true},
	{"PING", sb.KeyPing, false},
}

// model is what is on the screen. It does nothing by itself: Update takes a message and gives the model that follows.
type model struct {
	actions actions
	game    string

	width, height int

	servers sb.Snapshot // all
	rows    sb.Snapshot // what is shown, in order
	players int         // on all of the servers
	status  string
	problem error
	now     time.Time

	sort      sorting
	filter    string
	typing    bool
	match     func(sb.Server) bool
	filterErr error // the expression is not complete; match is what it was before

	selected netip.AddrPort // stays where it is while the list moves
	cursor   int            // its row
	top      int            // first row on the screen
	fields   bool           // the panel has the fields, not the players

	test *joinTest // nil if none is shown
}

// joinTest is a test of whether a server can be joined.
type joinTest struct {
	server sb.Server
	began  time.Time
	cancel context.CancelFunc
	over   bool
	result joined
}

func newModel(o options, do actions) model {
	m := model{actions: do, game: o.Game, sort: o.sort, filter: o.filter, width: 80, height: 24}
	m.match, m.filterErr = parseFilter(o.filter)
	return m
}

// Init implements tea.Model.
func (m model) Init() tea.Cmd { return m.actions.next }

// Update implements tea.Model.
func (m model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	var command tea.Cmd
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
	case listing:
		m.servers, m.status, m.problem, m.now = message.servers, message.status, message.problem, message.now
		m.players = 0
		for server := range m.servers.Servers() {
			m.players += max(0, server.NumPlayers())
		}
		m.arrange()
		command = m.actions.next
	case joined:
		if m.test != nil && !m.test.over {
			m.test.cancel()
			test := *m.test
			test.over, test.result = true, message
			m.test = &test
		}
	case tea.PasteMsg:
		if m.typing {
			m.enter(message.Content)
		}
	case tea.KeyPressMsg:
		command = m.key(message)
	}
	m.scroll()
	return m, command
}

// key is what a key does. Update works on a copy of the model, which this changes.
func (m *model) key(key tea.KeyPressMsg) tea.Cmd {
	name := key.String()
	switch {
	case name == "ctrl+c":
		return m.quit()
	case name == "ctrl+l": // whatever has happened to the terminal
		return tea.ClearScreen
	case m.test != nil:
		if name == "esc" || name == "q" || name == "enter" && m.test.over {
			m.test.cancel()
			m.test = nil
		}
		return nil
	case m.typing:
		m.edit(key)
		return nil
	}
	switch name {
	case "q":
		return m.quit()
	case "/":
		m.typing = true
	case "esc":
		m.setFilter("")
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup":
		m.move(-m.layout().rows)
	case "pgdown", "space":
		m.move(m.layout().rows)
	case "home", "g":
		m.move(-m.rows.Len())
	case "end", "G":
		m.move(m.rows.Len())
	case "s":
		m.nextColumn()
	case "r":
		m.sort.descending = !m.sort.descending
		m.arrange()
	case "tab":
		m.fields = !m.fields
	case "u", "f5":
		m.actions.again()
	case "enter":
		return m.join()
	}
	return nil
}

func (m *model) quit() tea.Cmd {
	if m.test != nil {
		m.test.cancel()
	}
	return tea.Quit
}

// edit changes the filter by a key. The arrows still move in the list.
func (m *model) edit(key tea.KeyPressMsg) {
	switch name := key.String(); name {
	case "enter":
		m.typing = false
	case "esc":
		m.typing = false
		m.setFilter("")
	case "up":
		m.move(-1)
	case "down":
		m.move(1)
	case "ctrl+u":
		m.setFilter("")
	case "ctrl+w":
		trimmed := strings.TrimRight(m.filter, " ")
		m.setFilter(trimmed[:strings.LastIndexByte(trimmed, ' ')+1])
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(m.filter)
		m.setFilter(m.filter[:len(m.filter)-size])
	default:
		m.enter(key.Text)
	}
}

// maxFilter is how long a filter can get, in bytes; masters take no more, either.
const maxFilter = 511

// enter adds what is typed or pasted to the filter.
func (m *model) enter(text string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, text)
	if len(m.filter)+len(text) <= maxFilter {
		m.setFilter(m.filter + text)
	}
}

// setFilter filters as far as the text can be read; else it leaves what was filtered before.
func (m *model) setFilter(text string) {
	m.filter = text
	match, err := parseFilter(text)
	if m.filterErr = err; err == nil {
		m.match = match
		m.arrange()
	}
}

// nextColumn sorts by the next column, or by the first one if the list is sorted by something else.
func (m *model) nextColumn() {
	at := slices.IndexFunc(columns, func(c column) bool { return c.key == m.sort.key })
	next := columns[(at+1)%len(columns)]
	m.sort = sorting{next.key, next.descending}
	m.arrange()
}

// arrange filters and sorts anew, and finds the selected server again. If it is gone, its place is what stays selected.
func (m *model) arrange() {
	m.rows = m.sort.sorted(m.servers, m.match)
	for i, server := range m.rows.All() {
		if server.Addr == m.selected {
			m.cursor = i
			return
		}
	}
	m.move(0)
}

// move selects another row.
func (m *model) move(by int) {
	m.cursor = max(0, min(m.cursor+by, m.rows.Len()-1))
	m.selected = netip.AddrPort{}
	if server, ok := m.current(); ok {
		m.selected = server.Addr
	}
	m.actions.look(m.selected)
}

// current is the selected server, if there is any.
func (m *model) current() (sb.Server, bool) {
	if m.cursor >= m.rows.Len() {
		return sb.Server{}, false
	}
	return m.rows.At(m.cursor), true
}

// scroll keeps the selected row on the screen, and the screen full.
func (m *model) scroll() {
	rows := m.layout().rows
	m.top = max(0, min(m.top, m.cursor, m.rows.Len()-rows))
	m.top = max(m.top, m.cursor-rows+1)
}

// join begins a join test of the selected server.
func (m *model) join() tea.Cmd {
	server, ok := m.current()
	if !ok {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.test = &joinTest{server: server, began: m.now, cancel: cancel}
	return func() tea.Msg { return m.actions.join(ctx, server) }
}

// attempts are the ways that were tried.
func (j joined) attempts() []sb.Attempt {
	if j.connection != nil {
		return j.connection.Attempts
	}
	if failure, ok := errors.AsType[*sb.ConnectError](j.err); ok {
		return failure.Attempts
	}
	return nil
}
