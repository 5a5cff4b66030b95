package gp

import (
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// Bounds of what a server can make the session remember.
const (
	maxRequests = 1024
	maxBuddies  = 10_000
)

// roster is the roster as it grows. Session.mu guards it. Each method that changes it returns what changed.
type roster struct {
	buddies  map[ProfileID]buddy
	incoming map[ProfileID]IncomingRequest
	outgoing map[ProfileID]OutgoingRequest
	blocked  map[ProfileID]bool
	left     map[ProfileID]bool // no buddies any more since this connection began; nil until there are any

	connection uint32    // counts the logins of the session; what was last told of on an earlier one may be over
	listed     bool      // a list of buddies came on this connection
	told       time.Time // when the server last told of a buddy, while stale
	stale      bool

	version  uint64
	snapshot *Roster // nil: has to be made anew
}

// buddy is one of the roster's buddies.
type buddy struct {
	status BuddyStatus
	told   bool   // the status is what the server said, not just what a buddy starts with
	seen   uint32 // the connection on which the server last told of the buddy
	spoken uint32 // the connection on which the server last told the status
}

func newRoster() roster {
	return roster{
		buddies: make(map[ProfileID]buddy), incoming: make(map[ProfileID]IncomingRequest),
		outgoing: make(map[ProfileID]OutgoingRequest), blocked: make(map[ProfileID]bool), connection: 1,
	}
}

// touch notes that something changed.
func (r *roster) touch() {
	r.version++
	r.snapshot = nil
}

// news is what a status did to the roster.
type news int

const (
	newsNone    news = iota // the server said the same again
	newsStatus              // the buddy does something else
	newsBuddy               // there is a new buddy
	newsBlocked             // the profile is blocked: statuses are ignored (spec gp.md §6.2)
	newsFull                // there is no room
)

// judge says what a buddy's status, with the game if it is of the newer form, is to the roster. Where the texts are those of
// before, the new ones are let go.
func (r *roster) judge(status *BuddyStatus, game *GameInfo) news {
	id := status.ProfileID
	if r.blocked[id] {
		return newsBlocked
	}
	known, ok := r.buddies[id]
	switch {
	case !ok && r.left[id] && status.Status == Offline:
		return newsNone // OpenSpy's last word on somebody who is no buddy any more
	case !ok && len(r.buddies) >= maxBuddies:
		return newsFull
	case !ok:
		return newsBuddy
	}
	if known.status.Text == status.Text {
		status.Text = known.status.Text
	}
	if known.status.Location == status.Location {
		status.Location = known.status.Location
	}
	if !known.told || !known.status.equal(status, game) {
		return newsStatus
	}
	if known.seen != r.connection || known.spoken != r.connection {
		known.seen, known.spoken = r.connection, r.connection
		r.buddies[id] = known
	}
	return newsNone
}

// equal compares all that two statuses say.
func (s BuddyStatus) equal(other *BuddyStatus, game *GameInfo) bool {
	if (s.Game == nil) != (game == nil) || game != nil && *s.Game != *game {
		return false
	}
	s.Game = nil
	return s == *other
}

// keep notes a status that is news. A first status makes somebody a buddy (spec gp.md §6.2).
func (r *roster) keep(status BuddyStatus) {
	r.buddies[status.ProfileID] = buddy{status: status, told: true, seen: r.connection, spoken: r.connection}
	delete(r.outgoing, status.ProfileID)
	delete(r.left, status.ProfileID)
	r.touch()
}

// add makes profiles buddies that are not yet, and returns how many.
func (r *roster) add(ids ...ProfileID) (added int) {
	for _, id := range ids {
		known, ok := r.buddies[id]
		switch {
		case ok:
			known.seen = r.connection
			r.buddies[id] = known
		case len(r.buddies) < maxBuddies:
			r.buddies[id] = buddy{status: BuddyStatus{ProfileID: id}, seen: r.connection}
			delete(r.left, id)
			added++
		}
	}
	if added > 0 {
		r.touch()
	}
	return added
}

// remove takes a buddy off the list.
func (r *roster) remove(id ProfileID) bool {
	if _, ok := r.buddies[id]; !ok {
		return false
	}
	delete(r.buddies, id)
	if r.left == nil {
		r.left = make(map[ProfileID]bool)
	}
	if len(r.left) < maxRequests {
		r.left[id] = true
	}
	r.touch()
	return true
}

// request takes the request of somebody. The server may repeat one; then only its signature is new.
func (r *roster) request(request IncomingRequest) news {
	known, ok := r.incoming[request.From]
	if !ok && len(r.incoming) >= maxRequests {
		return newsFull
	}
	if ok && known.Reason == request.Reason {
		if known.signature != request.signature {
			known.signature = request.signature
			r.incoming[request.From] = known
			r.touch()
		}
		return newsNone
	}
	r.incoming[request.From] = request
	r.touch()
	return newsStatus
}

// answered forgets a request of somebody.
func (r *roster) answered(id ProfileID) bool {
	if _, ok := r.incoming[id]; !ok {
		return false
	}
	delete(r.incoming, id)
	r.touch()
	return true
}

// ask notes a request of this player.
func (r *roster) ask(request OutgoingRequest) bool {
	if _, ok := r.outgoing[request.To]; !ok && len(r.outgoing) >= maxRequests {
		return false
	}
	r.outgoing[request.To] = request
	r.touch()
	return true
}

// settled forgets a request of this player.
func (r *roster) settled(id ProfileID) bool {
	if _, ok := r.outgoing[id]; !ok {
		return false
	}
	delete(r.outgoing, id)
	r.touch()
	return true
}

// block blocks profiles, and returns how many were not yet.
func (r *roster) block(ids ...ProfileID) (added int) {
	for _, id := range ids {
		if !r.blocked[id] && len(r.blocked) < maxBuddies {
			r.blocked[id] = true
			added++
		}
	}
	if added > 0 {
		r.touch()
	}
	return added
}

// unblock is the reverse.
func (r *roster) unblock(id ProfileID) bool {
	if !r.blocked[id] {
		return false
	}
	delete(r.blocked, id)
	r.touch()
	return true
}

// tell notes that the server is still telling of the buddies after a reconnect. What it says again of one does not count: a
// roster in which much happens would never be fresh.
func (r *roster) tell(id ProfileID) {
	if r.stale && r.buddies[id].spoken != r.connection {
		r.told = time.Now()
	}
}

// settle ends the comparison after a reconnect. Who is not on the list that came is removed; who is, or might be, and of
// whom the server was silent, is offline.
func (r *roster) settle() (removed, offline, silent []ProfileID) {
	for id, known := range r.buddies {
		if r.listed && known.seen != r.connection {
			delete(r.buddies, id)
			removed = append(removed, id)
			continue
		}
		if known.spoken == r.connection {
			continue
		}
		silent = append(silent, id)
		if known.status.Status != Offline {
			known.status = BuddyStatus{ProfileID: id}
			r.buddies[id] = known
			offline = append(offline, id)
		}
	}
	for _, list := range [][]ProfileID{removed, offline, silent} {
		slices.Sort(list)
	}
	r.stale = false
	r.touch()
	return removed, offline, silent
}

// changed tells of a change. The caller holds Session.mu, so that events come in the order of the changes.
func (s *Session) changed(change RosterChange, id ProfileID) {
	s.events.Push(&RosterChanged{Change: change, ProfileID: id})
}

// handleRequest remembers the signature that accepts a buddy request.
func (s *Session) handleRequest(m *gpwire.BuddyMessage, when time.Time) {
	reason, signature, err := gpwire.ParseSignedPayload(m.Payload)
	if err != nil {
		s.ignored([]byte(m.Payload), err)
		return
	}
	reason, signature = cut(reason, maxReason), cut(signature, len(signature)) // alone: without what else they stood in
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.roster.request(IncomingRequest{From: m.From, Time: when, Reason: reason, signature: signature}) {
	case newsFull:
		s.state.Counters.Dropped++
		s.state.Reason = "too many open buddy requests, one was dropped"
	case newsNone:
		s.state.Counters.Unchanged++
	default:
		s.events.Push(&BuddyRequest{From: m.From, Time: when, Reason: reason, signature: signature})
		s.changed(ChangeRequestReceived, m.From)
		s.wantProfile(m.From)
	}
}

// maxReason bounds the reasons that are kept; the original takes 1024 bytes.
const maxReason = gpwire.MaxReason

// statusNews is a status and the change that it made, in one piece of memory, since they come often.
type statusNews struct {
	status BuddyStatus
	change RosterChanged
}

// gameNews is the same for the newer form.
type gameNews struct {
	statusNews
	game GameInfo
}

// handleStatus takes a status, with a game if it is of the newer form. What the server says again is no news. Its texts are
// kept as long as the session lasts, so they are cut to what the original takes (spec gp.md §3).
func (s *Session) handleStatus(status BuddyStatus, game *GameInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roster.tell(status.ProfileID)
	judged := s.roster.judge(&status, game)
	switch judged {
	case newsBlocked:
		s.state.Counters.Blocked++
		return
	case newsNone:
		s.state.Counters.Unchanged++
		return
	case newsFull:
		s.state.Counters.Dropped++
		s.state.Reason = "too many buddies, a status was not kept"
	case newsBuddy, newsStatus:
	}
	var both *statusNews
	if game != nil {
		all := &gameNews{game: *game}
		both, status.Game = &all.statusNews, &all.game
	} else {
		both = &statusNews{}
	}
	both.status, both.change = status, RosterChanged{Change: ChangeStatus, ProfileID: status.ProfileID}
	s.events.Push(&both.status)
	if judged == newsFull {
		return
	}
	s.roster.keep(status)
	if judged == newsBuddy {
		both.change.Change = ChangeBuddyAdded
		s.wantProfile(status.ProfileID)
	}
	s.events.Push(&both.change)
}

// handleBuddyList adds the buddies that are not known yet. Lists may come at any time, in parts, and again.
func (s *Session) handleBuddyList(m *gpwire.BuddyList) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.roster.connection == 1
	s.roster.listed = true
	if s.roster.stale {
		s.roster.told = time.Now()
	}
	added := s.roster.add(m.ProfileIDs...)
	if first || added > 0 { // after a reconnect, only what is new is news
		s.events.Push(&BuddyList{ProfileIDs: m.ProfileIDs})
	}
	if added > 0 {
		s.changed(ChangeMany, 0)
		s.wantProfile(m.ProfileIDs...)
	}
}

func (s *Session) handleBlockList(m *gpwire.BlockList) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.roster.connection == 1
	added := s.roster.block(m.ProfileIDs...)
	if first || added > 0 {
		s.events.Push(&BlockList{ProfileIDs: m.ProfileIDs})
	}
	if added > 0 {
		s.changed(ChangeMany, 0)
	}
}

// handleAuthorized takes somebody's consent: they are a buddy now.
func (s *Session) handleAuthorized(from ProfileID, when time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.Push(&BuddyAuthorized{From: from, Time: when})
	if s.roster.settled(from) {
		s.changed(ChangeRequestSettled, from)
	}
	if s.roster.add(from) > 0 {
		s.changed(ChangeBuddyAdded, from)
		s.wantProfile(from)
	}
}

// handleRevoked takes the opposite.
func (s *Session) handleRevoked(from ProfileID, when time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.Push(&BuddyRevoked{From: from, Time: when})
	if s.roster.remove(from) {
		s.changed(ChangeBuddyRemoved, from)
	}
}

// handleRefusedRequest settles the request that the server refused, if it is clear which: such an error does not say.
func (s *Session) handleRefusedRequest(code ErrorCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code.Class() != gpwire.ErrorAddBuddy || len(s.roster.outgoing) != 1 {
		return
	}
	for id := range s.roster.outgoing {
		s.roster.settled(id)
		s.changed(ChangeRequestSettled, id)
	}
}
