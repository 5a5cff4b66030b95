package gp

import (
	"container/list"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// profileCache keeps the profiles that the server told of, the latest used ones. Session.mu guards it.
type profileCache struct {
	limit   int
	age     time.Duration // not positive: for ever
	entries map[ProfileID]*list.Element
	recent  list.List // of *cachedProfile, the latest used first
}

type cachedProfile struct {
	id      ProfileID
	profile *Profile // nil: the server knows none
	at      time.Time
}

// peek finds a profile, whatever its age, without using it.
func (c *profileCache) peek(id ProfileID) *Profile {
	if element, ok := c.entries[id]; ok {
		return element.Value.(*cachedProfile).profile
	}
	return nil
}

// get finds a profile that is not too old. known says that the server was asked, even if it knows none.
func (c *profileCache) get(id ProfileID, now time.Time) (profile *Profile, known bool) {
	element, ok := c.entries[id]
	if !ok {
		return nil, false
	}
	entry := element.Value.(*cachedProfile)
	if c.age > 0 && now.Sub(entry.at) >= c.age {
		return nil, false
	}
	c.recent.MoveToFront(element)
	return entry.profile, true
}

func (c *profileCache) put(id ProfileID, profile *Profile, now time.Time) {
	if c.limit <= 0 {
		return
	}
	if element, ok := c.entries[id]; ok {
		element.Value = &cachedProfile{id: id, profile: profile, at: now}
		c.recent.MoveToFront(element)
		return
	}
	if c.entries == nil {
		c.entries = make(map[ProfileID]*list.Element)
	}
	for c.recent.Len() >= c.limit {
		oldest := c.recent.Back()
		delete(c.entries, c.recent.Remove(oldest).(*cachedProfile).id)
	}
	c.entries[id] = c.recent.PushFront(&cachedProfile{id: id, profile: profile, at: now})
}

func (c *profileCache) forget(id ProfileID) {
	if element, ok := c.entries[id]; ok {
		delete(c.entries, id)
		c.recent.Remove(element)
	}
}

// Profile tells about a profile: from the cache if the server told of it within Config.ProfileAge, or else by asking the
// server. Some servers hide most of what is not the player's own.
func (s *Session) Profile(ctx context.Context, id ProfileID) (*Profile, error) {
	s.mu.Lock()
	profile, _ := s.profiles.get(id, time.Now())
	s.mu.Unlock()
	if profile != nil {
		own := *profile
		return &own, nil
	}
	return s.FetchProfile(ctx, id)
}

// FetchProfile is [Session.Profile] without the cache: it asks the server and remembers the answer.
func (s *Session) FetchProfile(ctx context.Context, id ProfileID) (*Profile, error) {
	message, err := s.do(ctx, "get profile", gpwire.ErrorGetProfile, id, func(key SessionKey, opID int) gpwire.Message {
		return &gpwire.GetProfile{SessionKey: key, ProfileID: id, ID: opID}
	})
	if err != nil {
		if errors.Is(err, ErrNoSuchProfile) {
			s.learn(id, nil)
		}
		return nil, err
	}
	profile := newProfile(message.(*gpwire.ProfileInfo))
	s.learn(id, profile)
	own := *profile
	return &own, nil
}

// ForgetProfile takes a profile out of the cache, so that [Session.Profile] asks the server.
func (s *Session) ForgetProfile(id ProfileID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.profiles.forget(id)
	if s.roster.shows(id) {
		s.roster.touch()
	}
}

// learn keeps what the server said about a profile.
func (s *Session) learn(id ProfileID, profile *Profile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.profiles.peek(id)
	s.profiles.put(id, profile, time.Now())
	same := before == profile || before != nil && profile != nil && *before == *profile
	if !same && s.roster.shows(id) {
		s.roster.touch()
		s.changed(ChangeProfile, id)
	}
}

// shows reports whether the roster has a place for the profile.
func (r *roster) shows(id ProfileID) bool {
	_, buddy := r.buddies[id]
	_, asks := r.incoming[id]
	_, asked := r.outgoing[id]
	return buddy || asks || asked
}

// wantProfile lets the profiles of new entries of the roster be fetched, one after the other, if the program wants that.
// The caller holds Session.mu. The goroutine that fetches lives while there is something to fetch.
func (s *Session) wantProfile(ids ...ProfileID) {
	if !s.config.FetchProfiles {
		return
	}
	s.wanted = append(s.wanted, ids[:max(0, min(len(ids), maxBuddies-len(s.wanted)))]...)
	s.startFetching()
}

// wantMissing is wantProfile for all in the roster whose profile is not known. The caller holds Session.mu.
func (s *Session) wantMissing() {
	if !s.config.FetchProfiles {
		return
	}
	s.wanted = nil
	for _, ids := range []iter.Seq[ProfileID]{maps.Keys(s.roster.buddies), maps.Keys(s.roster.incoming), maps.Keys(s.roster.outgoing)} {
		for id := range ids {
			if s.profiles.peek(id) == nil {
				s.wanted = append(s.wanted, id)
			}
		}
	}
	slices.Sort(s.wanted)
	s.startFetching()
}

// startFetching begins to fetch once the session is connected. The caller holds Session.mu.
func (s *Session) startFetching() {
	if s.fetching || len(s.wanted) == 0 || s.state.Step != StepConnected {
		return
	}
	s.fetching = true
	s.done.Go(s.fetchProfiles)
}

func (s *Session) fetchProfiles() {
	for {
		s.mu.Lock()
		if len(s.wanted) == 0 || s.state.Step != StepConnected {
			s.fetching = false
			s.mu.Unlock()
			return
		}
		id := s.wanted[0]
		if s.wanted = s.wanted[1:]; len(s.wanted) == 0 {
			s.wanted = nil
		}
		_, known := s.profiles.get(id, time.Now())
		wanted := !known && s.roster.shows(id)
		s.mu.Unlock()
		if !wanted {
			continue
		}
		if _, err := s.FetchProfile(s.lifetime, id); errors.Is(err, ErrQueueFull) {
			s.fetchLater(id)
		} // else the roster shows it, or it does not
	}
}

// fetchPause is the wait for room in the queue of messages.
const fetchPause = time.Second

// fetchLater puts a profile back and waits.
func (s *Session) fetchLater(id ProfileID) {
	s.mu.Lock()
	s.wanted = append([]ProfileID{id}, s.wanted...)
	s.mu.Unlock()
	timer := time.NewTimer(fetchPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	}
}
