package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/relight-sdk/relight/gp"
)

// The smallest screen that is of use.
const minWidth, minHeight = 40, 10

// styles are how things look.
type styles struct{ faint, strong, here, away, odd, selected lipgloss.Style }

func newStyles() styles {
	plain := lipgloss.NewStyle()
	return styles{
		faint: plain.Faint(true), strong: plain.Bold(true), here: plain.Foreground(lipgloss.Green),
		away: plain.Foreground(lipgloss.Yellow), odd: plain.Foreground(lipgloss.Red), selected: plain.Reverse(true),
	}
}

// View draws the model.
func (m model) View() tea.View {
	view := tea.NewView(m.draw())
	view.AltScreen = true
	if m.fits() {
		if view.Cursor = m.input.Cursor(); view.Cursor != nil {
			view.Cursor.Y += m.height - 2
		}
	}
	return view
}

func (m model) fits() bool { return m.width >= minWidth && m.height >= minHeight }

// body is how many lines there are between the two rules.
func (m model) body() int { return max(m.height-5, 1) }

// room is how many of these a conversation has.
func (m model) room() int { return m.body() - 1 }

// left is the width of the list of people.
func (m model) left() int { return min(max(m.width/3, 20), 34) }

func (m model) draw() string {
	if !m.fits() {
		return fmt.Sprintf("The screen is too small:\n%d x %d is needed.", minWidth, minHeight)
	}
	s := newStyles()
	left := m.left()
	right := m.width - left - 1
	column := func(width int, lines []string) string {
		return lipgloss.NewStyle().Width(width).Height(m.body()).MaxHeight(m.body()).Render(strings.Join(lines, "\n"))
	}
	edge := strings.TrimSuffix(strings.Repeat("│\n", m.body()), "\n")
	body := lipgloss.JoinHorizontal(lipgloss.Top, column(left, m.drawPeople(s, left)), edge, column(right, m.drawConversation(s, right)))
	above, below := "┬", "┴"
	if m.help {
		body, above, below = column(m.width, m.drawHelp()), "─", "─"
	}
	rule := func(joint string) string {
		return strings.Repeat("─", left) + joint + strings.Repeat("─", right)
	}
	return strings.Join([]string{m.drawHeader(s), rule(above), body, rule(below), m.input.View(), m.drawFooter(s)}, "\n")
}

// cut makes a line fit, and as wide as it shall be.
func cut(line string, width int) string {
	return lipgloss.NewStyle().Width(width).Render(lipgloss.NewStyle().MaxWidth(width).Inline(true).Render(line))
}

// drawHeader says who the player is, and how the connection is.
func (m model) drawHeader(s styles) string {
	mine := gp.BuddyStatus{Status: m.presence.Status, Text: m.presence.Text, Location: m.presence.Location}
	left := " " + s.strong.Render(m.me) + " " + activity(mine)
	right := m.drawConnection() + " "
	if m.step != gp.StepConnected {
		right = s.odd.Render(right)
	}
	width := lipgloss.Width(right)
	if width >= m.width-2 {
		return cut(right, m.width)
	}
	return cut(left, m.width-width) + right
}

func (m model) drawConnection() string {
	switch m.step {
	case gp.StepConnected:
		return "connected to " + shown(m.peer)
	case gp.StepReconnecting:
		wait := max(m.nextTry.Sub(m.now).Round(time.Second), 0)
		return fmt.Sprintf("connection lost, try %d in %v", m.attempt, wait)
	case gp.StepClosed:
		return "logged out"
	}
	return m.step.String()
}

// drawPeople draws the list. If it is too long, it shows the part around the selection.
func (m model) drawPeople(s styles, width int) []string {
	titles := map[group]string{asking: "Want to be buddies", buddies: "Buddies", asked: "Asked", strangers: "Others", blocked: "Blocked"}
	var lines []string
	at := 0
	var last group
	for _, p := range m.people() {
		if p.group != last {
			last = p.group
			title := titles[last]
			if last == buddies && m.roster.Stale {
				title += " (as last known)"
			}
			lines = append(lines, s.strong.Render(cut(" "+title, width)))
		}
		if p.place == m.selected {
			at = len(lines)
		}
		lines = append(lines, m.drawPerson(s, p, width))
	}
	if len(lines) == 0 {
		return []string{s.faint.Render(" nobody yet: /add WHO")}
	}
	start := min(max(at-m.body()/2, 0), max(len(lines)-m.body(), 0))
	return lines[start:]
}

func (m model) drawPerson(s styles, p person, width int) string {
	mark, style := "·", s.faint
	switch {
	case p.group == asking:
		mark, style = "?", s.away
	case p.group == blocked:
		mark, style = "×", s.odd
	case p.group != buddies, p.status.Status == gp.Offline:
	case p.status.Status == gp.Away:
		mark, style = "○", s.away
	default:
		mark, style = "●", s.here
	}
	line := p.name
	if p.group == buddies {
		line += "  " + activity(p.status)
	}
	if p.unseen > 0 {
		line = fmt.Sprintf("(%d) %s", p.unseen, line)
	}
	if p.place == m.selected {
		return s.selected.Render(cut(" "+mark+" "+line, width))
	}
	return cut(" "+style.Render(mark)+" "+line, width)
}

// drawConversation draws what was said with the selected person, the newest at the bottom.
func (m model) drawConversation(s styles, width int) []string {
	who := m.selected.who
	if who == 0 {
		return []string{s.faint.Render(" select somebody with the arrow keys")}
	}
	title := " " + m.name(who)
	if buddy, ok := m.roster.Buddy(who); ok {
		title += "  " + activity(buddy.BuddyStatus)
	}
	lines := m.conversation(s, m.room()+m.scroll)
	end := max(len(lines)-m.scroll, 0)
	return append([]string{s.strong.Render(cut(title, width))}, lines[max(end-m.room(), 0):end]...)
}

// conversation is what was said with the selected person, in lines as they are on the screen: the last ones, so many at least if
// there are.
func (m model) conversation(s styles, limit int) []string {
	who, width := m.selected.who, m.width-m.left()-1
	name := m.name(who)
	var lines []string // from the last to the first
	for _, request := range m.roster.Incoming {
		if request.From == who {
			lines = append(lines, s.away.Render(cut(" Ctrl-Y accepts the request, Ctrl-N forgets it", width)))
		}
	}
	for _, l := range slices.Backward(m.said) {
		if len(lines) >= limit {
			break
		}
		if l.with == who {
			for _, line := range slices.Backward(drawSaid(s, l, name, width)) {
				lines = append(lines, line)
			}
		}
	}
	slices.Reverse(lines)
	return lines
}

// drawSaid draws a line of a conversation, in as many lines as it takes.
func drawSaid(s styles, l said, name string, width int) []string {
	stamp := " " + l.at.Format("15:04") + " "
	text, style := l.by+": "+l.text, lipgloss.NewStyle()
	if l.by == "" {
		text, style = "* "+name+" "+l.text, s.faint
	}
	lines := strings.Split(lipgloss.Wrap(text, width-len(stamp)-1, ""), "\n")
	for i, line := range lines {
		lines[i] = s.faint.Render(stamp) + style.Render(line)
		stamp = strings.Repeat(" ", len(stamp))
	}
	return lines
}

func (m model) drawHelp() []string {
	lines := []string{cut(" Text goes to the selected person. Commands, with a / in front:", m.width)}
	for line := range strings.Lines(help(false)) {
		lines = append(lines, cut(strings.TrimSuffix(line, "\n"), m.width))
	}
	return lines
}

func (m model) drawFooter(s styles) string {
	switch {
	case m.step == gp.StepClosed:
		return s.odd.Render(cut(" "+shown(m.reason)+"; Ctrl-C ends", m.width))
	case m.notice != "":
		return s.away.Render(cut(" "+shown(m.notice), m.width))
	case m.step == gp.StepReconnecting:
		return s.odd.Render(cut(" "+shown(m.reason), m.width))
	}
	return s.faint.Render(cut(" ↑ ↓ select   Enter send   PgUp PgDn scroll   /help   Ctrl-C log out", m.width))
}
