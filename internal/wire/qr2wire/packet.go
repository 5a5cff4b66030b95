package qr2wire

import (
	"bytes"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// MaxSize is the longest datagram that the original sends, and after which it cuts (spec qr2.md §1).
const MaxSize = 1400

// Magic starts every packet to a game server.
const Magic = "\xfe\xfd"

// Sizes of the headers: FE FD, type, key; and type, key.
const (
	ToServerHeader   = 7
	FromServerHeader = 5
)

// Key is the four opaque bytes behind the type. In heartbeats, challenges and everything else between master and game
// server it is the instance key, which the game server chose; in queries it is the client's own.
type Key [4]byte

// Type is the type of a packet (spec qr2.md §2).
type Type uint8

// The types.
const (
	TypeQuery         Type = 0x00 // client to game server, and the reply
	TypeChallenge     Type = 0x01 // master to game server, and the response
	TypeEcho          Type = 0x02 // to the game server
	TypeHeartbeat     Type = 0x03 // game server to master
	TypeAddError      Type = 0x04 // master to game server
	TypeEchoReply     Type = 0x05 // from the game server
	TypeClientMessage Type = 0x06 // master to game server
	TypeMessageAck    Type = 0x07 // game server to master
	TypeKeepAlive     Type = 0x08 // both ways
	TypePrequery      Type = 0x09 // client to game server, and the reply; with the master it is the availability check
	TypeRegistered    Type = 0x0A // master to game server
)

// String names the type.
func (t Type) String() string {
	switch t {
	case TypeQuery:
		return "query"
	case TypeChallenge:
		return "challenge"
	case TypeEcho:
		return "echo"
	case TypeHeartbeat:
		return "heartbeat"
	case TypeAddError:
		return "add error"
	case TypeEchoReply:
		return "echo reply"
	case TypeClientMessage:
		return "client message"
	case TypeMessageAck:
		return "client message ack"
	case TypeKeepAlive:
		return "keep-alive"
	case TypePrequery:
		return "pre-query"
	case TypeRegistered:
		return "registered"
	}
	return fmt.Sprintf("type 0x%02x", uint8(t))
}

// IsToServer reports whether a datagram is one to a QR2 game server: anything else on the socket is somebody else's. The
// types end at 0x0A; the original takes every type and drops what it does not know.
func IsToServer(b []byte) bool {
	return len(b) >= ToServerHeader && b[0] == Magic[0] && b[1] == Magic[1] && Type(b[2]) <= TypeRegistered
}

// ParseToServer reads the header of a packet to a game server. body is a part of b.
func ParseToServer(b []byte) (t Type, key Key, body []byte, err error) {
	if len(b) < ToServerHeader || string(b[:2]) != Magic {
		return 0, Key{}, nil, malformed("packet to a game server", "header", "not FE FD, a type and a key")
	}
	return Type(b[2]), Key(b[3:7]), b[ToServerHeader:], nil
}

// ParseFromServer reads the header of a packet from a game server. body is a part of b.
func ParseFromServer(b []byte) (t Type, key Key, body []byte, err error) {
	if len(b) < FromServerHeader {
		return 0, Key{}, nil, malformed("packet from a game server", "header", "shorter than a type and a key")
	}
	return Type(b[0]), Key(b[1:5]), b[FromServerHeader:], nil
}

// AppendToServer adds the header of a packet to a game server.
func AppendToServer(b []byte, t Type, key Key) []byte {
	b = append(b, Magic...)
	return append(append(b, byte(t)), key[:]...)
}

// AppendFromServer adds the header of a packet from a game server.
func AppendFromServer(b []byte, t Type, key Key) []byte {
	return append(append(b, byte(t)), key[:]...)
}

// readString reads bytes that end with 00.
func readString(s *cryptobyte.String, text *string) bool {
	end := bytes.IndexByte(*s, 0)
	if end < 0 {
		return false
	}
	*text = string((*s)[:end])
	return s.Skip(end + 1)
}

func appendString(b []byte, text string) []byte { return append(append(b, text...), 0) }
