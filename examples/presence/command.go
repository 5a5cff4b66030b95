package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/relight-sdk/relight/gp"
)

// command is something that the player, or a script, wants.
type command struct {
	verb     string
	who      string // a profile id or a nick
	text     string
	location string
	status   gp.Status
}

// usage is how a command is written.
type usage struct {
	verb, arguments, what string
	script                bool // with -json only
}

// usages are all commands, in the order of help.
func usages() []usage {
	return []usage{
		{"message", "WHO TEXT", "say something to a buddy", false},
		{"status", `STATUS ["TEXT"] [LOCATION]`, "be online, playing, staging, chatting, away or offline", false},
		{"add", "WHO [REASON]", "ask somebody to become a buddy", false},
		{"accept", "WHO", "accept a buddy request", false},
		{"deny", "WHO", "forget a buddy request", false},
		{"remove", "WHO", "take a buddy off the list", false},
		{"block", "WHO", "neither hear nor be seen by somebody", false},
		{"unblock", "WHO", "the reverse", false},
		{"invite", "WHO [LOCATION]", "ask somebody to join a game", false},
		{"help", "", "list the commands", false},
		{"quit", "", "log out", false},
		{"roster", "", "print the whole roster", true},
		{"wait", "EVENT [TEXT]", "go on when such an event, with that text in its line, was printed; at most 10 s", true},
	}
}

// help lists the commands that work everywhere, or those that work with -json only.
func help(script bool) string {
	var b strings.Builder
	for _, u := range usages() {
		if u.script == script {
			fmt.Fprintf(&b, "  %-33s %s\n", u.verb+" "+u.arguments, u.what)
		}
	}
	return b.String()
}

// parseCommand reads a line. Words end at blanks; one in quotes is a JSON string. The last text of a command takes the rest of the
// line as it is, unless all of it is in quotes. A command that misses the person means the selected one, if there is one.
func parseCommand(text, selected string) (command, error) {
	verb, rest, err := word(text)
	if err != nil {
		return command{}, err
	}
	c := command{verb: strings.ToLower(verb)}
	switch c.verb {
	case "message", "add", "invite":
		if c.who, rest, err = word(rest); err == nil {
			c.text, rest = tail(rest), ""
		}
		if c.verb == "invite" {
			c.location, c.text = c.text, ""
		}
	case "accept", "deny", "remove", "block", "unblock":
		c.who, rest, err = word(rest)
		if c.who == "" {
			c.who = selected
		}
	case "status":
		var name string
		if name, rest, err = word(rest); err != nil {
			break
		}
		if c.status, err = statusNamed(name); err != nil {
			break
		}
		if c.text, rest, err = word(rest); err == nil {
			c.location, rest = tail(rest), ""
		}
	case "wait":
		if c.who, rest, err = word(rest); err == nil {
			c.text, rest = tail(rest), ""
		}
	case "roster", "help", "quit":
	case "":
		return c, errors.New("no command")
	default:
		return c, fmt.Errorf("no such command: %s; help lists them", c.verb)
	}
	return c, complete(c, rest, err)
}

// complete says what is wrong with a command.
func complete(c command, rest string, err error) error {
	for _, u := range usages() {
		if u.verb != c.verb {
			continue
		}
		switch {
		case err != nil:
		case strings.TrimSpace(rest) != "":
			err = fmt.Errorf("too much: %q", strings.TrimSpace(rest))
		case strings.HasPrefix(u.arguments, "WHO") && c.who == "", c.verb == "wait" && c.who == "", c.verb == "message" && c.text == "":
			err = errors.New("something is missing")
		default:
			return nil
		}
		return fmt.Errorf("%w; %s wants: %s", err, u.verb, u.arguments)
	}
	return err
}

// word takes the first word off a text.
func word(text string) (first, rest string, err error) {
	text = strings.TrimLeft(text, " \t")
	if strings.HasPrefix(text, `"`) {
		decoder := json.NewDecoder(strings.NewReader(text))
		if err := decoder.Decode(&first); err != nil {
			return "", "", errors.New("the text in quotes is no JSON string")
		}
		return first, text[decoder.InputOffset():], nil
	}
	end := strings.IndexAny(text, " \t")
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], nil
}

// tail is the text at the end of a line.
func tail(text string) string {
	text = strings.TrimSpace(text)
	if quoted, rest, err := word(text); err == nil && strings.HasPrefix(text, `"`) && strings.TrimSpace(rest) == "" {
		return quoted
	}
	return text
}

// statusNamed finds a status by its name.
func statusNamed(name string) (gp.Status, error) {
	for _, status := range []gp.Status{gp.Offline, gp.Online, gp.Playing, gp.Staging, gp.Chatting, gp.Away} {
		if strings.EqualFold(status.String(), name) {
			return status, nil
		}
	}
	return 0, fmt.Errorf("no such status: %q", name)
}
