package sbfilter

import (
	"reflect"
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
		c, err := Parse(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := match(c, get); got != want {
			t.Errorf("%s: %v", filter, got)
		}
		text, err := Format(c)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		again, err := Parse(text)
		if err != nil || match(again, get) != want {
			t.Errorf("%s was written as %s: %v", filter, text, err)
		}
	}
	for _, filter := range []string{"numplayers", "numplayers >", "(numplayers = 1", "numplayers = 1)", "a = 'b", "and", "a is b", "a ! b",
		"= 1", "a = 1 b = 2", strings.Repeat("(", 1000)} {
		if _, err := Parse(filter); err == nil {
			t.Errorf("%s: no error", filter)
		}
	}
}

// Names are often Latin-1, and characters of UTF-8 have more than one byte.
func TestLike(t *testing.T) {
	for _, test := range []struct {
		text, pattern string
		want          bool
	}{
		{"caf\xe9", "caf\xe9", true}, {"caf\xe9", "caf\xe8", false}, {"CAF\xe9", "c%\xe9", true}, {"caf\xe9", "caf_", true},
		{"café", "CAFÉ", true}, {"café", "caf_", true}, {"café", "caf__", false}, {"日本", "__", true}, {"日本", "%本", true},
		{"abcabd", "%ab_", true}, {"", "%", true}, {"", "_", false}, {"a", "", false}, {"aaab", "%a%b", true},
	} {
		if like(test.text, test.pattern) != test.want {
			t.Errorf("%q like %q is %v", test.text, test.pattern, !test.want)
		}
	}
	for depth, want := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		if _, err := Parse(strings.Repeat("(", depth) + "a=1" + strings.Repeat(")", depth)); (err == nil) != want {
			t.Error(depth, err)
		}
		if _, err := Parse(strings.Repeat("not ", depth) + "a=1"); (err == nil) != want {
			t.Error(depth, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, filter := range []string{"", "numplayers > 0 and mapname like 'dm%'", "groupid is null", "((((a=1))))", `x="y" or not z<>1`, "a like '%%%%%%%%%b'"} {
		f.Add(filter, "value")
	}
	f.Fuzz(func(t *testing.T, filter, value string) {
		c, err := Parse(filter)
		if err != nil {
			return
		}
		get := func(string) (string, bool) { return value, true }
		got := match(c, get)
		text, err := Format(c)
		if err != nil {
			return // operands that cannot be written safely
		}
		again, err := Parse(text)
		if err != nil || match(again, get) != got {
			t.Fatalf("%q was written as %q: %v", filter, text, err)
		}
	})
}

func match(e Expr, field func(string) (string, bool)) bool { return e == nil || e.Match(field) }

// Whatever name and text are put into a comparison, what is read back is that comparison.
func FuzzFormat(f *testing.F) {
	f.Add("hostname", "O'Brien's \"place\"", "x")
	f.Add("a' or 1=1 or 'a", "' or ''='", "\\")
	f.Add("and", "x) or (a=1", "\x00")
	f.Fuzz(func(t *testing.T, name, text, other string) {
		e := Or{Compare{Operand{Text: name}, Equal, Operand{text, true}}, And{Null{Name: name}, Not{Compare{Operand{Text: name}, Like, Operand{other, true}}}}}
		written, err := Format(e)
		if err != nil {
			return
		}
		got, err := Parse(written)
		if err != nil || !reflect.DeepEqual(got, Expr(e)) {
			t.Fatalf("%q was read as %#v, %v", written, got, err)
		}
	})
}
