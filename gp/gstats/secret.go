package gstats

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// What holds secrets does not show them when it is printed, logged or written as JSON, whatever the verb.

// Format prints where the session stands.
func (s *Session) Format(f fmt.State, _ rune) {
	state := s.State()
	fmt.Fprintf(f, "gstats session of %q at %s, %s", s.config.Game, state.Peer, state.Step)
}

// LogValue is what Format prints.
func (s *Session) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// MarshalJSON writes what Format prints.
func (s *Session) MarshalJSON() ([]byte, error) { return inWords(s) }

// inWords is the JSON of what has no other than the words of its Format.
func inWords(value any) ([]byte, error) { return json.Marshal(fmt.Sprint(value)) }

// Format prints the player without the password.
func (p Password) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "profile %d", p.ProfileID) }

// LogValue is the player without the password.
func (p Password) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// MarshalJSON writes what Format prints.
func (p Password) MarshalJSON() ([]byte, error) { return inWords(p) }

// Format prints the player without the response.
func (p PasswordResponse) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "profile %d", p.ProfileID) }

// LogValue is the player without the response.
func (p PasswordResponse) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// MarshalJSON writes what Format prints.
func (p PasswordResponse) MarshalJSON() ([]byte, error) { return inWords(p) }

// Format prints that there is a token, and not which.
func (p Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, "owner of a token") }

// LogValue is what Format prints.
func (p Token) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// MarshalJSON writes what Format prints.
func (p Token) MarshalJSON() ([]byte, error) { return inWords(p) }

// Format prints that there is a token, and not which.
func (p TokenResponse) Format(f fmt.State, _ rune) { fmt.Fprint(f, "owner of a token") }

// LogValue is what Format prints.
func (p TokenResponse) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// MarshalJSON writes what Format prints.
func (p TokenResponse) MarshalJSON() ([]byte, error) { return inWords(p) }

// Format prints the nick alone.
func (p CDKey) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "nick %q of a CD key", p.Nick) }

// LogValue is what Format prints.
func (p CDKey) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// MarshalJSON writes what Format prints.
func (p CDKey) MarshalJSON() ([]byte, error) { return inWords(p) }

// Format prints the nick alone: the hash of a key is as good as the key for asking about it.
func (p CDKeyResponse) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "nick %q of a CD key", p.Nick) }

// LogValue is what Format prints.
func (p CDKeyResponse) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// MarshalJSON writes what Format prints.
func (p CDKeyResponse) MarshalJSON() ([]byte, error) { return inWords(p) }
