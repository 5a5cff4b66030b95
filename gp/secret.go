package gp

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// What holds secrets does not show them when it is printed, logged or written as JSON, whatever the verb: a program that logs
// its session or an event must not give away the key, the ticket or a signature.

// masked stands for a secret.
const masked = "***"

// Format prints who the session belongs to and where it stands.
func (s *Session) Format(f fmt.State, _ rune) {
	state := s.State()
	fmt.Fprintf(f, "gp session of %s at %s, %s", state.Identity, state.Peer, state.Step)
}

// LogValue is what Format prints.
func (s *Session) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// Format prints the searcher without the key of its session.
func (s Searcher) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "gp searcher of profile %d", s.profile) }

// LogValue is what Format prints.
func (s Searcher) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// Format prints the event without the ticket.
func (e TicketRenewed) Format(f fmt.State, _ rune) { fmt.Fprint(f, "ticket renewed") }

// LogValue is what Format prints.
func (e TicketRenewed) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

// plainProfile is a profile without methods.
type plainProfile Profile

func (p Profile) masked() plainProfile {
	if p.Signature != "" {
		p.Signature = masked
	}
	return plainProfile(p)
}

// Format prints the profile without its signature.
func (p Profile) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), p.masked())
}

// LogValue is the profile without its signature.
func (p Profile) LogValue() slog.Value { return slog.AnyValue(p.masked()) }

// plainRequest and plainIncoming are requests without methods.
type (
	plainRequest  BuddyRequest
	plainIncoming IncomingRequest
)

func (e BuddyRequest) masked() plainRequest {
	e.signature = masked
	return plainRequest(e)
}

// Format prints the request without its signature.
func (e BuddyRequest) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), e.masked())
}

// LogValue is the request without its signature.
func (e BuddyRequest) LogValue() slog.Value { return slog.AnyValue(e.masked()) }

func (r IncomingRequest) masked() plainIncoming {
	r.signature = masked
	return plainIncoming(r)
}

// Format prints the request without its signature.
func (r IncomingRequest) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), r.masked())
}

// LogValue is the request without its signature.
func (r IncomingRequest) LogValue() slog.Value { return slog.AnyValue(r.masked()) }

// inWords is the JSON of what has no other than the words of its Format.
func inWords(value any) ([]byte, error) { return json.Marshal(fmt.Sprint(value)) }

// MarshalJSON writes what Format prints.
func (i UniqueNick) MarshalJSON() ([]byte, error) { return inWords(i) }

// MarshalJSON writes what Format prints.
func (i NickEmail) MarshalJSON() ([]byte, error) { return inWords(i) }

// MarshalJSON writes what Format prints.
func (i AuthToken) MarshalJSON() ([]byte, error) { return inWords(i) }

// MarshalJSON writes what Format prints.
func (i LoginTicket) MarshalJSON() ([]byte, error) { return inWords(i) }

// MarshalJSON writes what Format prints.
func (a Account) MarshalJSON() ([]byte, error) { return inWords(a) }

// MarshalJSON writes what Format prints.
func (s *Session) MarshalJSON() ([]byte, error) { return inWords(s) }

// MarshalJSON writes what Format prints.
func (e TicketRenewed) MarshalJSON() ([]byte, error) { return inWords(e) }

// MarshalJSON writes the profile without its signature.
func (p Profile) MarshalJSON() ([]byte, error) { return json.Marshal(p.masked()) }
