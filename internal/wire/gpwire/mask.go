package gpwire

import (
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Mask writes a message for a log with what is secret, or proves a secret, replaced: what follows a key that has a secret,
// and the signature of a buddy request. Keys and values are not told apart, since a server that leaves a value out, as
// section8 does in \pi\, turns all that follows around. It is bounded whatever the message is.
func Mask(body []byte) string {
	const longest = 4096
	var b strings.Builder
	scanner := kv.Scan(body)
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
		if hide && len(token) > 0 {
			b.WriteString("***")
		} else {
			text, _, signed := strings.Cut(string(token[:min(len(token), longest)]), signedMark)
			b.WriteString(text)
			if signed {
				b.WriteString(signedMark + "***")
			}
		}
		hide = secret(string(token))
	}
}

func secret(key string) bool {
	switch key {
	case "passwordenc", "passenc", "password", "pass", "cdkey", "cdkeyenc", "authtoken", "lt", "response", "proof", "sesskey", "sig":
		return true
	}
	return false
}
