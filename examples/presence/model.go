package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/relight-sdk/relight/gp"
)

// model is all that the screen shows. It does nothing itself: messages go in, and a new model and what is to be done come out.
type model struct {
	me       string // the player's nick
	peer     string // the server
	presence gp.Presence
	connection
	now time.Time // as of the last tick

	roster   *gp.Roster
	called   map[gp.ProfileID]string // the names in the roster
	names    map[gp.ProfileID]string // of other people
	said     []said
	selected place
	scroll   int // lines up from the newest

	input         textinput.Model
	notice        string
	help          bool
	width, height int

	outside outside
}

// connection is how the session is.
type connection struct {
	step    gp.Step
	reason  string
	attempt int
	nextTry time.Time
}

// outside is what the model can have done.
type outside struct {
	perform func(command) tea.Cmd      // ends with a performed
	lookUp  func(gp.ProfileID) tea.Cmd // ends with a named
	tick    func(attempt int) tea.Cmd  // ends with a ticked, a second later
}

// The messages that the model takes, besides those of the terminal.
type (
	happened struct {
		event  gp.Event
		roster *gp.Roster // as it is after a change; else nil
		at     time.Time
	}
	performed struct {
		command command
		who     gp.ProfileID
		err     error
		at      time.Time // when it was begun
	}
	named struct {
		who  gp.ProfileID
		name string
	}
	ticked struct {
		now     time.Time
		attempt int // that is counted down to
	}
)

// said is a line of a conversation.
type said struct {
	with gp.ProfileID
	at   time.Time // as the server says
	by   string    // empty: nobody said it, it happened
	text string
	seen bool

	noticed time.Time // when it arrived here, or was sent
}

// maxSaid bounds what is remembered, whoever talks.
const maxSaid = 1000

func newModel(me, peer string, presence gp.Presence, roster *gp.Roster, outside outside) model {
	input := textinput.New()
	input.Prompt = "> "
	input.CharLimit = 3500 // what a message may have
	input.SetVirtualCursor(false)
	input.KeyMap.Paste = key.NewBinding(key.WithDisabled()) // terminals paste themselves
	input.Focus()
	return model{
		me: me, peer: peer, presence: presence, connection: connection{step: gp.StepConnected}, roster: roster,
		called: names(roster), names: make(map[gp.ProfileID]string), input: input, width: 80, height: 24, outside: outside,
	}
}

func (m model) Init() tea.Cmd { return nil }

// Update is what follows from a message.
func (m model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	next, cmd := m.update(message)
	return next.settle(), cmd
}

func (m model) update(message tea.Msg) (model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
		m.input.SetWidth(max(m.width-4, 1))
		return m, nil
	case tea.KeyPressMsg:
		return m.press(message)
	case happened:
		return m.happen(message)
	case performed:
		return m.perform(message), nil
	case named:
		return m.learn(message.who, message.name), nil
	case ticked:
		m.now = message.now
		if m.step == gp.StepReconnecting && m.attempt == message.attempt {
			return m, m.outside.tick(m.attempt)
		}
		return m, nil
	}
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(message)
	return m, cmd
}

// happen takes an event of the session.
func (m model) happen(h happened) (model, tea.Cmd) {
	if h.roster != nil {
		before := m.called
		m.roster, m.called = h.roster, names(h.roster)
		for who, name := range before {
			if m.called[who] == "" {
				m = m.learn(who, name) // left the roster, and may still be talked to
			}
		}
	}
	switch e := h.event.(type) {
	case *gp.StepChanged:
		m.connection = connection{step: e.To, reason: e.Reason, attempt: e.Attempt, nextTry: e.NextTry}
		if e.To == gp.StepReconnecting {
			m.now = h.at
			return m, m.outside.tick(m.attempt)
		}
	case *gp.Message:
		m = m.hear(said{with: e.From, at: e.Time, by: m.name(e.From), text: e.Text, noticed: h.at})
		return m, m.nameless(e.From)
	case *gp.BuddyRequest:
		return m.note(h, e.From, e.Time, "asks to become your buddy: "+e.Reason)
	case *gp.BuddyAuthorized:
		return m.note(h, e.From, e.Time, "has accepted your request")
	case *gp.BuddyRevoked:
		return m.note(h, e.From, e.Time, "has taken you off their list")
	case *gp.Invitation:
		return m.note(h, e.From, e.Time, "invites you to a game: "+cmp.Or(e.Location, "no address given"))
	case *gp.BuddyStatus:
		if slices.ContainsFunc(m.said, func(l said) bool { return l.with == e.ProfileID }) {
			m = m.hear(said{with: e.ProfileID, at: h.at, text: "is " + activity(*e), seen: true, noticed: h.at})
		}
	case *gp.ServerError:
		m.notice = e.Err.Error()
	case *gp.EventsLost:
		m.notice = "too much happened at once: some of it is lost"
	}
	return m, nil
}

// note tells that somebody did something.
func (m model) note(h happened, who gp.ProfileID, at time.Time, text string) (model, tea.Cmd) {
	return m.hear(said{with: who, at: at, text: text, noticed: h.at}), m.nameless(who)
}

// hear adds a line to a conversation. An answer may be here before the word that what it answers was sent.
func (m model) hear(l said) model {
	l.text = shown(l.text)
	l.seen = l.seen || l.with == m.selected.who
	if len(m.said) >= maxSaid {
		m.said = m.said[1:]
	}
	at := len(m.said)
	for at > 0 && m.said[at-1].noticed.After(l.noticed) {
		at--
	}
	m.said = slices.Insert(slices.Clip(m.said), at, l)
	return m
}

// nameless asks for the name of somebody who is not in the roster.
func (m model) nameless(who gp.ProfileID) tea.Cmd {
	if _, known := m.known(who); known {
		return nil
	}
	return m.outside.lookUp(who)
}

// learn remembers a name.
func (m model) learn(who gp.ProfileID, name string) model {
	if m.names = maps.Clone(m.names); len(m.names) >= maxSaid {
		clear(m.names) // of people who have said something long ago
	}
	m.names[who] = name
	return m
}

// perform takes what became of a command.
func (m model) perform(p performed) model {
	if p.err != nil {
		m.notice = p.command.verb + ": " + p.err.Error()
		return m
	}
	if name := p.command.who; name != "" && strings.Trim(name, "#0123456789") != "" {
		m = m.learn(p.who, name)
	}
	name := m.name(p.who)
	switch p.command.verb {
	case "message":
		m = m.hear(said{with: p.who, at: p.at, by: m.me, text: p.command.text, seen: true, noticed: p.at})
	case "status":
		m.presence = gp.Presence{Status: p.command.status, Text: p.command.text, Location: p.command.location}
	case "add":
		m.notice = "asked " + name
	case "accept":
		m.notice = name + " sees you now"
		if _, mutual := m.roster.Buddy(p.who); !mutual {
			m.notice += "; to see and answer them, /add them too"
		}
	case "deny":
		m.notice = "forgot the request of " + name
	case "remove":
		m.notice = "removed " + name
	case "block":
		m.notice = name + " is blocked"
	case "unblock":
		m.notice = name + " is not blocked any more"
	case "invite":
		m = m.hear(said{with: p.who, at: p.at, text: "was invited by you", seen: true, noticed: p.at})
	}
	return m
}

// press takes a key.
func (m model) press(k tea.KeyPressMsg) (model, tea.Cmd) {
	if k.Keystroke() == "ctrl+c" {
		return m, tea.Quit
	}
	m.help = false
	switch k.Keystroke() {
	case "up":
		return m.move(-1), nil
	case "down":
		return m.move(1), nil
	case "pgup":
		higher := m.scroll + m.body()/2
		m.scroll = min(higher, max(len(m.conversation(newStyles(), higher+m.room()))-m.room(), 0))
		return m, nil
	case "pgdown":
		m.scroll = max(m.scroll-m.body()/2, 0)
		return m, nil
	case "esc":
		m.input.Reset()
		m.notice = ""
		return m, nil
	case "ctrl+y":
		return m.do("/accept")
	case "ctrl+n":
		return m.do("/deny")
	case "enter":
		text := strings.TrimSpace(m.input.Value())
		m.input.Reset()
		return m.do(text)
	}
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(k)
	return m, cmd
}

// do carries out what was typed: a command behind a slash, or something to say; behind two slashes, something that begins with one.
func (m model) do(text string) (model, tea.Cmd) {
	m.notice, m.scroll = "", 0
	if text == "" {
		return m, nil
	}
	selected := ""
	if m.selected.who != 0 {
		selected = strconv.FormatInt(int64(m.selected.who), 10)
	}
	typed, isCommand := strings.CutPrefix(text, "/")
	if !isCommand || strings.HasPrefix(typed, "/") {
		if selected == "" {
			m.notice = "whom do you tell? select somebody with the arrow keys"
			return m, nil
		}
		return m, m.outside.perform(command{verb: "message", who: selected, text: typed})
	}
	c, err := parseCommand(typed, selected)
	switch {
	case err != nil:
		m.notice = err.Error()
	case c.verb == "quit":
		return m, tea.Quit
	case c.verb == "help":
		m.help = true
	case c.verb == "roster", c.verb == "wait":
		m.notice = c.verb + " is for scripts: see -json"
	default:
		return m, m.outside.perform(c)
	}
	return m, nil
}
