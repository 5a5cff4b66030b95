package sb

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// base64Suffix ends the name of a second member for a value that is not UTF-8: names in old games are Latin-1 or worse, and
// JSON has no bytes.
const base64Suffix = ";base64"

// nameSuffix ends a name that is itself written in base64, for the same reason.
const nameSuffix = ";name64"

var flagNames = []struct {
	flag Flags
	name string
}{
	{FlagDirect, "direct"}, {FlagNatNeg, "natneg"}, {sbwire.FlagPrivateIP, "private_ip"}, {sbwire.FlagICMP, "icmp"},
	{sbwire.FlagPublicPort, "public_port"}, {sbwire.FlagPrivatePort, "private_port"}, {sbwire.FlagHasKeys, "keys"},
	{sbwire.FlagHasRules, "rules"},
}

// maxPingMS is a day: more is no round trip.
const maxPingMS = 24 * 60 * 60 * 1000

// serverJSON is a Server as JSON.
type serverJSON struct {
	Addr     netip.AddrPort `json:"addr"`
	Private  string         `json:"private,omitempty"`
	Flags    []string       `json:"flags,omitempty"`
	Protocol string         `json:"protocol,omitempty"`
	PingMS   float64        `json:"ping_ms,omitempty"`
	Fields   fieldsJSON     `json:"fields,omitempty"`
	Players  []fieldsJSON   `json:"players,omitempty"`
	Teams    []fieldsJSON   `json:"teams,omitempty"`
	Error    string         `json:"error,omitempty"`
}

// MarshalJSON writes addr, private, flags, protocol, ping_ms, fields, players, teams and error, leaving out what is empty. A value
// that is not UTF-8 is written with U+FFFD and, under its name and ";base64", as the bytes that it is; a name that is not UTF-8
// is written in base64 with ";name64" behind it.
func (s Server) MarshalJSON() ([]byte, error) {
	out := serverJSON{Addr: s.Addr, PingMS: float64(s.Ping) / float64(time.Millisecond), Players: rowsJSON(s.Players), Teams: rowsJSON(s.Teams)}
	if s.Private.IsValid() {
		out.Private = s.Private.String()
	}
	for _, f := range flagNames {
		if s.Flags&f.flag != 0 {
			out.Flags = append(out.Flags, f.name)
		}
	}
	if s.Protocol != 0 {
		out.Protocol = s.Protocol.String()
	}
	for name, value := range s.Fields() {
		out.Fields = append(out.Fields, Field{name, value})
	}
	if s.QueryErr != nil {
		out.Error = s.QueryErr.Error()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes; QueryErr becomes an error with the same text. Members that it does not know
// are ignored.
func (s *Server) UnmarshalJSON(b []byte) error {
	var in serverJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if in.PingMS < 0 || in.PingMS > maxPingMS {
		return fmt.Errorf("sb: a round trip of %v ms", in.PingMS)
	}
	server := Server{Addr: in.Addr, rules: in.Fields, Players: fieldRows(in.Players), Teams: fieldRows(in.Teams),
		Ping: time.Duration(math.Round(in.PingMS * float64(time.Millisecond)))}
	if in.Private != "" {
		var err error
		if server.Private, err = netip.ParseAddrPort(in.Private); err != nil {
			return err
		}
	}
	for _, protocol := range []Protocol{QR1, QR2} {
		if in.Protocol == protocol.String() {
			server.Protocol = protocol
		}
	}
	for _, name := range in.Flags {
		for _, f := range flagNames {
			if f.name == name {
				server.Flags |= f.flag
			}
		}
	}
	if in.Error != "" {
		server.QueryErr = errors.New(in.Error)
	}
	*s = server
	return nil
}

func rowsJSON(list []Fields) []fieldsJSON {
	var out []fieldsJSON
	for _, fields := range list {
		out = append(out, fieldsJSON(fields))
	}
	return out
}

func fieldRows(list []fieldsJSON) []Fields {
	var out []Fields
	for _, fields := range list {
		out = append(out, Fields(fields))
	}
	return out
}

// fieldsJSON are fields as an object that keeps their order.
type fieldsJSON []Field

func (f fieldsJSON) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	member := func(name, value string) error {
		if len(b) > 1 {
			b = append(b, ',')
		}
		for i, text := range []string{name, value} {
			quoted, err := json.Marshal(text)
			if err != nil {
				return err
			}
			if b = append(b, quoted...); i == 0 {
				b = append(b, ':')
			}
		}
		return nil
	}
	for _, field := range f {
		if !utf8.ValidString(field.Key) || strings.HasSuffix(field.Key, nameSuffix) {
			field.Key = base64.StdEncoding.EncodeToString([]byte(field.Key)) + nameSuffix
		}
		marked := strings.HasSuffix(field.Key, base64Suffix) // it would be taken for bytes
		var err error
		if !marked {
			err = member(field.Key, field.Value)
		}
		if marked || !utf8.ValidString(field.Value) {
			err = errors.Join(err, member(field.Key+base64Suffix, base64.StdEncoding.EncodeToString([]byte(field.Value))))
		}
		if err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func (f *fieldsJSON) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		if err == nil && token == nil {
			return nil // null
		}
		return errors.Join(errors.New("sb: fields are not a JSON object"), err)
	}
	*f = nil
	at := make(map[string]int)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		var value string
		if err := decoder.Decode(&value); err != nil {
			return fmt.Errorf("sb: field %q: %w", name, err)
		}
		if plain, ok := strings.CutSuffix(name, base64Suffix); ok {
			decoded, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				return fmt.Errorf("sb: field %q: %w", name, err)
			}
			name, value = plain, string(decoded)
		}
		if coded, ok := strings.CutSuffix(name, nameSuffix); ok {
			decoded, err := base64.StdEncoding.DecodeString(coded)
			if err != nil {
				return fmt.Errorf("sb: field %q: %w", name, err)
			}
			name = string(decoded)
		}
		if i, ok := at[name]; ok {
			(*f)[i].Value = value
			continue
		}
		at[name] = len(*f)
		*f = append(*f, Field{name, value})
	}
	return nil
}
