package gpwire

import (
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Mask writes a message for a log with what is secret, or proves a secret, replaced: what follows a key that has a secret,
// and the signature of a buddy request. Keys and values are not told apart, since a server that leaves a value out, as
// section8 does in \pi\, turns all that follows around. It is bounded whatever the message is.
func Mask(body []byte) string {
	return kv.Mask(body, secret, func(text string) string {
		if text, _, signed := strings.Cut(text, signedMark); signed {
			return text + signedMark + "***"
		}
		return text
	})
}

func secret(key string) bool {
	switch key {
	case "passwordenc", "passenc", "password", "pass", "cdkey", "cdkeyenc", "authtoken", "lt", "response", "proof", "sesskey", "sig":
		return true
	}
	return false
}
