package clean

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "Friday night ^1[DM]", "Friday night ^1[DM]"},
		{"UTF-8", "Привет, 世界 ★", "Привет, 世界 ★"},
		{"Latin-1", "Caf\xe9 M\xfcller", "Café Müller"},
		{"clear the screen", "a\x1b[2Jb", "a�[2Jb"},
		{"one-byte CSI in Latin-1", "a\x9b2Jb\xe9", "a�2Jbé"},
		{"CSI in UTF-8", "a\u009b2J", "a�2J"},
		{"title", "\x1b]0;you\x07", "�]0;you�"},
		{"lines", "a\r\nb\tc\x00\x7f", "a��b�c��"},
		{"right to left", "abc\u202etxt.exe\u2066", "abc�txt.exe�"},
		{"invisible", "a\u200bb\ufeff", "a�b�"},
		{"private use", "\ue000", "�"},
		{"accents", "a" + strings.Repeat("\u0301", 50) + "b\u0301", "a\u0301\u0301b\u0301"},
	} {
		if got := Text(test.in); got != test.want {
			t.Errorf("%s: have %q, want %q", test.name, got, test.want)
		}
	}
	if got := Lines("a\n\x1b[Hb"); got != "a\n�[Hb" {
		t.Errorf("lines: have %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b[2Jb")
	f.Add("\xff\u0301\u0301\u0301")
	f.Fuzz(func(t *testing.T, s string) {
		text := Text(s)
		if !utf8.ValidString(text) {
			t.Fatalf("%q is not UTF-8", text)
		}
		for _, r := range text {
			if r != unicode.ReplacementChar && !unicode.IsGraphic(r) {
				t.Fatalf("%q has %U", text, r)
			}
		}
		if again := Text(text); again != text {
			t.Fatalf("%q becomes %q", text, again)
		}
	})
}
