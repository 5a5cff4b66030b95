package sbtest

import (
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	fields := map[string]string{"hostname": "Friday Night", "numplayers": "9", "maxplayers": "16", "mapname": "dm_bay", "gamever": "1.0", "groupid": ""}
	get := func(name string) (string, bool) { value, ok := fields[name]; return value, ok }
	for filter, want := range map[string]bool{
		"":                                true,
		"numplayers > 5":                  true,
		"numplayers > 10":                 false, // as numbers, not as text
		"numplayers<=9 and maxplayers>=9": true,
		"numplayers != maxplayers":        true,
		"numplayers <> 9":                 false,
		"gamever='1.0'":                   true,
		"gamever == 1":                    true,
		`hostname = "Friday Night"`:       true,
		"hostname = 'friday night'":       false,
		"hostname like '%night'":          true, // in any case
		"hostname like 'fri%ni_ht'":       true,
		"hostname like '%day'":            false,
		"mapname like 'dm%' and (numplayers = 0 or numplayers = 9)": true,
		"mapname like 'ctf%' or numplayers = 0":                     false,
		"mapname = 'x' and mapname = 'x' or numplayers = 9":         true, // and binds tighter
		"groupid is null":      true,
		"nosuch is null":       true,
		"hostname is not null": true,
		"not numplayers = 9":   false,
		"(country = 'US' and numplayers > 5) or hostname like '%GameSpy%'": false,
	} {
		c, err := parseFilter(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := c(get); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
	for _, filter := range []string{"numplayers", "numplayers >", "(numplayers = 1", "numplayers = 1)", "a = 'b", "and", "a is b", "a ! b",
		"= 1", "a = 1 b = 2", strings.Repeat("(", 1000)} {
		if _, err := parseFilter(filter); err == nil {
			t.Errorf("%s: no error", filter)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, filter := range []string{"", "numplayers > 0 and mapname like 'dm%'", "groupid is null", "((((a=1))))", `x="y" or not z<>1`, "a like '%%%%%%%%%b'"} {
		f.Add(filter, "value")
	}
	f.Fuzz(func(_ *testing.T, filter, value string) {
		if c, err := parseFilter(filter); err == nil {
			c(func(string) (string, bool) { return value, true })
		}
	})
}
