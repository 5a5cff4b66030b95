package steampipe

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
)

// Key is a depot's AES-256 key. It prints without its bytes, unless it is an unexported field of a struct that is printed: package
// fmt asks nobody there. The zero key means that there is none.
type Key [32]byte

// ParseKey reads a depot key written as 64 hex digits. The error does not repeat them.
func ParseKey(text string) (Key, error) {
	var key Key
	if len(text) != hex.EncodedLen(len(key)) {
		return Key{}, fmt.Errorf("steampipe: a depot key has %d hex digits, not %d", hex.EncodedLen(len(key)), len(text))
	}
	if _, err := hex.Decode(key[:], []byte(text)); err != nil {
		return Key{}, errors.New("steampipe: a depot key is written in hex digits")
	}
	return key, nil
}

// String does not say the key.
func (Key) String() string { return "depot key" }

// Format does not say the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("depot key")) }

// LogValue does not say the key.
func (Key) LogValue() slog.Value { return slog.StringValue("depot key") }
