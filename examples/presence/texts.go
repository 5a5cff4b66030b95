package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/relight-sdk/relight/examples/internal/clean"
)

// blanks turns what ends a line into what does not: one line of a conversation must not look like two.
var blanks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ")

// shown is the text of a stranger as a line on the screen has it.
func shown(text string) string { return clean.Text(blanks.Replace(text)) }

// escape does for a line of JSON what clean does for the screen, but keeps the text what it is: JSON can write any character in
// plain letters.
func escape(json []byte) []byte {
	var b []byte
	for _, r := range string(json) {
		if unicode.IsGraphic(r) {
			b = append(b, string(r)...)
		} else if first, second := utf16.EncodeRune(r); first != unicode.ReplacementChar {
			b = fmt.Appendf(b, `\u%04x\u%04x`, first, second)
		} else {
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}
