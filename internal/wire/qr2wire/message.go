package qr2wire

import (
	"bytes"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
)

// maxEcho is how much of an echo request comes back (spec qr2.md §2).
const maxEcho = 32

// AddError is the master's refusal to list a game server. The text is for the operator: OpenSpy says "No such gamename",
// for one (spec servers.md §3.2).
type AddError struct {
	Key  Key
	Code uint8
	Text string
}

// ParseAddError reads the body of a refusal.
func ParseAddError(key Key, body []byte) (AddError, error) {
	e := AddError{Key: key}
	s := cryptobyte.String(body)
	if !s.ReadUint8(&e.Code) {
		return e, malformed("add error", "code", "missing")
	}
	if !readString(&s, &e.Text) {
		return e, malformed("add error", "text", "no NUL at its end")
	}
	return e, nil
}

// Append adds the whole packet.
func (e AddError) Append(b []byte) []byte {
	return appendString(append(AppendToServer(b, TypeAddError, e.Key), e.Code), e.Text)
}

// ClientMessage is what a game client sends to a game server through the master; most carry the cookie of a NAT
// negotiation.
type ClientMessage struct {
	Key        Key
	MessageKey [4]byte // opaque; names the message in its ack and when it is repeated
	Data       []byte
}

// ParseClientMessage reads the body of a client message. Data is a copy.
func ParseClientMessage(key Key, body []byte) (ClientMessage, error) {
	m := ClientMessage{Key: key}
	if len(body) < len(m.MessageKey) {
		return m, malformed("client message", "message key", "shorter than four bytes")
	}
	m.MessageKey = [4]byte(body)
	m.Data = bytes.Clone(body[len(m.MessageKey):])
	return m, nil
}

// Append adds the whole packet.
func (m ClientMessage) Append(b []byte) []byte {
	b = append(AppendToServer(b, TypeClientMessage, m.Key), m.MessageKey[:]...)
	return append(b, m.Data...)
}

// AppendMessageAck adds the game server's acknowledgement of a client message.
func AppendMessageAck(b []byte, key Key, messageKey [4]byte) []byte {
	return append(AppendFromServer(b, TypeMessageAck, key), messageKey[:]...)
}

// ParseMessageAck reads the body of an acknowledgement.
func ParseMessageAck(body []byte) (messageKey [4]byte, err error) {
	if len(body) < len(messageKey) {
		return messageKey, malformed("client message ack", "message key", "shorter than four bytes")
	}
	return [4]byte(body), nil
}

// natNegMagic starts every NatNeg packet; spec natneg.md §1.
const natNegMagic = "\xfd\xfc\x1e\x66\x6a\xb2"

// Cookie finds the cookie of a NAT negotiation in the data of a client message (spec qr2.md §6.5).
func Cookie(data []byte) (cookie [4]byte, ok bool) {
	if len(data) < len(natNegMagic)+4 || string(data[:len(natNegMagic)]) != natNegMagic {
		return cookie, false
	}
	return [4]byte(data[len(natNegMagic):]), true
}

// AppendCookie adds the data of a client message that carries a cookie.
func AppendCookie(b []byte, cookie [4]byte) []byte {
	return append(append(b, natNegMagic...), cookie[:]...)
}

// AppendEcho adds an echo request.
func AppendEcho(b []byte, key Key, data []byte) []byte {
	return append(AppendToServer(b, TypeEcho, key), data...)
}

// AppendEchoReply adds the answer to an echo request: its key and the first 32 bytes of its body.
func AppendEchoReply(b []byte, key Key, body []byte) []byte {
	return append(AppendFromServer(b, TypeEchoReply, key), body[:min(len(body), maxEcho)]...)
}

// AppendPrequery adds a client's request for a number that its query must carry (spec qr2.md §6.1).
func AppendPrequery(b []byte, key Key) []byte { return AppendToServer(b, TypePrequery, key) }

// AppendPrequeryReply adds the game server's answer: the number as signed decimal, 0 for "not needed".
func AppendPrequeryReply(b []byte, key Key, number int32) []byte {
	b = strconv.AppendInt(AppendFromServer(b, TypePrequery, key), int64(number), 10)
	return append(b, 0)
}

// ParsePrequeryReply reads the body of that answer. A number above the signed range is taken as unsigned, as the
// original's conversion does.
func ParsePrequeryReply(body []byte) (number int32, err error) {
	var text string
	s := cryptobyte.String(body)
	if !readString(&s, &text) {
		// Some servers leave the NUL out.
		text = string(body)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1<<31 || n >= 1<<32 {
		return 0, malformed("pre-query reply", "number", "not a decimal of 32 bits")
	}
	return int32(uint32(n)), nil
}
