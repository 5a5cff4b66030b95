package gstatstest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// ProfileID numbers a profile; it is that of presence.
type ProfileID = gpwire.ProfileID

// Config says what the server is like. The zero value is a server without accounts that lets every game in and behaves as
// the original.
type Config struct {
	// Family is the server to imitate: "openspy", "wfc", "dwc", "unispy" or "kr4uzi". Empty is the original, as its SDK
	// expects it.
	Family Family
	// Secrets are the games and their secret keys. Nil means that every game is known and no secret is checked.
	Secrets map[string]string
	// Accounts exist from the start.
	Accounts []Account
	// Addr is where Start listens. Empty means 127.0.0.1 and a free port.
	Addr string
	// KeepAlive is how often the server sends keep-alives. Zero means what the family does; negative means never.
	KeepAlive time.Duration
	// Challenge makes the server's challenges. Nil means what the family does.
	Challenge func() string
	// Connection makes the numbers of connections. Nil means what the family does.
	Connection func() int32
	// Now is the clock of what is stored. Nil means time.Now.
	Now func() time.Time
	// Answer takes a message in clear, without \final\, and returns the answers, also in clear and without \final\; handled
	// says that the server must not answer itself. It is not called at the same time from two connections, and must not call
	// the server. Nil means that the server answers everything itself.
	Answer func(message string) (answers []string, handled bool)
	// Faults are what the server does wrong. The zero value does nothing wrong.
	Faults Faults
	// Limits bound what clients can make the server spend. The zero value has limits that no test of one game reaches.
	Limits Limits
	// Logger gets what the server receives, at Debug and without data and secrets. Nil is silent.
	Logger *slog.Logger
}

// Limits bound what clients can make the server spend.
type Limits struct {
	Message     int           // longest message, in bytes; a longer one ends the connection. Zero: 256 KiB
	Stored      int           // bytes of data, games and snapshots that are kept in all; what is too much is refused. Zero: 64 MiB
	Connections int           // at once; one more is closed. Zero: 1000
	Queue       int           // bytes that wait for a client that does not read; one more ends the connection. Zero: 4 MiB
	Auth        time.Duration // until a game must be authenticated; a slower one is disconnected. Zero: 30 s
}

func (l Limits) withDefaults() Limits {
	l.Message = orDefault(l.Message, 256<<10)
	l.Stored = orDefault(l.Stored, 64<<20)
	l.Connections = orDefault(l.Connections, 1000)
	l.Queue = orDefault(l.Queue, 4<<20)
	l.Auth = orDefault(l.Auth, 30*time.Second)
	return l
}

func orDefault[T ~int | ~int64](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// Account is a profile and the ways in which its player can prove who they are.
type Account struct {
	ProfileID ProfileID // zero: the next free one, starting at 20001
	Nick      string

	Password string // empty: it has none
	CDKey    string // several accounts may have one key, each with a nick of its own. Empty: it has none
	// AuthToken logs in with PartnerChallenge in place of the password. Empty: the account has no token.
	AuthToken, PartnerChallenge string
}

// Format prints the account without its secrets.
func (a Account) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "account of profile %d, nick %q", a.ProfileID, a.Nick)
}

// LogValue is what Format prints.
func (a Account) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// MarshalJSON writes what Format prints.
func (a Account) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(a)) }
