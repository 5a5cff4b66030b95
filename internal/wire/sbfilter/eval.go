package sbfilter

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is what an operand stands for: its text, if that is quoted or a number, else the field.
func (o Operand) value(field func(string) (string, bool)) string {
	if o.Quoted {
		return o.Text
	}
	if _, ok := Number(o.Text); ok {
		return o.Text
	}
	text, _ := field(o.Text)
	return text
}

// Number reads a decimal number, the only kind that games and masters write: a server called "inf" is not one.
func Number(text string) (number float64, ok bool) {
	if text == "" || text[0] > '9' || strings.ContainsAny(text, "xX_") {
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil && !math.IsNaN(number) && !math.IsInf(number, 0)
}

// order compares as numbers if both are numbers, else as text.
func order(a, b string) int {
	x, isX := Number(a)
	y, isY := Number(b)
	if !isX || !isY {
		return strings.Compare(a, b)
	}
	return cmp.Compare(x, y)
}

// like matches a pattern with % for any text and _ for any character, in any case. What is not UTF-8 is Latin-1 or the like,
// a byte a character, with ASCII letters in any case.
func like(text, pattern string) bool {
	text, pattern = fold(text), fold(pattern)
	// star is where to go on when what follows the last % does not match here: one character further.
	i, j, star, mark := 0, 0, -1, 0
	for i < len(text) {
		switch {
		case j < len(pattern) && pattern[j] == '%':
			star, mark = j, i
			j++
		case j < len(pattern) && pattern[j] == '_':
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			j++
		case j < len(pattern) && pattern[j] == text[i]:
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[j:], "%") == ""
}

// fold is strings.ToLower, which would turn all bytes that are not UTF-8 into the same character.
func fold(text string) string {
	if utf8.ValidString(text) {
		return strings.ToLower(text)
	}
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
