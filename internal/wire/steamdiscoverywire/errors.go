package steamdiscoverywire

import (
	"errors"
	"fmt"
)

// ErrNotSteam says that a datagram does not begin with the magic: it belongs to some other protocol.
var ErrNotSteam = errors.New("steamdiscovery: not a discovery packet")

// Error says which part of a packet is wrong, and how.
type Error struct {
	Message string // "frame", or the protobuf message by its name in Steam: "User" for one inside a status
	Field   string // "header length", "hostname", "steamid", "field 1000"
	Reason  string
}

// Error implements error.
func (e *Error) Error() string {
	return "steamdiscovery: " + e.Message + ": " + e.Field + ": " + e.Reason
}

func failure(message, field, format string, args ...any) *Error {
	return &Error{Message: message, Field: field, Reason: fmt.Sprintf(format, args...)}
}
