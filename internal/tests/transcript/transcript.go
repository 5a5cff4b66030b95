// Package transcript reads exchanges that were recorded with real third-party servers, so that sessions can be tested
// against what those servers said. Only tests import it.
package transcript

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Directions of an event.
const (
	ClientToServer = "c2s"
	ServerToClient = "s2c"
	Open           = "open"
	Close          = "close"
	EOF            = "eof"
	Reset          = "reset"
)

// Event is one thing that happened: a payload, or a connection that was opened or closed. For TCP, the borders between
// payloads mean nothing.
type Event struct {
	T      float64 `json:"t"`     // seconds since the start
	Proto  string  `json:"proto"` // udp, tcp, http
	Conn   string  `json:"conn"`  // label of the client's socket
	Dir    string  `json:"dir"`
	Hex    string  `json:"hex"`
	Local  string  `json:"local"`  // the client's address
	Remote string  `json:"remote"` // the server's address
	Note   string  `json:"note"`

	Payload []byte `json:"-"` // Hex, decoded
}

// File is one recording.
type File struct {
	Meta   map[string]any `json:"meta"`
	Events []Event        `json:"events"`
}

// Load reads a recording.
func Load(t testing.TB, path string) File {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var file File
	require.NoError(t, json.Unmarshal(b, &file))
	for i := range file.Events {
		event := &file.Events[i]
		event.Payload, err = hex.DecodeString(event.Hex)
		require.NoError(t, err, "event %d", i)
	}
	return file
}

// Conn returns the events of one client socket that have a direction, in order.
func (f File) Conn(label string) []Event {
	var events []Event
	for _, event := range f.Events {
		if event.Conn == label && event.Dir != "" {
			events = append(events, event)
		}
	}
	return events
}

// Labels lists the client sockets in order of appearance.
func (f File) Labels() []string {
	var labels []string
	seen := make(map[string]bool)
	for _, event := range f.Events {
		if event.Conn != "" && !seen[event.Conn] {
			seen[event.Conn] = true
			labels = append(labels, event.Conn)
		}
	}
	return labels
}

// Bytes joins the payloads of one direction: the stream of a TCP connection.
func Bytes(events []Event, dir string) []byte {
	var b []byte
	for _, event := range events {
		if event.Dir == dir {
			b = append(b, event.Payload...)
		}
	}
	return b
}
