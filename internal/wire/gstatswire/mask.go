package gstatswire

import "github.com/relight-sdk/relight/internal/wire/kv"

// Mask writes a message for a log with what is secret, or proves a secret, replaced. It is bounded whatever the message is.
func Mask(message []byte) string {
	return kv.Mask(message, func(key string) bool {
		switch key {
		case "response", "resp", "keyhash", "authtoken", "lt":
			return true
		}
		return false
	}, nil)
}
