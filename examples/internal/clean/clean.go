// Package clean makes the texts of strangers fit for a terminal: a server's or a player's name must not clear the screen, move
// the cursor or turn the line round.
package clean

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many accents a character may wear. More are made to spill over the lines around.
const maxMarks = 2

// Text replaces what could play tricks on a terminal: control characters, those that change the direction of writing, and
// others that are not seen. What is not UTF-8 is taken for Latin-1, which most older games write.
func Text(s string) string {
	if plain(s) {
		return s
	}
	latin1 := !utf8.ValidString(s)
	var b strings.Builder
	marks := 0
	add := func(r rune) {
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		switch {
		case marks > maxMarks:
		case unicode.IsGraphic(r):
			b.WriteRune(r)
		default:
			b.WriteRune(unicode.ReplacementChar)
		}
	}
	if latin1 {
		for i := range len(s) {
			add(rune(s[i]))
		}
		return b.String()
	}
	for _, r := range s {
		add(r)
	}
	return b.String()
}

// Lines is Text for what may have several lines.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Text(line)
	}
	return strings.Join(lines, "\n")
}

// plain reports whether there is nothing but what nearly all texts consist of.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
