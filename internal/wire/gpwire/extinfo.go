package gpwire

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// extendedBase64 is base64 with - _ = (spec gp.md §4.1, flavour 2).
var extendedBase64 = base64.URLEncoding

// ExtendedInfo is the text of an extended info reply on the direct link: what a game tells about a player beyond the
// status (spec gp.md §6.5).
type ExtendedInfo map[string]string

// Text writes the reply, names sorted.
func (e ExtendedInfo) Text() string {
	names := make([]string, 0, len(e))
	for name := range e {
		names = append(names, name)
	}
	slices.Sort(names)
	var m kv.Builder
	m.Int("keys", int64(len(names)))
	b, _ := m.Bytes() // a number and a constant cannot hold a backslash
	var text strings.Builder
	text.Write(b)
	for _, name := range names {
		text.WriteString(`\` + extendedBase64.EncodeToString([]byte(name)))
		text.WriteString(`\` + extendedBase64.EncodeToString([]byte(e[name])))
	}
	return text.String()
}

// ParseExtendedInfo reads the reply. The empty text means none.
func ParseExtendedInfo(text string) (ExtendedInfo, error) {
	info := ExtendedInfo{}
	if text == "" {
		return info, nil
	}
	fail := func(field string, err error) (ExtendedInfo, error) {
		return nil, &FieldError{Message: "keys", Field: field, Err: err}
	}
	scanner := kv.Scan([]byte(text))
	head, ok := scanner.Next()
	if !ok || string(head.Key) != "keys" {
		return fail("keys", ErrMissing)
	}
	count, err := parseNumber[int](head.Value)
	if err != nil || count < 0 || count > maxPairs {
		return fail("keys", ErrNotNumber)
	}
	for range count {
		name, _ := scanner.Token()
		value, ok := scanner.Token()
		if !ok {
			return fail("keys", ErrMissing)
		}
		plainName, nameErr := extendedBase64.DecodeString(string(name))
		plainValue, valueErr := extendedBase64.DecodeString(string(value))
		if nameErr != nil || valueErr != nil {
			return fail("keys", ErrMalformed)
		}
		info[string(plainName)] = string(plainValue)
	}
	return info, nil
}
