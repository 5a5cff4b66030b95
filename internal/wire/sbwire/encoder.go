package sbwire

import (
	"encoding/binary"
	"net/netip"
)

// Encoder writes the body of a list and the messages behind it, as a master does. The zero value is ready; the order of
// the calls is Head, Keys, any number of Server, End, then any number of Message. What it returns is plain: the caller
// encrypts it.
type Encoder struct {
	schema schema
	index  map[string]int
}

// Head appends the client's address as the master sees it and the default query port.
func (e *Encoder) Head(b []byte, client netip.Addr, defaultPort uint16) []byte {
	e.schema.defaultPort = defaultPort
	return binary.BigEndian.AppendUint16(appendIP(b, client), defaultPort)
}

// Error appends a head that says no, and why.
func (e *Encoder) Error(b []byte, client netip.Addr, text string) []byte {
	return appendCString(e.Head(b, client, errorPort), text)
}

// Keys appends the key list and the popular values, at most 255 of each.
func (e *Encoder) Keys(b []byte, keys []Key, popular []string) ([]byte, error) {
	b, err := appendKeys(b, keys)
	if err != nil {
		return b, err
	}
	if len(popular) > highestPopularCount {
		return b, overLimit("list", "popular values", "%d, at most %d", len(popular), highestPopularCount)
	}
	b = append(b, byte(len(popular)))
	e.index = make(map[string]int, len(popular))
	for i, value := range popular {
		if err := checkText("list", "popular value", value, 1<<16); err != nil {
			return b, err
		}
		b = appendCString(b, value)
		if _, ok := e.index[value]; !ok {
			e.index[value] = i
		}
	}
	e.schema.keys, e.schema.popular = keys, popular
	return b, nil
}

// Server appends a server. Its flags say what is written of it.
func (e *Encoder) Server(b []byte, server *Entry) ([]byte, error) {
	return e.schema.append(b, server, e.index)
}

// End appends the end of the list.
func (e *Encoder) End(b []byte) []byte { return append(b, 0, 0xFF, 0xFF, 0xFF, 0xFF) }

// Message appends a message. PushKeys changes the keys of the entries that are pushed later.
func (e *Encoder) Message(b []byte, m Message) ([]byte, error) { return e.schema.appendMessage(b, m) }

func appendKeys(b []byte, keys []Key) ([]byte, error) {
	if len(keys) > 255 {
		return b, overLimit("list", "keys", "%d, at most 255", len(keys))
	}
	b = append(b, byte(len(keys)))
	for _, key := range keys {
		if err := checkText("list", "key", key.Name, 1<<16); err != nil {
			return b, err
		}
		b = appendCString(append(b, byte(key.Type)), key.Name)
	}
	return b, nil
}
