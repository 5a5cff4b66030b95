package gpwire

import (
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Mask writes a message for a log: pairs in order, with the values that are secrets, or prove one, replaced. It is
// bounded whatever the message is.
func Mask(body []byte) string {
	const longest = 4096
	var b strings.Builder
	for key, value := range kv.All(body) {
		if b.Len() > longest {
			b.WriteString("...")
			break
		}
		b.WriteString(`\`)
		b.Write(key[:min(len(key), 64)])
		b.WriteString(`\`)
		if secret(string(key)) && len(value) > 0 {
			b.WriteString("***")
			continue
		}
		b.Write(value[:min(len(value), longest)])
	}
	return b.String()
}

func secret(key string) bool {
	switch key {
	case "passwordenc", "passenc", "password", "pass", "cdkey", "cdkeyenc", "authtoken", "lt", "response", "proof", "sesskey", "sig":
		return true
	}
	return false
}
