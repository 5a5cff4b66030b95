package gp

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Roster is what is known about other players: who the buddies are and what they do, who wants to be one, and who is
// blocked. It is a snapshot that never changes; [Session.Roster] gives the next. What its slices and pointers hold is
// shared with other snapshots: read it, do not change it.
type Roster struct {
	// Version counts the changes: two snapshots with the same version are the same.
	Version uint64
	// Stale is true while the session reconnects and until the server has told of the buddies again: what is here is what
	// was known before.
	Stale bool

	Buddies  []Buddy           // sorted by profile
	Incoming []IncomingRequest // open requests of others, the oldest first; see Session.Authorize and Session.Deny
	Outgoing []OutgoingRequest // requests of this player without an answer, the oldest first
	Blocked  []ProfileID       // sorted
}

// Buddy is one buddy in a [Roster].
type Buddy struct {
	BuddyStatus
	// Profile is what the server told about the buddy's profile: nil until it was asked for with [Session.Profile] or by
	// Config.FetchProfiles, and when the cache had no room for it.
	Profile *Profile
}

// IncomingRequest is somebody who wants this player as a buddy.
type IncomingRequest struct {
	From   ProfileID
	Time   time.Time
	Reason string

	// Profile is like that of a [Buddy].
	Profile *Profile

	signature string
}

// Signature is what accepts the request with [Session.AuthorizeWith], in this session or a later one. It is a secret
// between the server and this player.
func (r IncomingRequest) Signature() string { return r.signature }

// OutgoingRequest is somebody whom this player asked to become a buddy, in this session: servers do not tell of earlier
// requests.
type OutgoingRequest struct {
	To     ProfileID
	Time   time.Time
	Reason string

	// Profile is like that of a [Buddy].
	Profile *Profile
}

// Buddy finds a buddy.
func (r *Roster) Buddy(id ProfileID) (Buddy, bool) {
	at, ok := slices.BinarySearchFunc(r.Buddies, id, func(b Buddy, id ProfileID) int { return cmp.Compare(b.ProfileID, id) })
	if !ok {
		return Buddy{}, false
	}
	return r.Buddies[at], true
}

// IsBlocked reports whether a profile is blocked.
func (r *Roster) IsBlocked(id ProfileID) bool {
	_, ok := slices.BinarySearch(r.Blocked, id)
	return ok
}

// RosterChange is what happened to the roster.
type RosterChange int

// The changes of a roster.
const (
	ChangeBuddyAdded      RosterChange = iota + 1 // a profile became a buddy
	ChangeBuddyRemoved                            // a profile is no buddy any more
	ChangeStatus                                  // a buddy does something else; a BuddyStatus is before it
	ChangeProfile                                 // the profile of a buddy, or of who asks or was asked to be one, is known or has changed
	ChangeRequestReceived                         // somebody asks to be a buddy; a BuddyRequest is before it
	ChangeRequestAnswered                         // such a request was accepted or denied
	ChangeRequestSent                             // this player asked somebody
	ChangeRequestSettled                          // somebody accepted, or the server refused
	ChangeBlocked                                 // a profile was blocked
	ChangeUnblocked                               // a profile is not blocked any more
	ChangeMany                                    // several of these at once, as at login: ProfileID is 0
	ChangeFresh                                   // after a reconnect: the roster is not stale any more; ProfileID is 0
)

// String names the change.
func (c RosterChange) String() string {
	switch c {
	case ChangeBuddyAdded:
		return "buddy added"
	case ChangeBuddyRemoved:
		return "buddy removed"
	case ChangeStatus:
		return "status"
	case ChangeProfile:
		return "profile"
	case ChangeRequestReceived:
		return "request received"
	case ChangeRequestAnswered:
		return "request answered"
	case ChangeRequestSent:
		return "request sent"
	case ChangeRequestSettled:
		return "request settled"
	case ChangeBlocked:
		return "blocked"
	case ChangeUnblocked:
		return "unblocked"
	case ChangeMany:
		return "many changes"
	case ChangeFresh:
		return "fresh"
	}
	return "unknown change"
}

// RosterChanged says that the roster has changed, and how; [Session.Roster] has the whole.
type RosterChanged struct {
	Change    RosterChange
	ProfileID ProfileID
}

func (*RosterChanged) event() {}

// Roster gives the roster as it is now. Asking again costs next to nothing until something has changed.
func (s *Session) Roster() *Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roster.read(&s.profiles)
}

// read makes the snapshot, or gives the last one if nothing has changed.
func (r *roster) read(profiles *profileCache) *Roster {
	if r.snapshot != nil {
		return r.snapshot
	}
	snapshot := &Roster{
		Version:  r.version,
		Stale:    r.stale,
		Buddies:  make([]Buddy, 0, len(r.buddies)),
		Incoming: make([]IncomingRequest, 0, len(r.incoming)),
		Outgoing: make([]OutgoingRequest, 0, len(r.outgoing)),
		Blocked:  slices.Sorted(maps.Keys(r.blocked)),
	}
	for id, b := range r.buddies {
		snapshot.Buddies = append(snapshot.Buddies, Buddy{BuddyStatus: b.status, Profile: profiles.peek(id)})
	}
	slices.SortFunc(snapshot.Buddies, func(a, b Buddy) int { return cmp.Compare(a.ProfileID, b.ProfileID) })
	for id, request := range r.incoming {
		request.Profile = profiles.peek(id)
		snapshot.Incoming = append(snapshot.Incoming, request)
	}
	slices.SortFunc(snapshot.Incoming, func(a, b IncomingRequest) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.From, b.From))
	})
	for id, request := range r.outgoing {
		request.Profile = profiles.peek(id)
		snapshot.Outgoing = append(snapshot.Outgoing, request)
	}
	slices.SortFunc(snapshot.Outgoing, func(a, b OutgoingRequest) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.To, b.To))
	})
	r.snapshot = snapshot
	return snapshot
}
