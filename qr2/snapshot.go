package qr2

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/qr1wire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// Field is a key and its value.
type Field struct{ Key, Value string }

// Fields are the keys of a server, a player or a team. Keys of players end in _, keys of teams in _t.
type Fields []Field

// with is a copy in which a key has that value.
func (f Fields) with(key, value string) Fields {
	f = slices.Clone(f)
	if i := slices.IndexFunc(f, func(field Field) bool { return field.Key == key }); i >= 0 {
		f[i].Value = value
		return f
	}
	return append(f, Field{key, value})
}

// Snapshot is what a game server says of itself. Text is bytes: it need not be UTF-8, but must not have a NUL in it.
//
// The predefined keys are hostname, gamename, gamever, hostport, mapname, gametype, gamevariant, numplayers, numteams,
// maxplayers, gamemode (openstaging, openplaying, closedplaying or exiting by convention), teamplay, fraglimit,
// teamfraglimit, timeelapsed, timelimit, roundtime, roundelapsed, password, groupid, nn_groupid; for players player_,
// score_, skill_, ping_, team_, deaths_, pid_; for teams team_t and score_t.
type Snapshot struct {
	Server  Fields
	Players []Fields // at most 256
	Teams   []Fields // at most 256
}

// headKeys are written by the host itself; a second one would confuse masters.
var headKeys = []string{"localport", "natneg", "statechanged", "publicip", "publicport"}

// data turns a snapshot into tables. Players and teams have the keys that any of them has.
func (s Snapshot) data() (d qr2wire.Data, err error) {
	seen := make(map[string]bool, len(s.Server))
	for _, field := range s.Server {
		if slices.Contains(headKeys, field.Key) || strings.HasPrefix(field.Key, "localip") {
			return d, invalidSnapshot("server key " + strconv.Quote(field.Key) + " is the host's own; see Config")
		}
		if seen[field.Key] {
			return d, invalidSnapshot("server key " + strconv.Quote(field.Key) + " is there twice")
		}
		seen[field.Key] = true
		d.Server = append(d.Server, qr2wire.Field(field))
	}
	if d.Players, err = table("player", s.Players); err != nil {
		return d, err
	}
	if d.Teams, err = table("team", s.Teams); err != nil {
		return d, err
	}
	if len(d.Players.Keys) == 0 && len(d.Teams.Keys) > 0 {
		// As the original does, whose keys are registered beforehand: qstat does not read the teams behind a player section
		// without keys.
		d.Players.Keys = []string{qr2wire.KeyName(keyPlayer)}
	}
	if err := d.Check(); err != nil {
		return d, invalidSnapshot(err.Error())
	}
	return d, nil
}

func table(what string, list []Fields) (t qr2wire.Table, err error) {
	columns := make(map[string]int)
	for _, fields := range list {
		for _, field := range fields {
			if _, known := columns[field.Key]; !known {
				columns[field.Key] = len(t.Keys)
				t.Keys = append(t.Keys, field.Key)
			}
		}
	}
	for i, fields := range list {
		row := make([]string, len(t.Keys))
		met := make([]bool, len(t.Keys))
		for _, field := range fields {
			column := columns[field.Key]
			if met[column] {
				return t, invalidSnapshot(what + " " + strconv.Itoa(i) + " has the key " + strconv.Quote(field.Key) + " twice")
			}
			met[column] = true
			row[column] = field.Value
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

func invalidSnapshot(reason string) error {
	return &Error{Op: "update", Reason: reason, Err: ErrInvalid}
}

// keyPlayer is the number of player_.
const keyPlayer = 21

// encoded is a snapshot as it is sent. Answers to whole sections are made once, and only the client's key is put in. Others
// are made anew each time, in the bytes that are sent: there are more kinds of them than a memory can hold that strangers
// fill, and making one costs little.
type encoded struct {
	data      qr2wire.Data
	split     [][]byte     // bodies
	splitSize int          // of all of them with their headers
	values    *[256]string // of the server keys by number; nil until one is asked for
	wholes    [8]answer    // single replies to questions for whole sections or none
	old       [qr1wire.Combinations]oldAnswer
}

type answer struct {
	body []byte // nil until it is asked for
	left int    // values that did not fit
}

func encode(s Snapshot) (*encoded, error) {
	data, err := s.data()
	if err != nil {
		return nil, err
	}
	split, err := qr2wire.Split(&data, 0, qr2wire.WholeValues)
	if err != nil {
		var tooBig *qr2wire.SplitError
		if errors.As(err, &tooBig) {
			return nil, &Error{Op: "update", Reason: err.Error(), Err: ErrTooBig}
		}
		return nil, invalidSnapshot(err.Error())
	}
	e := &encoded{data: data, split: split}
	for _, body := range split {
		e.splitSize += qr2wire.FromServerHeader + len(body)
	}
	return e, nil
}

// appendSingle adds the body of a single reply; left is how many values did not fit.
func (e *encoded) appendSingle(b []byte, q qr2wire.Query, registry *qr2wire.Registry) (body []byte, left int) {
	const limit = qr2wire.MaxSize - qr2wire.FromServerHeader
	if q.Players.Empty() && q.Teams.Empty() && len(q.Server.IDs) > 0 {
		if body, ok := e.appendValues(b, q.Server.IDs, registry, limit); ok {
			return body, 0
		}
	}
	whole := 0
	for i, section := range [...]qr2wire.Selection{q.Server, q.Players, q.Teams} {
		if len(section.IDs) > 0 {
			return qr2wire.FitReply(b, q, &e.data, registry, limit)
		}
		if section.All {
			whole |= 1 << i
		}
	}
	a := &e.wholes[whole]
	if a.body == nil {
		a.body, a.left = qr2wire.FitReply(make([]byte, 0, limit), q, &e.data, registry, limit)
	}
	return append(b, a.body...), a.left
}

// appendValues adds the values of server keys that are asked for by number, which is what every browser asks of every server;
// ok is false if they do not fit.
func (e *encoded) appendValues(b []byte, ids []byte, registry *qr2wire.Registry, limit int) (body []byte, ok bool) {
	if e.values == nil {
		e.values = new([256]string)
		for _, field := range e.data.Server {
			if id, known := registry.Number(field.Key); known {
				e.values[id] = field.Value
			}
		}
	}
	size := len(ids)
	for _, id := range ids {
		size += len(e.values[id])
	}
	if size > limit {
		return b, false
	}
	for _, id := range ids {
		b = append(append(b, e.values[id]...), 0)
	}
	return b, true
}

// sameServer reports whether the server keys are the same, apart from the quiet ones.
func sameServer(a, b *encoded, quiet []string) bool {
	if a == nil || b == nil {
		return a == b
	}
	loud := func(fields []qr2wire.Field) []qr2wire.Field {
		return slices.DeleteFunc(slices.Clone(fields), func(f qr2wire.Field) bool { return slices.Contains(quiet, f.Key) })
	}
	return slices.Equal(loud(a.data.Server), loud(b.data.Server))
}
