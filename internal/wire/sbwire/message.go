package sbwire

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Types of messages that follow a list (spec sb.md A.6).
const (
	messagePushKeys     = 1
	messagePushServer   = 2
	messageKeepAlive    = 3
	messageDeleteServer = 4
	messageMapLoop      = 5
	messagePlayerSearch = 6
)

// messageHead is the length and the type.
const messageHead = 3

// Message is what a master sends behind the list: [PushKeys], [PushServer], [KeepAlive], [DeleteServer], [MapLoop],
// [PlayerSearch] or [UnknownMessage].
type Message interface {
	appendBody(b []byte, s *schema) (kind byte, out []byte, err error)
}

// PushKeys replaces the key list for the pushes that follow.
type PushKeys struct{ Keys []Key }

// PushServer adds a server or replaces it. Without FlagHasKeys and FlagHasRules the master knows nothing of it.
type PushServer struct{ Entry Entry }

// KeepAlive wants its echo, in clear, with the same bytes. It goes both ways.
type KeepAlive struct{ Data []byte }

// DeleteServer takes a server off the list.
type DeleteServer struct{ Addr netip.AddrPort }

// MapLoop tells the maps that a server will play next.
type MapLoop struct {
	Addr    netip.AddrPort
	Changes time.Time // when the next map begins; seconds
	Maps    []string
}

// PlayerResult is a player who was found.
type PlayerResult struct {
	Nick     string
	Addr     netip.AddrPort
	LastSeen time.Time // seconds
	Game     string    // empty if one game was searched
}

// PlayerSearch is a part of the answer to a search.
type PlayerSearch struct {
	Final   bool
	Players []PlayerResult
}

// UnknownMessage is one that no document describes; it is skipped by its length.
type UnknownMessage struct {
	Type uint8
	Data []byte
}

// readMessage reads the body of a framed message. Bytes behind the last field are ignored.
func (s *schema) readMessage(kind uint8, body []byte, packed *scratch) (Message, error) {
	c := cursor{body}
	switch kind {
	case messagePushKeys:
		var count uint8
		if !c.ReadUint8(&count) {
			return nil, truncated("push keys", "count")
		}
		keys := make([]Key, 0, count)
		for range count {
			key, ok := readKey(&c)
			if !ok {
				return nil, truncated("push keys", "key")
			}
			keys = append(keys, key)
		}
		return PushKeys{keys}, nil
	case messagePushServer:
		pushed := *s
		pushed.pushed = true
		var m PushServer
		switch _, result, err := pushed.readEntry(body, &m.Entry, packed); result {
		case malformed:
			return nil, err
		case incomplete:
			return nil, truncated("push server", "server entry")
		}
		return m, nil
	case messageKeepAlive:
		return KeepAlive{append([]byte(nil), body...)}, nil
	case messageDeleteServer:
		var m DeleteServer
		if !c.readAddrPort(&m.Addr) {
			return nil, truncated("delete server", "address")
		}
		return m, nil
	case messageMapLoop:
		return readMapLoop(c)
	case messagePlayerSearch:
		return readPlayerSearch(c)
	}
	return UnknownMessage{kind, append([]byte(nil), body...)}, nil
}

func readKey(c *cursor) (Key, bool) {
	var kind uint8
	var key Key
	ok := c.ReadUint8(&kind) && c.readText(&key.Name)
	key.Type = KeyType(kind)
	return key, ok
}

func readMapLoop(c cursor) (Message, error) {
	var m MapLoop
	var changes uint32
	var count uint8
	if !c.readAddrPort(&m.Addr) || !c.ReadUint32(&changes) || !c.ReadUint8(&count) {
		return nil, truncated("map loop", "address, time and count")
	}
	m.Changes = time.Unix(int64(changes), 0)
	for range count {
		var name string
		if !c.readText(&name) {
			return nil, truncated("map loop", "map")
		}
		m.Maps = append(m.Maps, name)
	}
	return m, nil
}

func readPlayerSearch(c cursor) (Message, error) {
	var m PlayerSearch
	var final, count uint8
	if !c.ReadUint8(&final) || !c.ReadUint8(&count) {
		return nil, truncated("player search", "count")
	}
	m.Final = final != 0
	for range count {
		var player PlayerResult
		var seen uint32
		if !c.readText(&player.Nick) || !c.readAddrPort(&player.Addr) || !c.ReadUint32(&seen) || !c.readText(&player.Game) {
			return nil, truncated("player search", "player")
		}
		player.LastSeen = time.Unix(int64(seen), 0)
		m.Players = append(m.Players, player)
	}
	return m, nil
}

// appendMessage appends a message with its head.
func (s *schema) appendMessage(b []byte, m Message) ([]byte, error) {
	start := len(b)
	kind, b, err := m.appendBody(append(b, 0, 0, 0), s)
	if err != nil {
		return b[:start], err
	}
	if len(b)-start > MaxMessage {
		return b[:start], overLimit("message", "length", "%d bytes, at most %d", len(b)-start, MaxMessage)
	}
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start))
	b[start+2] = kind
	return b, nil
}

// Append appends the keep-alive in clear: the client's echo.
func (m KeepAlive) Append(b []byte) ([]byte, error) { return new(schema).appendMessage(b, m) }

func (m PushKeys) appendBody(b []byte, s *schema) (byte, []byte, error) {
	b, err := appendKeys(b, m.Keys)
	s.keys = m.Keys
	return messagePushKeys, b, err
}

func (m PushServer) appendBody(b []byte, s *schema) (byte, []byte, error) {
	pushed := *s
	pushed.pushed = true
	b, err := pushed.append(b, &m.Entry, nil)
	return messagePushServer, b, err
}

func (m KeepAlive) appendBody(b []byte, _ *schema) (byte, []byte, error) {
	return messageKeepAlive, append(b, m.Data...), nil
}

func (m DeleteServer) appendBody(b []byte, _ *schema) (byte, []byte, error) {
	return messageDeleteServer, appendAddrPort(b, m.Addr), nil
}

func (m MapLoop) appendBody(b []byte, _ *schema) (byte, []byte, error) {
	if len(m.Maps) > 255 {
		return messageMapLoop, b, overLimit("map loop", "maps", "%d, at most 255", len(m.Maps))
	}
	b = appendAddrPort(b, m.Addr)
	b = binary.BigEndian.AppendUint32(b, uint32(m.Changes.Unix()))
	b = append(b, byte(len(m.Maps)))
	for _, name := range m.Maps {
		if err := checkText("map loop", "map", name, MaxMessage); err != nil {
			return messageMapLoop, b, err
		}
		b = appendCString(b, name)
	}
	return messageMapLoop, b, nil
}

func (m PlayerSearch) appendBody(b []byte, _ *schema) (byte, []byte, error) {
	if len(m.Players) > 255 {
		return messagePlayerSearch, b, overLimit("player search", "players", "%d, at most 255", len(m.Players))
	}
	final := byte(0)
	if m.Final {
		final = 1
	}
	b = append(b, final, byte(len(m.Players)))
	for _, player := range m.Players {
		if err := checkText("player search", "player", player.Nick+player.Game, MaxMessage); err != nil {
			return messagePlayerSearch, b, err
		}
		b = appendAddrPort(appendCString(b, player.Nick), player.Addr)
		b = binary.BigEndian.AppendUint32(b, uint32(player.LastSeen.Unix()))
		b = appendCString(b, player.Game)
	}
	return messagePlayerSearch, b, nil
}

func (m UnknownMessage) appendBody(b []byte, _ *schema) (byte, []byte, error) {
	return m.Type, append(b, m.Data...), nil
}
