package gp

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// ProfileID numbers a profile: what other players see of an account.
type ProfileID = gpwire.ProfileID

// UserID numbers an account. It is text: living servers have numbers that no integer of the original holds.
type UserID = gpwire.UserID

// SessionKey identifies a login towards the server. It is text, since some servers put zeros in front.
type SessionKey = gpwire.SessionKey

// ProductID numbers a game at GameSpy.
type ProductID = gpwire.ProductID

// NamespaceID numbers a space in which uniquenicks are unique.
type NamespaceID = gpwire.NamespaceID

// PartnerID numbers the company that accounts belong to.
type PartnerID = gpwire.PartnerID

// The companies that are known.
const (
	PartnerGameSpy  PartnerID = 0
	PartnerIGN      PartnerID = 10
	PartnerNintendo PartnerID = 11
)

// Status is what a player is doing.
type Status = gpwire.Status

// The statuses.
const (
	Offline  = gpwire.Offline
	Online   = gpwire.Online
	Playing  = gpwire.Playing
	Staging  = gpwire.Staging
	Chatting = gpwire.Chatting
	Away     = gpwire.Away
)

// Flags of the game session in a [GameInfo].
const (
	SessionClosed      = gpwire.SessionClosed
	SessionOpen        = gpwire.SessionOpen
	SessionHasPassword = gpwire.SessionHasPassword
	SessionBehindNAT   = gpwire.SessionBehindNAT
	SessionRanked      = gpwire.SessionRanked
)

// Event is something that happened in a session: one of the pointer types of this package that say so.
type Event interface{ event() }

// StepChanged says that the session got to another step.
type StepChanged struct {
	From, To Step
	Reason   string // in words, of StepReconnecting and StepClosed

	Attempt int       // of StepReconnecting: the number of the next try, from 1
	NextTry time.Time // of StepReconnecting: when it begins
}

// Message is a message of a buddy, for a person to read.
type Message struct {
	From ProfileID
	Time time.Time // when it was sent, if the server says so, or when it arrived
	Text string
}

// GameMessage is an under-the-table message (UTM): data from the game of another player to this one.
type GameMessage struct {
	From ProfileID
	Time time.Time
	Data string
}

// BuddyRequest says that somebody wants this player as a buddy: answer with [Session.Authorize] or [Session.Deny].
// Some servers repeat it at every login until it is answered.
type BuddyRequest struct {
	From   ProfileID
	Time   time.Time
	Reason string

	signature string
}

// Signature is what accepts the request with [Session.AuthorizeWith], in this session or a later one. It is a secret
// between the server and this player.
func (e *BuddyRequest) Signature() string { return e.signature }

// BuddyAuthorized says that somebody accepted this player's request.
type BuddyAuthorized struct {
	From ProfileID
	Time time.Time
}

// BuddyRevoked says that somebody removed this player from their list.
type BuddyRevoked struct {
	From ProfileID
	Time time.Time
}

// BuddyStatus says what a buddy is doing. A server that says the same again makes no event.
type BuddyStatus struct {
	ProfileID  ProfileID
	Status     Status
	Text       string // rich status, in the newer form
	Location   string
	IP         netip.Addr // as the server reports it; not to be relied on; invalid if unknown
	Port       uint16
	QuietFlags int

	Game *GameInfo // only in the newer form, which no living server sends
}

// GameInfo describes the game that a player is in; part of the newer form of status.
type GameInfo struct {
	HostIP        netip.Addr
	HostPrivateIP netip.Addr
	QueryPort     uint16
	HostPort      uint16
	SessionFlags  uint32 // a sum of Session constants
	Type          string // at most 32 bytes, like the next two
	Variant       string
	Map           string
	ProductID     ProductID // of a buddy only
}

// BuddyList is the list of buddies that some servers send after the login, or a part of it. Never wait for it.
type BuddyList struct {
	ProfileIDs []ProfileID
}

// BlockList is the list of blocked profiles that some servers send after the login.
type BlockList struct {
	ProfileIDs []ProfileID
}

// Invitation asks this player to join a game.
type Invitation struct {
	From      ProfileID
	Time      time.Time
	ProductID ProductID
	Location  string // such as "gmtest://192.0.2.1:6500"; may be empty
}

// TicketRenewed carries a new login ticket; see [LoginTicket].
type TicketRenewed struct {
	Ticket string
}

// AccountChanged says that the server gave the session another namespace and partner.
type AccountChanged struct {
	NamespaceID NamespaceID
	PartnerID   PartnerID
}

// ServerError is an error that the server sent and that belongs to nothing that waits: usually to a request that has no
// answer, such as a message to somebody who is not a buddy. The session goes on.
type ServerError struct {
	Err *Error
}

// EventsLost says that the queue was full and that the oldest events were dropped.
type EventsLost struct {
	Count uint64
}

// Closed is the last event of a session.
type Closed struct {
	Err error // nil after Close
}

func (*StepChanged) event()     {}
func (*Message) event()         {}
func (*GameMessage) event()     {}
func (*BuddyRequest) event()    {}
func (*BuddyAuthorized) event() {}
func (*BuddyRevoked) event()    {}
func (*BuddyStatus) event()     {}
func (*BuddyList) event()       {}
func (*BlockList) event()       {}
func (*Invitation) event()      {}
func (*TicketRenewed) event()   {}
func (*AccountChanged) event()  {}
func (*ServerError) event()     {}
func (*EventsLost) event()      {}
func (*Closed) event()          {}

// Events yields what happens, waiting for more, until the context ends or the session is over and its last event,
// [*Closed], was taken. Events that happened during the login come first. Each event goes to one taker.
func (s *Session) Events(ctx context.Context) iter.Seq[Event] { return s.events.All(ctx) }

// Poll takes the next event without waiting, and is nil if there is none: for programs that look once a frame.
func (s *Session) Poll() Event {
	event, _, _ := s.events.Pop()
	return event
}
