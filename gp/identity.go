package gp

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// Identity is who logs in and how it is proved: [UniqueNick], [NickEmail], [AuthToken] or [LoginTicket]. Identities do not
// show their secrets when they are printed or logged.
type Identity interface {
	// credentials fills the identity into the login and returns what is digested for the response and the proof.
	credentials(login *gpwire.Login, partner PartnerID) credentials
	fmt.Formatter
	slog.LogValuer
}

// credentials are what a login is digested from.
type credentials struct {
	secret     string
	user       string   // of the response
	proofUsers []string // each acceptable in the server's proof
}

// complete reports whether an identity names somebody. A login without a name would have no identity key at all, of which
// the protocol wants exactly one (spec gp.md §5.2).
func complete(identity Identity) bool {
	switch i := identity.(type) {
	case nil:
		return false
	case UniqueNick:
		return i.Nick != ""
	case NickEmail:
		return i.Nick != "" && i.Email != ""
	case AuthToken:
		return i.Token != ""
	case LoginTicket:
		return i.Ticket != ""
	}
	return true
}

// UniqueNick logs in with a name that is unique in its namespace. Every living server but those of Nintendo titles takes
// it.
type UniqueNick struct {
	Nick     string // at most 20 bytes
	Password string // at most 30 bytes
}

func (i UniqueNick) credentials(login *gpwire.Login, partner PartnerID) credentials {
	login.UniqueNick = i.Nick
	user := gscrypt.LoginUser(int(partner), i.Nick)
	return credentials{secret: i.Password, user: user, proofUsers: []string{user}}
}

// Format prints the identity without its password.
func (i UniqueNick) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "uniquenick %q", i.Nick) }

// LogValue is the identity without its password.
func (i UniqueNick) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// NickEmail logs in with the e-mail address of an account and the nick of one of its profiles.
type NickEmail struct {
	Nick     string // at most 30 bytes
	Email    string // at most 50 bytes; sent in lower case
	Password string // at most 30 bytes
}

func (i NickEmail) credentials(login *gpwire.Login, partner PartnerID) credentials {
	login.User = i.Nick + "@" + strings.ToLower(i.Email)
	user := gscrypt.LoginUser(int(partner), login.User)
	return credentials{secret: i.Password, user: user, proofUsers: []string{user}}
}

// Format prints the identity without its password.
func (i NickEmail) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "nick %q of %q", i.Nick, i.Email) }

// LogValue is the identity without its password.
func (i NickEmail) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// AuthToken logs in with what a partner's own login service gave out, as Nintendo titles do.
type AuthToken struct {
	Token            string // at most 255 bytes
	PartnerChallenge string // at most 255 bytes; it is proved, not sent
}

func (i AuthToken) credentials(login *gpwire.Login, _ PartnerID) credentials {
	login.AuthToken = i.Token
	return credentials{secret: i.PartnerChallenge, user: i.Token, proofUsers: []string{i.Token}}
}

// Format prints the identity without its secrets.
func (i AuthToken) Format(s fmt.State, _ rune) { fmt.Fprint(s, "authtoken") }

// LogValue is the identity without its secrets.
func (i AuthToken) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// LoginTicket logs in again with the ticket that an earlier login returned; see [Session.Ticket].
type LoginTicket struct {
	Ticket string // at most 255 bytes; the original takes 24

	// TicketIsPassword digests the ticket where a password would be, which is what OpenSpy checks. False digests the empty
	// text, as the SDK of 2012 does.
	TicketIsPassword bool
}

// credentials accepts the proof over the ticket, which is what a reader of the response expects and living servers send,
// and the odd one that the SDK of 2012 insists on (spec gp.md §4.2).
func (i LoginTicket) credentials(login *gpwire.Login, partner PartnerID) credentials {
	login.Ticket = i.Ticket
	who := credentials{user: i.Ticket, proofUsers: []string{i.Ticket, gscrypt.TicketProofUser(int(partner))}}
	if i.TicketIsPassword {
		who.secret = i.Ticket
	}
	return who
}

// Format prints the identity without its ticket.
func (i LoginTicket) Format(s fmt.State, _ rune) { fmt.Fprint(s, "login ticket") }

// LogValue is the identity without its ticket.
func (i LoginTicket) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

// Account is what a new account is made of; see [Register].
type Account struct {
	Email      string // at most 50 bytes; sent in lower case
	Nick       string // of the first profile, at most 30 bytes
	UniqueNick string // of the first profile, at most 20 bytes; empty is for games without
	Password   string // at most 30 bytes
	CDKey      string // at most 64 bytes; empty means none
}

// identity is how the new account logs in.
func (a Account) identity() Identity {
	if a.UniqueNick != "" {
		return UniqueNick{Nick: a.UniqueNick, Password: a.Password}
	}
	return NickEmail{Nick: a.Nick, Email: a.Email, Password: a.Password}
}

// Format prints the account without its password and CD key.
func (a Account) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "account of %q, nick %q", a.Email, a.Nick)
}

// LogValue is the account without its password and CD key.
func (a Account) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }
