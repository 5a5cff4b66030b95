package gp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// ErrorCode is the number of an error as the server sent it (spec gp.md §2.2); its String says what it means.
type ErrorCode = gpwire.ErrorCode

// What people branch on. An [*Error] matches these through errors.Is, by the code that the server sent or by what went
// wrong here.
var (
	ErrLoginRefused      = errors.New("gp: login refused")                       // any refusal of a login
	ErrBadPassword       = errors.New("gp: wrong password")                      // 260, 514, 3587
	ErrBadNick           = errors.New("gp: no such nick")                        // 258, 261, 265, 3586: nick, profile or uniquenick
	ErrBadEmail          = errors.New("gp: no such e-mail address")              // 259, 3585
	ErrBadTicket         = errors.New("gp: authtoken or login ticket not valid") // 266, 267, 268
	ErrNickInUse         = errors.New("gp: nick in use")                         // 513, 516, 1026, 1281, 4097, 4098
	ErrBadNewNick        = errors.New("gp: nick not allowed")                    // 515
	ErrNoSuchProfile     = errors.New("gp: no such profile")                     // 1538, 2561, or the reply is about another
	ErrAlreadyBuddy      = errors.New("gp: already a buddy")                     // 1539
	ErrNotBuddy          = errors.New("gp: not a buddy")                         // 2305, 2817, 3841
	ErrBuddyOffline      = errors.New("gp: buddy is offline")                    // 2307
	ErrBlocked           = errors.New("gp: blocked")                             // 1540, 1541, 1795, 1796
	ErrLastProfile       = errors.New("gp: last profile of the account")         // 3073
	ErrBadCDKey          = errors.New("gp: CD key not valid")                    // 4353
	ErrCDKeyInUse        = errors.New("gp: CD key in use, or another is set")    // 4354, 4355
	ErrEmailInUse        = errors.New("gp: e-mail address in use")               // 769
	ErrNotLoggedIn       = errors.New("gp: not logged in")                       // 2, 3
	ErrLoggedInElsewhere = errors.New("gp: profile logged in elsewhere")         // 6
	ErrProofMismatch     = errors.New("gp: server did not prove that it knows the password")
	ErrServerClosed      = errors.New("gp: server closed the connection")
	ErrNotConnected      = errors.New("gp: not connected")                            // the session is reconnecting; nothing was sent
	ErrInterrupted       = errors.New("gp: connection lost on the way")               // see Error.Uncertain
	ErrQueueFull         = errors.New("gp: too many messages to send")                // Config.SendQueue; nothing was sent
	ErrPeerSilent        = errors.New("gp: server has been silent for too long")      // Config.PeerTimeout
	ErrProtocol          = errors.New("gp: server does not keep to the protocol")     // what it sent cannot be read
	ErrInvalidText       = errors.New("gp: text cannot be sent")                      // too long, or with a backslash or NUL
	ErrNoRequest         = errors.New("gp: no buddy request of this profile is open") // Authorize without a request
	ErrHidden            = errors.New("gp: list is hidden by its owner")
	ErrTooManyResults    = errors.New("gp: more results than Config.MaxResults")
)

// sentinelCodes are the codes that each sentinel stands for.
var sentinelCodes = map[error][]ErrorCode{
	ErrBadPassword:       {gpwire.ErrorLoginBadPassword, gpwire.ErrorNewUserBadPassword, gpwire.ErrorCheckBadPassword},
	ErrBadNick:           {gpwire.ErrorLoginBadNick, gpwire.ErrorLoginBadProfile, gpwire.ErrorLoginBadUniqueNick, gpwire.ErrorCheckBadNick},
	ErrBadEmail:          {gpwire.ErrorLoginBadEmail, gpwire.ErrorCheckBadEmail},
	ErrBadTicket:         {gpwire.ErrorLoginBadPreauth, gpwire.ErrorLoginBadTicket, gpwire.ErrorLoginExpiredTicket},
	ErrNickInUse:         {gpwire.ErrorNewUserBadNick, gpwire.ErrorNewUserUniqueNickInUse, gpwire.ErrorNewProfileBadOldNick, gpwire.ErrorUpdateProfileBadNick, gpwire.ErrorRegisterUniqueNickTaken, gpwire.ErrorRegisterUniqueNickReserved},
	ErrBadNewNick:        {gpwire.ErrorNewUserUniqueNickInvalid},
	ErrNoSuchProfile:     {gpwire.ErrorGetProfileBadProfile, gpwire.ErrorAddBuddyBadNew},
	ErrAlreadyBuddy:      {gpwire.ErrorAddBuddyAlreadyBuddy},
	ErrNotBuddy:          {gpwire.ErrorMessageNotBuddy, gpwire.ErrorDeleteBuddyNotBuddy, gpwire.ErrorRevokeNotBuddy},
	ErrBuddyOffline:      {gpwire.ErrorMessageBuddyOffline},
	ErrBlocked:           {gpwire.ErrorAddBuddyOnBlockList, gpwire.ErrorAddBuddyIsBlocking, gpwire.ErrorAuthAddOnBlockList, gpwire.ErrorAuthAddIsBlocking},
	ErrLastProfile:       {gpwire.ErrorDeleteProfileLast},
	ErrBadCDKey:          {gpwire.ErrorRegisterCDKeyBadKey},
	ErrCDKeyInUse:        {gpwire.ErrorRegisterCDKeyAlreadySet, gpwire.ErrorRegisterCDKeyAlreadyTaken},
	ErrEmailInUse:        {gpwire.ErrorUpdateUIBadEmail},
	ErrNotLoggedIn:       {gpwire.ErrorNotLoggedIn, gpwire.ErrorBadSessionKey},
	ErrLoggedInElsewhere: {gpwire.ErrorForcedDisconnect},
}

// Error says what failed, where, and why. Nothing in it is secret.
type Error struct {
	Op   string // "login", "get profile", "search", ...
	Step Step   // where the session stood
	Peer string // the server's address; empty before there is one

	Refused bool      // the server said no: Code and Text are what it said
	Code    ErrorCode // zero is a code too
	Text    string    // the server's own words
	Fatal   bool      // the server asked to close the connection
	// ExistingProfile is the profile that has the nick already, if the server says so with code 513.
	ExistingProfile ProfileID

	// Uncertain says that the request was on its way when the connection, or the wait for its answer, ended: the server may
	// have carried it out. Without it, the request was not carried out.
	Uncertain bool

	Err error // what lies below: a sentinel, an error of the network, the context's error; may be nil if Refused
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("gp: " + e.Op)
	if e.Peer != "" {
		b.WriteString(" at " + e.Peer)
	}
	if e.Step != StepNone && e.Step != StepConnected {
		b.WriteString(" while " + e.Step.String())
	}
	if e.Refused {
		fmt.Fprintf(&b, ": refused with code %d: %s", int32(e.Code), e.Code)
		if e.Text != "" {
			fmt.Fprintf(&b, " (the server says %q)", e.Text)
		}
	}
	if e.Err != nil {
		b.WriteString(": " + strings.TrimPrefix(e.Err.Error(), "gp: "))
	}
	return strings.ReplaceAll(b.String(), "\n", "; ") // errors.Join puts a line for each address
}

// Class is the general code of the operation that the server's code belongs to, such as 256 for every error of a login;
// zero if the server did not refuse, and for general errors.
func (e *Error) Class() ErrorCode { return e.Code.Class() }

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels by the server's code.
func (e *Error) Is(target error) bool {
	if !e.Refused {
		return false
	}
	if target == ErrLoginRefused {
		return e.Op == opLogin || e.Code.Class() == gpwire.ErrorLogin
	}
	for sentinel, codes := range sentinelCodes { // no look-up: what a program looks for may not be comparable
		if target == sentinel {
			return slices.Contains(codes, e.Code)
		}
	}
	return false
}

// Timeout reports whether a limit of time was what ended it, so that *Error is a net.Error.
func (e *Error) Timeout() bool {
	if errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, os.ErrDeadlineExceeded) || errors.Is(e.Err, ErrPeerSilent) {
		return true
	}
	if netErr, ok := errors.AsType[net.Error](e.Err); ok {
		return netErr.Timeout()
	}
	return false
}

// Temporary reports whether trying again could help; net.Error asks for it.
func (e *Error) Temporary() bool { return e.Timeout() }

// refused makes the error for what the server said.
func refused(op string, step Step, peer string, reply *gpwire.ErrorReply) *Error {
	return &Error{
		Op: op, Step: step, Peer: peer, Refused: true, Code: reply.Code, Text: cut(reply.Text, gpwire.MaxErrorText), Fatal: reply.Fatal,
		ExistingProfile: reply.ProfileID,
	}
}

// cut keeps what a server says to a length, as the original does, without holding on to the rest.
func cut(text string, limit int) string { return strings.Clone(text[:min(len(text), limit)]) }

// protocolError marks what could not be read.
func protocolError(err error) error { return fmt.Errorf("%w: %w", ErrProtocol, err) }

// textError marks text that cannot be sent.
func textError(err error) error {
	_, forbidden := errors.AsType[*kv.ForbiddenError](err)
	_, long := errors.AsType[*gpwire.LimitError](err)
	if forbidden || long {
		return fmt.Errorf("%w: %w", ErrInvalidText, err)
	}
	return err
}
