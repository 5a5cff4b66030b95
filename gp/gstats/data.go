package gstats

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// DataType says who reads and writes what is stored for a player.
type DataType int32

// The types. Read-only ones are written by the operators of a service.
const (
	PrivateReadOnly DataType = iota // read by the player alone
	Private                         // read and written by the player alone
	PublicReadOnly                  // read by everybody
	Public                          // read by everybody, written by the player
)

// String names the type.
func (t DataType) String() string {
	switch t {
	case PrivateReadOnly:
		return "private, read-only"
	case Private:
		return "private"
	case PublicReadOnly:
		return "public, read-only"
	case Public:
		return "public"
	}
	return fmt.Sprintf("data type %d", int32(t))
}

// Slot is one place in which something is stored for a player. What is private can only be read, and anything only be written,
// for a player who is authenticated: see [Session.Authenticate].
type Slot struct {
	Profile ProfileID
	Type    DataType
	Index   int32 // the game's own numbering, usually 0
}

// Data is what is stored in a slot.
type Data struct {
	Bytes []byte
	// Modified is when the profile's data of that index changed last, whatever its type. Zero: the server does not say.
	Modified time.Time
}

// Pairs reads the data as keys and values, in the order of the server. openspy separates them by a byte of its own (spec
// servers.md §8).
func (d Data) Pairs() iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		text := d.Bytes
		if len(text) > 0 && text[0] == gstatswire.Separator[0] {
			text = []byte(strings.ReplaceAll(string(text), gstatswire.Separator, `\`))
		}
		if len(text) > 0 && text[len(text)-1] == 0 {
			text = text[:len(text)-1]
		}
		for key, value := range kv.All(text) {
			if !yield(string(key), string(value)) {
				return
			}
		}
	}
}

// Values reads the data as keys and values. The first of two equal keys counts.
func (d Data) Values() map[string]string {
	values := make(map[string]string)
	for key, value := range d.Pairs() {
		if _, ok := values[key]; !ok {
			values[key] = value
		}
	}
	return values
}

// Get reads a slot: some keys of it, or all of it if none is named. [ErrNoData] says that nothing is stored; some servers say
// the same of what this session may not read, and others answer [ErrRefused] to both.
func (s *Session) Get(ctx context.Context, slot Slot, keys ...string) (Data, error) {
	return s.get(ctx, slot, gstatswire.GetData{Keys: keys})
}

// GetBlob is Get of a whole slot for openspy, which gives what [Session.Set] has stored to a read without a list of keys alone,
// and what [Session.SetValues] has stored to a read with one, even an empty one as the original sends. Others may not answer
// a read without a list: dwc does not.
func (s *Session) GetBlob(ctx context.Context, slot Slot) (Data, error) {
	return s.get(ctx, slot, gstatswire.GetData{NoKeys: true})
}

// GetSince is Get of what has changed after a time, and [ErrUnchanged] if nothing has. Not every living server looks at the
// time.
func (s *Session) GetSince(ctx context.Context, slot Slot, since time.Time, keys ...string) (Data, error) {
	seconds := since.Unix()
	if since.IsZero() {
		seconds = 0
	}
	return s.get(ctx, slot, gstatswire.GetData{Keys: keys, Since: seconds})
}

func (s *Session) get(ctx context.Context, slot Slot, request gstatswire.GetData) (Data, error) {
	const op = "get data"
	for _, key := range request.Keys {
		if key == "" || !kv.Valid(key) || strings.Contains(key, gstatswire.Separator) {
			return Data{}, s.fail(op, fmt.Errorf("%w: key %q", ErrInvalidText, key))
		}
	}
	message, err := s.ask(ctx, op, kindGet, slot.Profile, func(localID int32) gstatswire.Message {
		request.ProfileID, request.Type, request.Index, request.LocalID = int32(slot.Profile), int32(slot.Type), slot.Index, localID
		return &request
	})
	if err != nil {
		return Data{}, err
	}
	reply := message.(*gstatswire.DataReply)
	switch {
	case !reply.Success:
		return Data{}, s.refuse(op, 0, "")
	case reply.Unchanged:
		return Data{}, s.fail(op, ErrUnchanged)
	case len(reply.Data) == 0: // gpersist.h: no length means that nothing is stored
		return Data{}, s.fail(op, ErrNoData)
	}
	return Data{Bytes: reply.Data, Modified: unix(reply.Modified)}, nil
}

// Set replaces all of a slot, and says when the server did so.
func (s *Session) Set(ctx context.Context, slot Slot, data []byte) (time.Time, error) {
	return s.set(ctx, slot, data, false)
}

// SetValues changes these keys of a slot and no others, and says when the server did so. Neither a key nor a value can hold a
// backslash or a NUL. For dwc, see Config.OmitNUL.
func (s *Session) SetValues(ctx context.Context, slot Slot, values map[string]string) (time.Time, error) {
	pairs := kv.Build(nil)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		pairs.Pair(key, values[key])
	}
	data, err := pairs.Bytes()
	if err != nil {
		return time.Time{}, s.fail("set data", errors.Join(ErrInvalidText, err))
	}
	if !s.config.OmitNUL {
		data = append(data, 0) // the original counts and sends the NUL behind a text (spec gstats.md §4)
	}
	return s.set(ctx, slot, data, true)
}

func (s *Session) set(ctx context.Context, slot Slot, data []byte, keyValues bool) (time.Time, error) {
	const op = "set data"
	if slot.Type != Private && slot.Type != Public {
		return time.Time{}, s.fail(op, ErrReadOnly)
	}
	message, err := s.ask(ctx, op, kindSet, slot.Profile, func(localID int32) gstatswire.Message {
		return &gstatswire.SetData{
			ProfileID: int32(slot.Profile), Type: int32(slot.Type), Index: slot.Index, KeyValues: keyValues, LocalID: localID, Data: data,
		}
	})
	if err != nil {
		return time.Time{}, err
	}
	reply := message.(*gstatswire.SetReply)
	if !reply.Success || reply.Modified == 0 { // wfc calls a refusal a success, and leaves out the time (spec servers.md §8)
		return time.Time{}, s.refuse(op, 0, "")
	}
	return unix(reply.Modified), nil
}
