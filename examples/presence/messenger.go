package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relight-sdk/relight/gp"
)

// patience is how long a command may take.
const patience = 20 * time.Second

// perform carries a command out, and returns whom it was about. The server answers few of them: what it refuses comes as an
// event.
func perform(ctx context.Context, session *gp.Session, c command) (gp.ProfileID, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if c.verb == "status" {
		return 0, session.SetPresence(ctx, gp.Presence{Status: c.status, Text: c.text, Location: c.location})
	}
	who, err := find(ctx, session, c.who)
	if err != nil {
		return 0, err
	}
	switch c.verb {
	case "message":
		err = session.SendMessage(ctx, who, c.text)
	case "add":
		err = session.RequestBuddy(ctx, who, c.text)
	case "accept":
		err = session.Authorize(ctx, who)
	case "deny":
		session.Deny(who)
	case "remove":
		err = session.RemoveBuddy(ctx, who)
	case "block":
		err = session.Block(ctx, who)
	case "unblock":
		err = session.Unblock(ctx, who)
	case "invite":
		err = session.Invite(ctx, who, 0, c.location)
	default:
		err = fmt.Errorf("%s does not work here", c.verb)
	}
	return who, err
}

// find says who is meant: by number, by the name of somebody in the roster, or by a unique name that the search service knows.
func find(ctx context.Context, session *gp.Session, who string) (gp.ProfileID, error) {
	if id, err := strconv.ParseInt(strings.TrimPrefix(who, "#"), 10, 64); err == nil {
		return gp.ProfileID(id), nil
	}
	known := make(map[gp.ProfileID]bool)
	for id, name := range names(session.Roster()) {
		if strings.EqualFold(name, who) {
			known[id] = true
		}
	}
	if len(known) == 0 {
		for match, err := range session.Searcher().UniqueNick(ctx, who) {
			if err != nil {
				return 0, err
			}
			known[match.ProfileID] = true
		}
	}
	switch found := slices.Sorted(maps.Keys(known)); len(found) {
	case 0:
		return 0, fmt.Errorf("nobody is called %q", who)
	case 1:
		return found[0], nil
	default:
		return 0, fmt.Errorf("several people are called %q: the profiles %v", who, found)
	}
}

// names are what is known about who is called what.
func names(roster *gp.Roster) map[gp.ProfileID]string {
	known := make(map[gp.ProfileID]string)
	learn := func(id gp.ProfileID, profile *gp.Profile) {
		if profile != nil {
			known[id] = nickOf(profile)
		}
	}
	for _, buddy := range roster.Buddies {
		learn(buddy.ProfileID, buddy.Profile)
	}
	for _, request := range roster.Incoming {
		learn(request.From, request.Profile)
	}
	for _, request := range roster.Outgoing {
		learn(request.To, request.Profile)
	}
	return known
}

// nickOf is what somebody is called.
func nickOf(profile *gp.Profile) string { return cmp.Or(profile.UniqueNick, profile.Nick) }
