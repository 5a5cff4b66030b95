package main

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/relight-sdk/relight/examples/internal/clean"
)

// fit makes a text exactly so many cells of the terminal wide. Whatever comes from servers goes through here, or wrap: it is
// cleaned. Texts of which one may not be UTF-8 are cleaned before they are put together.
func fit(text string, width int) string {
	text = cut(text, width)
	return text + strings.Repeat(" ", max(0, width-cells(text)))
}

// right is fit with the text at the right.
func right(text string, width int) string {
	text = cut(text, width)
	return strings.Repeat(" ", max(0, width-cells(text))) + text
}

// cut shortens a text to a width.
func cut(text string, width int) string {
	text = clean.Text(text)
	if len(text) <= width || cells(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	// No character is wider than two cells, or has more than two accents.
	runes := []rune(text)
	runes = runes[:min(len(runes), 3*width)]
	for len(runes) > 0 && cells(string(runes)) > width-1 {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

// cells is how wide a clean text is.
func cells(text string) int {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return lipgloss.Width(text)
		}
	}
	return len(text)
}

// wrap breaks a text into lines.
func wrap(text string, width int) []string {
	return strings.Split(lipgloss.Wrap(clean.Text(text), max(1, width), " "), "\n")
}
