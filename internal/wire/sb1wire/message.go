package sb1wire

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Error says which message, and what of it, cannot be read or written.
type Error struct {
	Message string // as "greeting"
	Problem string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("sb1: %s: %s", e.Message, e.Problem) }

const (
	// challengeLength is how many letters every known master sends. Nothing marks their end.
	challengeLength = 6
	maxChallenge    = 64
	maxGreeting     = 256
)

// AppendGreeting adds what a master says first.
func AppendGreeting(b []byte, challenge string) []byte {
	return append(append(b, `\basic\\secure\`...), challenge...)
}

// ParseGreeting reads what has come of the greeting; ok is false if more of it is needed. It ends with \final\ or, since most
// masters do not send that, with the bytes that came together with the sixth letter.
func ParseGreeting(b []byte) (challenge string, ok bool, err error) {
	message, _, ended := bytes.Cut(b, []byte(kv.Terminator))
	value, found := kv.Get(message, "secure")
	switch {
	case found && (ended || len(value) >= challengeLength):
		switch {
		case len(value) == 0:
			return "", false, &Error{"greeting", "no challenge"}
		case len(value) > maxChallenge:
			return "", false, &Error{"greeting", "the challenge is longer than 64 bytes"}
		}
		return string(value), true, nil
	case ended:
		return "", false, &Error{"greeting", "no challenge"}
	case len(b) > maxGreeting:
		return "", false, &Error{"greeting", "longer than 256 bytes"}
	case len(b) > 0 && b[0] != '\\':
		return "", false, &Error{"greeting", "does not start with a backslash"}
	}
	return "", false, nil
}

// Form is how the servers are listed.
type Form string

// The forms.
const (
	Compact   Form = "cmp"    // six bytes a server
	Addresses Form = ""       // text, addresses only
	Info      Form = "info2"  // text, with fields
	Groups    Form = "groups" // text, rooms instead of servers
)

// Login is the client's first message.
type Login struct {
	Game     string // whose secret signs
	Enctype  int
	Validate string
}

// Append adds the message.
func (l Login) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	m.Pair("gamename", l.Game)
	m.Int("gamever", 2)
	m.Int("location", 0)
	m.Int("enctype", int64(l.Enctype))
	m.Pair("validate", l.Validate)
	b, err := m.Final()
	if err != nil {
		return b, err
	}
	return append(b, `\queryid\1.1\`...), nil
}

// List is the client's second message.
type List struct {
	Form   Form
	Game   string
	Filter string // empty means all
}

// Append adds the message.
func (l List) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	m.Pair("list", string(l.Form))
	m.Pair("gamename", l.Game)
	if l.Filter != "" {
		m.Pair("where", l.Filter)
	}
	return m.Final()
}

// ParseMessage reads what a client sends, without its \final\: a Login, a List, or nil for something else, such as the
// \queryid\ behind the last \final\.
func ParseMessage(message []byte) (any, error) {
	text := func(key string) string {
		value, _ := kv.Get(message, key)
		return string(value)
	}
	if form, ok := kv.Get(message, "list"); ok {
		return List{Form: Form(form), Game: text("gamename"), Filter: text("where")}, nil
	}
	if _, ok := kv.Get(message, "validate"); !ok {
		return nil, nil
	}
	login := Login{Game: text("gamename"), Validate: text("validate")}
	if enctype := text("enctype"); enctype != "" {
		n, err := strconv.Atoi(enctype)
		if err != nil || n < 0 {
			return nil, &Error{"login", "enctype is not a number"}
		}
		login.Enctype = n
	}
	return login, nil
}

// refusals are how a master that refuses begins; listStarts how a list does that is not encrypted though it should be, as
// 333networks' older master sends it.
var (
	refusals   = [...]string{`\fatal\`, `\error\`, `\echo\`}
	listStarts = [...]string{`\ip\`, `\fieldcount\`, kv.Terminator}
)

// Refused reports whether the beginning of an answer is a refusal in clear; maybe that it may become one with more bytes.
func Refused(b []byte) (refused, maybe bool) { return startsWith(b, refusals[:]) }

// InClear reports whether the beginning of a list is text in clear; maybe that it may turn out so with more bytes.
func InClear(b []byte) (clear, maybe bool) { return startsWith(b, listStarts[:]) }

func startsWith(b []byte, starts []string) (yes, maybe bool) {
	for _, start := range starts {
		switch n := min(len(b), len(start)); {
		case string(b[:n]) != start[:n]:
		case n == len(start):
			return true, false
		default:
			maybe = true
		}
	}
	return false, maybe
}

// Refusal is the text of a refusal, as far as it has come.
func Refusal(b []byte) string {
	message, _, _ := bytes.Cut(b, []byte(kv.Terminator))
	for _, key := range [...]string{"error", "echo"} {
		if value, ok := kv.Get(message, key); ok {
			message = value
			break
		}
	}
	// Behind its text openspy-core sends an empty list of encryption type 1.
	if end := bytes.IndexFunc(message, func(r rune) bool { return r < ' ' || r > '~' }); end >= 0 {
		message = message[:end]
	}
	return string(message)
}
