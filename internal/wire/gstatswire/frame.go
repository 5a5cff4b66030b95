package gstatswire

import (
	"bytes"
	"errors"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// MinGreeting is how many bytes, \final\ included, the original waits for before it looks at the server's challenge: one
// with a challenge of less than ten characters never gets through (spec gstats.md §2).
const MinGreeting = 38

// ErrTerminator says that a message would hold a \final\ once it is hidden. The original sends it all the same, and its
// server takes the rest for another message.
var ErrTerminator = errors.New(`the message would read \final\ in the middle when it is hidden`)

// Message is one message, without \final\.
type Message interface {
	// Append appends the message in clear.
	Append(b []byte) ([]byte, error)
}

// AppendFrame appends a message as it goes over the wire.
func AppendFrame(b []byte, message Message) ([]byte, error) {
	start := len(b)
	framed, err := message.Append(b)
	if err != nil {
		return b, err
	}
	gscrypt.GStatsXOR(framed[start:])
	framed = append(framed, kv.Terminator...)
	if bytes.Index(framed[start:], []byte(kv.Terminator)) != len(framed)-start-len(kv.Terminator) {
		return b, ErrTerminator
	}
	return framed, nil
}

// Splitter cuts a stream into messages. A \final\ that is hidden data is told from the end of a message by the length that
// data has by its own account.
func Splitter(limit int) *kv.Splitter { return &kv.Splitter{Limit: limit, Extent: extent} }

// Uncover shows a message that a splitter cut, in place. Errors of the server wfc come in clear: no hidden message begins
// with a backslash.
func Uncover(message []byte) []byte {
	if len(message) > 0 && message[0] != '\\' {
		gscrypt.GStatsXOR(message)
	}
	return message
}

// lengthBound is how much of a message is looked at to find its length: more than all keys in front of the data take.
const lengthBound = 512

// extent is how long a hidden message is by its own account.
func extent(message []byte) int {
	var head [lengthBound]byte
	n := copy(head[:], message)
	pairs := Uncover(head[:n])
	if command := kv.Command(pairs).Key; string(command) != dataReply && string(command) != setData {
		return len(message)
	}
	at := dataAt(pairs)
	length, err := fields{pairs: pairs[:max(at, 0)]}.number("length")
	if at < 0 || err != nil || length < 0 || length > 1<<30 {
		return len(message)
	}
	return at + int(length)
}

// dataAt is where the value of the key "data" begins, -1 if there is none. What is in it are no keys.
func dataAt(message []byte) int {
	at := bytes.IndexByte(message, '\\') + 1
	scanner := kv.Scan(message)
	for {
		key, ok := scanner.Token()
		if !ok {
			return -1
		}
		if at += len(key) + 1; at > len(message) {
			return -1
		}
		if len(key) == 0 {
			continue
		}
		if string(key) == "data" {
			return at
		}
		value, ok := scanner.Token()
		if !ok {
			return -1
		}
		at += len(value) + 1
	}
}
