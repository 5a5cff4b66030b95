package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/relight-sdk/relight/examples/internal/clean"
	"github.com/relight-sdk/relight/sb"
)

// styles are those of the screen. Terminals without colours get none.
type styles struct{ title, header, selected, good, fair, bad, dim lipgloss.Style }

func newStyles() styles {
	plain := lipgloss.NewStyle()
	return styles{
		title: plain.Bold(true), header: plain.Underline(true), selected: plain.Reverse(true), dim: plain.Faint(true),
		good: plain.Foreground(lipgloss.Green), fair: plain.Foreground(lipgloss.Yellow), bad: plain.Foreground(lipgloss.Red),
	}
}

// layout is how the lines of the screen are shared out.
type layout struct {
	rows  int // of the list
	panel int // lines of the panel below, with its title; 0 if there is no room
	name  int // width of the name
	wide  bool
}

const (
	minWidth    = 40
	minHeight   = aroundRows + 1
	aroundRows  = 4 // status, filter, header, help
	playersSize = 10
	pingSize    = barSize + 6
	mapSize     = 14
	typeSize    = 8
	barSize     = 10
)

func (m *model) layout() layout {
	l := layout{rows: max(1, m.height-aroundRows)}
	if l.rows >= 10 {
		l.panel = min(l.rows/2, 18)
		l.rows -= l.panel
	}
	l.name = m.width - 2 - playersSize - pingSize
	if l.wide = m.width >= 70; l.wide {
		l.name -= mapSize + typeSize
	}
	l.name = max(8, l.name)
	return l
}

// View implements tea.Model.
func (m model) View() tea.View {
	if m.width < minWidth || m.height < minHeight {
		return tea.NewView(fit("make the terminal larger", m.width))
	}
	l, style := m.layout(), newStyles()
	lines := make([]string, 0, m.height)
	lines = append(lines, m.statusLine(style), m.filterLine(style), m.headerLine(l, style))
	for i := m.top; i < m.top+l.rows; i++ {
		if i >= m.rows.Len() {
			lines = append(lines, "")
			continue
		}
		lines = append(lines, m.row(m.rows.At(i), i == m.cursor, l, style))
	}
	if l.panel > 0 {
		panel := m.panel(l.panel, style)
		lines = append(append(lines, panel...), make([]string, l.panel-len(panel))...)
	}
	lines = append(lines, style.dim.Render(fit(m.help(), m.width)))
	view := tea.NewView(strings.Join(lines[:min(len(lines), m.height)], "\n"))
	view.AltScreen = true
	view.WindowTitle = "servers of " + clean.Text(m.game)
	if m.typing {
		view.Cursor = tea.NewCursor(min(lipgloss.Width(filterPrompt+clean.Text(m.filter)), m.width-1), 1)
	}
	return view
}

func (m *model) statusLine(style styles) string {
	text := fmt.Sprintf("%s: %s, %s", m.game, count(m.servers.Len(), "server"), count(m.players, "player"))
	if m.rows.Len() != m.servers.Len() {
		text += fmt.Sprintf(", %d shown", m.rows.Len())
	}
	text = fit(text, min(lipgloss.Width(clean.Text(text)), m.width))
	room := m.width - lipgloss.Width(text) - 3
	if room < 8 {
		return style.title.Render(text)
	}
	if m.problem != nil {
		return style.title.Render(text) + " - " + style.bad.Render(fit(m.status+": "+m.problem.Error(), room))
	}
	return style.title.Render(text) + " - " + fit(m.status, room)
}

const filterPrompt = "filter: "

func (m *model) filterLine(style styles) string {
	text := filterPrompt + clean.Text(m.filter)
	if m.filter == "" && !m.typing {
		return style.dim.Render(fit(filterPrompt+"press / and type a part of the name, or: numplayers > 3 and mapname like 'dm%'", m.width))
	}
	// The end of a long filter is what is being typed.
	for lipgloss.Width(text) > m.width-1 {
		text = string([]rune(text)[1:])
	}
	if m.filterErr == nil {
		return text
	}
	room := m.width - lipgloss.Width(text) - 3
	if room < 8 {
		return text
	}
	return text + "   " + style.bad.Render(fit(reason(m.filterErr), room))
}

// reason is an error of the filter without the filter itself, which is seen already.
func reason(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+len(": "):]
}

func (m *model) headerLine(l layout, style styles) string {
	title := func(number int) string {
		c := columns[number]
		switch {
		case c.key != m.sort.key:
			return c.title
		case m.sort.descending:
			return c.title + " ▼"
		}
		return c.title + " ▲"
	}
	text := "  " + fit(title(0), l.name)
	if l.wide {
		text += fit(title(1), mapSize) + fit(title(2), typeSize)
	}
	return style.header.Render(fit(text+right(title(3), playersSize-1)+" "+fit(title(4), pingSize), m.width))
}

func (m *model) row(server sb.Server, selected bool, l layout, style styles) string {
	mark := "  "
	if selected {
		mark = "> "
	}
	name := server.Name()
	if name == "" {
		name = server.Addr.String()
	}
	text := mark + fit(name, l.name-1) + " "
	if l.wide {
		text += fit(server.Map(), mapSize-1) + " " + fit(server.Get("gametype"), typeSize-1) + " "
	}
	text += right(fmt.Sprintf("%d/%d", server.NumPlayers(), server.MaxPlayers()), playersSize-1) + " "
	bar, pingStyle := pingBar(server, style)
	if selected {
		return style.selected.Render(text + bar)
	}
	return text + pingStyle.Render(bar)
}

// The round trips at which a bar changes its colour, and the one that fills it.
const (
	goodPing = 60 * time.Millisecond
	fairPing = 150 * time.Millisecond
	fullBar  = 300 * time.Millisecond
)

// pingBar is the round trip as a bar and a number.
func pingBar(server sb.Server, style styles) (string, lipgloss.Style) {
	switch ping := server.Ping; {
	case ping > 0:
		eighths := int(min(ping, fullBar) * barSize * 8 / fullBar)
		bar := strings.Repeat("█", eighths/8)
		if rest := eighths % 8; rest > 0 || eighths == 0 {
			bar += string([]rune("▏▏▎▍▌▋▊▉")[rest])
		}
		text := fit(bar, barSize) + right(strconv.FormatInt(ping.Milliseconds(), 10), 5) + " "
		switch {
		case ping <= goodPing:
			return text, style.good
		case ping <= fairPing:
			return text, style.fair
		}
		return text, style.bad
	case server.QueryErr != nil:
		return fit("no answer", pingSize), style.dim
	}
	return fit("...", pingSize), style.dim
}

func (m *model) help() string {
	switch {
	case m.test != nil && m.test.over:
		return "esc back"
	case m.test != nil:
		return "esc cancel"
	case m.typing:
		return "enter keep the filter   esc drop it   ctrl+u empty it"
	}
	return "↑↓ select  / filter  s sort  r reverse  tab fields  enter join  u update  q quit"
}

// panel tells of the selected server, or of the join test.
func (m *model) panel(height int, style styles) []string {
	var title string
	var lines []string
	server, ok := m.current()
	switch {
	case m.test != nil:
		title, lines = "join test: "+clean.Text(m.test.server.Name()), m.testLines(style)
	case !ok:
		title = "no server"
	case m.fields:
		title, lines = heading(server), m.fieldLines(server, height-1)
	default:
		title, lines = heading(server), m.playerLines(server)
	}
	title = cut("── "+title+" ", m.width)
	title += strings.Repeat("─", m.width-cells(title))
	return append([]string{style.title.Render(title)}, lines[:min(len(lines), height-1)]...)
}

func heading(server sb.Server) string {
	return fmt.Sprintf("%s ── %s ── %s", clean.Text(server.Name()), server.Addr, count(len(server.Players), "player"))
}

// testLines tell how the join test goes.
func (m *model) testLines(style styles) []string {
	test := m.test
	if !test.over {
		return []string{fmt.Sprintf("trying ... %d s", int(m.now.Sub(test.began).Seconds()))}
	}
	var lines []string
	for _, attempt := range test.result.attempts() {
		with := style.good
		if attempt.Err != nil {
			with = style.bad
		}
		for _, line := range wrap(attempt.String(), m.width) {
			lines = append(lines, with.Render(line))
		}
	}
	switch connection := test.result.connection; {
	case connection != nil:
		lines = append(lines, fit(fmt.Sprintf("can be joined: %v, packets go to %s", connection.Path, connection.Remote), m.width))
	case len(lines) == 0:
		lines = append(lines, wrap("cannot be joined: "+test.result.err.Error(), m.width)...)
	default:
		lines = append(lines, "cannot be joined")
	}
	return lines
}

// playerLines are the table of the players, the best ones first.
func (m *model) playerLines(server sb.Server) []string {
	if len(server.Players) == 0 {
		switch {
		case server.QueryErr != nil:
			return wrap(server.QueryErr.Error(), m.width)
		case server.Ping == 0:
			return []string{"not asked yet"}
		}
		return []string{"nobody plays"}
	}
	const nameSize, size = 24, 8
	keys := server.Players.Columns()
	if i := slices.Index(keys, "player_"); i > 0 {
		keys = append([]string{"player_"}, slices.Delete(keys, i, i+1)...)
	}
	keys = keys[:min(len(keys), 1+max(0, m.width-nameSize)/size)]
	line := func(value func(key string) string) string {
		var b strings.Builder
		for i, key := range keys {
			if i == 0 {
				b.WriteString(fit(value(key), nameSize-1))
				continue
			}
			b.WriteString(" " + right(value(key), size-1))
		}
		return fit(b.String(), m.width)
	}
	lines := []string{line(func(key string) string { return strings.ToUpper(strings.TrimSuffix(key, "_")) })}
	for _, row := range server.Players.Sort(sb.By("score_").Descending()) {
		lines = append(lines, line(row.Get))
	}
	return lines
}

// fieldLines are all fields, in as many columns as the height takes.
func (m *model) fieldLines(server sb.Server, height int) []string {
	lines := make([]string, max(1, height))
	const size = 38
	n := 0
	for key, value := range server.Fields() {
		if (n/len(lines)+1)*size > max(size, m.width) {
			break
		}
		lines[n%len(lines)] += fit(clean.Text(key)+" "+clean.Text(value), min(size, m.width)-1) + " "
		n++
	}
	return lines
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
