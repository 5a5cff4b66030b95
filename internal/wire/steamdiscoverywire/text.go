package steamdiscoverywire

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// DisplayText makes a stranger's text fit for a terminal or a list: valid UTF-8, no control characters and none that turn
// the direction of writing, at most 64 characters.
func DisplayText(text string) string {
	const maxRunes = 64
	var b strings.Builder
	n := 0
	for _, r := range strings.TrimSpace(text[:min(len(text), 4*maxRunes)]) {
		if n++; n > maxRunes {
			break
		}
		if !unicode.IsGraphic(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String()) // what was cut off may have followed a space
}
