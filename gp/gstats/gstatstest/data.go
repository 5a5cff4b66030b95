package gstatstest

import (
	"bytes"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// What things cost beside their bytes, of Limits.Stored.
const (
	recordCost   = 256
	accountCost  = 256
	gameCost     = 256
	snapshotCost = 64
)

// spend takes memory of the budget, or reports that there is not enough.
func (s *Server) spend(n int) bool {
	if s.spent+n > s.config.Limits.Stored {
		return false
	}
	s.spent += n
	return true
}

// DataType says who reads and writes what is stored for a player, as numbers of the protocol.
type DataType int32

// The types. Clients cannot write the read-only ones.
const (
	PrivateReadOnly DataType = iota
	Private
	PublicReadOnly
	Public
)

// Slot is one place in which something is stored for a player.
type Slot struct {
	Profile ProfileID
	Type    DataType
	Index   int32
}

// Stored is what is stored in a slot.
type Stored struct {
	Data     []byte
	Modified time.Time
	// KeyValues says that the data was written as keys and values.
	KeyValues bool
}

// Values reads the data as keys and values, without a NUL behind them. The last of two equal keys counts.
func (r Stored) Values() map[string]string {
	values := make(map[string]string)
	for _, p := range pairsOf(r.Data) {
		values[p.key] = p.value
	}
	return values
}

type record = Stored

// indexed is what the original counts the time of a change for: all types together (GameSpy SDK gpersist.h).
type indexed struct {
	profile ProfileID
	index   int32
}

// Put stores something, whatever the type. The zero time is now.
func (s *Server) Put(slot Slot, data []byte, modified time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if modified.IsZero() {
		modified = s.config.Now()
	}
	r := record{Data: slices.Clone(data), Modified: modified, KeyValues: bytes.HasPrefix(data, []byte(`\`))}
	if s.config.Family == quirks.OpenSpy && !r.KeyValues {
		s.blocks[slot] = r
	} else {
		s.slots[slot] = r
	}
	s.modified[indexed{slot.Profile, slot.Index}] = modified
}

// Stored returns what is stored in a slot. Where openspy has both, it is the keys and values.
func (s *Server) Stored(slot Slot) (Stored, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.slots[slot]
	if !ok {
		r, ok = s.blocks[slot]
	}
	r.Data = slices.Clone(r.Data)
	return r, ok
}

// store keeps what a client has written.
func (s *Server) store(slots map[Slot]record, slot Slot, data []byte, keyValues bool) (time.Time, bool) {
	before, ok := slots[slot]
	cost := len(data) - len(before.Data)
	if !ok {
		cost += recordCost
	}
	if !s.spend(cost) {
		return time.Time{}, false
	}
	now := s.config.Now()
	slots[slot] = record{Data: data, Modified: now, KeyValues: keyValues}
	s.modified[indexed{slot.Profile, slot.Index}] = now
	return now, true
}

// pairsOf reads keys and values, without the NUL behind them.
func pairsOf(data []byte) []pair { return allPairs(bytes.TrimRight(data, "\x00")) }

func allPairs(data []byte) []pair {
	var all []pair
	for key, value := range kv.All(data) {
		all = append(all, pair{string(key), string(value)})
	}
	return all
}

// join writes keys and values with a separator.
func join(all []pair, separator string) []byte {
	var b []byte
	for _, p := range all {
		b = append(b, separator+p.key+separator+p.value...)
	}
	return b
}

// merge changes the keys that new names, and no others.
func merge(old, changes []pair) []pair {
	for _, change := range changes {
		at := slices.IndexFunc(old, func(p pair) bool { return p.key == change.key })
		if at < 0 {
			old = append(old, change)
		} else {
			old[at].value = change.value
		}
	}
	return old
}

// choose picks keys; none: all.
func choose(all []pair, keys []string) []pair {
	if len(keys) == 0 {
		return all
	}
	var chosen []pair
	for _, key := range keys {
		for _, p := range all {
			if p.key == key {
				chosen = append(chosen, p)
			}
		}
	}
	return chosen
}

// get answers a read.
func (c *conn) get(m *gstatswire.GetData) {
	s := c.server
	slot := Slot{ProfileID(m.ProfileID), DataType(m.Type), m.Index}
	r, ok := s.slots[slot]
	reply := &gstatswire.DataReply{Success: true, LocalID: m.LocalID, ProfileID: m.ProfileID, Modified: r.Modified.Unix()}
	if !ok {
		reply.Modified = 0
	}
	private := slot.Type == PrivateReadOnly || slot.Type == Private
	keys := slices.DeleteFunc(m.Keys, func(key string) bool { return key == "" }) // the original begins its list with a separator
	switch s.config.Family {
	case quirks.KR4uzi:
		return
	case quirks.OpenSpy:
		if private && slot.Profile != c.player {
			c.refuse(errorNoPlayer)
			return
		}
		c.getOpenSpy(m, slot, keys, reply)
	case quirks.WFC:
		reply.LocalID, reply.Data, reply.Missing = c.loginID, r.Data, !ok
	case quirks.DWC:
		if m.NoKeys {
			return // it breaks off
		}
		reply.LocalID, reply.Modified = c.loginID, s.config.Now().Unix()
		if ok {
			reply.Data, _, _ = bytes.Cut(everyKey(allPairs(r.Data), keys), []byte{0}) // which stood behind what was written alone
		}
	case quirks.UniSpy:
		if !ok {
			return
		}
		reply.Data = r.Data
	default:
		modified := s.modified[indexed{slot.Profile, slot.Index}]
		switch {
		case slot.Type < PrivateReadOnly || slot.Type > Public || private && !c.players[slot.Profile] || !s.known(slot.Profile):
			reply.Success, reply.Modified = false, 0
		case m.Since != 0 && modified.Unix() <= m.Since:
			reply.Unchanged, reply.Modified = true, modified.Unix()
		case ok && len(keys) > 0:
			reply.Data, reply.Modified = join(choose(pairsOf(r.Data), keys), `\`), modified.Unix()
		case ok:
			reply.Data, reply.Modified = r.Data, modified.Unix()
		}
	}
	c.reply(reply)
}

// getOpenSpy keeps keys and blocks apart: who sends a list of keys, even an empty one, gets no block. Times of blocks are not
// told, and what is older than the request wants is as if it was not there.
func (c *conn) getOpenSpy(m *gstatswire.GetData, slot Slot, keys []string, reply *gstatswire.DataReply) {
	reply.Modified = 0
	if m.NoKeys {
		if block, ok := c.server.blocks[slot]; ok && block.Modified.Unix() >= m.Since {
			reply.Data = block.Data
		}
		return
	}
	all := pairsOf(c.server.slots[slot].Data)
	if modified := c.server.slots[slot].Modified.Unix(); modified >= m.Since && len(all) > 0 {
		reply.Data, reply.Modified = join(choose(all, keys), gstatswire.Separator), modified
	}
}

// everyKey names each key that was asked for, with or without a value; dwc knows no way to ask for all.
func everyKey(all []pair, keys []string) []byte {
	var named []pair
	for _, key := range keys {
		p := pair{key: key}
		for _, known := range all {
			if known.key == key {
				p = known
			}
		}
		named = append(named, p)
	}
	return join(named, `\`)
}

// set answers a write.
func (c *conn) set(m *gstatswire.SetData) {
	s := c.server
	slot := Slot{ProfileID(m.ProfileID), DataType(m.Type), m.Index}
	reply := &gstatswire.SetReply{Success: true, LocalID: m.LocalID, ProfileID: m.ProfileID}
	readOnly := slot.Type != Private && slot.Type != Public
	data, keyValues := m.Data, m.KeyValues
	slots, old := s.slots, s.slots[slot]
	switch s.config.Family {
	case quirks.KR4uzi:
		return
	case quirks.OpenSpy:
		switch {
		case c.player == 0: // also after another player could not be authenticated
			return
		case !c.players[slot.Profile] || readOnly:
			c.refuse(errorNoPlayer)
			return
		case keyValues:
			data = mergeOpenSpy(old, data)
		default:
			slots = s.blocks
		}
	case quirks.WFC: // a refusal is a success that tells no time
		reply.LocalID = c.loginID
		data = bytes.TrimSuffix(latin1(data), []byte{0})
		if slot.Profile != c.player || bytes.IndexByte(data, 0) >= 0 {
			c.reply(reply)
			return
		}
		keyValues = true
	case quirks.DWC: // answers before it looks
		if c.player == 0 {
			return
		}
		reply.LocalID, reply.ProfileID, reply.Modified = c.loginID, int32(c.player), s.config.Now().Unix()
		if slot.Profile == c.player {
			if data = bytes.TrimRight(data, `\`); old.Data != nil && len(data) > 0 {
				data = join(merge(allPairs(old.Data), allPairs(data)), `\`)
			}
			s.store(slots, slot, data, true)
		}
		c.reply(reply)
		return
	case quirks.UniSpy:
	default:
		if !c.players[slot.Profile] || readOnly {
			reply.Success = false
			c.reply(reply)
			return
		}
		if keyValues {
			data = join(merge(pairsOf(old.Data), pairsOf(data)), `\`)
		}
	}
	modified, ok := s.store(slots, slot, data, keyValues)
	if reply.Success = ok; ok {
		reply.Modified = modified.Unix()
	}
	c.reply(reply)
}

// mergeOpenSpy changes keys. One that gets an empty value is removed and made anew, at the end.
func mergeOpenSpy(old record, data []byte) []byte {
	changes := pairsOf(data)
	all := slices.DeleteFunc(pairsOf(old.Data), func(p pair) bool { return slices.Contains(changes, pair{key: p.key}) })
	return join(merge(all, changes), `\`)
}

// latin1 is what wfc makes of data that is no ASCII: it takes bytes for characters, writes those as UTF-8, and cuts them where
// the data was to end.
func latin1(data []byte) []byte {
	var b []byte
	for _, c := range data {
		b = utf8.AppendRune(b, rune(c))
	}
	return b[:len(data)]
}
