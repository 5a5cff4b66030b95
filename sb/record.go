package sb

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// pack makes the record of a server, with names that the list's servers share.
func (l *ServerList) pack(server Server) *record {
	r := &record{addr: server.Addr, private: server.Private, ping: int64(server.Ping), flags: server.Flags, protocol: server.Protocol}
	if server.Players != nil || server.Teams != nil || server.QueryErr != nil {
		r.extra = &extra{players: server.Players, teams: server.Teams, queryErr: server.QueryErr}
	}
	if !server.HasFields() {
		return r
	}
	if len(server.rules) == 0 {
		r.shape, r.values = l.share(server.row.names.list), server.row.values
		return r
	}
	l.packed = l.packed[:0]
	var list []string
	for name, value := range server.Fields() {
		list = append(list, name)
		l.packed = sbwire.AppendValue(l.packed, value)
	}
	r.shape, r.values = l.share(list), sbwire.Values(l.packed)
	return r
}

// share finds the shape with these names, or makes it. Whoever forgets a record gives its shape to release.
func (l *ServerList) share(list []string) *shape {
	l.shapeKey = l.shapeKey[:0]
	for _, name := range list {
		l.shapeKey = append(binary.AppendUvarint(l.shapeKey, uint64(len(name))), name...)
	}
	s, ok := l.shapes[string(l.shapeKey)]
	if !ok {
		if l.shapes == nil {
			l.shapes = make(map[string]*shape)
		}
		s = &shape{names: names{slices.Clone(list)}, key: string(l.shapeKey)}
		l.shapes[s.key] = s
		l.bytes += s.size() + len(s.key)
	}
	s.refs++
	return s
}

// release forgets a shape that no record has.
func (l *ServerList) release(s *shape) {
	if s == nil {
		return
	}
	if s.refs--; s.refs == 0 {
		delete(l.shapes, s.key)
		l.bytes -= s.size() + len(s.key)
	}
}

// row is the fields of a record.
func (r *record) row() row {
	if r.shape == nil {
		return row{}
	}
	return row{&r.shape.names, r.values}
}

// server is what the list gives out.
func (r *record) server() Server {
	s := Server{Addr: r.addr, Private: r.private, Flags: r.flags, Protocol: r.protocol, Ping: time.Duration(r.ping), row: r.row()}
	if r.extra != nil {
		s.Players, s.Teams, s.QueryErr = r.extra.players, r.extra.teams, r.extra.queryErr
	}
	return s
}

// size is about how many bytes of memory the record takes.
func (r *record) size() int {
	size := recordBytes + len(r.values)
	if r.extra == nil {
		return size
	}
	for _, table := range []Table{r.extra.players, r.extra.teams} {
		for _, fields := range table {
			for _, field := range fields {
				size += 2*stringHeader + len(field.Key) + len(field.Value)
			}
		}
	}
	return size
}

// saysAll reports whether a server brings nothing new, in the commonest case: the same list came again.
func (r *record) saysAll(server *Server) bool {
	return r.extra == nil && server.Players == nil && server.Teams == nil && server.QueryErr == nil && len(server.rules) == 0 &&
		r.shape != nil && server.row.names != nil && r.values == server.row.values && slices.Equal(r.shape.list, server.row.names.list) &&
		r.flags == server.Flags && r.protocol == server.Protocol && r.private == server.Private && (server.Ping == 0 || int64(server.Ping) == r.ping)
}

// equal reports whether two records of one address say the same.
func (r *record) equal(other *record) bool { return len(changedKeys(other, r, true)) == 0 }

// changedKeys are the names of fields and the Keys with which two records of one server differ. one ends it with the first.
func changedKeys(old, new *record, one bool) (keys []string) {
	for _, part := range []struct {
		key  string
		same bool
	}{
		{KeyPrivate, old.private == new.private}, {KeyFlags, old.flags == new.flags}, {KeyPing, old.ping == new.ping},
		{KeyProtocol, old.protocol == new.protocol},
	} {
		if !part.same {
			keys = append(keys, part.key)
		}
	}
	if one && len(keys) > 0 {
		return keys
	}
	keys = append(keys, changedFields(old.row(), new.row())...)
	if old.extra == new.extra || one && len(keys) > 0 {
		return keys
	}
	var a, b extra
	if old.extra != nil {
		a = *old.extra
	}
	if new.extra != nil {
		b = *new.extra
	}
	if !equalTables(a.players, b.players) {
		keys = append(keys, KeyPlayers)
	}
	if !equalTables(a.teams, b.teams) {
		keys = append(keys, KeyTeams)
	}
	if errorText(a.queryErr) != errorText(b.queryErr) {
		keys = append(keys, KeyError)
	}
	return keys
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// changedFields are the names of fields that differ, those that only one has included.
func changedFields(old, new row) (list []string) {
	if old.names == new.names || old.names != nil && new.names != nil && slices.Equal(old.names.list, new.names.list) {
		if old.values == new.values {
			return nil
		}
		before := old.values
		new.all(func(name, value string) bool {
			var was string
			if was, before = before.Cut(); was != value {
				list = append(list, name)
			}
			return true
		})
		return list
	}
	known := make(map[string]string, old.len())
	old.all(func(name, value string) bool {
		known[name] = value
		return true
	})
	new.all(func(name, value string) bool {
		if was, ok := known[name]; !ok || was != value {
			list = append(list, name)
		}
		delete(known, name)
		return true
	})
	old.all(func(name, _ string) bool {
		if _, gone := known[name]; gone {
			list = append(list, name)
		}
		return true
	})
	return list
}
