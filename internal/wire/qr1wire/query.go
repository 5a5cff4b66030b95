package qr1wire

import (
	"bytes"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Sections are the parts of an answer that a question asks for.
type Sections uint8

// The sections, and all of them.
const (
	Basic   Sections = 1 << iota // what game it is: gamename, gamever, location
	Info                         // what a list shows: hostname, hostport, mapname, gametype, numplayers, maxplayers, gamemode
	Rules                        // the other server keys
	Players                      // the players and the teams
	Status  = Basic | Info | Rules | Players
)

// Combinations is how many different Sections there are.
const Combinations = int(Status) + 1

// MaxQuery is the longest question that the original reads, and MaxEcho the longest text that comes back here: it must fit
// behind the last keys of a full datagram.
const (
	MaxQuery = 255
	MaxEcho  = 64
)

// MaxChallenge is the longest \secure\ challenge that the original answers without overrunning its buffers.
const MaxChallenge = 64

// Query is a question. The zero value asks for nothing but a \final\.
type Query struct {
	Sections Sections
	Echo     []byte // text that is to come back; nil for none, empty is one
	Secure   []byte // a master's challenge, to be answered with \validate\ and the same computation as QR2's; nil for none
}

// words are what a question may begin with.
var words = [...]struct {
	text     string
	sections Sections
}{{"basic", Basic}, {"info", Info}, {"rules", Rules}, {"players", Players}, {"status", Status}, {"echo", 0}, {"secure", 0}}

func section(token []byte) (s Sections, known bool) {
	for i := range words {
		if string(token) == words[i].text {
			return words[i].sections, true
		}
	}
	return 0, false
}

// IsQuery reports whether a datagram is a question: it begins with a backslash and one of the words that ask. Anything else
// on the socket is somebody else's, other text with backslashes too.
func IsQuery(b []byte) bool {
	if len(b) < 2 || len(b) > MaxQuery || b[0] != '\\' {
		return false
	}
	word := b[1:]
	if end := bytes.IndexAny(word, "\\\x00"); end >= 0 {
		word = word[:end]
	}
	_, known := section(word)
	return known
}

// ParseQuery reads a question. As in the original, every word between two backslashes counts, so that \info\rules\ asks for
// both, and a NUL ends the text. What it does not know is ignored: gamedig asks \status\xserverquery. Echo and Secure are
// parts of b.
func ParseQuery(b []byte) (Query, error) {
	var q Query
	if !IsQuery(b) {
		return q, &Error{"query", "not one of the words that ask"}
	}
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	scanner := kv.Scan(b)
	key := true // the token is where a key stands
	for {
		token, ok := scanner.Token()
		if !ok {
			break
		}
		behind := scanner
		next, more := behind.Token()
		if s, known := section(token); known && (more || key) {
			q.Sections |= s
			switch {
			case s != 0:
			case string(token) == "echo" && q.Echo == nil:
				q.Echo = orEmpty(next)
			case string(token) == "secure" && q.Secure == nil:
				q.Secure = orEmpty(next)
			}
		}
		key = !key
	}
	switch {
	case len(q.Echo) > MaxEcho:
		return q, &Error{"query", "the text of echo is longer than 64 bytes"}
	case len(q.Secure) > MaxChallenge:
		return q, &Error{"query", "the challenge is longer than 64 bytes"}
	}
	return q, nil
}

func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Append adds the question as the original writes it, \basic\\info\ for one. Backslashes and NULs in texts become slashes and
// blanks.
func (q Query) Append(b []byte) []byte {
	if q.Sections == Status {
		b = append(b, `\status\`...)
	} else {
		for i := range words[:4] {
			if q.Sections&words[i].sections != 0 {
				b = append(append(append(b, '\\'), words[i].text...), '\\')
			}
		}
	}
	if q.Echo != nil {
		b = append(b, `\echo\`...)
		b = append(b, kv.Sanitize(string(q.Echo))...)
	}
	if q.Secure != nil {
		b = append(b, `\secure\`...)
		b = append(b, kv.Sanitize(string(q.Secure))...)
	}
	return b
}
