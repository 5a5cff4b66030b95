package gstatstest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// reply answers a request, with the faults of replies.
func (c *conn) reply(m gstatswire.Message) {
	faults := c.server.config.Faults
	switch m := m.(type) {
	case *gstatswire.PlayerReply:
		m.LocalID += faults.LocalID
	case *gstatswire.ProfileIDReply:
		m.LocalID += faults.LocalID
	case *gstatswire.DataReply:
		m.LocalID += faults.LocalID
		m.ProfileID += faults.ProfileID
	case *gstatswire.SetReply:
		m.LocalID += faults.LocalID
		m.ProfileID += faults.ProfileID
	}
	body, err := m.Append(nil)
	if err != nil {
		c.server.log.Error("gstatstest cannot answer", "error", err)
		return
	}
	frame := hide(lie(c.server.shape(body), faults.Length))
	if faults.Twice {
		frame = slices.Concat(frame, frame)
	}
	if faults.Swap {
		if c.held == nil {
			c.held = frame
			return
		}
		frame = append(frame, c.held...)
		c.held = nil
	}
	c.send(frame)
}

// cut separates the pairs of a message from its data, with the key in front.
func cut(body []byte) (pairs, data []byte) {
	if at := bytes.Index(body, []byte(`\data\`)); at >= 0 {
		return body[:at], body[at:]
	}
	return body, nil
}

// lie changes the length that a message says its data has.
func lie(body []byte, by int) []byte {
	pairs, data := cut(body)
	if by == 0 || data == nil {
		return body
	}
	return rebuild(pairs, data, func(all []pair) []pair {
		for i := range all {
			if length, err := strconv.Atoi(all[i].value); err == nil && all[i].key == "length" {
				all[i].value = strconv.Itoa(length + by)
			}
		}
		return all
	})
}

type pair struct{ key, value string }

// rebuild changes the pairs of a message behind the command.
func rebuild(pairs, data []byte, change func([]pair) []pair) []byte {
	var all []pair
	for key, value := range kv.All(pairs) {
		all = append(all, pair{string(key), string(value)})
	}
	var m kv.Builder
	if len(all) > 0 {
		m.Pair(all[0].key, all[0].value)
		for _, p := range change(all[1:]) {
			m.Pair(p.key, p.value)
		}
	}
	body, err := m.Bytes()
	if err != nil {
		return slices.Concat(pairs, data)
	}
	return append(body, data...)
}

// shape writes a message the way the family does (servers.md §8): wfc walks a map, though data comes last; openspy has the
// text of an error in front of the local id; neither tells a time that it does not know.
func (s *Server) shape(body []byte) []byte {
	family := s.config.Family
	if family != quirks.WFC && family != quirks.OpenSpy {
		return body
	}
	pairs, data := cut(body)
	return rebuild(pairs, data, func(all []pair) []pair {
		all = slices.DeleteFunc(all, func(p pair) bool { return p == pair{"mod", "0"} })
		if family == quirks.WFC {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		} else if at := slices.IndexFunc(all, func(p pair) bool { return p.key == "errmsg" }); at > 0 {
			text := all[at]
			all = slices.Insert(slices.Delete(all, at, at+1), 0, text)
		}
		return all
	})
}

// failure is an error that answers no request.
type failure struct {
	code int32
	text string
}

// The errors that families send. All are fatal (wfc-server gpcm/error.go; openspy-core GPShared.cpp; kr4uzi stats.client.cpp).
var (
	errorParse       = failure{1, "There was an error parsing an incoming request."}
	errorNotLoggedIn = failure{2, "This request cannot be processed because you are not logged in."}
	errorNoPlayer    = failure{2, "The request cannot be processed because user has not logged in. "}
	errorDatabase    = failure{4, "This request cannot be processed because of a database error."}
	errorClosed      = failure{7, "The server has closed the connection."}
	errorGame        = failure{0, "Unknown Game!"}
	errorResponse    = failure{0, "Invalid Response!"}
)

// refuse sends an error and ends the connection. The original has no errors, and just does that.
func (c *conn) refuse(f failure) {
	var m kv.Builder
	m.Pair("error", "")
	m.Int("err", int64(f.code))
	switch c.server.config.Family {
	case quirks.WFC: // in clear
		m.Pair("errmsg", f.text)
		m.Pair("fatal", "")
		if frame, err := m.Final(); err == nil {
			c.send(frame)
		}
	case quirks.OpenSpy:
		m.Pair("errmsg", f.text)
		m.Int("fatal", 1)
		c.sendBody(m)
	case quirks.KR4uzi:
		m.Pair("fatal", "")
		m.Pair("errmsg", f.text)
		m.Int("id", 1)
		c.sendBody(m)
	}
	c.hangUp()
}

func (c *conn) sendBody(m kv.Builder) {
	if body, err := m.Bytes(); err == nil {
		c.send(hide(body))
	}
}
