package kv

import "strings"

// Mask writes a message for a log: what follows a key that is secret is replaced, and show, if it is not nil, is asked about
// everything else. Keys and values are not told apart, since a server that leaves a value out turns all that follows around. It
// is bounded whatever the message is.
func Mask(message []byte, secret func(key string) bool, show func(text string) string) string {
	const longest = 4096
	var b strings.Builder
	scanner := Scan(message)
	hide := false
	for {
		token, ok := scanner.Token()
		if !ok {
			return b.String()
		}
		if b.Len() > longest {
			b.WriteString("...")
			return b.String()
		}
		b.WriteByte('\\')
		switch text := string(token[:min(len(token), longest)]); {
		case hide && text != "":
			b.WriteString("***")
		case show != nil:
			b.WriteString(show(text))
		default:
			b.WriteString(text)
		}
		hide = secret(string(token))
	}
}
