// Package availwire is the codec of the availability check, the question whether the back end serves a game (spec
// availability.md). It only turns bytes into values and back.
package availwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
)

// MaxGame is the longest game name: the original's packet has 64 bytes.
const MaxGame = 57

// typeCheck is the type of both packets. QR2's pre-query has the same number; the direction tells them apart.
const typeCheck = 0x09

const replySize = 7

// Errors of malformed packets.
var (
	ErrRequest = errors.New("availability: request: not 09, four bytes and a game name with its NUL")
	ErrReply   = errors.New("availability: reply: not FE FD 09 and a bit field")
	ErrGame    = errors.New("availability: request: game name: empty, longer than 57 bytes, or with a NUL")
)

// Status is what the back end says of a game.
type Status uint8

// The answers.
const (
	Available              Status = iota
	Unavailable                   // for good
	TemporarilyUnavailable        // for now
)

// String says it in words.
func (s Status) String() string {
	switch s {
	case Available:
		return "available"
	case Unavailable:
		return "unavailable"
	case TemporarilyUnavailable:
		return "temporarily unavailable"
	}
	return "status " + strconv.Itoa(int(s))
}

// AppendRequest adds a request.
func AppendRequest(b []byte, game string) ([]byte, error) {
	if game == "" || len(game) > MaxGame || bytes.IndexByte([]byte(game), 0) >= 0 {
		return b, ErrGame
	}
	// The original never fills the four bytes behind the type.
	b = append(b, typeCheck, 0, 0, 0, 0)
	return append(append(b, game...), 0), nil
}

// ParseRequest reads a request.
func ParseRequest(b []byte) (game string, err error) {
	if len(b) < 6 || b[0] != typeCheck {
		return "", ErrRequest
	}
	end := bytes.IndexByte(b[5:], 0)
	if end < 0 {
		return "", ErrRequest
	}
	if end == 0 || end > MaxGame {
		return "", ErrGame
	}
	return string(b[5 : 5+end]), nil
}

// AppendReply adds an answer.
func AppendReply(b []byte, status Status) []byte {
	bits := uint32(0)
	switch status {
	case Unavailable:
		bits = 1
	case TemporarilyUnavailable:
		bits = 2
	}
	return binary.BigEndian.AppendUint32(append(b, 0xFE, 0xFD, typeCheck), bits)
}

// ParseReply reads an answer. Servers send 7, 8 or 10 bytes (spec servers.md §2): what follows the bit field is ignored,
// and so are its other bits.
func ParseReply(b []byte) (Status, error) {
	if len(b) < replySize || b[0] != 0xFE || b[1] != 0xFD || b[2] != typeCheck {
		return Available, ErrReply
	}
	switch bits := binary.BigEndian.Uint32(b[3:]); {
	case bits&1 != 0:
		return Unavailable, nil
	case bits&2 != 0:
		return TemporarilyUnavailable, nil
	}
	return Available, nil
}
